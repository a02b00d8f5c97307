// Roots of a continuous function of one variable.

/**
 * The root of `f` in `[low, high]`, where `f` changes sign, by the method of R. P. Brent (1973, chapter 4): inverse
 * quadratic interpolation, kept safe by bisection. Exact to about two units in the last place.
 */
export function findRoot(f: (x: number) => number, low: number, high: number): number {
  let [a, b] = [low, high];
  let [fa, fb] = [f(a), f(b)];
  if (fa === 0) return a;
  if (fb === 0) return b;
  if (fa > 0 === fb > 0)
    throw new RangeError(`findRoot: the function does not change sign between ${low} and ${high}.`);
  let [c, fc] = [a, fa];
  let step = b - a;
  let before = step;
  for (let round = 0; round < 300; round++) {
    if (fb > 0 === fc > 0) {
      [c, fc] = [a, fa];
      step = before = b - a;
    }
    if (Math.abs(fc) < Math.abs(fb)) {
      [a, b, c] = [b, c, b];
      [fa, fb, fc] = [fb, fc, fb];
    }
    const tolerance = 2 ** -52 * Math.abs(b) + 1e-300;
    const half = (c - b) / 2;
    if (Math.abs(half) <= tolerance || fb === 0) return b;
    const guess =
      Math.abs(before) >= tolerance && Math.abs(fa) > Math.abs(fb) ? interpolate(a, b, c, fa, fb, fc) : null;
    if (guess !== null && Math.abs(guess) < Math.min(1.5 * Math.abs(half), Math.abs(before / 2)) && guess * half > 0) {
      before = step;
      step = guess;
    } else {
      before = step = half;
    }
    [a, fa] = [b, fb];
    b += Math.abs(step) > tolerance ? step : Math.sign(half) * tolerance;
    fb = f(b);
  }
  return b;
}

/** The step from b to where the parabola (or, with two points, the line) through the points meets zero. */
function interpolate(a: number, b: number, c: number, fa: number, fb: number, fc: number): number {
  const s = fb / fa;
  if (a === c) return ((c - b) * s) / (s - 1);
  const q = fa / fc;
  const r = fb / fc;
  return (-s * ((c - b) * q * (q - r) - (b - a) * (r - 1))) / ((q - 1) * (r - 1) * (s - 1));
}

/** The x at which an increasing `f` reaches zero; the bracket grows from `[low, high]` by doubling, within the limits. */
export function findIncreasing(
  f: (x: number) => number,
  bracket: readonly [number, number],
  limits: readonly [number, number] = [-Infinity, Infinity],
): number {
  let [low, high] = bracket;
  let width = high - low;
  while (f(low) > 0 && low > limits[0]) low = Math.max(limits[0], low - (width *= 2));
  width = high - low;
  while (f(high) < 0 && high < limits[1] && high < 1e300) high = Math.min(limits[1], high + (width *= 2));
  return findRoot(f, low, high);
}
