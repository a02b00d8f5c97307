// What dead builds and workers left in a project: folders of running actions, half-written files under temporary names. Looked for where a build
// begins, and beside it: the folder of a run has an entry for each of its targets.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isMissing, ownerOfTemporary } from "../util/fs.ts";
import { lifeOf } from "../util/host.ts";
import { removeWhole } from "../util/remove.ts";
import { statOf } from "../util/stat.ts";

/** Whoever writes on another host changes what is his more often than this, by orders of magnitude. The scratch folder of a build gets a sign of life for this. */
const deadAfterNs = 24n * 3_600_000_000_000n;

export interface Swept {
  /** Holds a folder for each process, named by its tag. */
  readonly scratch: string;
  /** Where files are written under temporary names, beside the whole ones. */
  readonly folders: readonly string[];
  /** The file system's own time, nanoseconds. */
  readonly now: bigint;
}

export async function sweepLeftovers({ scratch, folders, now }: Swept): Promise<void> {
  // All at once: this process has other things to do, and each answer waits for its turn.
  const [owners, ...names] = await Promise.all([scratch, ...folders].map(namesIn));
  for (const owner of owners!) removeLeft(owner, join(scratch, owner), now);
  for (const [i, folder] of folders.entries())
    for (const name of names[i]!) {
      const owner = ownerOfTemporary(name);
      if (owner !== undefined) removeLeft(owner, join(folder, name), now);
    }
}

function removeLeft(owner: string, path: string, now: bigint): void {
  if (isLeft(owner, path, now)) removeWhole(path);
}

/** Those of live processes are theirs: a build that waits for the lock writes a file now and then. */
function isLeft(owner: string, path: string, now: bigint): boolean {
  const life = lifeOf(owner);
  if (life !== "elsewhere") return life === "ended";
  const stat = statOf(path);
  return stat !== undefined && now - stat.mtimeNs > deadAfterNs;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
