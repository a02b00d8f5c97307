// Hashes files: all of one for its digest, and pieces of a large one with xxhash, three times as fast, to tell later whether it was only touched.

import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from "node:fs";
import { digestOfBytes, startDigest, type Digest } from "../../model/digest.ts";
import { isRacyAt, isSameStat, statText, type StatText } from "../../util/stat.ts";

/** An incremental 64-bit xxhash; passed in because the library that makes it loads asynchronously. */
export interface Xxhash {
  create(): { update(bytes: Uint8Array): unknown; digest(): bigint };
}

/** Files from this size on (bytes) get a quick hash. */
export const quickFromBytes = 1 << 20;

const smallBytes = 64 << 10;
const mostPieces = 256;

/** The size in bytes of the pieces of a file that are hashed quickly, each by itself, so that several threads can do it. */
export function pieceBytesOf(size: number): number {
  let bytes = 64 << 20;
  while (size > bytes * mostPieces) bytes *= 2;
  return bytes;
}

const bufferBytes = 256 << 10;
let buffer: Buffer | undefined;

export interface Hashed {
  readonly digest: Digest;
  readonly quick?: string;
  /** Of the file that was read, from before. */
  readonly stat: BigIntStats;
  /** It was as before when it had been read. */
  readonly rested: boolean;
}

/**
 * A file's digest and, in the same reading, its quick hash, if `xxhash` is given and the file is large enough. Undefined where the path leads to no
 * file. Throws as `fs` does. The stats are of the open file: a look at a path takes three times as long.
 */
export function hashFile(path: string, xxhash?: Xxhash): Hashed | undefined {
  return withOpen(path, (fd, stat) => {
    const hashed = hashOpen(fd, Number(stat.size), xxhash);
    return { ...hashed, stat, rested: isSameStat(fstatSync(fd, { bigint: true }), stat) };
  });
}

function withOpen<T>(path: string, use: (fd: number, stat: BigIntStats) => T): T | undefined {
  // Not to wait for who writes into a pipe.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd, { bigint: true });
    return stat.isFile() ? use(fd, stat) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** What a file holds, and the stat for which that holds. */
export interface HashedFile {
  readonly seen: StatText;
  readonly size: number;
  readonly digest: Digest;
  readonly quick?: string | undefined;
  readonly isRacy: boolean;
}

/** How many files are hashed, in a thread or beside it. */
export interface HashTerms {
  /** A tick of the clock of the file system `device`, by which a file is racy. */
  readonly at: bigint;
  readonly device: bigint;
  /** Bytes. A larger file is left alone. */
  readonly most: number;
}

/**
 * Undefined: it cannot be read, is no file, too large, or did not rest; whoever asked looks for itself. A small file that is not racy is not looked at
 * again when it has been read: whatever changed it meanwhile gave it times of `at` or later, so that the stat for which a digest of some of both is
 * remembered never comes back, and whoever works with the file finds that it has moved.
 */
export function hashResting(path: string, terms: HashTerms, xxhash: Xxhash | undefined): HashedFile | undefined {
  const { at, device, most } = terms;
  try {
    return withOpen(path, (fd, stat) => {
      const size = Number(stat.size);
      if (size > most) return undefined;
      const hashed = hashOpen(fd, size, xxhash);
      const isRacy = isRacyAt(stat, at, device);
      const isProven = !isRacy && hashed.inOnePiece === true;
      if (!isProven && !isSameStat(fstatSync(fd, { bigint: true }), stat)) return undefined;
      return { seen: statText(stat), size, digest: hashed.digest, quick: hashed.quick, isRacy };
    });
  } catch {
    return undefined;
  }
}

interface HashedOpen extends Pick<Hashed, "digest" | "quick"> {
  /** It was small, and read at once, no byte more or less than its stat says. */
  readonly inOnePiece?: true;
}

function hashOpen(fd: number, size: number, xxhash: Xxhash | undefined): HashedOpen {
  if (size < smallBytes) {
    const own = (buffer ??= Buffer.allocUnsafe(bufferBytes));
    const got = readSync(fd, own, 0, smallBytes, 0);
    // One that grows meanwhile is read to its end below.
    if (got === size) return { digest: digestOfBytes(own.subarray(0, got)), inOnePiece: true };
  }
  const running = startDigest();
  const hashes: string[] = [];
  if (xxhash !== undefined && size >= quickFromBytes) {
    const pieceBytes = pieceBytesOf(size);
    for (let at = 0; at < size; at += pieceBytes)
      hashes.push(hashRange(fd, at, at + pieceBytes, xxhash, (bytes) => running.update(bytes)));
  }
  readRange(fd, hashes.length * pieceBytesOf(size), Infinity, (bytes) => running.update(bytes));
  return { digest: running.end(), ...(hashes.length > 0 && { quick: joinQuick(hashes) }) };
}

/** How many pieces a file of `size` bytes has. */
export function piecesOf(size: number): number {
  return Math.ceil(size / pieceBytesOf(size));
}

/** The quick hash, hex, of the piece number `piece` of a file that has `size` bytes. Throws as `fs` does. */
export function quickHash(path: string, size: number, piece: number, xxhash: Xxhash): string {
  const fd = openSync(path, "r");
  try {
    const from = piece * pieceBytesOf(size);
    return hashRange(fd, from, from + pieceBytesOf(size), xxhash);
  } finally {
    closeSync(fd);
  }
}

function hashRange(fd: number, from: number, to: number, xxhash: Xxhash, take?: (bytes: Buffer) => void): string {
  const hash = xxhash.create();
  readRange(fd, from, to, (bytes) => {
    hash.update(bytes);
    take?.(bytes);
  });
  return hash.digest().toString(16);
}

/** How the hashes of a file's pieces are remembered. */
export function joinQuick(hashes: readonly string[]): string {
  return hashes.join(".");
}

/** Whether a file's pieces have the hashes that were remembered. Reads no further than to the first that has not. */
export function isQuicklySame(path: string, size: number, quick: string, xxhash: Xxhash): boolean {
  const hashes = quick.split(".");
  return (
    hashes.length === piecesOf(size) && hashes.every((hash, piece) => quickHash(path, size, piece, xxhash) === hash)
  );
}

/** A quarter of a MiB at a time: smaller reads cost more calls, and larger ones leave the cache of the core before they are hashed. Synchronous on purpose. */
function readRange(fd: number, from: number, to: number, take: (bytes: Buffer) => void): void {
  const own = (buffer ??= Buffer.allocUnsafe(bufferBytes));
  for (let at = from; at < to;) {
    const got = readSync(fd, own, 0, Math.min(own.length, to - at), at);
    if (got === 0) return;
    take(own.subarray(0, got));
    at += got;
  }
}
