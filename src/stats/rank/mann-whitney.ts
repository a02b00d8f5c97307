// The Mann–Whitney (Wilcoxon rank sum) test for independent groups, exact. Source: H. Mann and D. Whitney (1947).
import { checkNumbers } from "../numeric/check.ts";
import { ranks } from "../describe.ts";
import { pFromTails } from "../compare/alternative.ts";
import type { Alternative } from "../compare/alternative.ts";

export interface MannWhitney {
  /** How many pairs (one of each group) have x > y; a tie counts ½. R calls it W. */
  readonly w: number;
  readonly pValue: number;
}

/**
 * The Mann–Whitney test. Exact also with ties, which share their mean rank: all ways to split the ranks at hand count.
 *
 * @throws RangeError when the smaller group's size times the squared total exceeds about 3·10⁸ (use tTestWelch there)
 */
export function mannWhitney(
  x: readonly number[],
  y: readonly number[],
  alternative: Alternative = "two-sided",
): MannWhitney {
  checkNumbers("mannWhitney", "x", x);
  checkNumbers("mannWhitney", "y", y);
  const doubled = ranks([...x, ...y]).map((rank) => 2 * rank);
  const n = doubled.length;
  if (x.length * n ** 3 > 3e9) {
    throw new RangeError(
      `mannWhitney: ${x.length} and ${y.length} values are too many to count exactly; use tTestWelch.`,
    );
  }
  const rankSum = doubled.slice(0, x.length).reduce((a, b) => a + b, 0);
  const chances = splitDistribution(doubled, x.length);
  const atMost = chances.slice(0, rankSum + 1).reduce((a, b) => a + b, 0);
  const atLeast = chances.slice(rankSum).reduce((a, b) => a + b, 0);
  return {
    w: rankSum / 2 - (x.length * (x.length + 1)) / 2,
    pValue: pFromTails("mannWhitney", alternative, { atMost, atLeast }),
  };
}

/**
 * The probability of each sum of `take` values drawn at random without replacement. Row k holds the chance that k were
 * taken so far, with that sum; the i-th value is taken with the chance that keeps every subset equally likely.
 */
function splitDistribution(values: readonly number[], take: number): Float64Array {
  const most = [...values]
    .sort((a, b) => b - a)
    .slice(0, take)
    .reduce((a, b) => a + b, 0);
  const rows = Array.from({ length: take + 1 }, () => new Float64Array(most + 1));
  rows[0]![0] = 1;
  values.forEach((value, i) => {
    const left = values.length - i;
    for (let k = Math.min(i, take); k >= 0; k--) {
      const row = rows[k]!;
      const taken = (take - k) / left;
      const next = rows[k + 1];
      for (let s = 0; s <= most; s++) {
        const chance = row[s]!;
        if (chance === 0) continue;
        if (next !== undefined && taken > 0) next[s + value]! += chance * taken;
        row[s] = chance * (1 - taken);
      }
    }
  });
  return rows[take]!;
}
