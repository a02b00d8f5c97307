// What every store of blobs offers, and whoever knows the digests of files. A blob is addressed by its digest; who puts it cannot choose its name.

import type { BigIntStats } from "node:fs";
import type { BlobRef, Digest } from "../../model/digest.ts";
import type { StatText } from "../../util/stat.ts";
import type { DigestTable } from "./digest-table.ts";

export interface BlobStore {
  has(digest: Digest): boolean;
  /** The file of a blob, to read from only; undefined when it is not here or its content is no longer what its name says. */
  pathOf(digest: Digest): string | undefined;
  /** With `durable`, it survives power loss. */
  putBytes(bytes: Uint8Array | string, options?: { readonly durable?: boolean }): BlobRef;
  /** Takes a file in by copy, or by `move` where the caller gives it up. Durable when it returns. */
  putFile(path: string, options?: PutFileOptions): BlobRef;
  /** Makes blobs durable that were put with `durable: false`: many at once, which is much faster than one by one. */
  sync(digests: readonly Digest[]): Promise<void>;
  read(digest: Digest): Buffer | undefined;
  /**
   * Looks which blobs a collection has marked to be removed; from then on, each of those that is asked for is saved from it. Who relies on blobs for
   * longer than a moment takes a lease first, and then calls this.
   */
  heedMark(): void;
  /** Whether blobs are marked. Then what is not asked for is not saved, even if something names it that is. */
  readonly heedsMark: boolean;
}

/** What a collection works through. A store that others share, whose runs it cannot see, is collected by age alone. */
export interface CollectableStore {
  census(): Census;
  /** Whether an earlier collection marked blobs and could not remove them yet. */
  hasMark(): boolean;
  /** The members of the census that an earlier collection has marked. */
  markedIn(census: Census): readonly number[];
  /** From now on, whoever begins to use the store saves of these members what it asks for. */
  mark(census: Census, members: readonly number[]): void;
  /**
   * Removes what is marked, but not what `isKept` or what was saved since, and takes the mark away. To be called when nobody uses the
   * store any more who did when the mark was set. Tells which members of the census went.
   */
  sweep(census: Census, isKept: (member: number) => boolean): readonly number[];
}

/** The blobs of a store at one time, in flat arrays by number: there may be millions. */
export interface Census {
  readonly digests: DigestTable;
  readonly sizes: readonly number[];
  /** When each was put: milliseconds since 1970. */
  readonly putAt: readonly number[];
  readonly inodes: readonly number[];
  readonly ctimes: readonly number[];
}

export interface PutFileOptions {
  readonly move?: boolean;
  readonly known?: BlobRef;
  /** True if not said. */
  readonly durable?: boolean;
}

/** The digests of files, remembered or not; undefined where there is no file. */
export interface FileDigests {
  /** `stat`: for who has just looked. */
  digestOf(path: string, stat?: BigIntStats): BlobRef | undefined;
}

/** A file's content, with the stat for which that holds. */
export interface FoundFile extends BlobRef {
  readonly seen: StatText;
}
