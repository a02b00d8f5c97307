// `matrix`: the product of axes, less `exclude`, with `include`, by the rules of GitHub Actions. Unaware of schemas.
//
//   axes → product → exclude (partial match) → include (extends what it does not contradict, or adds a combination)

import { inputFailure, type Failure, type Place } from "../../model/failure.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { canonicalJson } from "./json-value.ts";
import { toJson, type Entry, type Located, type LocatedMap } from "./located.ts";
import { placeOf, type Span } from "./source-text.ts";
import { alternatives, count, describe, didYouMean, quote } from "./words.ts";

const maxCombinations = 10_000;

export interface Combination {
  readonly name: string;
  readonly settings: LocatedMap;
  /** What to point at when the combination as a whole is to blame. */
  readonly span: Span;
}

type Entries = ReadonlyMap<string, Entry>;
interface Draft {
  /** What its axes gave it; `include` never changes these. Empty for one that `include` added. */
  readonly original: Entries;
  entries: Entries;
  readonly span: Span;
  name?: { readonly text: string; readonly span: Span };
}

export function expandMatrix(matrix: Located): Result<readonly Combination[], Failure[]> {
  if (matrix.kind !== "map")
    return fail([complaint(`matrix must be a map of axes; it is ${describe(toJson(matrix))}`, matrix.span)]);
  const failures: Failure[] = [];
  const axes = readAxes(matrix, failures);
  const exclude = readEntries(matrix, "exclude", failures);
  const include = readEntries(matrix, "include", failures);
  checkExclude(exclude, [...axes.keys()], failures);
  const total = [...axes.values()].reduce((product, axis) => product * axis.items.length, 1);
  if (total > maxCombinations)
    failures.push(complaint(`the matrix has ${total} combinations; it may have ${maxCombinations}`, matrix.span));
  if (failures.length > 0) return fail(failures);
  const drafts = product(axes, matrix.span).filter(
    (draft) => !exclude.some((each) => matches(draft.entries, each.entries)),
  );
  for (const entry of include) addIncluded(drafts, entry, failures);
  return failures.length > 0 ? fail(failures) : ok(named(drafts, [...axes.keys()]));
}

interface Axis {
  readonly key: Span;
  readonly items: readonly Located[];
}

function readAxes(matrix: LocatedMap, failures: Failure[]): Map<string, Axis> {
  const axes = new Map<string, Axis>();
  for (const [name, { key, value }] of matrix.entries) {
    // `null` takes an axis out that an extended file brought.
    if (name === "include" || name === "exclude" || isNull(value)) continue;
    if (name === "name")
      failures.push(complaint('an axis cannot be called "name": that is what include calls an arm', key));
    else if (value.kind !== "list")
      failures.push(
        complaint(
          `matrix.${name} must be a list of values; it is ${describe(toJson(value))}`,
          value.span,
          listFix(value),
        ),
      );
    else if (value.items.length === 0)
      failures.push(
        complaint(`matrix.${name} has no values`, key, `Give it some, or take the axis out with ${name}: null.`),
      );
    else axes.set(name, { key, items: distinct(name, value.items, failures) });
  }
  return axes;
}

function distinct(axis: string, items: readonly Located[], failures: Failure[]): readonly Located[] {
  const seen = new Set<string>();
  for (const item of items) {
    const text = canonicalJson(toJson(item));
    if (seen.has(text)) failures.push(complaint(`matrix.${axis} has ${text} twice`, item.span, "Keep one of them."));
    seen.add(text);
  }
  return items;
}

function readEntries(matrix: LocatedMap, key: "include" | "exclude", failures: Failure[]): LocatedMap[] {
  const value = matrix.entries.get(key)?.value;
  if (!value || isNull(value)) return [];
  if (value.kind !== "list") {
    failures.push(complaint(`matrix.${key} must be a list of maps; it is ${describe(toJson(value))}`, value.span));
    return [];
  }
  return value.items.flatMap((item) => {
    if (item.kind === "map" && item.entries.size > 0) return [item];
    failures.push(
      complaint(
        `an element of matrix.${key} must be a map of values; it is ${item.kind === "map" ? "empty" : describe(toJson(item))}`,
        item.span,
      ),
    );
    return [];
  });
}

function checkExclude(exclude: readonly LocatedMap[], axes: readonly string[], failures: Failure[]): void {
  for (const [name, { key }] of exclude.flatMap((entry) => [...entry.entries])) {
    if (axes.includes(name)) continue;
    const fix = didYouMean(name, axes, (known) => `The axes are ${alternatives(known)}.`);
    failures.push(complaint(`exclude names ${quote(name)}, which is no axis of the matrix`, key, fix));
  }
}

