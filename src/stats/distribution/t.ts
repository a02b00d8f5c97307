// Student's t distribution, through the incomplete beta function (DLMF 8.17).
import { incompleteBeta, logBeta } from "../special/beta.ts";
import { checkPositive } from "../numeric/check.ts";
import { checkProbability, invertPositive } from "./probability.ts";
import { normalQuantile } from "./normal.ts";

/** Density of Student's t with `df` degrees of freedom at x. */
export function tDensity(x: number, df: number): number {
  checkPositive("tDensity", "df", df);
  return Math.exp(-0.5 * (df + 1) * Math.log1p((x * x) / df) - logBeta(df / 2, 0.5)) / Math.sqrt(df);
}

/** P(T ≤ x) for Student's t with `df` degrees of freedom (need not be whole). */
export function tCdf(x: number, df: number): number {
  checkPositive("tCdf", "df", df);
  return x > 0 ? 1 - upperTail(x, df) : upperTail(-x, df);
}

/** P(T > x), with full relative accuracy far out. */
export function tSurvival(x: number, df: number): number {
  return tCdf(-x, df);
}

/** P(|T| ≥ |x|): the two-sided p-value of a t statistic. */
export function tTwoSided(x: number, df: number): number {
  checkPositive("tTwoSided", "df", df);
  return Math.min(1, 2 * upperTail(Math.abs(x), df));
}

/** The x with P(T ≤ x) = p for Student's t with `df` degrees of freedom. */
export function tQuantile(p: number, df: number): number {
  checkProbability("tQuantile", p);
  checkPositive("tQuantile", "df", df);
  if (p === 0.5) return 0;
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity;
  const tail = Math.min(p, 1 - p);
  const size = invertPositive(
    (x) => {
      const upper = upperTail(x, df);
      return { lower: 1 - upper, upper };
    },
    { lower: 1 - tail, upper: tail },
    Math.max(Math.abs(normalQuantile(tail)), 1e-3),
  );
  return p < 0.5 ? -size : size;
}

/** P(T > x) for x ≥ 0. */
function upperTail(x: number, df: number): number {
  if (Number.isNaN(x)) throw new RangeError("tCdf: x is NaN; drop missing values first.");
  if (x === Infinity) return 0;
  const square = x * x;
  const total = df + square;
  return incompleteBeta(df / 2, 0.5, df / total, square / total).lower / 2;
}
