// How far apart two discrete distributions are, in nats. Source: S. Kullback and R. Leibler (1951); J. Lin (1991).
import { checkNumbers } from "./numeric/check.ts";
import { sum } from "./describe.ts";

/**
 * Kullback–Leibler divergence KL(p ‖ q) in nats. Infinity where p has mass and q has none; 0·log 0 counts as 0.
 *
 * @param p masses of the same categories as `q`; both are scaled to sum to 1, so counts will do
 */
export function klDivergence(p: readonly number[], q: readonly number[]): number {
  const [a, b] = shares("klDivergence", p, q);
  const terms = a.map((share, i) => (share === 0 ? 0 : share * Math.log(share / b[i]!)));
  return terms.includes(Infinity) ? Infinity : Math.max(0, sum(terms));
}

/** Jensen–Shannon divergence in nats, between 0 and log 2: the mean divergence of p and q from their middle. */
export function jensenShannonDivergence(p: readonly number[], q: readonly number[]): number {
  const [a, b] = shares("jensenShannonDivergence", p, q);
  const middle = a.map((share, i) => (share + b[i]!) / 2);
  return (klDivergence(a, middle) + klDivergence(b, middle)) / 2;
}

function shares(where: string, p: readonly number[], q: readonly number[]): [number[], number[]] {
  if (p.length !== q.length) {
    throw new RangeError(
      `${where}: p has ${p.length} categories and q has ${q.length}; list the same ones in the same order.`,
    );
  }
  return [share(where, "p", p), share(where, "q", q)];
}

function share(where: string, name: string, masses: readonly number[]): number[] {
  checkNumbers(where, name, masses);
  const total = sum(masses);
  if (masses.some((mass) => mass < 0) || total <= 0) {
    throw new RangeError(`${where}: ${name} must have no negative mass and some positive one; check the counts.`);
  }
  return masses.map((mass) => mass / total);
}
