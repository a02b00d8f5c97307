// Cohen's kappa, plain and weighted, with the large-sample errors of J. Fleiss, J. Cohen and B. Everitt (1969).
import { checkCounts, checkFraction } from "../numeric/check.ts";
import { normalQuantile, normalSurvival } from "../distribution/normal.ts";
import { sum } from "../describe.ts";

/** How near misses count: not at all, by the distance of the categories, or by its square. */
export type KappaWeights = "none" | "linear" | "quadratic";

export interface CohenKappa {
  readonly kappa: number;
  /** Asymptotic standard error of kappa, for the interval. */
  readonly ase: number;
  /** The normal interval kappa ± z·ase. */
  readonly low: number;
  readonly high: number;
  /** Asymptotic standard error under the hypothesis kappa = 0, for the test. */
  readonly ase0: number;
  /** kappa / ase0, and its two-sided p-value. */
  readonly z: number;
  readonly pTwoSided: number;
}

/**
 * Cohen's kappa of two raters.
 *
 * @param table square: the count of items that the first rater put in the row's and the second in the column's category
 * @throws RangeError when both raters used one and the same category only (kappa is then 0/0)
 */
export function cohenKappa(
  table: readonly (readonly number[])[],
  options: { readonly weights?: KappaWeights; readonly level?: number } = {},
): CohenKappa {
  const { weights = "none", level = 0.95 } = options;
  checkCounts("cohenKappa", table, 2, 2);
  checkFraction("cohenKappa", "level", level);
  if (table.length !== table[0]!.length) {
    throw new RangeError(
      `cohenKappa: the table is ${table.length} × ${table[0]!.length}, but both raters need the same categories; add rows or columns of 0.`,
    );
  }
  const n = sum(table.flat());
  if (n === 0) throw new RangeError("cohenKappa: the table is empty; count at least one rated item.");
  const size = table.length;
  const share = table.map((row) => row.map((count) => count / n));
  const rows = share.map((row) => sum(row));
  const columns = share[0]!.map((_, j) => sum(share.map((row) => row[j]!)));
  const weight = agreementWeight(weights, size);
  const rowWeight = rows.map((_, i) => sum(columns.map((q, j) => q * weight(i, j))));
  const columnWeight = columns.map((_, j) => sum(rows.map((p, i) => p * weight(i, j))));
  const cells = rows.flatMap((p, i) =>
    columns.map((q, j) => ({ i, j, p: share[i]![j]!, chance: p * q, w: weight(i, j) })),
  );

  const observed = sum(cells.map(({ p, w }) => p * w));
  const expected = sum(cells.map(({ chance, w }) => chance * w));
  if (1 - expected < 1e-14) {
    throw new RangeError(
      "cohenKappa: both raters put every item in one category, so kappa is undefined; report plain agreement.",
    );
  }
  const kappa = (observed - expected) / (1 - expected);
  const spread = sum(cells.map(({ i, j, p, w }) => p * (w - (rowWeight[i]! + columnWeight[j]!) * (1 - kappa)) ** 2));
  const ase = Math.sqrt(Math.max(0, spread - (kappa - expected * (1 - kappa)) ** 2) / n) / (1 - expected);
  const spread0 = sum(cells.map(({ i, j, chance, w }) => chance * (w - (rowWeight[i]! + columnWeight[j]!)) ** 2));
  const ase0 = Math.sqrt(Math.max(0, spread0 - expected ** 2) / n) / (1 - expected);
  const reach = normalQuantile(0.5 + level / 2) * ase;
  const z = ase0 > 0 ? kappa / ase0 : 0; // A rater of one category only: kappa is 0 and shows nothing.
  return { kappa, ase, low: kappa - reach, high: kappa + reach, ase0, z, pTwoSided: 2 * normalSurvival(Math.abs(z)) };
}

function agreementWeight(weights: KappaWeights, size: number): (i: number, j: number) => number {
  switch (weights) {
    case "none":
      return (i, j) => (i === j ? 1 : 0);
    case "linear":
      return (i, j) => 1 - Math.abs(i - j) / (size - 1);
    case "quadratic":
      return (i, j) => 1 - ((i - j) / (size - 1)) ** 2;
    default:
      throw new RangeError(
        `cohenKappa: the weights are ${JSON.stringify(weights)}, but must be none, linear or quadratic.`,
      );
  }
}
