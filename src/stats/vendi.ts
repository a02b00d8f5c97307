// The Vendi score: how many different things a sample effectively holds.
// Source: D. Friedman and A. B. Dieng (2023), "The Vendi score: a diversity evaluation metric for machine learning".
import { symmetricEigenvalues } from "./numeric/matrix.ts";
import { sum } from "./describe.ts";

/**
 * The exponential of the entropy of the eigenvalues of K/n: 1 when all are alike, n when all are entirely different.
 *
 * @param similarity K, n × n, symmetric, positive semi-definite, with 1 on the diagonal
 * @param order q of the Rényi entropy; 1 (the default) is Shannon's, and Infinity looks at the most common kind only
 */
export function vendiScore(similarity: readonly (readonly number[])[], order = 1): number {
  const n = similarity.length;
  if (n === 0) throw new RangeError("vendiScore: the matrix is empty; give at least one item.");
  if (!(order >= 0)) throw new RangeError(`vendiScore: the order is ${order}, but must be 0 or more.`);
  similarity.forEach((row, i) => {
    if (row.length !== n) {
      throw new RangeError(`vendiScore: row ${i} has ${row.length} columns, but the matrix must be ${n} × ${n}.`);
    }
    if (Math.abs(row[i]! - 1) > 1e-9) {
      throw new RangeError(
        `vendiScore: K[${i}][${i}] is ${String(row[i])}, but every item is 1 similar to itself; rescale the kernel.`,
      );
    }
    const odd = row.findIndex((value, j) => !(Math.abs(value - similarity[j]![i]!) <= 1e-9));
    if (odd >= 0)
      throw new RangeError(`vendiScore: K[${i}][${odd}] and K[${odd}][${i}] differ; the matrix must be symmetric.`);
  });
  const eigenvalues = symmetricEigenvalues(similarity).map((value) => value / n);
  if (Math.min(...eigenvalues) < -1e-9) {
    throw new RangeError(
      "vendiScore: the matrix has a negative eigenvalue; the similarity must be positive semi-definite.",
    );
  }
  const shares = eigenvalues.filter((share) => share > 1e-14);
  if (order === 1) return Math.exp(-sum(shares.map((share) => share * Math.log(share))));
  if (order === Infinity) return 1 / Math.max(...shares);
  return sum(shares.map((share) => share ** order)) ** (1 / (1 - order));
}
