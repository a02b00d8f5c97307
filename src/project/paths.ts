// Where things lie in a project.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expfileName } from "./compiled-expfile.ts";

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
  return above(from, (folder) => existsSync(join(folder, expfileName)));
}

/** As `findRoot`; where the Expfile is gone, the folder that holds the runs that it made. */
export function findProjectFolder(from: string): string | undefined {
  return findRoot(from) ?? above(from, (folder) => existsSync(pathsOf(folder).archive));
}

function above(from: string, fits: (folder: string) => boolean): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (fits(folder)) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
