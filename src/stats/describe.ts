// Sums, means, spread and ranks: what every other statistic is made of.
import { checkNumbers } from "./numeric/check.ts";

/** The sum, with Neumaier's correction so that it does not depend on the order beyond the last digit. */
export function sum(values: readonly number[]): number {
  let total = 0;
  let lost = 0;
  for (const value of values) {
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}

/** The arithmetic mean of one value or more. */
export function mean(values: readonly number[]): number {
  checkNumbers("mean", "values", values);
  return sum(values) / values.length;
}

/** The sample variance (divisor n − 1) of two values or more. */
export function variance(values: readonly number[]): number {
  checkNumbers("variance", "values", values, 2);
  const centre = mean(values);
  return sum(values.map((value) => (value - centre) ** 2)) / (values.length - 1);
}

/** The sample standard deviation (divisor n − 1) of two values or more. */
export function standardDeviation(values: readonly number[]): number {
  return Math.sqrt(variance(values));
}

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The quantile at `p` in [0, 1], linear between order statistics (type 7 of Hyndman and Fan 1996, the default of R and NumPy). */
export function quantile(values: readonly number[], p: number): number {
  checkNumbers("quantile", "values", values);
  if (!(p >= 0 && p <= 1)) throw new RangeError(`quantile: p is ${p}, but must lie between 0 and 1.`);
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * p;
  const below = sorted[Math.floor(at)]!;
  return below + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - below);
}

/** Ranks from 1; equal values share the mean of their ranks. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const result = new Array<number>(values.length).fill(0);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end + 1 < order.length && values[order[end + 1]!] === values[order[start]!]) end++;
    for (let k = start; k <= end; k++) result[order[k]!] = (start + end) / 2 + 1;
    start = end + 1;
  }
  return result;
}

/** How many values share each distinct value, in the order of their first appearance. */
export function tieSizes(values: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()];
}
