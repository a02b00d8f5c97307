// Agreement of many raters on categories, from counts: Fleiss (1971) and Randolph's free-marginal kappa (2005).
import { checkCounts } from "../numeric/check.ts";
import { sum } from "../describe.ts";

/**
 * Fleiss' kappa, (P̄ − Pe) / (1 − Pe), with chance agreement from the observed shares of the categories.
 *
 * @param counts one row per subject, one column per category: how many raters chose it; every row has the same sum
 * @throws RangeError when all ratings fall in one category (kappa is then 0/0)
 */
export function fleissKappa(counts: readonly (readonly number[])[]): number {
  const { raters, agreement } = meanAgreement("fleissKappa", counts);
  const total = raters * counts.length;
  const chance = sum(counts[0]!.map((_, category) => (sum(counts.map((row) => row[category]!)) / total) ** 2));
  if (chance >= 1) {
    throw new RangeError(
      "fleissKappa: every rating is the same category, so kappa is undefined; rate subjects that differ, or report plain agreement.",
    );
  }
  return (agreement - chance) / (1 - chance);
}

/** Randolph's kappa: as Fleiss', but chance agreement is 1 / number of categories (columns). */
export function randolphKappa(counts: readonly (readonly number[])[]): number {
  const { agreement } = meanAgreement("randolphKappa", counts);
  const categories = counts[0]!.length;
  if (categories < 2) throw new RangeError("randolphKappa: there is one category; kappa needs at least two columns.");
  return (agreement - 1 / categories) / (1 - 1 / categories);
}

function meanAgreement(where: string, counts: readonly (readonly number[])[]): { raters: number; agreement: number } {
  checkCounts(where, counts);
  const raters = sum(counts[0]!);
  if (!(raters > 1))
    throw new RangeError(`${where}: row 0 holds ${raters} ratings; agreement needs two raters or more.`);
  const odd = counts.findIndex((row) => Math.abs(sum(row) - raters) > 1e-9 * raters);
  if (odd >= 0) {
    throw new RangeError(
      `${where}: row ${odd} holds ${sum(counts[odd]!)} ratings and row 0 holds ${raters}; every subject needs equally many raters (krippendorffAlpha copes with missing ones).`,
    );
  }
  const perSubject = counts.map((row) => (sum(row.map((count) => count * count)) - raters) / (raters * (raters - 1)));
  return { raters, agreement: sum(perSubject) / counts.length };
}
