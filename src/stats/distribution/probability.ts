// What all quantile functions share: the check of a probability, and the inversion of a distribution function.
import { findIncreasing } from "../numeric/root.ts";

/** Throws unless 0 ≤ p ≤ 1. */
export function checkProbability(where: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`${where}: p is ${p}, but a probability lies between 0 and 1.`);
}

/** Both tails of a distribution at one point: P(X ≤ x) and P(X > x). */
export interface Tails {
  readonly lower: number;
  readonly upper: number;
}

/**
 * The x > 0 at which the distribution with these `tails` on the positive numbers has the wanted tail. Works on log x and
 * on the log of whichever tail is the smaller, so that extreme quantiles stay accurate.
 *
 * @param start a guess greater than 0
 */
export function invertPositive(tails: (x: number) => Tails, wanted: Tails, start: number): number {
  const excess = (logX: number): number => {
    const { lower, upper } = tails(Math.exp(logX));
    return wanted.lower < wanted.upper ? logOf(lower) - Math.log(wanted.lower) : Math.log(wanted.upper) - logOf(upper);
  };
  const guess = Math.log(start);
  return Math.exp(findIncreasing(excess, [guess - 0.5, guess + 0.5], [-740, 709]));
}

/** The logarithm, with an underflowed tail counted as the smallest number so that root finding stays finite. */
const logOf = (value: number): number => Math.log(Math.max(value, 5e-324));
