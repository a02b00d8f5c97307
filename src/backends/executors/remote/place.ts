// A place that driver and batches both reach, where they share no files: content by its digest, and short messages by names that were agreed on. Whoever
// implements it knows where that is. All of it throws when the place does not answer; whoever asks decides whether to ask again.

import type { BlobRef, Digest } from "../../../model/digest.ts";

export interface Place {
  /** For people; holds no secret. */
  readonly name: string;
  /** Content of the local store, for the other side. */
  put(blobs: readonly BlobRef[]): Promise<void>;
  /** Content into the local store, verified. What is not there, or is not what its digest says, comes back. */
  bring(blobs: readonly BlobRef[]): Promise<readonly BlobRef[]>;
  /** Once: what has been written under a name stays. */
  write(name: Digest, bytes: Buffer): Promise<void>;
  /**
   * Undefined: nothing has been written yet. What was there at `asOf` (of `performance.now()`) is seen; without it, what is seen may be of a moment
   * before.
   */
  read(name: Digest, asOf?: number): Promise<Buffer | undefined>;
}
