// Small helpers over node:fs: whole-or-nothing writes, hashing in large reads, durable appends.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  fdatasync,
  fstatSync,
  fsync,
  fsyncSync,
  futimesSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { processTag } from "./host.ts";
import { Lanes } from "./lanes.ts";

export function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR");
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

let names = randomBytes(4).readUInt32LE();

/** A name beside `path` (or in the folder `staging` of the same file system) that nobody else uses. */
export function temporaryName(path: string, staging?: string): string {
  // Counted, not drawn anew: one is needed for each file that is written. The first is random, for the threads of one process each count by themselves.
  names = (names + 1) >>> 0;
  const name = `${processTag()}.${names.toString(16).padStart(8, "0")}.tmp`;
  return staging === undefined ? `${path}.${name}` : join(staging, name);
}

/** The tag of the process that a name by `temporaryName` belongs to. */
export function ownerOfTemporary(name: string): string | undefined {
  return name.endsWith(".tmp") ? /(?:^|\.)([0-9a-f]+-\d+)\.[0-9a-f]{8}\.tmp$/.exec(name)?.[1] : undefined;
}

/** Writes all of it or nothing: to a temporary name, then renamed. With `durable`, it survives power loss. */
export function writeAtomic(
  path: string,
  data: string | Uint8Array | readonly Uint8Array[],
  options: WriteOptions & { readonly staging?: string } = {},
): void {
  const temporary = temporaryName(path, options.staging);
  try {
    // Folders are made only where they are missing: a look at them for each of ten thousand outputs is as dear as writing a small one.
    withFolder(temporary, () => writeNew(temporary, data, options));
    withFolder(path, () => renameSync(temporary, path));
    if (options.durable === true) syncFolder(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

interface WriteOptions {
  readonly durable?: boolean;
  readonly mode?: number;
  /** When it is to be changed last: seconds since 1970. */
  readonly changed?: number | undefined;
}

/** Makes the folder that `path` is to lie in, if that is what is missing. */
export function withFolder(path: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isMissing(error)) throw error;
    makeFolder(dirname(path));
    act();
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    // Node says so of a file system that is mounted to be read only, too; without `recursive` it says what is the matter.
    if (isMissing(error)) mkdirSync(path);
    throw error;
  }
}

function writeNew(
  path: string,
  data: string | Uint8Array | readonly Uint8Array[],
  { durable, mode = 0o666, changed }: WriteOptions,
): void {
  const isWhole = typeof data === "string" || data instanceof Uint8Array;
  if (isWhole && durable !== true && changed === undefined) return writeFileSync(path, data, { flag: "wx", mode });
  const fd = openSync(path, "wx", mode);
  try {
    // Not `writeSync`, which may write less than all of it.
    for (const piece of isWhole ? [data] : data) writeFileSync(fd, piece);
    if (changed !== undefined) futimesSync(fd, changed, changed);
    if (durable === true) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Removes a file that may be gone; a third of what `rmSync` takes, which looks first whether it is a folder. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Makes a file's content durable. */
export function syncFile(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** As many syncs wait for the disk at once as there are threads to wait in. */
export const syncsAtOnce = 16;

/** Makes files and folders durable, several at a time: the disk joins what would wait one after the other. */
export async function syncAll(paths: readonly string[]): Promise<void> {
  await new Lanes(syncsAtOnce).each(paths, async (path) => {
    // Opened here, not in a thread: that is as quick as handing it over, and the threads are for waiting.
    const fd = openSync(path, "r");
    try {
      await syncWhole(fd);
    } finally {
      closeSync(fd);
    }
  });
}

function syncWhole(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(fd, (error) => (error ? reject(error) : resolve()));
  });
}

/** Makes names in a folder durable. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function syncData(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(fd, (error) => (error ? reject(error) : resolve()));
  });
}

/** Copies by reflink where the file system can, never by hard link: a recipe running as root could write through one. */
export function copyWhole(from: string, to: string, staging?: string, changed?: number): void {
  mkdirSync(dirname(to), { recursive: true });
  const temporary = temporaryName(to, staging);
  try {
    copyFileSync(from, temporary, constants.COPYFILE_FICLONE);
    if (changed !== undefined) utimesSync(temporary, changed, changed);
    renameSync(temporary, to);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Copies a file to where there is none. Small ones by reading and writing: Node's copy truncates the new file first, upon which ext4 writes it out
 * when it is closed, and whoever syncs next waits for thousands of them.
 */
export function copyNew(from: string, to: string, changed?: number): void {
  const source = openSync(from, "r");
  try {
    const { size, mode } = fstatSync(source);
    if (size < chunkBytes) return writeNew(to, readFileSync(source), { mode, changed });
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
    if (changed !== undefined) utimesSync(to, changed, changed);
  } finally {
    closeSync(source);
  }
}

const chunkBytes = 1 << 20;
let chunk: Buffer | undefined;

/** Calls `take` with pieces of up to 1 MiB: larger reads than a stream's default are 2.2 times faster. Synchronous on purpose. */
export function readPieces(path: string, take: (piece: Buffer) => void): void {
  const buffer = (chunk ??= Buffer.allocUnsafe(chunkBytes));
  const fd = openSync(path, "r");
  try {
    for (;;) {
      const got = readSync(fd, buffer, 0, chunkBytes, null);
      if (got === 0) return;
      take(buffer.subarray(0, got));
    }
  } finally {
    closeSync(fd);
  }
}

/** For reading; undefined where there is none. */
export function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export function readTextIfThere(path: string): string | undefined {
  return readIfThere(path)?.toString("utf8");
}

/** As `listTree`, but links to folders are gone through. One that leads back to a folder above it is listed like a file, and ends the listing. */
export function listTreeThroughLinks(folder: string): string[] {
  return walkTreeThroughLinks(folder).files;
}

/**
 * The files, relative, and every folder that was looked at for them, as a path that begins with `folder`. `odd`: those of the files that are links, pipes,
 * devices or a folder that leads back to itself.
 */
export function walkTreeThroughLinks(folder: string): {
  readonly files: string[];
  readonly folders: string[];
  readonly odd: string[];
} {
  const files: string[] = [];
  const odd: string[] = [];
  const folders: string[] = [];
  let isCircular = false;
  const walk = (relative: string, above: readonly string[]) => {
    const inside = join(folder, relative);
    const real = realpathSync(inside);
    if (above.includes(real)) {
      // There is no end to what lies behind it, and many of them have no end in reasonable time even where each is left after one turn.
      isCircular = true;
      files.push(relative);
      odd.push(relative);
      return;
    }
    folders.push(inside);
    for (const entry of readdirSync(inside, { withFileTypes: true })) {
      if (isCircular) return;
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(folder, path)))) walk(path, [...above, real]);
      else {
        files.push(path);
        if (!entry.isFile()) odd.push(path);
      }
    }
  };
  walk("", []);
  return { files: files.sort(), folders, odd };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // A link that leads nowhere, or only to itself.
  }
}

/** Relative paths of all files below a folder, with `/`, sorted by code unit. Links are listed as files. */
export function listTree(folder: string): string[] {
  const result: string[] = [];
  const walk = (relative: string) => {
    for (const entry of readdirSync(join(folder, relative), { withFileTypes: true })) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else result.push(path);
    }
  };
  walk("");
  return result.sort();
}
