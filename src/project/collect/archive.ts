// What of the archive no run refers to any more, as after `exp runs rm`. Paid calls are no part of this: they stay.

import { lstatSync, readdirSync, readFileSync, type Stats } from "node:fs";
import { join } from "node:path";
import type { DigestTable } from "../../backends/store/digest-table.ts";
import type { Census } from "../../backends/store/store.ts";
import type { Digest } from "../../model/digest.ts";
import { digestsInFile, digestsInRecord, namedByArchive, recordsOfRun, runFolders } from "../../runs/roots.ts";
import { isMissing } from "../../util/fs.ts";
import { statOf, statText } from "../../util/stat.ts";
import { removeIfUnchanged } from "../../util/remove.ts";
import type { ProjectPaths } from "../paths.ts";

export interface ArchiveAmount {
  readonly blobs: number;
  readonly bundles: number;
  readonly bytes: number;
}

export class ArchiveReach {
  readonly blobs: Census;
  readonly isReached: boolean[];
  /** Code digests of bundles, with the stats of their records. */
  readonly bundles: ReadonlyMap<Digest, Stats>;
  readonly #paths: ProjectPaths;
  readonly #reachedBundles = new Set<Digest>();
  /** By record of a run, the state in which it was read. */
  readonly #read = new Map<string, string>();

  constructor(paths: ProjectPaths, blobs: Census) {
    this.#paths = paths;
    this.blobs = blobs;
    this.isReached = blobs.sizes.map(() => false);
    this.bundles = bundlesIn(join(paths.archive, "code"));
  }

  /** Reads what all runs name, in files that have changed since the last time. What was reached stays so. */
  readRuns(): void {
    const reach = (digest: Digest) => this.#reach(digest);
    namedByArchive(this.#paths.archive, reach);
    for (const [, folder] of runFolders(this.#paths.runs))
      for (const file of recordsOfRun(folder)) {
        const stat = statOf(file);
        const state = stat === undefined ? "" : statText(stat);
        if (this.#read.get(file) === state) continue;
        this.#read.set(file, state);
        digestsInFile(file, reach);
      }
  }

  get going(): readonly number[] {
    return [...this.isReached.keys()].filter((member) => this.isReached[member] !== true);
  }

  get goingBundles(): readonly Digest[] {
    return [...this.bundles.keys()].filter((code) => !this.#reachedBundles.has(code));
  }

  /**
   * Removes the records of bundles that no run names and whose print `isMarked`. Before their blobs go: a build that needs one of them again
   * saves its blobs, and then writes the record anew.
   */
  removeBundles(isMarked: (member: number) => boolean): readonly Digest[] {
    return this.goingBundles.filter((code) => {
      const print = this.blobs.digests.indexOf(code);
      const path = join(this.#paths.archive, "code", `${code}.json`);
      return (print < 0 || isMarked(print)) && removeIfUnchanged(path, this.bundles.get(code)!);
    });
  }

  /** A bundle names its parts, a closure its modules, a tree its files. */
  #reach(first: Digest): void {
    const due = [first];
    for (let digest = due.pop(); digest !== undefined; digest = due.pop()) {
      const take = (named: Digest) => void due.push(named);
      const text = this.bundles.has(digest) && !this.#reachedBundles.has(digest) ? this.#recordOf(digest) : undefined;
      if (text !== undefined) {
        this.#reachedBundles.add(digest);
        for (const [named] of text.matchAll(/[0-9a-f]{64}/g)) take(named as Digest);
      }
      const member = this.blobs.digests.indexOf(digest);
      if (member < 0 || this.isReached[member] === true) continue;
      this.isReached[member] = true;
      digestsInRecord(join(this.#paths.archive, "blobs", digest.slice(0, 2), digest), take);
    }
  }

  #recordOf(code: Digest): string {
    return readFileSync(join(this.#paths.archive, "code", `${code}.json`), "utf8");
  }
}

export function archiveAmount(census: Census, members: Iterable<number>, bundles: number): ArchiveAmount {
  let [blobs, bytes] = [0, 0];
  for (const member of members) {
    blobs += 1;
    bytes += census.sizes[member]!;
  }
  return { blobs, bundles, bytes };
}

export function everyMember(digests: DigestTable): Iterable<number> {
  return Array.from({ length: digests.size }, (_, member) => member);
}

function bundlesIn(folder: string): Map<Digest, Stats> {
  try {
    const names = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.json$/.test(name));
    return new Map(names.map((name) => [name.slice(0, 64) as Digest, lstatSync(join(folder, name))]));
  } catch (error) {
    if (isMissing(error)) return new Map();
    throw error;
  }
}
