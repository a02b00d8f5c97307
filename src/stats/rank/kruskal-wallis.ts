// Rank tests for three groups or more, by their chi-squared approximation.
// Sources: W. Kruskal and W. A. Wallis (1952); M. Friedman (1937). Both corrected for ties.
import { checkNumbers } from "../numeric/check.ts";
import { ranks, sum, tieSizes } from "../describe.ts";
import { chiSquaredSurvival } from "../distribution/chi-squared.ts";

export interface ChiSquaredTest {
  readonly statistic: number;
  readonly df: number;
  readonly pValue: number;
}

/**
 * Kruskal and Wallis' test that independent groups come from one distribution.
 *
 * @param groups two or more, of one value or more each
 */
export function kruskalWallis(groups: readonly (readonly number[])[]): ChiSquaredTest {
  if (groups.length < 2)
    throw new RangeError(`kruskalWallis: there is ${groups.length} group; at least two are needed.`);
  groups.forEach((group, i) => checkNumbers("kruskalWallis", `groups[${i}]`, group));
  const all = groups.flat();
  const n = all.length;
  const ranked = ranks(all);
  let start = 0;
  const between = sum(
    groups.map((group) => {
      const rankSum = sum(ranked.slice(start, (start += group.length)));
      return rankSum ** 2 / group.length;
    }),
  );
  const ties = 1 - sum(tieSizes(all).map((t) => t ** 3 - t)) / (n ** 3 - n);
  if (!(ties > 0)) throw new RangeError("kruskalWallis: all values are equal, so there is nothing to rank.");
  const statistic = ((12 / (n * (n + 1))) * between - 3 * (n + 1)) / ties;
  const df = groups.length - 1;
  return { statistic, df, pValue: chiSquaredSurvival(statistic, df) };
}

/**
 * Friedman's test that treatments do not differ within blocks.
 *
 * @param blocks one row per block (seed, item), one column per treatment
 */
export function friedman(blocks: readonly (readonly number[])[]): ChiSquaredTest {
  const k = blocks[0]?.length ?? 0;
  const n = blocks.length;
  if (n < 2 || k < 2) {
    throw new RangeError(`friedman: there are ${n} blocks and ${k} treatments; at least two of each are needed.`);
  }
  blocks.forEach((row, i) => {
    checkNumbers("friedman", `blocks[${i}]`, row);
    if (row.length !== k) {
      throw new RangeError(
        `friedman: block ${i} has ${row.length} values and block 0 has ${k}; every block needs all treatments.`,
      );
    }
  });
  const ranked = blocks.map((row) => ranks(row));
  const rankSums = blocks[0]!.map((_, j) => sum(ranked.map((row) => row[j]!)));
  const spread = sum(rankSums.map((total) => (total - (n * (k + 1)) / 2) ** 2));
  const ties = sum(blocks.flatMap((row) => tieSizes(row).map((t) => t ** 3 - t)));
  const scale = n * k * (k + 1) - ties / (k - 1);
  if (!(scale > 0))
    throw new RangeError("friedman: within every block all values are equal, so there is nothing to rank.");
  const statistic = (12 * spread) / scale;
  return { statistic, df: k - 1, pValue: chiSquaredSurvival(statistic, k - 1) };
}
