// What every store of blobs offers, and whoever knows the digests of files. A blob is addressed by its digest; who puts it cannot choose its name.

import type { BlobRef, Digest } from "../../model/digest.ts";

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
}

export interface PutFileOptions {
  readonly move?: boolean;
  readonly known?: BlobRef;
  /** True if not said. */
  readonly durable?: boolean;
}

/** The digests of files, remembered or not; undefined where there is no file. */
export interface FileDigests {
  digestOf(path: string): BlobRef | undefined;
}
