// Where things lie in a project.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expfileName } from "./expfile.ts";

export interface ProjectPaths {
  readonly root: string;
  /** May be deleted at any time. */
  readonly cache: string;
  readonly runs: string;
  /** What cannot be recomputed. */
  readonly archive: string;
}

export function pathsOf(root: string): ProjectPaths {
  return { root, cache: join(root, "cache"), runs: join(root, "runs"), archive: join(root, "runs", ".archive") };
}

/** The folder of the nearest Expfile.ts above, if there is one. */
export function findRoot(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, expfileName))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
