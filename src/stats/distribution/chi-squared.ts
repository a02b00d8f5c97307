// The gamma distribution and its special case, the chi-squared distribution.
import { incompleteGamma } from "../special/gamma.ts";
import { checkPositive } from "../numeric/check.ts";
import { checkProbability, invertPositive } from "./probability.ts";
import { normalQuantile } from "./normal.ts";

/** P(X ≤ x) for a gamma variable with the given shape and scale (both greater than 0). */
export function gammaCdf(x: number, shape: number, scale = 1): number {
  return gammaTails("gammaCdf", x, shape, scale).lower;
}

/** P(X > x) for a gamma variable with the given shape and scale. */
export function gammaSurvival(x: number, shape: number, scale = 1): number {
  return gammaTails("gammaSurvival", x, shape, scale).upper;
}

/** The x with P(X ≤ x) = p for a gamma variable with the given shape and scale. */
export function gammaQuantile(p: number, shape: number, scale = 1): number {
  checkProbability("gammaQuantile", p);
  checkPositive("gammaQuantile", "shape", shape);
  checkPositive("gammaQuantile", "scale", scale);
  if (p === 0) return 0;
  if (p === 1) return Infinity;
  // Wilson and Hilferty (1931): the cube root is nearly normal.
  const root = 1 - 1 / (9 * shape) + normalQuantile(p) / (3 * Math.sqrt(shape));
  const guess = root > 0.1 ? shape * root ** 3 : shape * 0.001;
  return scale * invertPositive((x) => incompleteGamma(shape, x), { lower: p, upper: 1 - p }, guess);
}

/** P(X ≤ x) for a chi-squared variable with `df` degrees of freedom. */
export function chiSquaredCdf(x: number, df: number): number {
  return gammaTails("chiSquaredCdf", x, df / 2, 2).lower;
}

/** P(X > x) for a chi-squared variable with `df` degrees of freedom: the p-value of a chi-squared test. */
export function chiSquaredSurvival(x: number, df: number): number {
  return gammaTails("chiSquaredSurvival", x, df / 2, 2).upper;
}

/** The x with P(X ≤ x) = p for a chi-squared variable with `df` degrees of freedom. */
export function chiSquaredQuantile(p: number, df: number): number {
  return gammaQuantile(p, df / 2, 2);
}

function gammaTails(where: string, x: number, shape: number, scale: number): { lower: number; upper: number } {
  checkPositive(where, "shape (or df)", shape);
  checkPositive(where, "scale", scale);
  if (Number.isNaN(x)) throw new RangeError(`${where}: x is NaN; drop missing values first.`);
  return x <= 0 ? { lower: 0, upper: 1 } : incompleteGamma(shape, x / scale);
}
