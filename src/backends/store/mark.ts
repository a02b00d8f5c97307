// The list of blobs that a collection has marked, and how builds and the sweep stay out of each other's way without a lock.
//
//   collection               build
//   1  writes the mark       1  takes its lease
//   2  reads the leases      2  reads the mark
//
// Each writes before it reads, so at least one sees the other. A build that sees the mark saves each marked blob that it asks for: it puts a copy
// in its place, which is not the file that was marked. A build that does not see it has a lease that the collection sees: then nothing is swept
// before that build has ended, and what it came to rely on is in its trace by then, which is read again before the sweep.
//
// So the sweep may remove a marked file as long as it is still the very one that was marked. Between looking and removing, a build may put its copy
// there; that is told by the same order of steps, folder by folder:
//
//   sweep                                    saving a marked blob
//   1  puts the flag `.sweeping` up          1  writes the copy under a temporary name in the same folder
//   2  lists the folder's temporary names    2  looks for the flag, and waits until it is down
//   3  removes what has none, takes it down  3  renames the copy
//
// A build whose original went before it could be copied finds nothing, and puts the blob as if it had never been there.

import { rmSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../model/digest.ts";
import { readIfThere, readTextIfThere, writeAtomic } from "../../util/fs.ts";
import { hasEnded, processTag } from "../../util/host.ts";
import { DigestTable } from "./digest-table.ts";

const magic = "exp-mark-1\n";
const digestBytes = 32;
const entryBytes = digestBytes + 16;
/** A sweep of one folder takes less than a second: a flag of another machine that stays up longer was left by a crash. */
const longestSweepMs = 20_000;

/** What tells a file from a later one of the same name. */
export interface FileIdentity {
  readonly inode: number;
  readonly ctimeMs: number;
}

export function identityOf(stat: Stats): FileIdentity {
  return { inode: stat.ino, ctimeMs: stat.ctimeMs };
}

export class Mark {
  readonly digests = new DigestTable();
  readonly #inodes: number[] = [];
  readonly #ctimes: number[] = [];

  add(digest: Digest, identity: FileIdentity): void {
    if (this.digests.add(digest) < this.#inodes.length) return;
    this.#inodes.push(identity.inode);
    this.#ctimes.push(identity.ctimeMs);
  }

  identityAt(index: number): FileIdentity {
    return { inode: this.#inodes[index]!, ctimeMs: this.#ctimes[index]! };
  }

  /** Whether the file at `path` is the very one that was marked. */
  isMarked(digest: Digest, path: string): boolean {
    const index = this.digests.indexOf(digest);
    if (index < 0) return false;
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat !== undefined && isSame(identityOf(stat), this.identityAt(index));
  }
}

export function isSame(one: FileIdentity, other: FileIdentity): boolean {
  return one.inode === other.inode && one.ctimeMs === other.ctimeMs;
}

export function writeMark(root: string, mark: Mark): void {
  const bytes = Buffer.alloc(magic.length + mark.digests.size * entryBytes);
  let at = bytes.write(magic);
  for (let index = 0; index < mark.digests.size; index++) {
    const { inode, ctimeMs } = mark.identityAt(index);
    bytes.write(mark.digests.digestAt(index), at, "hex");
    bytes.writeDoubleLE(inode, at + digestBytes);
    bytes.writeDoubleLE(ctimeMs, at + digestBytes + 8);
    at += entryBytes;
  }
  writeAtomic(markFile(root), bytes);
}

/** Undefined when there is none, or when it cannot be read: then nothing is swept by it either. */
export function readMark(root: string): Mark | undefined {
  const bytes = readIfThere(markFile(root));
  if (bytes === undefined || bytes.toString("latin1", 0, magic.length) !== magic) return undefined;
  const mark = new Mark();
  for (let at = magic.length; at + entryBytes <= bytes.length; at += entryBytes) {
    const digest = bytes.toString("hex", at, at + digestBytes) as Digest;
    const [inode, ctimeMs] = [bytes.readDoubleLE(at + digestBytes), bytes.readDoubleLE(at + digestBytes + 8)];
    mark.add(digest, { inode, ctimeMs });
  }
  return mark;
}

export function removeMark(root: string): void {
  rmSync(markFile(root), { force: true });
}

export function markFile(root: string): string {
  return join(root, ".mark");
}

export function raiseFlag(folder: string): void {
  writeAtomic(flagFile(folder), processTag());
}

export function lowerFlag(folder: string): void {
  rmSync(flagFile(folder), { force: true });
}

/** Returns when no sweep is at work in the folder. Synchronous, as putting a blob is. */
export function awaitSweep(folder: string): void {
  const start = process.hrtime.bigint();
  for (;;) {
    const owner = readTextIfThere(flagFile(folder));
    if (owner === undefined || hasEnded(owner)) return;
    if (Number(process.hrtime.bigint() - start) > longestSweepMs * 1_000_000) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

function flagFile(folder: string): string {
  return join(folder, ".sweeping");
}
