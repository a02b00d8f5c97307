// The files of a config: the one that was asked for and what it extends, each read and parsed once. Unaware of what keys mean.

import { basename, dirname, posix, relative, resolve, sep } from "node:path";
import { inputFailure, type Failure, type Place } from "../../model/failure.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { decode } from "./decode.ts";
import { findFences } from "./fence.ts";
import { placeOfValue, toJson, type Located, type LocatedMap } from "./located.ts";
import { lineFrom } from "./lines.ts";
import { mergeMaps } from "./merge.ts";
import { parseYaml } from "./parse.ts";
import type { ReadFile } from "./reads.ts";
import { lineAt, placeOf, sourceText, wholeOf } from "./source-text.ts";
import { describe, didYouMean, listNames } from "./words.ts";
import { fixKeyLine } from "./written.ts";

const maxFiles = 200;

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** From the root with `/`: what messages say. */
  readonly file: string;
  readonly tree: LocatedMap;
  /** Absolute paths, in the order in which they are merged. */
  readonly extends: readonly string[];
}

export interface FilesOptions {
  readonly root: string;
  /** From the root, or absolute. */
  readonly file: string;
  readonly readFile: ReadFile;
  /** Names in a folder, for suggestions when a file is missing. */
  readonly listFolder?: (path: string) => readonly string[];
}

/** Bases before what extends them, so that merging in this order lets the later one win. */
export function readFiles(options: FilesOptions): Result<ReadonlyMap<string, ConfigFile>, Failure[]> {
  const reading: Reading = { options, done: new Map(), chain: [], failures: [] };
  visit(reading, resolve(options.root, options.file), undefined);
  return reading.failures.length > 0 ? fail(reading.failures) : ok(reading.done as ReadonlyMap<string, ConfigFile>);
}

/** The file at `path` over all that it extends. `change` sees each file's own map before it is merged. */
export function mergeFiles(
  files: ReadonlyMap<string, ConfigFile>,
  path: string,
  change: (file: ConfigFile) => LocatedMap,
): LocatedMap {
  const merged = new Map<string, LocatedMap>();
  for (const [at, file] of files) {
    const own = change(file);
    const bases = file.extends.map((base) => merged.get(base)!);
    merged.set(at, bases.length > 0 ? mergeMaps(bases.reduce(mergeMaps), own) : own);
  }
  return merged.get(path)!;
}

interface Reading {
  readonly options: FilesOptions;
  /** Undefined for a file that could not be read: it has been reported. */
  readonly done: Map<string, ConfigFile | undefined>;
  /** The files that are being read, outermost first. */
  readonly chain: string[];
  readonly failures: Failure[];
}

function visit(reading: Reading, path: string, extendedAt: Place | undefined): void {
  if (reading.done.has(path)) return;
  const cycleStart = reading.chain.indexOf(path);
  if (cycleStart >= 0)
    return void reading.failures.push(cycleFailure(reading, [...reading.chain.slice(cycleStart), path], extendedAt));
  if (reading.done.size + reading.chain.length >= maxFiles) {
    return void reading.failures.push(
      inputFailure(`a config may extend ${maxFiles} files at most`, { where: extendedAt }),
    );
  }
  reading.chain.push(path);
  const file = readOne(reading, path, extendedAt);
  file?.extends.forEach((base, index) => visit(reading, base, placeOfExtends(file.tree, index)));
  reading.chain.pop();
  reading.done.set(path, file);
}

function readOne(reading: Reading, path: string, extendedAt: Place | undefined): ConfigFile | undefined {
  const file = shownPath(reading.options.root, path);
  const bytes = readBytes(reading, path, extendedAt ?? { file });
  if (!bytes) return undefined;
  const text = decode(file, bytes);
  if (!text.ok) return void reading.failures.push(...text.error);
  const tree = readTree(reading, file, text.value);
  if (!tree) return undefined;
  return { path, file, tree, extends: readExtends(reading, path, tree) };
}

