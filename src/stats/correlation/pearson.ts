// Pearson's correlation, with Student's test and Fisher's interval (R. A. Fisher 1921).
import { checkFraction, checkPairs } from "../numeric/check.ts";
import { mean, sum } from "../describe.ts";
import { normalQuantile } from "../distribution/normal.ts";
import { tTwoSided } from "../distribution/t.ts";

export interface PearsonCorrelation {
  readonly r: number;
  /** Two-sided, for r = 0 and normal data. */
  readonly pValue: number;
  /** By Fisher's z; null below four pairs, where it is not defined. */
  readonly interval: readonly [number, number] | null;
}

/** Pearson's correlation of at least three pairs. */
export function pearson(x: readonly number[], y: readonly number[], level = 0.95): PearsonCorrelation {
  checkPairs("pearson", x, y, 3);
  checkFraction("pearson", "level", level);
  const r = correlationOf("pearson", x, y);
  const df = x.length - 2;
  const pValue = Math.abs(r) === 1 ? 0 : tTwoSided(r * Math.sqrt(df / ((1 - r) * (1 + r))), df);
  if (x.length < 4) return { r, pValue, interval: null };
  const reach = normalQuantile(0.5 + level / 2) / Math.sqrt(x.length - 3);
  const z = Math.atanh(r);
  return { r, pValue, interval: [Math.tanh(z - reach), Math.tanh(z + reach)] };
}

/** The bare coefficient, within [−1, 1]. */
export function correlationOf(where: string, x: readonly number[], y: readonly number[]): number {
  const [mx, my] = [mean(x), mean(y)];
  const xx = sum(x.map((value) => (value - mx) ** 2));
  const yy = sum(y.map((value) => (value - my) ** 2));
  if (xx === 0 || yy === 0) {
    throw new RangeError(
      `${where}: all values of ${xx === 0 ? "x" : "y"} are equal, so there is no correlation to measure.`,
    );
  }
  const r = (sum(x.map((value, i) => (value - mx) * (y[i]! - my))) / xx) * Math.sqrt(xx / yy);
  // So near to ±1 only rounding keeps it away.
  return 1 - Math.abs(r) < 1e-15 ? Math.sign(r) : r;
}
