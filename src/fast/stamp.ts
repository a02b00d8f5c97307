// The stamp of the fast path: everything that a complete, successful build looked at, as flat arrays of stats. It is read before anything else is
// loaded, so this file imports node:fs only. Any doubt falls through to the real thing.

import { readFileSync, statSync } from "node:fs";

/**
 * A JSON header, then the stats as 64-bit floats, four a path: size, mtime (ms), ctime (ms), inode; -1 four times for a path that must not exist. (Times
 * to a quarter of a microsecond: no two writes are that near. Whole nanoseconds would make a look at a hundred thousand files take half as long again.)
 * A folder stands for its listing: its times move when an entry comes, goes or is renamed.
 */
export interface StampHeader {
  readonly format: 2;
  /** Which program wrote it. */
  readonly build: string;
  readonly node: string;
  /** Command line, working folder and screen, as the stamp's name has them by hash. */
  readonly asked: string;
  readonly paths: readonly string[];
  /** Variables that were read, with their values; null: not set. */
  readonly environment: readonly (readonly [name: string, value: string | null])[];
  /** What to print, byte for byte. */
  readonly output: string;
}

export const stampFormat = 2;
const magic = "exp-stamp-2\n";

/** The bytes of a stamp, or of another file of this form. `stats` holds four numbers a path. */
export function packStamp(header: object, stats: Float64Array): Buffer {
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const start = magic.length + 4 + json.length;
  const padding = (8 - (start % 8)) % 8;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length + padding);
  return Buffer.concat([
    Buffer.from(magic),
    length,
    json,
    Buffer.alloc(padding, " "),
    Buffer.from(stats.buffer, stats.byteOffset, stats.byteLength),
  ]);
}

export interface Unpacked<Header> {
  readonly header: Header;
  readonly stats: Float64Array;
}

/** Undefined where there is none, or it is damaged. */
export function unpackStamp<Header extends Pick<StampHeader, "paths" | "environment">>(
  file: string,
): Unpacked<Header> | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return undefined;
  }
  if (bytes.length < magic.length + 4 || bytes.toString("latin1", 0, magic.length) !== magic) return undefined;
  const start = magic.length + 4 + bytes.readUInt32LE(magic.length);
  let header: Header | null;
  try {
    header = JSON.parse(bytes.toString("utf8", magic.length + 4, start)) as Header | null;
  } catch {
    return undefined;
  }
  if (!Array.isArray(header?.paths) || !Array.isArray(header.environment)) return undefined;
  if (bytes.length !== start + header.paths.length * 32) return undefined;
  // A copy only where the buffer from the pool is not aligned.
  const aligned = (bytes.byteOffset + start) % 8 === 0 ? bytes : Buffer.from(bytes);
  return {
    header,
    stats: new Float64Array(aligned.buffer, aligned.byteOffset + start, header.paths.length * 4),
  };
}

const statOptions = { throwIfNoEntry: false } as const;
let here: string | undefined;

/** From the working folder where it leads there: the kernel has less to walk, which makes the look a third quicker. */
function nearer(path: string): string {
  here ??= `${process.cwd()}/`;
  return path.startsWith(here) ? path.slice(here.length) : path;
}

/** Whether the path is as the four numbers from `at` on say. A folder's size says nothing that its times do not. */
export function isAsStamped(path: string, stats: Float64Array, at: number): boolean {
  return lookAt(path, stats, at) === "as stamped";
}

/** The same, telling a path at which there is nothing any more from one that has changed or cannot be looked at. */
export function lookAt(path: string, stats: Float64Array, at: number): "as stamped" | "gone" | "changed" {
  let stat;
  try {
    stat = statSync(nearer(path), statOptions);
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

export type StampSays =
  /** What to print: everything is still as the stamp says. */
  | { readonly output: string }
  /** The first path that is not, and whether it has another size: what has the same may only have been touched. */
  | { readonly changed: string; readonly resized: boolean };

/** Undefined: there is no stamp for what is asked, by this program in this environment. */
export function checkStamp(
  file: string,
  asked: string,
  build: string,
  environment: NodeJS.ProcessEnv,
): StampSays | undefined {
  const stamp = unpackStamp<StampHeader>(file);
  if (stamp === undefined) return undefined;
  const { header, stats } = stamp;
  if (header.build !== build || header.node !== process.version || header.asked !== asked) return undefined;
  if (!areAsSet(header.environment, environment)) return undefined;
  const { paths } = header;
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i]!;
    if (!isAsStamped(path, stats, i * 4)) return { changed: path, resized: sizeOf(path) !== stats[i * 4] };
  }
  return { output: header.output };
}

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
