// Kendall's rank correlation, tau-b (M. Kendall 1938, 1945).
import { checkPairs } from "../numeric/check.ts";
import { sum, tieSizes } from "../describe.ts";
import { normalSurvival } from "../distribution/normal.ts";

/** Up to this many pairs without ties, the p-value counts all orders. */
export const EXACT_KENDALL_LIMIT = 150;

export interface KendallCorrelation {
  readonly tau: number;
  /** Two-sided: exact without ties, else normal with the variance corrected for ties. */
  readonly pValue: number;
  readonly method: "exact" | "normal";
}

/** Kendall's tau-b of at least two pairs. */
export function kendall(x: readonly number[], y: readonly number[]): KendallCorrelation {
  checkPairs("kendall", x, y, 2);
  const n = x.length;
  let score = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) score += Math.sign(x[i]! - x[j]!) * Math.sign(y[i]! - y[j]!);
  const pairs = (n * (n - 1)) / 2;
  const [tx, ty] = [tieSizes(x), tieSizes(y)];
  const tied = (sizes: readonly number[]): number => sum(sizes.map((t) => (t * (t - 1)) / 2));
  const scale = Math.sqrt(pairs - tied(tx)) * Math.sqrt(pairs - tied(ty));
  if (scale === 0) {
    throw new RangeError("kendall: all values of x or of y are equal, so there is no correlation to measure.");
  }
  const tau = Math.max(-1, Math.min(1, score / scale));
  if (tx.length === n && ty.length === n && n <= EXACT_KENDALL_LIMIT) {
    return { tau, pValue: exact((pairs - Math.abs(score)) / 2, n), method: "exact" };
  }
  const z = Math.abs(score) / Math.sqrt(scoreVariance(n, tx, ty));
  return { tau, pValue: Math.min(1, 2 * normalSurvival(z)), method: "normal" };
}

/** Twice the share of orders with at most `inversions` inversions (Mahonian numbers, as probabilities). */
function exact(inversions: number, n: number): number {
  let chances = [1];
  for (let size = 2; size <= n; size++) {
    const next: number[] = [];
    let window = 0;
    for (let k = 0; k < chances.length + size - 1; k++) {
      window += (chances[k] ?? 0) - (chances[k - size] ?? 0);
      next.push(Math.max(0, window) / size);
    }
    chances = next;
  }
  return Math.min(1, 2 * sum(chances.slice(0, inversions + 1)));
}

/** Kendall (1970), Rank Correlation Methods, chapter 5. */
function scoreVariance(n: number, tx: readonly number[], ty: readonly number[]): number {
  const cubic = (t: number): number => t * (t - 1) * (2 * t + 5);
  const triples = (sizes: readonly number[]): number => sum(sizes.map((t) => t * (t - 1) * (t - 2)));
  const doubles = (sizes: readonly number[]): number => sum(sizes.map((t) => t * (t - 1)));
  const main = (cubic(n) - sum(tx.map(cubic)) - sum(ty.map(cubic))) / 18;
  const three = n > 2 ? (triples(tx) * triples(ty)) / (9 * n * (n - 1) * (n - 2)) : 0;
  return main + three + (doubles(tx) * doubles(ty)) / (2 * n * (n - 1));
}
