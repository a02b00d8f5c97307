// Tests on 2 × 2 tables of counts. Sources: R. A. Fisher (1935); Q. McNemar (1947); A. L. Edwards (1948, correction).
import { checkCount } from "./numeric/check.ts";
import { chiSquaredSurvival } from "./distribution/chi-squared.ts";
import { logGamma } from "./special/gamma.ts";
import type { Alternative } from "./compare/alternative.ts";

export type TwoByTwo = readonly [readonly [number, number], readonly [number, number]];

/**
 * Fisher's exact p-value. "greater" means an odds ratio above 1. Two-sided sums all tables that are no more likely than the
 * one observed, as R does.
 */
export function fisherExact(table: TwoByTwo, alternative: Alternative = "two-sided"): number {
  const [[a, b], [c, d]] = checkTwoByTwo("fisherExact", table);
  const [row, column, n] = [a + b, a + c, a + b + c + d];
  const low = Math.max(0, row + column - n);
  const high = Math.min(row, column);
  const logs: number[] = [];
  for (let k = low; k <= high; k++) {
    logs.push(logChoose(column, k) + logChoose(n - column, row - k) - logChoose(n, row));
  }
  const chances = logs.map((log) => Math.exp(log));
  const total = chances.reduce((x, y) => x + y, 0);
  const observed = chances[a - low]!;
  const isCounted = (chance: number, k: number): boolean => {
    switch (alternative) {
      case "two-sided":
        return chance <= observed * (1 + 1e-7);
      case "greater":
        return k >= a;
      case "less":
        return k <= a;
      default:
        throw new RangeError(
          `fisherExact: the alternative is ${JSON.stringify(alternative)}, but must be two-sided, greater or less.`,
        );
    }
  };
  return Math.min(1, chances.filter((chance, i) => isCounted(chance, low + i)).reduce((x, y) => x + y, 0) / total);
}

export interface McNemar {
  readonly chiSquared: number;
  readonly pValue: number;
}

/**
 * McNemar's test that two classifiers err equally often, from a table of pairs (rows: the first one, columns: the second).
 *
 * @param options.continuity subtract Edwards' correction (the default, as in R)
 */
export function mcNemar(table: TwoByTwo, options: { readonly continuity?: boolean } = {}): McNemar {
  const [[, b], [c]] = checkTwoByTwo("mcNemar", table);
  if (b + c === 0) throw new RangeError("mcNemar: the two agree on every item, so there is nothing to test.");
  const correction = (options.continuity ?? true) && b !== c ? 1 : 0;
  const chiSquared = (Math.abs(b - c) - correction) ** 2 / (b + c);
  return { chiSquared, pValue: chiSquaredSurvival(chiSquared, 1) };
}

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

function checkTwoByTwo(where: string, table: TwoByTwo): TwoByTwo {
  if (table.length !== 2 || table.some((row) => row.length !== 2)) {
    throw new RangeError(`${where}: the table must be 2 × 2; larger ones are not offered.`);
  }
  table.forEach((row, i) => row.forEach((count, j) => checkCount(where, `table[${i}][${j}]`, count, 0)));
  return table;
}
