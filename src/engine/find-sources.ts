// Files of the project behind the paths and patterns that targets name: where they lie and what they hold, all found before inputs are made of them,
// so that what has not been hashed yet can be hashed at once. Unaware of what becomes of them.

import { resolve } from "node:path";
import { isDynamicPattern } from "tinyglobby";
import type { FoundFile } from "../backends/store/store.ts";
import { statOf } from "../util/stat.ts";
import type { Failure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import type { GraphInput, GraphTarget } from "../planning/graph.ts";
import type { Result } from "../util/result.ts";
import { patternsOf } from "./declared.ts";
import type { SourceDigests } from "./sources.ts";
import { matchSources, pathInside, walkFolder, type Walk } from "./walk.ts";

/** What the inputs of a target name in the project. */
export interface NamedSources {
  readonly paths: readonly string[];
  readonly patterns: readonly string[];
  /** What a function of the config says; it is asked once. */
  readonly patternsOf: ReadonlyMap<GraphInput, Result<readonly string[], Failure>>;
}

/** Undefined where they name nothing: of ten thousand targets most read only what others make. */
export function namedSources(target: GraphTarget, section: JsonObject): NamedSources | undefined {
  const paths: string[] = [];
  const patterns: string[] = [];
  const said = new Map<GraphInput, Result<readonly string[], Failure>>();
  const note = (slot: string, input: GraphInput): void => {
    if (input.kind === "source") paths.push(input.path);
    if (input.kind === "list") for (const member of input.members) note(slot, member);
    if (input.kind !== "sources") return;
    const asked = { what: `the patterns of input "${slot}"`, target: target.name };
    const own = patternsOf(asked, () => input.patterns(section as never));
    said.set(input, own);
    if (own.ok) patterns.push(...own.value);
  };
  for (const slot in target.inputs) note(slot, target.inputs[slot]!);
  return paths.length + said.size === 0 ? undefined : { paths, patterns, patternsOf: said };
}

/** What a path or a pattern stands for. */
export type FoundPath =
  /** No file, no folder: `isThere` where something is, a pipe say. */
  | { readonly kind: "none"; readonly path: string; readonly isThere: boolean }
  | { readonly kind: "file"; readonly path: string }
  /** Matches are relative to the folder; `files` are their absolute paths. */
  | { readonly kind: "folder"; readonly path: string; readonly walk: Walk; readonly files: readonly string[] }
  /** Matches are relative to the project. */
  | { readonly kind: "glob"; readonly walk: Walk };

export interface FoundSources {
  readonly paths: ReadonlyMap<string, FoundPath>;
  /** By absolute path; what cannot be read is missing. */
  readonly files: ReadonlyMap<string, FoundFile>;
}

export async function findSources(
  root: string,
  paths: readonly string[],
  patterns: readonly string[],
  digests: SourceDigests,
): Promise<FoundSources> {
  const found = new Map<string, FoundPath>();
  const plain = [...paths, ...patterns.filter((pattern) => !isDynamicPattern(pattern))];
  const own = await digests.digestsOf(plain.map((path) => resolve(root, path)));
  const inside: string[] = [];
  /** Of these, what may be a pipe, say: whoever opens that takes what is meant for others. */
  const doubtful = new Set<string>();
  for (const path of plain) {
    if (found.has(path)) continue;
    const absolute = resolve(root, path);
    const stat = own.has(absolute) ? undefined : statOf(absolute);
    if (own.has(absolute)) found.set(path, { kind: "file", path: absolute });
    else if (stat?.isDirectory() === true) {
      const walk = walkFolder(absolute);
      const files = walk.matches.map((name) => pathInside(absolute, name));
      found.set(path, { kind: "folder", path: absolute, walk, files });
      for (const file of files) inside.push(file);
      for (const name of walk.odd ?? walk.matches) doubtful.add(pathInside(absolute, name));
    } else found.set(path, { kind: "none", path: absolute, isThere: stat !== undefined });
  }
  for (const pattern of patterns) {
    if (found.has(pattern)) continue;
    const walk = matchSources(root, pattern);
    found.set(pattern, { kind: "glob", walk });
    for (const path of walk.matches) {
      inside.push(resolve(root, path));
      doubtful.add(resolve(root, path));
    }
  }
  if (inside.length === 0) return { paths: found, files: own };
  const files = await digests.digestsOf(inside, (path) => !doubtful.has(path));
  return { paths: found, files: own.size === 0 ? files : new Map([...own, ...files]) };
}

/** Nothing lies there at all. */
export function isAbsent(found: FoundSources, path: string): boolean {
  const one = found.paths.get(path);
  return one?.kind === "none" && !one.isThere;
}
