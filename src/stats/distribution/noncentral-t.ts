// The noncentral t distribution, T = (Z + δ) / S with S² a chi-squared variable over its degrees of freedom.
//
// P(T > x) is the mean of P(Z > xS − δ) over S. With u = log S the integrand is smooth and falls off at both ends, so the
// plain trapezoid rule converges faster than any power of its step (Trefethen and Weideman 2014); every term is positive,
// so both tails keep their relative accuracy, which the series of AS 243 does not.
import { logGamma } from "../special/gamma.ts";
import { checkPositive } from "../numeric/check.ts";
import { normalCdf, normalSurvival } from "./normal.ts";

/** P(T ≤ x) for the noncentral t with `df` degrees of freedom and noncentrality δ = `ncp`. */
export function nonCentralTCdf(x: number, df: number, ncp: number): number {
  return averageOverScale("nonCentralTCdf", x, df, ncp, normalCdf);
}

/** P(T > x) for the noncentral t with `df` degrees of freedom and noncentrality δ = `ncp`: the power of a t test. */
export function nonCentralTSurvival(x: number, df: number, ncp: number): number {
  return averageOverScale("nonCentralTSurvival", x, df, ncp, normalSurvival);
}

function averageOverScale(where: string, x: number, df: number, ncp: number, tail: (z: number) => number): number {
  checkPositive(where, "df", df);
  if (!Number.isFinite(x) || !Number.isFinite(ncp)) {
    throw new RangeError(`${where}: x is ${x} and ncp is ${ncp}, but both must be finite numbers.`);
  }
  // log density of u = log S: constant + df·u − df·e^(2u)/2, with its peak at u = 0.
  const constant = Math.LN2 + (df / 2) * Math.log(df / 2) - logGamma(df / 2);
  const term = (u: number): number =>
    Math.exp(constant + df * u - (df / 2) * Math.exp(2 * u)) * tail(x * Math.exp(u) - ncp);
  const [low, high] = [edge(df, -1), edge(df, 1)];
  let step = (high - low) / 32;
  let sum = 0;
  for (let u = low; u <= high; u += step) sum += term(u);
  let previous = sum * step;
  for (let halving = 0; halving < 14; halving++) {
    for (let u = low + step / 2; u <= high; u += step) sum += term(u);
    step /= 2;
    const next = sum * step;
    if (Math.abs(next - previous) <= 1e-15 * next && halving > 1) return Math.min(1, next);
    previous = next;
  }
  return Math.min(1, previous);
}

/** How far from 0 the density of log S has fallen by a factor e^−45 from its peak, on the given side. */
function edge(df: number, side: 1 | -1): number {
  let u = side * 0.001;
  while (df * u - (df / 2) * Math.expm1(2 * u) > -45) u *= 1.1;
  return u;
}
