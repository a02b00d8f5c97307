// The paired permutation test: if the arms do not differ, each difference is as likely with the other sign
// (R. A. Fisher 1935, section 21).
import { checkCount, checkNumbers } from "../numeric/check.ts";
import { createRandom } from "../random.ts";
import { sum } from "../describe.ts";
import type { Alternative } from "./alternative.ts";

/** Up to this many differences, `signFlipTest` counts all 2ⁿ sign patterns; the sums of two halves keep that fast. */
export const EXACT_SIGN_FLIP_LIMIT = 30;

export interface SignFlipTest {
  readonly pValue: number;
  /** All patterns counted, or a sample of them. */
  readonly method: { readonly kind: "exact" } | { readonly kind: "monte-carlo"; readonly flips: number };
}

/**
 * The p-value of mean(difference) = 0 under random signs. The observed pattern counts as one of the patterns.
 *
 * Exact up to `EXACT_SIGN_FLIP_LIMIT` differences, so the smallest two-sided p-value is 2 / 2ⁿ. Above, `flips` random
 * patterns are drawn and (hits + 1) / (flips + 1) is returned, which is never too small (B. Phipson and G. Smyth 2010).
 */
export function signFlipTest(
  differences: readonly number[],
  options: { readonly alternative?: Alternative; readonly seed?: number | string; readonly flips?: number } = {},
): SignFlipTest {
  const { alternative = "two-sided", seed = 0, flips = 99_999 } = options;
  checkNumbers("signFlipTest", "differences", differences);
  checkCount("signFlipTest", "flips", flips, 1);
  const isExtreme = extremeness(differences, alternative);
  if (differences.length <= EXACT_SIGN_FLIP_LIMIT) {
    return { pValue: exactShare(differences, isExtreme), method: { kind: "exact" } };
  }
  const random = createRandom(seed);
  let hits = 0;
  for (let flip = 0; flip < flips; flip++) {
    let total = 0;
    for (const difference of differences) total += random.below(2) === 0 ? difference : -difference;
    if (isExtreme.low(total) || isExtreme.high(total)) hits++;
  }
  return { pValue: (hits + 1) / (flips + 1), method: { kind: "monte-carlo", flips } };
}

interface Extremeness {
  readonly low: (total: number) => boolean;
  readonly high: (total: number) => boolean;
}

/** Whether a sum is at least as extreme as the observed one, rounding errors of the sums forgiven. */
function extremeness(differences: readonly number[], alternative: Alternative): Extremeness {
  const observed = sum(differences);
  const slack = 1e-12 * sum(differences.map(Math.abs));
  const never = (): boolean => false;
  switch (alternative) {
    case "two-sided": {
      const bound = Math.abs(observed) - slack;
      // Of a sum that is extreme on both sides (the observed is 0), only the upper side counts, so that it counts once.
      return { low: (total) => total <= -bound && total < bound, high: (total) => total >= bound };
    }
    case "greater":
      return { low: never, high: (total) => total >= observed - slack };
    case "less":
      return { low: (total) => total <= observed + slack, high: never };
    default:
      throw new RangeError(
        `signFlipTest: the alternative is ${JSON.stringify(alternative)}, but must be two-sided, greater or less.`,
      );
  }
}

/** The share of all sign patterns that is extreme: sorts the sums of each half and walks them against each other. */
function exactShare(differences: readonly number[], isExtreme: Extremeness): number {
  const half = differences.length >> 1;
  const first = sortedSums(differences.slice(0, half));
  const second = sortedSums(differences.slice(half));
  let count = 0;
  let high = second.length; // The sums of `second` from here on reach the upper bound with the current sum of `first`.
  let low = second.length; // Those before this reach the lower bound.
  for (const partial of first) {
    while (high > 0 && isExtreme.high(partial + second[high - 1]!)) high--;
    while (low > 0 && !isExtreme.low(partial + second[low - 1]!)) low--;
    count += second.length - high + low;
  }
  return count / (first.length * second.length);
}

function sortedSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(2 ** values.length);
  values.forEach((value, i) => {
    const done = 2 ** i;
    for (let k = 0; k < done; k++) {
      sums[done + k] = sums[k]! + value;
      sums[k]! -= value;
    }
  });
  return sums.sort();
}
