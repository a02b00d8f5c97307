// The beta distribution and what follows from it: the F distribution.
import { incompleteBeta } from "../special/beta.ts";
import { checkPositive } from "../numeric/check.ts";
import { checkProbability, invertPositive } from "./probability.ts";

/** P(X ≤ x) for a beta variable with parameters a and b (both greater than 0). */
export function betaCdf(x: number, a: number, b: number): number {
  return betaTails("betaCdf", x, a, b).lower;
}

/** P(X > x) for a beta variable with parameters a and b. */
export function betaSurvival(x: number, a: number, b: number): number {
  return betaTails("betaSurvival", x, a, b).upper;
}

/** The x with P(X ≤ x) = p for a beta variable with parameters a and b. */
export function betaQuantile(p: number, a: number, b: number): number {
  const odds = betaOddsQuantile("betaQuantile", p, a, b);
  return odds === Infinity ? 1 : odds / (1 + odds);
}

/** P(X ≤ x) for an F variable with `df1` and `df2` degrees of freedom. */
export function fCdf(x: number, df1: number, df2: number): number {
  return fTails("fCdf", x, df1, df2).lower;
}

/** P(X > x) for an F variable with `df1` and `df2` degrees of freedom: the p-value of an F test. */
export function fSurvival(x: number, df1: number, df2: number): number {
  return fTails("fSurvival", x, df1, df2).upper;
}

/** The x with P(X ≤ x) = p for an F variable with `df1` and `df2` degrees of freedom. */
export function fQuantile(p: number, df1: number, df2: number): number {
  return (betaOddsQuantile("fQuantile", p, df1 / 2, df2 / 2) * df2) / df1;
}

/** The quantile of X/(1−X), which has room for values of X near 1 that X itself has not. */
function betaOddsQuantile(where: string, p: number, a: number, b: number): number {
  checkProbability(where, p);
  checkPositive(where, "the first parameter", a);
  checkPositive(where, "the second parameter", b);
  if (p === 0) return 0;
  if (p === 1) return Infinity;
  const tails = (odds: number): { lower: number; upper: number } =>
    incompleteBeta(a, b, odds / (1 + odds), 1 / (1 + odds));
  return invertPositive(tails, { lower: p, upper: 1 - p }, a / b);
}

function betaTails(where: string, x: number, a: number, b: number): { lower: number; upper: number } {
  checkPositive(where, "a", a);
  checkPositive(where, "b", b);
  if (Number.isNaN(x)) throw new RangeError(`${where}: x is NaN; drop missing values first.`);
  return incompleteBeta(a, b, Math.min(1, Math.max(0, x)));
}

function fTails(where: string, x: number, df1: number, df2: number): { lower: number; upper: number } {
  checkPositive(where, "df1", df1);
  checkPositive(where, "df2", df2);
  if (Number.isNaN(x)) throw new RangeError(`${where}: x is NaN; drop missing values first.`);
  if (x <= 0) return { lower: 0, upper: 1 };
  if (x === Infinity) return { lower: 1, upper: 0 };
  const scaled = (df1 * x) / df2;
  return incompleteBeta(df1 / 2, df2 / 2, scaled / (1 + scaled), 1 / (1 + scaled));
}
