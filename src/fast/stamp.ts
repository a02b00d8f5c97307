// The stamp of the fast path: everything that a complete, successful build looked at, as flat arrays of stats. It is read before anything else is
// loaded, so this file imports node:fs only. Any doubt falls through to the real thing.

import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

/** The parts of a stamp's file are the paths that it names beside those of `left`, and their stats. */
export interface StampHeader {
  readonly format: typeof stampFormat;
  /** Which program wrote it. */
  readonly build: string;
  readonly node: string;
  /** Command line, working folder and screen, as the stamp's name has them by hash. */
  readonly asked: string;
  /** Variables that were read, with their values; null: not set. */
  readonly environment: readonly (readonly [name: string, value: string | null])[];
  /** What to print, byte for byte. */
  readonly output: string;
  /** The file of what the run's targets left, which of its versions is meant, and what its paths begin from. */
  readonly left: { readonly file: string; readonly version: string; readonly from: string } | undefined;
}

/** What a file of what was left begins with as well: first its paths, then their stats. */
export interface VersionedHeader {
  readonly version: string;
}

export const stampFormat = 3;
const magic = "exp-stamp-3\n";

/** A JSON header, then parts that each begin at a multiple of eight, as arrays of numbers want it. */
export function pack(header: object, parts: readonly Uint8Array[]): Buffer {
  const json = Buffer.from(JSON.stringify({ ...header, sizes: parts.map(({ byteLength }) => byteLength) }), "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const pieces: Uint8Array[] = [Buffer.from(magic), length, json, gapAfter(magic.length + 4 + json.length)];
  for (const part of parts) pieces.push(part, gapAfter(part.byteLength));
  return Buffer.concat(pieces);
}

function gapAfter(size: number): Buffer {
  return Buffer.alloc(aligned(size) - size, " ");
}

export interface Unpacked<Header> {
  readonly header: Header;
  readonly parts: readonly Buffer[];
}

/** Undefined where there is none of `count` parts, or it is damaged. Reads the first `wanted` parts, and no more of the file than that takes. */
export function unpack<Header extends object>(
  file: string,
  count: number,
  wanted = count,
): Unpacked<Header> | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    const { size } = fstatSync(descriptor);
    const front = read(descriptor, 0, Math.min(size, magic.length + 4));
    if (front.length < magic.length + 4 || front.toString("latin1", 0, magic.length) !== magic) return undefined;
    const json = read(descriptor, front.length, Math.min(size - front.length, front.readUInt32LE(magic.length)));
    const header = JSON.parse(json.toString("utf8")) as (Header & { readonly sizes?: unknown }) | null;
    const sizes = header?.sizes;
    if (header === null || !Array.isArray(sizes) || sizes.length !== count) return undefined;
    const begin = aligned(front.length + json.length);
    const ends = [begin];
    for (const length of sizes as number[]) ends.push(aligned(ends.at(-1)! + length));
    if (ends.at(-1) !== size) return undefined;
    const bytes = read(descriptor, begin, ends[wanted]! - begin);
    const parts = (sizes as number[]).slice(0, wanted).map((length, i) => {
      const at = ends[i]! - begin;
      return bytes.subarray(at, at + length);
    });
    return { header, parts };
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function aligned(at: number): number {
  return at + (-at & 7);
}

/** Into memory of its own, which is aligned as numbers want it. */
function read(descriptor: number, at: number, length: number): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(length));
  if (readSync(descriptor, bytes, 0, length, at) !== length) throw new Error("it became shorter");
  return bytes;
}

/** Paths as a part: none holds a zero byte. */
export function packPaths(paths: readonly string[]): Buffer {
  return Buffer.from(paths.join("\0"), "utf8");
}

export function unpackPaths(part: Buffer): string[] {
  return part.length === 0 ? [] : part.toString("utf8").split("\0");
}

/**
 * Four 64-bit floats a path: size, mtime (ms), ctime (ms), inode; -1 four times for a path that must not exist. (Times to a quarter of a
 * microsecond: no two writes are that near. Whole nanoseconds would make a look at a hundred thousand files take half as long again.) A folder stands for
 * its listing: its times move when an entry comes, goes or is renamed.
 */
