// Wilcoxon's signed rank test for pairs, exact. Source: F. Wilcoxon (1945); the counts are a subset-sum recursion.
import { checkPairs } from "../numeric/check.ts";
import { ranks } from "../describe.ts";
import { pFromTails } from "../compare/alternative.ts";
import type { Alternative } from "../compare/alternative.ts";

export interface WilcoxonSignedRank {
  /** The sum of the ranks of the positive differences x − y. */
  readonly v: number;
  readonly pValue: number;
  /** Pairs that differ; equal pairs say nothing and are left out. */
  readonly n: number;
}

/**
 * Wilcoxon's signed rank test. Exact also with ties, which share their mean rank: all signs of the ranks at hand count.
 *
 * @throws RangeError when no pair differs, or more than 1000 do (use the t test there)
 */
export function wilcoxonSignedRank(
  x: readonly number[],
  y: readonly number[],
  alternative: Alternative = "two-sided",
): WilcoxonSignedRank {
  checkPairs("wilcoxonSignedRank", x, y);
  const differences = x.map((value, i) => value - y[i]!).filter((difference) => difference !== 0);
  const n = differences.length;
  if (n === 0) throw new RangeError("wilcoxonSignedRank: no pair differs, so there is nothing to rank.");
  if (n > 1000) throw new RangeError(`wilcoxonSignedRank: ${n} pairs are too many to count exactly; use tTestPaired.`);
  // Twice the ranks, so that shared ranks are whole. Rounding forgives differences that are equal but for the last bits.
  const doubled = ranks(differences.map((difference) => round(Math.abs(difference)))).map((rank) => 2 * rank);
  const observed = doubled.reduce((total, rank, i) => total + (differences[i]! > 0 ? rank : 0), 0);
  const chances = sumDistribution(doubled);
  const atMost = chances.slice(0, observed + 1).reduce((a, b) => a + b, 0);
  const atLeast = chances.slice(observed).reduce((a, b) => a + b, 0);
  return { v: observed / 2, pValue: pFromTails("wilcoxonSignedRank", alternative, { atMost, atLeast }), n };
}

/** The probability of each sum when every value is taken or not with chance ½. */
function sumDistribution(values: readonly number[]): Float64Array {
  const total = values.reduce((a, b) => a + b, 0);
  const chances = new Float64Array(total + 1);
  chances[0] = 1;
  let reach = 0;
  for (const value of values) {
    for (let s = reach; s >= 0; s--) {
      chances[s]! /= 2;
      chances[s + value]! += chances[s]!;
    }
    reach += value;
  }
  return chances;
}

/** To 12 significant digits. */
const round = (value: number): number => Number(value.toPrecision(12));
