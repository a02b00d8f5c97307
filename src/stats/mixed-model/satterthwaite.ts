// Satterthwaite's degrees of freedom of the fixed effects: 2v² / var(v), with v a squared standard error and its variance
// by the delta method from the curvature of the likelihood, as in lmerTest (A. Kuznetsova et al. 2017, section 2.2).
import { cholesky, solveCholesky } from "../numeric/matrix.ts";
import type { Design } from "./design.ts";
import { devianceAt, profile } from "./likelihood.ts";

/** One number per fixed effect, or null where the likelihood has no proper peak (a variance estimated as zero). */
export function satterthwaite(
  design: Design,
  theta: readonly number[],
  residualVariance: number,
  reml: boolean,
): number[] | null {
  const at = [...theta, Math.sqrt(residualVariance)];
  const deviance = (x: readonly number[]): number =>
    devianceAt(design, profile(design, x.slice(0, -1)), reml, x.at(-1)! ** 2);
  const curvature = cholesky(hessian(deviance, at));
  if (curvature === null) return null;
  const squaredErrors = (x: readonly number[]): number[] =>
    profile(design, x.slice(0, -1)).unscaled.map((row, i) => row[i]! * x.at(-1)! ** 2);
  const slopes = at.map((_, i) => derivative(squaredErrors, at, i));
  return squaredErrors(at).map((v, effect) => {
    const gradient = slopes.map((slope) => slope[effect]!);
    // The covariance of the parameters is twice the inverse curvature of the deviance.
    const spread = 2 * solveCholesky(curvature, gradient).reduce((total, value, i) => total + value * gradient[i]!, 0);
    return (2 * v * v) / spread;
  });
}

const stepOf = (x: number): number => 1e-3 * Math.max(1, Math.abs(x));

function moved(x: readonly number[], i: number, by: number): number[] {
  return x.map((value, k) => (k === i ? value + by : value));
}

/** The fourth-order central difference in the i-th variable. */
function derivative(f: (x: readonly number[]) => number[], x: readonly number[], i: number): number[] {
  const h = stepOf(x[i]!);
  const [a, b, c, d] = [-2, -1, 1, 2].map((k) => f(moved(x, i, k * h)));
  return a!.map((value, k) => (value - 8 * b![k]! + 8 * c![k]! - d![k]!) / (12 * h));
}

function hessian(f: (x: readonly number[]) => number, x: readonly number[]): number[][] {
  const gradient = (i: number) => (y: readonly number[]) => derivative((z) => [f(z)], y, i);
  const full = x.map((_, i) => x.map((__, j) => derivative(gradient(i), x, j)[0]!));
  return full.map((row, i) => row.map((value, j) => (value + full[j]![i]!) / 2));
}
