// How large a difference is, free of its unit. Sources: J. Cohen (1988); L. Hedges (1981); N. Cliff (1993);
// A. Vargha and H. Delaney (2000). All are positive when x tends to be larger than y.
import { checkCount, checkNumbers, checkPairs } from "../numeric/check.ts";
import { mean, standardDeviation, variance } from "../describe.ts";
import { logGamma } from "../special/gamma.ts";

/** Cohen's d: the difference of means over the pooled standard deviation of two independent groups. */
export function cohenD(x: readonly number[], y: readonly number[]): number {
  checkNumbers("cohenD", "x", x, 2);
  checkNumbers("cohenD", "y", y, 2);
  const df = x.length + y.length - 2;
  const pooled = Math.sqrt(((x.length - 1) * variance(x) + (y.length - 1) * variance(y)) / df);
  if (pooled === 0) {
    throw new RangeError("cohenD: neither group varies, so a difference cannot be measured in standard deviations.");
  }
  return (mean(x) - mean(y)) / pooled;
}

/** Hedges' g: Cohen's d without its small-sample bias, by the exact factor Γ(m/2) / (√(m/2) Γ((m−1)/2)). */
export function hedgesG(x: readonly number[], y: readonly number[]): number {
  return cohenD(x, y) * hedgesCorrection(x.length + y.length - 2);
}

/** Hedges' g by the usual approximation of the factor, 1 − 3 / (4m − 1). */
export function hedgesGApproximate(x: readonly number[], y: readonly number[]): number {
  return cohenD(x, y) * (1 - 3 / (4 * (x.length + y.length - 2) - 1));
}

/** The exact factor that takes the bias out of a standardised difference with `df` degrees of freedom (2 or more). */
export function hedgesCorrection(df: number): number {
  checkCount("hedgesCorrection", "df", df, 2);
  return Math.exp(logGamma(df / 2) - logGamma((df - 1) / 2)) / Math.sqrt(df / 2);
}

/** d_z of pairs: the mean difference over the standard deviation of the differences. */
export function cohenDz(x: readonly number[], y: readonly number[]): number {
  checkPairs("cohenDz", x, y, 2);
  const differences = x.map((value, i) => value - y[i]!);
  const spread = standardDeviation(differences);
  if (!(spread > 1e-15 * Math.abs(mean(differences)))) {
    throw new RangeError(
      "cohenDz: all differences are equal, so they cannot be measured in their standard deviations.",
    );
  }
  return mean(differences) / spread;
}

/** Cliff's δ: P(x > y) − P(x < y) over all pairs of one from each group; from −1 to 1. */
export function cliffsDelta(x: readonly number[], y: readonly number[]): number {
  checkNumbers("cliffsDelta", "x", x);
  checkNumbers("cliffsDelta", "y", y);
  let balance = 0;
  for (const a of x) for (const b of y) balance += Math.sign(a - b);
  return balance / (x.length * y.length);
}

/** Vargha and Delaney's A12: P(x > y) + ½ P(x = y); ½ means no tendency. */
export function varghaDelaneyA12(x: readonly number[], y: readonly number[]): number {
  return (cliffsDelta(x, y) + 1) / 2;
}