export function unpackStats(part: Buffer): Float64Array {
  return new Float64Array(part.buffer, part.byteOffset, part.byteLength >> 3);
}

const statOptions = { throwIfNoEntry: false } as const;

/**
 * Whether the path is as the four numbers from `at` on say: there is nothing any more, or it has changed or cannot be looked at. A folder's size says nothing
 * that its times do not. A path from the working folder is the quickest: the kernel has less to walk.
 */
export function lookAt(path: string, stats: Float64Array, at: number): "as stamped" | "gone" | "changed" {
  let stat;
  try {
    stat = statSync(path, statOptions);
  } catch {
    return stats[at] === -1 ? "as stamped" : "changed";
  }
  if (stat === undefined) return stats[at] === -1 ? "as stamped" : "gone";
  const isSame =
    stat.size === stats[at] &&
    stat.mtimeMs === stats[at + 1] &&
    stat.ctimeMs === stats[at + 2] &&
    stat.ino === stats[at + 3];
  return isSame ? "as stamped" : "changed";
}

/** Paths that are as from the working folder where they lie in it; `from` leads to those that are not absolute. */
function firstChanged([paths, stats]: readonly Buffer[], from: string): Changed | undefined {
  const numbers = unpackStats(stats!);
  const all = unpackPaths(paths!);
  if (numbers.length !== all.length * 4) return { changed: "", resized: false };
  for (let i = 0; i < all.length; i++) {
    const path = from === "" || all[i]!.startsWith("/") ? all[i]! : from + all[i]!;
    if (lookAt(path, numbers, i * 4) !== "as stamped")
      return { changed: path, resized: sizeOf(path) !== numbers[i * 4] };
  }
  return undefined;
}

function sizeOf(path: string): number | undefined {
  try {
    return statSync(path, statOptions)?.size;
  } catch {
    return undefined;
  }
}

/** Variables that are as they were when they were read. */
export function areAsSet(
  read: readonly (readonly [name: string, value: string | null])[],
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return read.every(([name, value]) => (environment[name] ?? null) === value);
}

/** The first path that is not as it was, and whether it has another size: what has the same may only have been touched. */
export interface Changed {
  readonly changed: string;
  readonly resized: boolean;
}

/** What to print: everything is still as the stamp says. */
export type StampSays = { readonly output: string } | Changed;

/** Undefined: there is no stamp for what is asked, by this program in this environment. */
export function checkStamp(
  file: string,
  asked: string,
  build: string,
  environment: NodeJS.ProcessEnv,
): StampSays | undefined {
  const stamp = unpack<StampHeader>(file, 2);
  if (stamp === undefined) return undefined;
  const { header, parts } = stamp;
  if (header.build !== build || header.node !== process.version || header.asked !== asked) return undefined;
  if (!areAsSet(header.environment, environment)) return undefined;
  const { left, output } = header;
  const rest = left === undefined ? undefined : unpack<VersionedHeader>(left.file, leftParts, 2);
  if (rest?.header.version !== left?.version) return undefined;
  return (
    firstChanged(parts, "") ?? (rest === undefined ? undefined : firstChanged(rest.parts, left!.from)) ?? { output }
  );
}

/** How many parts the file of what was left has. */
export const leftParts = 6;

/** What decides what would be printed, beside the project's state. */
export function askedText(argv: readonly string[], workingFolder: string, screen: string): string {
  return JSON.stringify([argv, workingFolder, screen]);
}

/** The name of the stamp's file: a hash (FNV-1a) that need not be unique, because the stamp itself says what was asked. */
export function stampName(asked: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < asked.length; i++) hash = Math.imul(hash ^ asked.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** What of the screen decides how output looks. */
export function screenOf(isTerminal: boolean, environment: NodeJS.ProcessEnv): string {
  return [isTerminal, environment.NO_COLOR ?? "", environment.FORCE_COLOR ?? "", environment.TERM === "dumb"].join();
}
