// The normal distribution. Sources: W. J. Cody (1969), "Rational Chebyshev approximations for the error function"
// (distribution function, about 16 digits in both tails); M. J. Wichura (1988), algorithm AS 241 (quantile).
import { checkProbability } from "./probability.ts";

const SQRT_HALF_OVER_PI = 0.3989422804014327; // 1/√(2π)

/** Density of the standard normal at x. */
export function normalDensity(x: number): number {
  return SQRT_HALF_OVER_PI * Math.exp(-0.5 * x * x);
}

/** P(Z ≤ x) for a standard normal Z. */
export function normalCdf(x: number): number {
  return upperTail(-x);
}

/** P(Z > x) for a standard normal Z, with full relative accuracy far out (to x ≈ 37). */
export function normalSurvival(x: number): number {
  return upperTail(x);
}

/** The x with P(Z ≤ x) = p. ±Infinity at 0 and 1. */
export function normalQuantile(p: number): number {
  checkProbability("normalQuantile", p);
  if (p === 0) return -Infinity;
  if (p === 1) return Infinity;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(CENTRE, r)) / polynomial(CENTRE_BELOW, r);
  }
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  const size =
    r <= 5
      ? polynomial(MIDDLE, r - 1.6) / polynomial(MIDDLE_BELOW, r - 1.6)
      : polynomial(FAR, r - 5) / polynomial(FAR_BELOW, r - 5);
  return q < 0 ? -size : size;
}

function upperTail(x: number): number {
  if (Number.isNaN(x)) throw new RangeError("normalCdf: x is NaN; drop missing values first.");
  const y = Math.abs(x);
  if (y <= 0.67448975) {
    const square = y * y;
    return 0.5 - (x * polynomial(NEAR, square)) / polynomial(NEAR_BELOW, square);
  }
  const tail = y <= Math.sqrt(32) ? polynomial(OUTER, y) / polynomial(OUTER_BELOW, y) : asymptotic(y);
  // exp(−y²/2) in two factors: the square of y rounded to 1/16 is exact, so the large exponent loses nothing.
  const rounded = Math.trunc(y * 16) / 16;
  const rest = (y - rounded) * (y + rounded);
  const probability = y > 38.6 ? 0 : Math.exp(-0.5 * rounded * rounded) * Math.exp(-0.5 * rest) * tail;
  return x > 0 ? probability : 1 - probability;
}

function asymptotic(y: number): number {
  const square = 1 / (y * y);
  return (SQRT_HALF_OVER_PI - (square * polynomial(TAIL, square)) / polynomial(TAIL_BELOW, square)) / y;
}

/** Horner's rule; the constant comes first. */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}

const NEAR = [18154.98125334356, 1067.6894854603709, 161.02823106855587, 2.2352520354606837, 0.06568233791820745];
const NEAR_BELOW = [45507.78933502673, 10260.932208618979, 976.0985517377767, 47.202581904688245, 1];
const OUTER = [
  9842.714838383978, 11602.65143764735, 6848.190450536283, 2494.5375852903726, 597.2702763948002, 93.50665613217785,
  8.883149794388377, 0.39894151208813466, 1.0765576773720192e-8,
];
const OUTER_BELOW = [
  19685.429676859992, 38912.00328609327, 34900.95272114598, 18615.571640885097, 6485.558298266761, 1519.3775994075547,
  235.387901782625, 22.266688044328117, 1,
];
const TAIL = [
  0.000029112874951168793, 0.0014216191932278934, 0.022235277870649807, 0.12740116116024736, 0.215898534057957,
  0.023073441764940174,
];
const TAIL_BELOW = [
  0.00007297515550839662, 0.0037823963320275824, 0.06598813786892856, 0.4682382124808651, 1.284260096144911, 1,
];
const CENTRE = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087,
  33430.57558358813, 2509.0809287301227,
];
const CENTRE_BELOW = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271, 28729.085735721943,
  5226.495278852854,
];
const MIDDLE = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684, 0.2417807251774506,
  0.022723844989269184, 0.0007745450142783414,
];
const MIDDLE_BELOW = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  0.0005475938084995345, 1.0507500716444169e-9,
];
const FAR = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
  0.0012426609473880784, 0.000027115555687434876, 2.0103343992922881e-7,
];
const FAR_BELOW = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 0.000018463183175100548,
  1.421511758316446e-7, 2.0442631033899397e-15,
];
