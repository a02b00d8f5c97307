// Blobs in a folder: `<root>/ab/abcdef…`, read-only, written under a temporary name and renamed. Files are synced, because a result that
// is reported finished must survive power loss; bytes are synced where whoever puts them says so. Unaware of actions and runs.

import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { digestOfBytes, startDigest, type BlobRef, type Digest } from "../../model/digest.ts";
import {
  copyWhole,
  hasCode,
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
  readonly #digests: FileDigests;
  /** Blobs that a collection is about to remove; null when there is no mark. Read at the first question. */
  #mark: Mark | null | undefined;

  /** `digests` remembers by stat which files were hashed: a blob is verified when its stat is new or has changed. */
  constructor(root: string, digests: FileDigests) {
    this.root = root;
    this.#digests = digests;
  }

  has(digest: Digest): boolean {
    return this.pathOf(digest) !== undefined;
  }

  /** Looks for a collection's mark now. Who relies on what is here for longer than a moment takes a lease first, and then calls this. */
  heedMark(): void {
    this.#mark = readMark(this.root) ?? null;
  }

  pathOf(digest: Digest): string | undefined {
    const path = this.#pathFor(digest);
    // A blob that is marked is as good as gone: put again, it is a file that was not marked.
    if (this.#marked?.isMarked(digest, path) === true) return undefined;
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
    if (this.pathOf(digest) === undefined) {
      const durable = options.durable === true;
      if (this.#marked === undefined) writeAtomic(path, bytes, { mode: 0o444, durable });
      else {
        const temporary = temporaryName(path);
        writeAtomic(temporary, bytes, { mode: 0o444, durable });
        this.#name(temporary, path, durable);
      }
    }
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
    mkdirSync(dirname(target), { recursive: true });
    if (options.move === true) {
      chmodSync(path, 0o444);
      if (durable) syncFile(path);
      try {
        const temporary = this.#marked === undefined ? path : temporaryName(target);
        if (temporary !== path) renameSync(path, temporary);
        this.#name(temporary, target, durable);
        return blob;
      } catch (error) {
        if (!hasCode(error, "EXDEV")) throw error;
      }
    }
    // Copied under a temporary name and hashed again there: the file may be edited while it is copied.
    const temporary = temporaryName(target);
    copyWhole(path, temporary);
    const copied = digestOfFile(temporary);
    chmodSync(temporary, 0o444);
    if (durable) syncFile(temporary);
    const place = this.#pathFor(copied.digest);
    mkdirSync(dirname(place), { recursive: true });
    const beside = this.#marked === undefined ? temporary : temporaryName(place);
    if (beside !== temporary) renameSync(temporary, beside);
    this.#name(beside, place, durable);
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

  /** Gives a whole file its name; while there is a mark, in the order that mark.ts tells: `temporary` lies in the folder of `path` then. */
  #name(temporary: string, path: string, durable: boolean): void {
    if (this.#marked !== undefined) awaitSweep(dirname(path));
    renameSync(temporary, path);
    if (durable) syncFolder(dirname(path));
  }

  get #marked(): Mark | undefined {
    if (this.#mark === undefined) this.heedMark();
    return this.#mark ?? undefined;
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
