// Spearman's rank correlation (C. Spearman 1904).
import { checkPairs } from "../numeric/check.ts";
import { ranks, sum } from "../describe.ts";
import { normalSurvival } from "../distribution/normal.ts";
import { tTwoSided } from "../distribution/t.ts";
import { correlationOf } from "./pearson.ts";

/** Up to this many pairs, the p-value counts all orders. */
export const EXACT_SPEARMAN_LIMIT = 12;

export interface SpearmanCorrelation {
  readonly rho: number;
  /** Two-sided: twice the smaller tail, as in R. */
  readonly pValue: number;
  /** All orders counted; the Edgeworth series of AS 89 (no ties); or Student's t (ties, many pairs). */
  readonly method: "exact" | "edgeworth" | "t";
}

/** Spearman's correlation of at least three pairs; ties share their mean rank. */
export function spearman(x: readonly number[], y: readonly number[]): SpearmanCorrelation {
  checkPairs("spearman", x, y, 3);
  const [rx, ry] = [ranks(x), ranks(y)];
  const rho = correlationOf("spearman", rx, ry);
  const n = x.length;
  if (n <= EXACT_SPEARMAN_LIMIT) return { rho, pValue: exact(rx, ry), method: "exact" };
  const hasTies = new Set(x).size < n || new Set(y).size < n;
  if (!hasTies) return { rho, pValue: edgeworth(rho, n), method: "edgeworth" };
  if (Math.abs(rho) === 1) return { rho, pValue: 0, method: "t" };
  return { rho, pValue: tTwoSided(rho * Math.sqrt((n - 2) / ((1 - rho) * (1 + rho))), n - 2), method: "t" };
}

/**
 * Counts the orders of `ry` by their product sum with `rx`: for each set of y ranks used up so far (a bit mask whose size
 * says how many x have been served), how often each sum occurs.
 */
function exact(rx: readonly number[], ry: readonly number[]): number {
  const n = rx.length;
  // Products of doubled ranks are whole.
  const product = (i: number, j: number): number => 4 * rx[i]! * ry[j]!;
  let counts = new Map<number, Map<number, number>>([[0, new Map([[0, 1]])]]);
  for (let i = 0; i < n; i++) {
    const next = new Map<number, Map<number, number>>();
    for (const [mask, sums] of counts) {
      for (let j = 0; j < n; j++) {
        if ((mask & (1 << j)) !== 0) continue;
        const used = mask | (1 << j);
        const target = next.get(used) ?? new Map<number, number>();
        next.set(used, target);
        for (const [total, count] of sums) {
          const key = total + product(i, j);
          target.set(key, (target.get(key) ?? 0) + count);
        }
      }
    }
    counts = next;
  }
  const observed = sum(rx.map((_, i) => product(i, i)));
  let [atMost, atLeast, all] = [0, 0, 0];
  for (const sums of counts.values()) {
    for (const [total, count] of sums) {
      if (total <= observed) atMost += count;
      if (total >= observed) atLeast += count;
      all += count;
    }
  }
  return Math.min(1, (2 * Math.min(atMost, atLeast)) / all);
}

/** Algorithm AS 89 (D. J. Best and D. E. Roberts 1975), the Edgeworth series for the sum of squared rank differences. */
function edgeworth(rho: number, n: number): number {
  const most = (n ** 3 - n) / 3;
  // The sum of squared differences is even; symmetry lets the upper tail serve for both.
  const squared = 2 * Math.round((most * (1 - rho)) / 4);
  const upper = Math.max(squared, most - squared);
  const b = 1 / n;
  const x = ((6 * (upper - 1) * b) / (n * n - 1) - 1) * Math.sqrt(1 / b - 1);
  const y = x * x;
  const inner =
    -0.0758 +
    b * (0.1033 + 0.3932 * b) -
    y * b * (0.0879 + 0.0151 * b - y * (0.0072 - 0.0831 * b + y * b * (0.0131 - 4.6e-4 * y)));
  const u = x * b * (0.2274 + b * (0.2531 + 0.1745 * b) + y * inner);
  return Math.min(1, 2 * Math.max(0, u / Math.exp(y / 2) + normalSurvival(x)));
}
