// What else piles up in the cache: prints of recipes that are no more, compiled Expfiles, stamps, claims and folders of the dead, facts about files
// that are gone. All of it is made again when it is needed.

import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { compactStats } from "../../backends/store/stat-cache.ts";
import { compactKept, keptPrints } from "../../planning/bundle/bundler.ts";
import { isMissing, readTextIfThere } from "../../util/fs.ts";
import { hasEnded } from "../../util/host.ts";
import { removeIfUnchanged, removeWhole } from "../../util/remove.ts";
import type { ProjectPaths } from "../paths.ts";

/** Whatever is younger may belong to somebody who has not written down yet that it does. */
const youngMs = 86_400_000;

export interface Leftover {
  readonly path: string;
  readonly bytes: number;
  readonly stat: Stats;
}

export function findLeftovers(paths: ProjectPaths, maxAgeMs: number, now: number): readonly Leftover[] {
  const prints = keptPrints(join(paths.cache, "bundles"), paths.root);
  const module = /"module":"([^"]+)"/.exec(readTextIfThere(join(paths.cache, "expfile", "kept.json")) ?? "")?.[1];
  const isOld = (stat: Stats, ageMs: number) => stat.mtimeMs < now - Math.max(ageMs, youngMs);
  return [
    ...filesIn(join(paths.cache, "bundles"), (name, stat) => {
      const print = /^([0-9a-f]{64})\.(?:cjs|json)$/.exec(name)?.[1];
      return print !== undefined && !prints.has(print) && isOld(stat, 0);
    }),
    ...filesIn(
      join(paths.cache, "expfile"),
      (name, stat) => /\.mjs(?:\.map)?$/.test(name) && name.replace(/\.map$/, "") !== module && isOld(stat, 0),
    ),
    ...["recall", "stamps", "indexes"].flatMap((name) =>
      filesIn(join(paths.cache, name), (_, stat) => isOld(stat, maxAgeMs)),
    ),
    ...filesIn(join(paths.cache, "claims"), (_, stat) => isOld(stat, 0)),
    ...filesIn(join(paths.cache, "leases"), (_, stat) => isOld(stat, 0)),
  ];
}

/** Removes what is still as it was found. Returns what went. */
export function removeLeftovers(paths: ProjectPaths, found: readonly Leftover[]): readonly Leftover[] {
  const folder = join(paths.cache, "tmp");
  for (const name of namesIn(folder)) if (hasEnded(name)) removeWhole(join(folder, name));
  compactKept(join(paths.cache, "bundles"));
  compactStats(paths.cache);
  return found.filter(({ path, stat }) => removeIfUnchanged(path, stat));
}

function filesIn(folder: string, isGoing: (name: string, stat: Stats) => boolean): Leftover[] {
  return namesIn(folder).flatMap((name) => {
    const path = join(folder, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat?.isFile() === true && isGoing(name, stat) ? [{ path, bytes: stat.size, stat }] : [];
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
