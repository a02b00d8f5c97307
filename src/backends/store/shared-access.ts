// What it takes to speak to a shared cache, and how a result is read from there: for all who do.

import type { Digest } from "../../model/digest.ts";
import { longestEntryBytes, readEntry, type ReadEntry } from "./shared-entry.ts";
import type { Guard } from "./shared-guard.ts";
import type { SharedStore } from "./shared.ts";

export interface SharedAccess {
  readonly remote: SharedStore;
  readonly guard: Guard;
  /** Results are signed with it, and no others are taken. */
  readonly secret: string | undefined;
  /** How long it may say nothing, milliseconds: before its answer, and between any two pieces of it. */
  readonly patienceMs: number;
  /** How many requests may be under way at once. */
  readonly width: number;
}

/** `usedAt`: when it was last used, where that is known. */
export type FoundResult = (ReadEntry & { readonly usedAt?: number }) | { readonly kind: "absent" };

/** Undefined: there was no answer, of which has been warned. */
export async function readResult(access: SharedAccess, key: Digest): Promise<FoundResult | undefined> {
  const { remote, guard, secret, patienceMs } = access;
  return guard.ask<FoundResult>({
    ...{ way: "reading", what: "asked for results", patienceMs },
    act: async (signal, alive) => {
      const entry = await remote.get("ac", key, { signal });
      if (entry === undefined) return { kind: "absent" };
      const read = readEntry(key, await gather(entry.bytes, longestEntryBytes, alive), secret);
      return entry.usedAt === undefined ? read : { ...read, usedAt: entry.usedAt };
    },
  });
}

export async function gather(bytes: AsyncIterable<Uint8Array>, most: number, alive: () => void): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    alive();
    length += piece.length;
    if (length > most) throw new Error(`an entry is longer than ${most} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
