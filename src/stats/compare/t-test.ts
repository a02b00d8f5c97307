// The t tests for two arms: on pairs (Student 1908), and on independent groups of unequal variance (B. L. Welch 1947).
import { checkFraction, checkNumbers, checkPairs } from "../numeric/check.ts";
import { mean, variance } from "../describe.ts";
import { tQuantile, tTwoSided } from "../distribution/t.ts";

export interface TTest {
  /** The mean difference, x minus y, in the unit of the data. */
  readonly difference: number;
  readonly t: number;
  readonly df: number;
  /** Two-sided. */
  readonly pValue: number;
  /** Confidence interval of the difference. */
  readonly interval: readonly [number, number];
}

/**
 * The paired t test of mean(x − y) = 0.
 *
 * @param x one value per pair (seed, item), at least two, in the order of `y`
 * @throws RangeError when the differences are all equal (t is then not defined)
 */
export function tTestPaired(x: readonly number[], y: readonly number[], level = 0.95): TTest {
  checkPairs("tTestPaired", x, y, 2);
  const differences = x.map((value, i) => value - y[i]!);
  return finish("tTestPaired", mean(differences), variance(differences) / x.length, x.length - 1, level);
}

/** Welch's t test of mean(x) = mean(y), for independent groups of at least two values. */
export function tTestWelch(x: readonly number[], y: readonly number[], level = 0.95): TTest {
  checkNumbers("tTestWelch", "x", x, 2);
  checkNumbers("tTestWelch", "y", y, 2);
  const a = variance(x) / x.length;
  const b = variance(y) / y.length;
  const df = (a + b) ** 2 / (a ** 2 / (x.length - 1) + b ** 2 / (y.length - 1));
  return finish("tTestWelch", mean(x) - mean(y), a + b, df, level);
}

function finish(where: string, difference: number, squaredError: number, df: number, level: number): TTest {
  checkFraction(where, "level", level);
  const error = Math.sqrt(squaredError);
  if (!(error > 1e-15 * Math.abs(difference))) {
    throw new RangeError(
      `${where}: the values do not vary, so there is no error to compare the difference ${difference} with.`,
    );
  }
  const t = difference / error;
  const reach = tQuantile(0.5 + level / 2, df) * error;
  return { difference, t, df, pValue: tTwoSided(t, df), interval: [difference - reach, difference + reach] };
}
