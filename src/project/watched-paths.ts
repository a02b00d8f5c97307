// Which folders have to be listened to, and to which of their entries, so that no change of what a build read goes unheard. Listens to nothing itself.

import { readdirSync } from "node:fs";
import { dirname, extname, join, relative, sep } from "node:path";
import { statOf } from "../util/stat.ts";
import type { Paths } from "./reads.ts";

export interface WatchedPaths {
  /** Each alone, not what lies deeper. All of them are there. */
  readonly folders: ReadonlySet<string>;
  /** Files that count, for "watching 123 files". */
  readonly files: number;
  /** Equal where the same is listened to. */
  readonly key: string;
  /** Whether a change of this entry of one of the folders counts. `isFolder` undefined: it is not known yet. */
  readonly counts: (path: string, isFolder: boolean | undefined) => boolean;
}

/** A folder is listened to rather than its files alone: a file that is removed, or replaced, comes back under its name. */
export function watchedPaths(root: string, { files: read, folders: listed, absent: missing }: Paths): WatchedPaths {
  const files = new Set<string>();
  const absent = new Set(missing);
  for (const path of read) (statOf(path) === undefined ? absent : files).add(path);
  const folders = new Set([...listed, ...[...files].map((path) => dirname(path))]);
  const awaited = new Set<string>();
  for (const path of absent) {
    const first = firstMissing(path);
    // Packages and settings are looked for in every folder above the project: nobody puts one there in the middle of an edit.
    if (root.startsWith(dirname(first).replace(/\/?$/, sep))) continue;
    awaited.add(first);
    folders.add(dirname(first));
  }
  for (const path of [...folders]) if (statOf(path)?.isDirectory() !== true) folders.delete(path);
  return {
    folders,
    files: files.size,
    key: JSON.stringify([folders, files, awaited, listed].map((paths) => [...paths].sort())),
    counts: (path) => files.has(path) || awaited.has(path) || folders.has(path) || listed.has(dirname(path)),
  };
}

/** What can put right a build that failed is not known: the file that it misses may not be there yet. So all that may be code or config counts. */
export function withWholeProject(root: string, { folders, files, key, counts }: WatchedPaths): WatchedPaths {
  const below = foldersBelow(root);
  const own = new Set(below);
  return {
    folders: new Set([...folders, ...own]),
    files,
    key: JSON.stringify([key, below.sort()]),
    counts: (path, isFolder) =>
      counts(path, isFolder) ||
      (own.has(dirname(path)) && !isForeign(root, path) && (isFolder !== false || sourceExtensions.has(extname(path)))),
  };
}

const sourceExtensions = new Set(
  [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", ".json", ".yaml", ".yml", ".py", ".r", ".sh"].flatMap(
    (ext) => [ext, ext.toUpperCase()],
  ),
);

function firstMissing(path: string): string {
  const parent = dirname(path);
  return parent === path || statOf(parent) !== undefined ? path : firstMissing(parent);
}

function foldersBelow(root: string): string[] {
  const found = [root];
  for (const folder of found)
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !isForeign(root, path)) found.push(path);
    }
  return found;
}

/** Made by exp, by package managers or by version control. */
function isForeign(root: string, path: string): boolean {
  const [first = "", ...more] = relative(root, path).split(sep);
  const name = more.at(-1) ?? first;
  return ["cache", "runs"].includes(first) || name === "node_modules" || (name.startsWith(".") && name !== ".env");
}