/** The first axis turns slowest. Without axes there is nothing, rather than one empty combination. */
function product(axes: ReadonlyMap<string, Axis>, span: Span): Draft[] {
  if (axes.size === 0) return [];
  let rows: Entries[] = [new Map()];
  for (const [name, { key, items }] of axes) {
    rows = rows.flatMap((row) => items.map((value) => new Map([...row, [name, { key, value }]])));
  }
  return rows.map((entries) => ({ original: entries, entries, span }));
}

/** Every value of the pattern is there; inside maps and lists a part is enough (so it is on GitHub). */
function matches(entries: Entries, pattern: Entries): boolean {
  return [...pattern].every(([name, { value }]) => {
    const found = entries.get(name);
    return found !== undefined && holds(found.value, value);
  });
}

function holds(value: Located, pattern: Located): boolean {
  if (pattern.kind === "scalar") return value.kind === "scalar" && value.value === pattern.value;
  if (pattern.kind === "map") return value.kind === "map" && matches(value.entries, pattern.entries);
  return (
    value.kind === "list" &&
    pattern.items.every((item, index) => index < value.items.length && holds(value.items[index]!, item))
  );
}

function addIncluded(drafts: Draft[], include: LocatedMap, failures: Failure[]): void {
  const name = readName(include, failures);
  const added = new Map([...include.entries].filter(([key]) => key !== "name"));
  const extended = drafts.filter((draft) => draft.original.size > 0 && contradictsNothing(draft.original, added));
  if (name && extended.length > 1) {
    const what = `include gives the name ${quote(name.text)} to ${count(extended.length, "combination")}; a name is one arm's own`;
    failures.push(complaint(what, name.span, "Say more values in this entry, so that it fits one only."));
  }
  for (const draft of extended) {
    draft.entries = new Map([...draft.entries, ...[...added].filter(([key]) => !draft.original.has(key))]);
    if (name) draft.name = name;
  }
  if (extended.length === 0)
    drafts.push({ original: new Map(), entries: added, span: include.span, ...(name && { name }) });
}

function contradictsNothing(original: Entries, added: Entries): boolean {
  return [...added].every(([key, { value }]) => !original.has(key) || holds(original.get(key)!.value, value));
}

function readName(include: LocatedMap, failures: Failure[]): Draft["name"] {
  const value = include.entries.get("name")?.value;
  if (!value || isNull(value)) return undefined;
  if (value.kind === "scalar" && typeof value.value === "string" && value.value.trim() !== "")
    return { text: value.value, span: value.span };
  failures.push(complaint(`the name of an arm must be text; it is ${describe(toJson(value))}`, value.span));
  return undefined;
}

/** `order=2,slice=all`, by the axes that vary; an added combination also says what no axis has. */
function named(drafts: readonly Draft[], axes: readonly string[]): Combination[] {
  const varying = axes.filter((axis) => new Set(drafts.map((draft) => textOf(draft, axis))).size > 1);
  return drafts.map((draft) => {
    const own = draft.original.size > 0 ? [] : [...draft.entries.keys()].filter((key) => !axes.includes(key));
    const chosen = [...varying, ...own].filter((key) => draft.entries.has(key));
    const keys = chosen.length > 0 ? chosen : [...draft.entries.keys()];
    const derived = keys.map((key) => `${key}=${textOf(draft, key)}`).join(",");
    const span = draft.name?.span ?? draft.span;
    return {
      name: draft.name?.text ?? derived,
      settings: { kind: "map", entries: draft.entries, span: draft.span },
      span,
    };
  });
}

function textOf(draft: Draft, key: string): string | undefined {
  const entry = draft.entries.get(key);
  if (!entry) return undefined;
  const value = toJson(entry.value);
  return typeof value === "string" && /^[\w.+/ -]+$/.test(value) ? value : canonicalJson(value);
}

function isNull(value: Located): boolean {
  return value.kind === "scalar" && value.value === null;
}

function listFix(value: Located): string | undefined {
  return value.kind === "scalar" ? `Write a list: [${JSON.stringify(value.value)}].` : undefined;
}

function complaint(what: string, at: Span, fix?: string): Failure {
  const where: Place = placeOf(at);
  return inputFailure(what, { where, ...(fix !== undefined && { fix }) });
}
