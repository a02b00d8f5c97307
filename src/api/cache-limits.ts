// How much the cache may hold, and for how long: as people write it, and as numbers.

/** What may be said of the cache in an Expfile. */
export interface CacheLimits {
  /** `"50 GB"`, `"500 MiB"`, bytes as a number, or `"none"`. */
  readonly maxSize?: string | number;
  /** How long what no run stands on is kept after its last use: `"90 days"`, `"12 h"`, `"2 weeks"`, or `"none"`. */
  readonly maxAge?: string;
}

export const defaultCacheLimits = { maxSize: "50 GB", maxAge: "90 days" } as const;

const sizes: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const day = 86_400_000;
const ages: Readonly<Record<string, number>> = { s: 1000, min: 60_000, h: 3_600_000, d: day, w: 7 * day };
const longAges: Readonly<Record<string, string>> = { second: "s", minute: "min", hour: "h", day: "d", week: "w" };

/** Bytes; Infinity for "none"; undefined when it says no size. */
export function parseSize(text: string | number): number | undefined {
  if (typeof text === "number") return text >= 0 ? text : undefined;
  if (text.trim() === "none") return Infinity;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = match === null ? undefined : sizes[match[2] === "" ? "b" : match[2]!.toLowerCase()];
  return unit === undefined ? undefined : Math.round(Number(match![1]) * unit);
}

/** Milliseconds; Infinity for "none"; undefined when it says no time. */
export function parseAge(text: string): number | undefined {
  if (text.trim() === "none") return Infinity;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(text);
  if (match === null) return undefined;
  const word = match[2]!.toLowerCase();
  const unit = ages[word] ?? ages[longAges[word.replace(/s$/, "")] ?? ""];
  return unit === undefined ? undefined : Math.round(Number(match[1]) * unit);
}

/** What is wrong with limits, if anything. */
export function limitsProblem({ maxSize, maxAge }: CacheLimits): string | undefined {
  if (maxSize !== undefined && parseSize(maxSize) === undefined)
    return `cache.maxSize is no size: ${JSON.stringify(maxSize)}. Say "50 GB", "500 MiB" or "none"`;
  if (maxAge !== undefined && parseAge(maxAge) === undefined)
    return `cache.maxAge is no time: ${JSON.stringify(maxAge)}. Say "90 days", "12 h" or "none"`;
  return undefined;
}
