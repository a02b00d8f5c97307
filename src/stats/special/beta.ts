// The regularised incomplete beta function. Sources: DLMF 8.17.22 (continued fraction); the factor in front is written
// with Loader's saddle-point pieces, so that large parameters keep their accuracy.
import { devianceTerm, logGamma, stirlingError } from "./gamma.ts";

/** Natural logarithm of the beta function, for a and b greater than 0. */
export function logBeta(a: number, b: number): number {
  if (!(a > 0) || !(b > 0)) throw new RangeError(`logBeta: needs a > 0 and b > 0, but got a ${a}, b ${b}.`);
  if (a + b < 20) return logGamma(a) + logGamma(b) - logGamma(a + b);
  const corrections = stirlingError(a) + stirlingError(b) - stirlingError(a + b);
  return (
    corrections +
    0.9189385332046728 -
    0.5 * Math.log(b) +
    (a - 0.5) * Math.log(a / (a + b)) +
    b * Math.log1p(-a / (a + b))
  );
}

/**
 * x^a y^b / B(a, b) with y = 1 − x given apart, so that neither loses digits near 1.
 * This is a·b/(a+b) times a binomial probability of a in a+b trials (Loader 2000).
 */
export function betaTerm(a: number, b: number, x: number, y: number): number {
  if (x === 0 || y === 0) return 0;
  const n = a + b;
  const exponent =
    stirlingError(n) - stirlingError(a) - stirlingError(b) - devianceTerm(a, n * x) - devianceTerm(b, n * y);
  return Math.exp(exponent) * Math.sqrt((a * b) / (2 * Math.PI * n));
}

/** I_x(a, b) and its complement. Whichever is small keeps its relative accuracy. `y` is 1 − x. */
export function incompleteBeta(
  a: number,
  b: number,
  x: number,
  y = 1 - x,
): { readonly lower: number; readonly upper: number } {
  if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1)) {
    throw new RangeError(`incompleteBeta: needs a > 0, b > 0 and 0 <= x <= 1, but got a ${a}, b ${b}, x ${x}.`);
  }
  if (x === 0) return { lower: 0, upper: 1 };
  if (y === 0) return { lower: 1, upper: 0 };
  const term = betaTerm(a, b, x, y);
  if (x < (a + 1) / (a + b + 2)) {
    const lower = (term * fraction(a, b, x)) / a;
    return { lower, upper: 1 - lower };
  }
  const upper = (term * fraction(b, a, y)) / b;
  return { lower: 1 - upper, upper };
}

/** DLMF 8.17.22 by the modified Lentz method. Needs about the square root of max(a, b) rounds. */
function fraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const delta = d * c;
    h *= delta;
    if (Math.abs(delta - 1) < 1e-16) break;
  }
  return h;
}

const nonZero = (value: number): number => (Math.abs(value) < 1e-300 ? 1e-300 : value);
