// Decides what goes from the cache. What runs reach stays, whatever the limits say; of the rest goes what was not used for too long, and then what
// was used longest ago, until the cache is small enough. Removes nothing.

import type { Reach } from "./reach.ts";
import type { Digest } from "../../model/digest.ts";

export interface Limits {
  readonly maxSizeBytes: number;
  readonly maxAgeMs: number;
}

export interface CachePlan {
  /** Members of the census. */
  readonly blobs: readonly number[];
  /** Whether the entry goes whatever becomes of its content; others go when their content does. */
  readonly isEntryGoing: (key: Digest) => boolean;
  readonly now: Amount;
  readonly reached: Amount;
  readonly goes: Amount & Cost & { readonly byAge: Amount; readonly bySize: Amount };
}

export interface Amount {
  readonly blobs: number;
  readonly results: number;
  readonly bytes: number;
}

/** What it takes to get back what goes. */
export interface Cost {
  readonly tookMs: number;
  readonly costUsd: number;
}

const why = { stays: 0, age: 1, size: 2, content: 3 } as const;

/** `marked`: what an earlier collection has decided to remove, and could not yet. */
export function planCache(reach: Reach, limits: Limits, marked: readonly number[], now: number): CachePlan {
  const { blobs, entries } = reach;
  const blobGoes = new Uint8Array(blobs.digests.size);
  const entryGoes = new Uint8Array(entries.keys.size);
  const oldest = now - limits.maxAgeMs;
  const all = { ...amount(), bytes: reach.idleBytes };
  const reached = amount();
  for (const [i, bytes] of blobs.sizes.entries()) {
    addTo(all, "blobs", bytes);
    if (reach.isReached[i] === true) addTo(reached, "blobs", bytes);
    else if (reach.lastUsed[i]! < oldest) blobGoes[i] = why.age;
  }
  for (const [i, bytes] of entries.sizes.entries()) {
    addTo(all, "results", bytes);
    if (entries.isReached[i] === true) addTo(reached, "results", bytes);
    else if (entries.lastUsed[i]! < oldest) entryGoes[i] = why.age;
  }
  for (const member of marked)
    if (reach.isReached[member] !== true && blobGoes[member] === 0) blobGoes[member] = why.size;

  let left = all.bytes;
  for (const [i, bytes] of blobs.sizes.entries()) if (blobGoes[i] !== why.stays) left -= bytes;
  for (const [i, bytes] of entries.sizes.entries()) if (entryGoes[i] !== why.stays) left -= bytes;
  if (left > limits.maxSizeBytes) {
    // Blobs by their number, entries by the numbers after those.
    const count = blobs.digests.size;
    const candidates: number[] = [];
    for (let i = 0; i < count; i++) if (blobGoes[i] === 0 && reach.isReached[i] !== true) candidates.push(i);
    for (let i = 0; i < entries.keys.size; i++)
      if (entryGoes[i] === 0 && entries.isReached[i] !== true) candidates.push(count + i);
    const usedAt = (i: number) => (i < count ? reach.lastUsed[i]! : entries.lastUsed[i - count]!);
    candidates.sort((a, b) => usedAt(a) - usedAt(b) || a - b);
    for (const i of candidates) {
      if (left <= limits.maxSizeBytes) break;
      left -= i < count ? blobs.sizes[i]! : entries.sizes[i - count]!;
      if (i < count) blobGoes[i] = why.size;
      else entryGoes[i - count] = why.size;
    }
  }

  const cost = { tookMs: 0, costUsd: 0 };
  reach.forEachUnreached((key, result) => {
    const entry = entries.keys.indexOf(key);
    let isGoing = entry >= 0 && entryGoes[entry] !== why.stays;
    let isLost = false;
    for (const digest of reach.contentOf(result)) {
      const member = blobs.digests.indexOf(digest);
      if (member >= 0 && blobGoes[member] !== why.stays) isGoing = true;
      if (!reach.isPresent(digest)) isLost = true;
    }
    if (entry >= 0 && (isGoing || isLost)) entryGoes[entry] ||= why.content;
    // What was lost before is not lost by this collection.
    if (!isGoing || isLost) return;
    cost.tookMs += result.tookMs;
    cost.costUsd += result.costUsd;
  });

  const [byAge, bySize] = [amount(), amount()];
  const going: number[] = [];
  for (const [i, bytes] of blobs.sizes.entries()) {
    if (blobGoes[i] === why.stays) continue;
    going.push(i);
    addTo(blobGoes[i] === why.age ? byAge : bySize, "blobs", bytes);
  }
  for (const [i, bytes] of entries.sizes.entries())
    if (entryGoes[i] !== why.stays) addTo(entryGoes[i] === why.age ? byAge : bySize, "results", bytes);
  return {
    blobs: going,
    isEntryGoing: (key) => {
      const entry = entries.keys.indexOf(key);
      return entry >= 0 && (entryGoes[entry] === why.age || entryGoes[entry] === why.size);
    },
    now: all,
    reached,
    goes: { ...sum(byAge, bySize), ...cost, byAge, bySize },
  };
}

type Counting = { -readonly [Name in keyof Amount]: Amount[Name] };

export function amount(): Counting {
  return { blobs: 0, results: 0, bytes: 0 };
}

export function addTo(to: Counting, kind: "blobs" | "results", bytes: number): void {
  to[kind] += 1;
  to.bytes += bytes;
}

function sum(one: Amount, other: Amount): Amount {
  return {
    blobs: one.blobs + other.blobs,
    results: one.results + other.results,
    bytes: one.bytes + other.bytes,
  };
}
