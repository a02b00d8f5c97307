// What a cache that others share offers, wherever it lies: entries by name, read whole or from somewhere on, put once. Knows nothing of what they say.

import type { Digest } from "../../model/digest.ts";

/** `ac`: results by action key. `cas`: content by its digest. The names are those of Bazel's caches. */
export type SharedKind = "ac" | "cas";

export interface SharedEntry {
  /** Where the bytes begin: a server may not know how to begin in the middle. */
  readonly from: number;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** When it was last used, milliseconds since 1970, where the place has a keeper. */
  readonly usedAt?: number;
}

export type SharedContent = { readonly bytes: Uint8Array } | { readonly file: string; readonly size: number };

export function sizeOf(content: SharedContent): number {
  return "bytes" in content ? content.bytes.length : content.size;
}

/** All throw when the place does not answer, refuses, or breaks off: an `Error` whose message says what happened. */
export interface SharedStore {
  /** Undefined: whoever keeps the server keeps it small. */
  readonly keeper: SharedKeeper | undefined;
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
  /** Whole or not at all, and never over what is there. Content that is there counts as used. */
  put(kind: SharedKind, name: Digest, content: SharedContent, signal: AbortSignal): Promise<"put" | "there">;
}

export interface Listed {
  readonly name: Digest;
  readonly size: number;
  /** When it was put or last used, milliseconds since 1970. */
  readonly usedAt: number;
}

/** Of a place whose entries can be listed and removed. It knows when each was last used as well as it is told. */
export interface SharedKeeper {
  /** Notes that an entry is used now; false: it is not there, and is not made. */
  touch(kind: SharedKind, name: Digest, signal: AbortSignal): Promise<boolean>;
  /** All entries of a kind, some at a time. */
  list(kind: SharedKind, signal: AbortSignal): AsyncIterable<readonly Listed[]>;
  /** Removes an entry, unless it was used at that time or since. False: it was. An entry that is gone has been removed. */
  remove(kind: SharedKind, name: Digest, unusedSince: number, signal: AbortSignal): Promise<boolean>;
  /** Removes what those who were killed left half-written before that time. */
  removeLeftovers(before: number, signal: AbortSignal): Promise<void>;
}

/** A use is noted once a day: that is as exact as anybody needs it, and no reader has to write each time. */
export const usesNotedEveryMs = 86_400_000;
