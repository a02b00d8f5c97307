// Blobs in a folder: `<root>/ab/abcdef…`, read-only, written under a temporary name and renamed. Files are synced, because a result that
// is reported finished must survive power loss; bytes are synced where whoever puts them says so. Unaware of actions and runs.

import { chmodSync, constants, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { digestOfBytes, startDigest, type BlobRef, type Digest } from "../../model/digest.ts";
import {
  copyWhole,
  hasCode,
  isMissing,
  readPieces,
  syncAll,
  syncFile,
  syncFolder,
  temporaryName,
  writeAtomic,
} from "../../util/fs.ts";
import { statOf } from "../../util/stat.ts";
import { awaitSweep, readMark, type Mark } from "./mark.ts";
import type { BlobStore, FileDigests, PutFileOptions } from "./store.ts";

export class LocalStore implements BlobStore {
  readonly root: string;
  /** Where blobs are written under temporary names: a sweep after dead writers need not look through all of them. */
  readonly staging: string;
  readonly #digests: FileDigests;
  #mark: Mark | undefined;

  /** `digests` remembers by stat which files were hashed: a blob is verified when its stat is new or has changed. */
  constructor(root: string, digests: FileDigests) {
    this.root = root;
    this.staging = join(root, "tmp");
    this.#digests = digests;
  }

  has(digest: Digest): boolean {
    return this.pathOf(digest) !== undefined;
  }

  heedMark(): void {
    this.#mark = readMark(this.root);
  }

  get heedsMark(): boolean {
    return this.#mark !== undefined;
  }

  pathOf(digest: Digest): string | undefined {
    const path = this.#pathFor(digest);
    if (this.#mark?.isMarked(digest, path) === true && !this.#rescue(path)) return undefined;
    const found = this.#digests.digestOf(path);
    if (found === undefined) return undefined;
    if (found.digest === digest) return path;
    // Damaged: its content is not what its name says. Out of the way, so that the right one can come.
    rmSync(path, { force: true });
    return undefined;
  }

  putBytes(bytes: Uint8Array | string, options: { readonly durable?: boolean } = {}): BlobRef {
    const digest = digestOfBytes(bytes);
    const path = this.#pathFor(digest);
    // What lies there under this name may be damaged: then it is not there.
    if (this.pathOf(digest) === undefined)
      writeAtomic(path, bytes, { mode: 0o444, durable: options.durable === true, staging: this.#makeStaging() });
    return { digest, size: Buffer.byteLength(bytes) };
  }

  putFile(path: string, options: PutFileOptions = {}): BlobRef {
    const durable = options.durable !== false;
    const blob = options.known ?? digestOfFile(path);
    const target = this.#pathFor(blob.digest);
    if (this.pathOf(blob.digest) !== undefined) {
      if (options.move === true) rmSync(path, { force: true });
      return blob;
    }
    if (options.move === true) {
      chmodSync(path, 0o444);
      if (durable) syncFile(path);
      try {
        this.#moveIn(path, target);
        if (durable) syncFolder(dirname(target));
        return blob;
      } catch (error) {
        if (!hasCode(error, "EXDEV")) throw error;
      }
    }
    // Copied under a temporary name and hashed again there: the file may be edited while it is copied.
    const staging = this.#makeStaging();
    const temporary = temporaryName(target, staging);
    copyWhole(path, temporary, staging);
    const copied = digestOfFile(temporary);
    chmodSync(temporary, 0o444);
    if (durable) syncFile(temporary);
    const place = this.#pathFor(copied.digest);
    this.#moveIn(temporary, place);
    if (durable) syncFolder(dirname(place));
    return copied;
  }

  async sync(digests: readonly Digest[]): Promise<void> {
    const paths = [...new Set(digests)].map((digest) => this.#pathFor(digest));
    await syncAll(paths);
    await syncAll([...new Set(paths.map(dirname))]);
  }

  read(digest: Digest): Buffer | undefined {
    const path = this.pathOf(digest);
    return path === undefined ? undefined : readFileSync(path);
  }

  #makeStaging(): string {
    mkdirSync(this.staging, { recursive: true });
    return this.staging;
  }

  /** There are 256 folders, and mostly they are there: looking first would cost each blob two calls more. */
  #moveIn(path: string, target: string): void {
    try {
      renameSync(path, target);
    } catch (error) {
      if (!isMissing(error)) throw error;
      mkdirSync(dirname(target), { recursive: true });
      renameSync(path, target);
    }
  }

  /** Puts a copy in the place of a blob that is marked: that is a file which is not. In the order of steps that mark.ts tells. False: it is gone. */
  #rescue(path: string): boolean {
    // Beside it, not in the staging folder: a sweep sees by its name which blob is being saved.
    const temporary = temporaryName(path);
    try {
      copyFileSync(path, temporary, constants.COPYFILE_FICLONE);
      syncFile(temporary);
      awaitSweep(dirname(path));
      renameSync(temporary, path);
      return true;
    } catch (error) {
      rmSync(temporary, { force: true });
      if (hasCode(error, "ENOENT")) return false;
      throw error;
    }
  }

  #pathFor(digest: Digest): string {
    return join(this.root, digest.slice(0, 2), digest);
  }
}

/** Remembers nothing: hashes each time. */
export const freshDigests: FileDigests = {
  digestOf: (path) => (statOf(path)?.isFile() === true ? digestOfFile(path) : undefined),
};

/** SHA-256 of a file, read once. */
export function digestOfFile(path: string): BlobRef {
  const digest = startDigest();
  let size = 0;
  readPieces(path, (piece) => {
    digest.update(piece);
    size += piece.length;
  });
  return { digest: digest.end(), size };
}
