// What a cache that others share offers, wherever it lies: entries by name, read whole or from somewhere on, put once. Knows nothing of what they say.

import type { Digest } from "../../model/digest.ts";

/** `ac`: results by action key. `cas`: content by its digest. The names are those of Bazel's caches. */
export type SharedKind = "ac" | "cas";

export interface SharedEntry {
  /** Where the bytes begin: a server may not know how to begin in the middle. */
  readonly from: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

export type SharedContent = { readonly bytes: Uint8Array } | { readonly file: string; readonly size: number };

/** All throw when the place does not answer, refuses, or breaks off: an `Error` whose message says what happened. */
export interface SharedStore {
  /** Where it is, in words that hold no secret. */
  readonly place: string;
  /** The same of one entry, as whoever keeps the place finds it. */
  placeOf(kind: SharedKind, name: Digest): string;
  /** Undefined: there is no such entry. */
  get(
    kind: SharedKind,
    name: Digest,
    options: { readonly from?: number; readonly signal: AbortSignal },
  ): Promise<SharedEntry | undefined>;
  has(kind: SharedKind, name: Digest, signal: AbortSignal): Promise<boolean>;
  /** Whole or not at all, and never over what is there. */
  put(kind: SharedKind, name: Digest, content: SharedContent, signal: AbortSignal): Promise<"put" | "there">;
}
