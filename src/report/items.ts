// A fan-out's items in words.

import { countOf, formatCount } from "./amounts.ts";

/** Of a fan-out, by what a build would do with each. */
export interface ItemCounts {
  readonly fresh: number;
  readonly cached: number;
  readonly stale: number;
}

export function totalOf({ fresh, cached, stale }: ItemCounts): number {
  return fresh + cached + stale;
}

/** `1,000 items: 950 fresh, 50 stale`; where all are alike, `1,000 items`. */
export function wordItemCounts(counts: ItemCounts): string {
  const parts = partsOf(counts);
  const all = countOf(totalOf(counts), "item");
  return parts.length < 2 ? all : `${all}: ${parts.join(", ")}`;
}

/** `×1,000 (950 fresh, 50 stale)`; where all are alike, `×1,000`. */
export function wordFanOut(counts: ItemCounts): string {
  const parts = partsOf(counts);
  const all = `×${formatCount(totalOf(counts))}`;
  return parts.length < 2 ? all : `${all} (${parts.join(", ")})`;
}

function partsOf(counts: ItemCounts): readonly string[] {
  return (["fresh", "cached", "stale"] as const)
    .filter((state) => counts[state] > 0)
    .map((state) => `${formatCount(counts[state])} ${state}`);
}
