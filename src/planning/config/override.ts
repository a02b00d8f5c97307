// `--set generate.samples=50`: one value put over the files, from this command line or remembered by the run.

import { inputFailure, type Failure } from "../../model/failure.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { formatPath, toJson, type Entry, type Located, type LocatedMap, type Path } from "./located.ts";
import { parseYaml } from "./parse.ts";
import { commandLineSource, placeOf, sourceText, wholeOf, type Span } from "./source-text.ts";
import { count, describe } from "./words.ts";

export interface Override {
  /** As it was given: `generate.samples=50`. */
  readonly text: string;
  readonly path: Path;
  readonly value: Located;
  /** `command line: --set generate.samples=50` */
  readonly span: Span;
}

/** Reads `path=value`: the path by dots and `[0]`, odd keys in quotes (`arms."order=2".order=3`), the value as YAML. */
export function parseOverride(text: string): Result<Override, Failure[]> {
  const span = wholeOf(commandLineSource(`--set ${text}`));
  const refuse = (what: string, fix: string) => fail([inputFailure(what, { where: placeOf(span), fix })]);
  const path = parsePath(text);
  if (!path || path.segments.includes("__proto__"))
    return refuse(
      "an override is path=value",
      /^[\w-]+[.[][\w.[\]-]+$/.test(text) && !text.includes("..")
        ? `Write --set ${text}=VALUE.`
        : "For example: --set generate.samples=50",
    );
  const [top] = path.segments;
  if (top === "extends" || top === "version")
    return refuse(`${top} belongs to a file and cannot be set from outside`, "Write it in the config.");
  const value = parseValue(text.slice(path.end), span);
  return value.ok ? ok({ text, path: path.segments, value: value.value, span }) : value;
}

/** Puts each override over the map, later ones over earlier ones. */
export function applyOverrides(map: LocatedMap, overrides: readonly Override[]): Result<LocatedMap, Failure[]> {
  const failures: Failure[] = [];
  for (const override of overrides) {
    const changed = put(map, override, 0);
    if (changed.ok) map = changed.value as LocatedMap;
    else failures.push(changed.error);
  }
  return failures.length > 0 ? fail(failures) : ok(map);
}

/** A key or position, and the `.`, `[` or `=` that has to follow. */
const segmentPattern = /(?:\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\.?"((?:[^"\\]|\\.)*)"|\.?([^.[\]="']+))(?=[.[=])/y;

function parsePath(text: string): { segments: Path; end: number } | undefined {
  const segments: (string | number)[] = [];
  let at = 0;
  while (text[at] !== "=") {
    segmentPattern.lastIndex = at;
    const match = segmentPattern.exec(text);
    if (!match || (match[0].startsWith(".") && at === 0) || (at > 0 && !/^[.[]/.test(match[0]))) return undefined;
    const [, position, bracketed, quoted, word] = match;
    segments.push(
      position !== undefined ? Number(position) : (word?.trim() ?? unescapeQuoted(bracketed ?? quoted ?? "")),
    );
    at = segmentPattern.lastIndex;
  }
  return typeof segments[0] === "string" ? { segments, end: at + 1 } : undefined;
}

function unescapeQuoted(text: string): string {
  return text.replace(/\\(.)/g, "$1");
}

function parseValue(text: string, span: Span): Result<Located, Failure[]> {
  const where = placeOf(span);
  const quoted = "Put the value in quotes, inside those of the shell: --set 'key=\"value\"'";
  // In YAML ` #` begins a comment: a colour or an issue number would silently vanish.
  if (/(^|\s)#/.test(text) && !/^\s*["'[{]/.test(text))
    return fail([inputFailure("the value has a # in it, which begins a comment in YAML", { where, fix: quoted })]);
  const parsed = parseYaml(sourceText(span.source.file, text));
  if (parsed.failures.length > 0) return fail(parsed.failures.map((failure) => ({ ...failure, where })));
  const value = parsed.value ?? { kind: "scalar" as const, value: null, span };
  const isBlock = value.kind !== "scalar" && !/^\s*(&\S+\s+)?[[{]/.test(text);
  if (isBlock) return fail([inputFailure(`the value reads as ${describe(toJson(value))}`, { where, fix: quoted })]);
  return ok(relocated(value, span));
}

function relocated(value: Located, span: Span): Located {
  if (value.kind === "scalar") return { ...value, span };
  if (value.kind === "list") return { ...value, items: value.items.map((item) => relocated(item, span)), span };
  const entries = [...value.entries].map(
    ([name, entry]) => [name, { key: span, value: relocated(entry.value, span) }] as const,
  );
  return { kind: "map", entries: new Map(entries), span };
}

function put(into: Located | undefined, override: Override, depth: number): Result<Located, Failure> {
  if (depth === override.path.length) return ok(override.value);
  const segment = override.path[depth]!;
  if (into?.kind === "list") return putInList(into.items, override, depth, into.span);
  const isOpen = into === undefined || into.kind === "map" || into.value === null;
  if (!isOpen || typeof segment === "number") return fail(cannotEnter(into, override, depth));
  const entries: ReadonlyMap<string, Entry> = into?.kind === "map" ? into.entries : new Map<string, Entry>();
  const child = put(entries.get(segment)?.value, override, depth + 1);
  if (!child.ok) return child;
  const isLast = depth === override.path.length - 1;
  const key = (isLast ? undefined : entries.get(segment)?.key) ?? override.span;
  return ok({
    kind: "map",
    entries: new Map([...entries, [segment, { key, value: child.value }]]),
    span: into?.span ?? override.span,
  });
}

function putInList(items: readonly Located[], override: Override, depth: number, span: Span): Result<Located, Failure> {
  const segment = String(override.path[depth]);
  const index = /^\d+$/.test(segment) ? Number(segment) : items.length;
  if (index >= items.length) {
    const name = formatPath(override.path.slice(0, depth));
    const what = `${name} is a list of ${count(items.length, "element")}; ${segment} is none of them`;
    const fix =
      items.length > 0
        ? `Positions count from 0: ${name}[${items.length - 1}] is the last.`
        : `Set all of it: --set '${name}=[…]'`;
    return fail(inputFailure(what, { where: placeOf(override.span), fix }));
  }
  const child = put(items[index], override, depth + 1);
  return child.ok ? ok({ kind: "list", items: items.with(index, child.value), span }) : child;
}

function cannotEnter(into: Located | undefined, override: Override, depth: number): Failure {
  const name = formatPath(override.path.slice(0, depth));
  const wanted = typeof override.path[depth] === "number" ? "list" : "map";
  const found = into ? `it is ${describe(toJson(into))}` : "it is not in the config";
  return inputFailure(`${name} is not a ${wanted}; ${found}`, {
    where: placeOf(override.span),
    fix: `Set all of it: --set '${name}=…'`,
  });
}
