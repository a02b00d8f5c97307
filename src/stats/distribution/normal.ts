// The normal distribution. Sources: W. J. Cody (1969), "Rational Chebyshev approximations for the error function"
// (distribution function, about 16 digits in both tails); M. J. Wichura (1988), algorithm AS 241 (quantile).
import { checkProbability } from "./probability.ts";

const SQRT_HALF_OVER_PI = 0.398942280401432677939946059934; // 1/√(2π)

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

const NEAR = [
  18154.981253343561249, 1067.6894854603709582, 161.02823106855587881, 2.2352520354606839287, 0.065682337918207449113,
];
const NEAR_BELOW = [45507.789335026729956, 10260.932208618978205, 976.09855173777669322, 47.20258190468824187, 1];
const OUTER = [
  9842.7148383839780218, 11602.651437647350124, 6848.1904505362823326, 2494.5375852903726711, 597.27027639480026226,
  93.506656132177855979, 8.8831497943883759412, 0.39894151208813466764, 1.0765576773720192317e-8,
];
const OUTER_BELOW = [
  19685.429676859990727, 38912.003286093271411, 34900.952721145977266, 18615.571640885098091, 6485.558298266760755,
  1519.377599407554805, 235.38790178262499861, 22.266688044328115691, 1,
];
const TAIL = [
  2.9112874951168792e-5, 0.001421619193227893466, 0.022235277649588, 0.1274011611602473639, 0.21589853405795699,
  0.02307344176494017303,
];
const TAIL_BELOW = [
  7.29751555083966205e-5, 0.00378239633202758244, 0.0659881378689285515, 0.468238212480865118, 1.28426009614491121, 1,
];
const CENTRE = [
  3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125, 45921.953931549871457,
  67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
];
const CENTRE_BELOW = [
  1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867, 39307.89580009271061,
  28729.085735721942674, 5226.495278852854561,
];
const MIDDLE = [
  1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504, 1.27045825245236838258,
  0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4,
];
const MIDDLE_BELOW = [
  1, 2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459,
  0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9,
];
const FAR = [
  6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 0.29656057182850489123, 0.026532189526576123093,
  0.0012426609473880784386, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
];
const FAR_BELOW = [
  1, 0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525, 7.868691311456132591e-4,
  1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15,
];
