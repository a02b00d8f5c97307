// Adjusting p-values for how many were looked at.
// Sources: S. Holm (1979); Y. Hochberg (1988); Y. Benjamini and Y. Hochberg (1995); Y. Benjamini and D. Yekutieli (2001).

/** Holm for a family declared beforehand; BH for exploration; BY when the tests depend on each other in unknown ways. */
export type Adjustment = "none" | "bonferroni" | "holm" | "hochberg" | "BH" | "BY";

/**
 * Adjusted p-values in the order given, at most 1. A missing one (null) stays missing and is not counted.
 *
 * @throws RangeError when a value is not a probability or the method is unknown
 */
export function pAdjust<P extends number | null>(pValues: readonly P[], method: Adjustment): P[] {
  const present = pValues.flatMap((p, place) => (p === null ? [] : [{ p, place }]));
  const bad = present.find(({ p }) => !(p >= 0 && p <= 1));
  if (bad !== undefined) {
    throw new RangeError(
      `pAdjust: p[${bad.place}] is ${bad.p}, but a p-value lies between 0 and 1; use null for a missing one.`,
    );
  }
  const m = present.length;
  present.sort((a, b) => a.p - b.p);
  const adjusted = adjustSorted(
    present.map(({ p }) => p),
    m,
    method,
  );
  const result: (number | null)[] = pValues.map(() => null);
  present.forEach(({ place }, i) => (result[place] = Math.min(1, adjusted[i]!)));
  return result as P[];
}

/** The adjusted values of `m` ascending p-values. */
function adjustSorted(p: readonly number[], m: number, method: Adjustment): number[] {
  switch (method) {
    case "none":
      return [...p];
    case "bonferroni":
      return p.map((value) => m * value);
    case "holm":
      return stepDown(p.map((value, i) => (m - i) * value));
    case "hochberg":
      return stepUp(p.map((value, i) => (m - i) * value));
    case "BH":
      return stepUp(p.map((value, i) => (m / (i + 1)) * value));
    case "BY": {
      const harmonic = p.reduce((total, _, i) => total + 1 / (i + 1), 0);
      return stepUp(p.map((value, i) => ((harmonic * m) / (i + 1)) * value));
    }
    default:
      throw new RangeError(
        `pAdjust: the method is ${JSON.stringify(method)}, but must be none, bonferroni, holm, hochberg, BH or BY.`,
      );
  }
}

/** Each value becomes the largest so far. */
function stepDown(values: readonly number[]): number[] {
  let largest = 0;
  return values.map((value) => (largest = Math.max(largest, value)));
}

/** Each value becomes the smallest from there on. */
function stepUp(values: readonly number[]): number[] {
  let smallest = Infinity;
  return values.map((_, i) => (smallest = Math.min(smallest, values[values.length - 1 - i]!))).reverse();
}
