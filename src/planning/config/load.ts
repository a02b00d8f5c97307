// A config from its files and overrides to one document. First `readConfig` (which files, which experiment), then `resolveConfig`
// with the sections that the experiment's targets read; `loadConfig` does both.

import type { Failure } from "../../model/failure.ts";
import type { JsonObject } from "../../model/json.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { resolve } from "node:path";
import { mergeFiles, readFiles, type ConfigFile, type FilesOptions } from "./files.ts";
import { checkTopLevel, readHeader, type Header } from "./header.ts";
import { toJson, type LocatedMap } from "./located.ts";
import { withoutKeys } from "./merge.ts";
import { currentVersion, migrateFile, type Sections } from "./migrate.ts";
import { inOrder } from "./order.ts";
import { applyOverrides, parseOverride, type Override } from "./override.ts";
import { recordReads, type FileRead } from "./reads.ts";

export interface LoadOptions extends FilesOptions {
  /** `generate.samples=50`, remembered ones before those of the command line. */
  readonly overrides: readonly string[];
}

/** The files as they are, before anything knows what their keys mean. */
export interface ConfigSource {
  readonly files: ReadonlyMap<string, ConfigFile>;
  /** The absolute path of the file that was asked for. */
  readonly path: string;
  readonly overrides: readonly Override[];
  readonly reads: readonly FileRead[];
  /** Merged without migrations: good for `experiment` (see `chooseExperiment`), not for sections. */
  readonly tree: LocatedMap;
}

export interface ConfigDocument {
  /** The file that was asked for, from the root. */
  readonly file: string;
  /** Every file that was read or looked for. */
  readonly reads: readonly FileRead[];
  readonly overrides: readonly string[];
  /** The version that everything in the document is of. */
  readonly version: number;
  readonly header: Header;
  /** What the config says, with the places; see `placeOfValue` and `placeOfKey`. */
  readonly tree: LocatedMap;
  /** The same without places. Not validated, no defaults. */
  readonly value: JsonObject;
}

export function loadConfig(options: LoadOptions & { readonly sections: Sections }): Result<ConfigDocument, Failure[]> {
  const source = readConfig(options);
  return source.ok ? resolveConfig(source.value, options.sections) : source;
}

export function readConfig(options: LoadOptions): Result<ConfigSource, Failure[]> {
  const recorder = recordReads(options.readFile);
  const files = readFiles({ ...options, readFile: recorder.readFile });
  const parsed = options.overrides.map(parseOverride);
  const failures = [
    ...(files.ok ? [] : files.error),
    ...parsed.flatMap((override) => (override.ok ? [] : override.error)),
  ];
  if (!files.ok || failures.length > 0) return fail(inOrder(failures));
  const overrides = parsed.flatMap((override) => (override.ok ? [override.value] : []));
  const path = resolve(options.root, options.file);
  const merged = mergeFiles(files.value, path, (file) => withoutKeys(file.tree, ["version", "extends"]));
  const tree = applyOverrides(
    merged,
    overrides.filter((override) => override.path[0] === "experiment"),
  );
  if (!tree.ok) return tree;
  return ok({ files: files.value, path, overrides, reads: recorder.reads(), tree: tree.value });
}

export function resolveConfig(source: ConfigSource, sections: Sections): Result<ConfigDocument, Failure[]> {
  const failures: Failure[] = [];
  const merged = mergeFiles(source.files, source.path, (file) => {
    const migrated = migrateFile(file, sections);
    if (!migrated.ok) failures.push(...migrated.error);
    return migrated.ok ? migrated.value : withoutKeys(file.tree, ["version", "extends"]);
  });
  const overridden = applyOverrides(merged, source.overrides);
  if (!overridden.ok) failures.push(...overridden.error);
  const tree = overridden.ok ? overridden.value : merged;
  const header = readHeader(tree);
  failures.push(...checkTopLevel(tree, sections), ...(header.ok ? [] : header.error));
  if (!header.ok || failures.length > 0) return fail(inOrder(failures));
  return ok({
    file: source.files.get(source.path)!.file,
    reads: source.reads,
    overrides: source.overrides.map((override) => override.text),
    version: currentVersion(sections),
    header: header.value,
    tree,
    value: toJson(tree),
  });
}
