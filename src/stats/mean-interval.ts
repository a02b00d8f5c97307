// A mean as a report shows it: with its interval, or with the reason why it has none.
import { checkFraction, checkNumbers } from "./numeric/check.ts";
import { mean, standardDeviation } from "./describe.ts";
import { tQuantile } from "./distribution/t.ts";
import { notEstimable } from "./estimate.ts";
import type { Interval, NotEstimable } from "./estimate.ts";

export interface MeanInterval {
  readonly kind: "estimate";
  readonly n: number;
  readonly estimate: number;
  /** Student's interval: right for small n when values are roughly normal. */
  readonly interval: Interval | NotEstimable;
}

/**
 * The mean of independent values (one per seed or item) and its confidence interval.
 *
 * One value has a mean but no interval; none has neither.
 *
 * @throws RangeError when a value is not a finite number
 */
export function meanInterval({
  values,
  level = 0.95,
}: {
  readonly values: readonly number[];
  readonly level?: number;
}): MeanInterval | NotEstimable {
  checkNumbers("meanInterval", "values", values, 0);
  checkFraction("meanInterval", "level", level);
  const n = values.length;
  if (n === 0) return notEstimable("there are no values");
  const estimate = mean(values);
  if (n === 1) {
    return {
      kind: "estimate",
      n,
      estimate,
      interval: notEstimable("one value shows no spread; at least 2 are needed"),
    };
  }
  const spread = standardDeviation(values);
  if (spread === 0) {
    const interval = notEstimable(`all ${n} values are equal, so they show no spread to build an interval from`);
    return { kind: "estimate", n, estimate, interval };
  }
  const reach = (tQuantile(0.5 + level / 2, n - 1) * spread) / Math.sqrt(n);
  const interval: Interval = { kind: "interval", low: estimate - reach, high: estimate + reach, level, method: "t" };
  return { kind: "estimate", n, estimate, interval };
}
