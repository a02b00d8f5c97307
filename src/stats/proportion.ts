// Confidence intervals for a proportion, and pass@k.
import { checkCount, checkFraction } from "./numeric/check.ts";
import { betaQuantile } from "./distribution/beta.ts";
import { normalQuantile } from "./distribution/normal.ts";

/**
 * Wilson's score interval for `x` successes in `n` trials (E. B. Wilson 1927; without continuity correction).
 *
 * @returns [low, high] within [0, 1]
 */
export function wilsonInterval(x: number, n: number, level = 0.95): [number, number] {
  checkTrials("wilsonInterval", x, n, level);
  const z = normalQuantile(0.5 + level / 2);
  const p = x / n;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const reach = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  return [x === 0 ? 0 : centre - reach, x === n ? 1 : centre + reach];
}

/**
 * The exact interval of C. J. Clopper and E. S. Pearson (1934) for `x` successes in `n` trials: never covers too little.
 *
 * @returns [low, high] within [0, 1]
 */
export function clopperPearsonInterval(x: number, n: number, level = 0.95): [number, number] {
  checkTrials("clopperPearsonInterval", x, n, level);
  const tail = (1 - level) / 2;
  return [x === 0 ? 0 : betaQuantile(tail, x, n - x + 1), x === n ? 1 : 1 - betaQuantile(tail, n - x, x + 1)];
}

/**
 * The unbiased estimate of the chance that at least one of `k` samples is right, from `c` right ones among `n`:
 * 1 − C(n−c, k) / C(n, k) (M. Chen et al. 2021, arXiv 2107.03374).
 */
export function passAtK(n: number, c: number, k: number): number {
  checkCount("passAtK", "n", n, 1);
  checkCount("passAtK", "c", c, 0, n);
  checkCount("passAtK", "k", k, 1, n);
  if (n - c < k) return 1;
  let allWrong = 1;
  for (let i = n - c + 1; i <= n; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}

function checkTrials(where: string, x: number, n: number, level: number): void {
  checkCount(where, "n", n, 1);
  checkCount(where, "x", x, 0, n);
  checkFraction(where, "level", level);
}
