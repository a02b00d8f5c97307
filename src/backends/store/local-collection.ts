// Collecting the blobs of a folder: the census, the mark, the sweep. Which blobs go is decided elsewhere.

import { lstatSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../model/digest.ts";
import { isMissing, ownerOfTemporary } from "../../util/fs.ts";
import { hasEnded } from "../../util/host.ts";
import { DigestTable } from "./digest-table.ts";
import { identityOf, isSame, lowerFlag, Mark, markFile, raiseFlag, readMark, removeMark, writeMark } from "./mark.ts";
import type { Census, CollectableStore } from "./store.ts";

export class LocalCollection implements CollectableStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  census(): Census {
    const census = { digests: new DigestTable(), sizes: [], putAt: [], inodes: [], ctimes: [] } as {
      digests: DigestTable;
    } & Record<"sizes" | "putAt" | "inodes" | "ctimes", number[]>;
    for (const folder of this.#folders())
      for (const name of namesIn(join(this.#root, folder))) {
        if (!isDigest(name)) continue;
        const stat = lstatSync(join(this.#root, folder, name), { throwIfNoEntry: false });
        if (stat === undefined) continue;
        census.digests.add(name);
        census.sizes.push(stat.size);
        census.putAt.push(stat.mtimeMs);
        census.inodes.push(stat.ino);
        census.ctimes.push(stat.ctimeMs);
      }
    return census;
  }

  hasMark(): boolean {
    return lstatSync(markFile(this.#root), { throwIfNoEntry: false }) !== undefined;
  }

  markedIn(census: Census): readonly number[] {
    const mark = readMark(this.#root);
    const members: number[] = [];
    for (let i = 0; i < (mark?.digests.size ?? 0); i++) {
      const member = census.digests.indexOf(mark!.digests.digestAt(i));
      if (member >= 0 && isSame(mark!.identityAt(i), identityIn(census, member))) members.push(member);
    }
    return members;
  }

  mark(census: Census, members: readonly number[]): void {
    const mark = new Mark();
    for (const member of members) mark.add(census.digests.digestAt(member), identityIn(census, member));
    writeMark(this.#root, mark);
  }

  sweep(census: Census, isKept: (member: number) => boolean): readonly number[] {
    const byFolder = new Map<string, number[]>();
    for (const member of this.markedIn(census)) {
      const folder = census.digests.digestAt(member).slice(0, 2);
      const members = byFolder.get(folder);
      if (members === undefined) byFolder.set(folder, [member]);
      else members.push(member);
    }
    const swept = [...byFolder].flatMap(([folder, members]) => this.#sweepFolder(folder, members, census, isKept));
    removeMark(this.#root);
    return swept;
  }

  /** The order of steps is what makes it safe: mark.ts. */
  #sweepFolder(
    name: string,
    members: readonly number[],
    census: Census,
    isKept: (member: number) => boolean,
  ): readonly number[] {
    const folder = join(this.#root, name);
    const swept: number[] = [];
    raiseFlag(folder);
    try {
      const saved = this.#savedIn(folder);
      for (const member of members) {
        const digest = census.digests.digestAt(member);
        if (isKept(member) || saved.has(digest)) continue;
        const stat = lstatSync(join(folder, digest), { throwIfNoEntry: false });
        if (stat === undefined || !isSame(identityOf(stat), identityIn(census, member))) continue;
        unlinkSync(join(folder, digest));
        swept.push(member);
      }
    } finally {
      lowerFlag(folder);
    }
    return swept;
  }

  /** The blobs of which a copy is on its way. Copies of processes that have ended go. */
  #savedIn(folder: string): ReadonlySet<string> {
    const saved = new Set<string>();
    for (const name of namesIn(folder)) {
      const owner = ownerOfTemporary(name);
      if (owner === undefined) continue;
      if (hasEnded(owner)) rmSync(join(folder, name), { force: true });
      else saved.add(name.slice(0, 64));
    }
    return saved;
  }

  #folders(): string[] {
    return namesIn(this.#root).filter((name) => /^[0-9a-f]{2}$/.test(name));
  }
}

function identityIn(census: Census, member: number) {
  return { inode: census.inodes[member]!, ctimeMs: census.ctimes[member]! };
}

function isDigest(name: string): name is Digest {
  return /^[0-9a-f]{64}$/.test(name);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