function readBytes(reading: Reading, path: string, where: Place): Uint8Array | undefined {
  const file = shownPath(reading.options.root, path);
  try {
    const bytes = reading.options.readFile(path);
    if (!bytes) reading.failures.push(missingFailure(reading, path, where));
    return bytes;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === undefined ? undefined : unreadable[code];
    if (why === undefined) throw error;
    return void reading.failures.push(
      inputFailure(`${file} ${why}`, { where, ...(code === "EACCES" && { fix: `chmod u+r ${file}` }) }),
    );
  }
}

const unreadable: Readonly<Record<string, string>> = {
  EISDIR: "is a folder, not a config",
  ENXIO: "is a pipe or a device, not a config",
  EACCES: "may not be read by this user",
  EPERM: "may not be read by this user",
  ELOOP: "is a link that leads to itself",
  ENAMETOOLONG: "is too long for a path",
  ERR_INVALID_ARG_VALUE: "is not a path",
};

function readTree(reading: Reading, file: string, text: string): LocatedMap | undefined {
  const source = sourceText(file, text);
  const fences = findFences(source);
  const parsed = parseYaml(source, fences?.inside);
  if (fences) reading.failures.push(fences.failure);
  reading.failures.push(...parsed.failures);
  const { value } = parsed;
  // A file of nothing but comments asks for all defaults.
  if (!value || (value.kind === "scalar" && value.value === null))
    return { kind: "map", entries: new Map(), span: wholeOf(source) };
  if (value.kind === "map") return value;
  const what = `a config is a map of "key: value" lines; this is ${describe(toJson(value))}`;
  const firstLine = lineFrom(source, lineAt(source, value.span.start))?.content ?? "";
  if (parsed.failures.length === 0) {
    reading.failures.push(
      inputFailure(what, {
        where: placeOf(value.span),
        fix: (value.kind === "scalar" ? fixKeyLine(firstLine) : undefined) ?? 'Begin with a key: "seed: 1".',
      }),
    );
  }
  return undefined;
}

function readExtends(reading: Reading, path: string, tree: LocatedMap): string[] {
  const value = tree.entries.get("extends")?.value;
  if (!value || (value.kind === "scalar" && value.value === null)) return [];
  return (value.kind === "list" ? value.items : [value]).flatMap((item) => {
    if (item.kind === "scalar" && typeof item.value === "string" && item.value !== "")
      return [resolve(dirname(path), item.value)];
    const what = `extends must be a path or a list of paths; it is ${describe(toJson(item))}`;
    reading.failures.push(
      inputFailure(what, { where: placeOf(item.span), fix: "Write the path from this file: extends: base.yaml" }),
    );
    return [];
  });
}

function placeOfExtends(tree: LocatedMap, index: number): Place {
  const value: Located = tree.entries.get("extends")!.value;
  return value.kind === "list" ? placeOf(value.items[index]!.span) : placeOfValue(tree, ["extends"]);
}

function cycleFailure(reading: Reading, chain: readonly string[], where: Place | undefined): Failure {
  const names = chain.map((path) => shownPath(reading.options.root, path));
  return inputFailure(`configs extend one another in a circle: ${names.join(" → ")}`, {
    where,
    fix: "Take one of these out.",
  });
}

function missingFailure(reading: Reading, path: string, where: Place): Failure {
  const folder = dirname(path);
  const names = (reading.options.listFolder?.(folder) ?? []).filter((name) => /\.ya?ml$/.test(name)).sort();
  const shownFolder = shownPath(reading.options.root, folder);
  const near = didYouMean(basename(path), names, (known) => `${shownFolder}/ has ${listNames(known)}.`);
  return inputFailure(`there is no config ${shownPath(reading.options.root, path)}`, {
    where,
    fix: near ?? "Write it: where it is empty, everything is as the rules say.",
  });
}

function shownPath(root: string, path: string): string {
  return relative(root, path).split(sep).join(posix.sep) || ".";
}
