// How much data a comparison needs. The same conventions as R's power.t.test and power.prop.test: two-sided tests, of which
// the tail on the side of the difference is counted. Source: J. Cohen (1988), Statistical Power Analysis.
import { checkFraction, checkPositive } from "./numeric/check.ts";
import { findRoot } from "./numeric/root.ts";
import { nonCentralTSurvival } from "./distribution/noncentral-t.ts";
import { normalCdf, normalQuantile } from "./distribution/normal.ts";
import { tQuantile } from "./distribution/t.ts";

export type TTestKind = "two-sample" | "one-sample" | "paired";

export interface TTestPlan {
  /** The true difference to be found, and the standard deviation (for pairs: of the differences), in the same unit. */
  readonly delta: number;
  readonly sd?: number;
  readonly kind?: TTestKind;
  /** The significance level; 0.05 unless given. */
  readonly significance?: number;
}

/** The chance that a t test with `n` values per group (or pairs) finds the difference. `n` need not be whole. */
export function powerTTest(n: number, plan: TTestPlan): number {
  const { delta, sd = 1, kind = "two-sample", significance = 0.05 } = plan;
  checkPositive("powerTTest", "sd", sd);
  checkFraction("powerTTest", "significance", significance);
  if (!(n > 1)) throw new RangeError(`powerTTest: n is ${n}, but a t test needs more than one value per group.`);
  const groups = groupCount(kind);
  const df = (n - 1) * groups;
  return nonCentralTSurvival(-tQuantile(significance / 2, df), df, Math.sqrt(n / groups) * (Math.abs(delta) / sd));
}

/** The n per group (or pairs), 2 or more, at which the power is reached. Not whole: round up. */
export function sampleSizeTTest(power: number, plan: TTestPlan): number {
  checkTarget("sampleSizeTTest", power, plan.significance ?? 0.05, plan.delta);
  return findSampleSize("sampleSizeTTest", (n) => powerTTest(n, plan) - power, 2);
}

export interface TwoProportionsPlan {
  readonly p1: number;
  readonly p2: number;
  /** The significance level; 0.05 unless given. */
  readonly significance?: number;
}

/** The chance that a test of two proportions with `n` trials per group finds their difference (normal approximation). */
export function powerTwoProportions(n: number, plan: TwoProportionsPlan): number {
  const { p1, p2, significance = 0.05 } = plan;
  checkPositive("powerTwoProportions", "n", n);
  checkFraction("powerTwoProportions", "p1", p1);
  checkFraction("powerTwoProportions", "p2", p2);
  checkFraction("powerTwoProportions", "significance", significance);
  const pooled = Math.sqrt((p1 + p2) * (1 - (p1 + p2) / 2));
  const apart = Math.sqrt(p1 * (1 - p1) + p2 * (1 - p2));
  return normalCdf((Math.sqrt(n) * Math.abs(p1 - p2) + normalQuantile(significance / 2) * pooled) / apart);
}

/** The trials per group at which the power is reached. Not whole: round up. */
export function sampleSizeTwoProportions(power: number, plan: TwoProportionsPlan): number {
  checkTarget("sampleSizeTwoProportions", power, plan.significance ?? 0.05, plan.p1 - plan.p2);
  return findSampleSize("sampleSizeTwoProportions", (n) => powerTwoProportions(n, plan) - power, 1e-6);
}

function groupCount(kind: TTestKind): 1 | 2 {
  switch (kind) {
    case "two-sample":
      return 2;
    case "one-sample":
    case "paired":
      return 1;
    default:
      throw new RangeError(
        `powerTTest: the kind is ${JSON.stringify(kind)}, but must be two-sample, one-sample or paired.`,
      );
  }
}

function checkTarget(where: string, power: number, significance: number, delta: number): void {
  checkFraction(where, "power", power);
  checkFraction(where, "significance", significance);
  if (!(power > significance)) {
    throw new RangeError(
      `${where}: the power ${power} does not exceed the significance ${significance}; ask for more, such as 0.8.`,
    );
  }
  if (!(Math.abs(delta) > 0))
    throw new RangeError(`${where}: the difference is ${delta}; no sample is large enough to find none.`);
}

function findSampleSize(where: string, lack: (n: number) => number, low: number): number {
  if (lack(low) >= 0) return low;
  let high = 4;
  while (lack(high) < 0) {
    high *= 2;
    if (high > 1e9)
      throw new RangeError(`${where}: more than 10⁹ values would be needed; the difference is too small to find.`);
  }
  return findRoot(lack, Math.max(low, high === 4 ? low : high / 2), high);
}
