// The jackknife: what a statistic becomes when one value at a time is left out. Source: B. Efron and R. Tibshirani (1993),
// An Introduction to the Bootstrap, chapters 11 and 14.
import { mean, sum } from "../describe.ts";

/** A statistic of a sample, such as `mean`. */
export type Statistic<T> = (sample: readonly T[]) => number;

/** The jackknife estimate of the standard error of a statistic, from at least two values. */
export function jackknifeStandardError<T>(sample: readonly T[], statistic: Statistic<T>): number {
  const deviations = jackknifeDeviations("jackknifeStandardError", sample, statistic);
  return Math.sqrt(((sample.length - 1) / sample.length) * sum(deviations.map((d) => d * d)));
}

/**
 * The acceleration of the BCa interval, Σd³ / (6 (Σd²)^1.5) with d the mean of the left-out values minus each of them.
 * Zero when leaving out makes no difference.
 */
export function bcaAcceleration<T>(sample: readonly T[], statistic: Statistic<T>): number {
  const deviations = jackknifeDeviations("bcaAcceleration", sample, statistic);
  const squares = sum(deviations.map((d) => d * d));
  return squares === 0 ? 0 : sum(deviations.map((d) => d ** 3)) / (6 * squares ** 1.5);
}

function jackknifeDeviations<T>(where: string, sample: readonly T[], statistic: Statistic<T>): number[] {
  if (sample.length < 2) {
    throw new RangeError(
      `${where}: the sample has ${sample.length} values, but at least two are needed to leave one out.`,
    );
  }
  const leftOut = sample.map((_, i) => statistic([...sample.slice(0, i), ...sample.slice(i + 1)]));
  const bad = leftOut.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new RangeError(
      `${where}: without value ${bad} the statistic is ${leftOut[bad]!}; choose one that is defined on every part.`,
    );
  }
  const centre = mean(leftOut);
  return leftOut.map((value) => centre - value);
}
