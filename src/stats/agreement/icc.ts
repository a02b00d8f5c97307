// Intraclass correlations, from the two-way analysis of variance. Source: P. Shrout and J. Fleiss (1979).
import { checkNumbers } from "../numeric/check.ts";
import { mean, sum } from "../describe.ts";

export interface Icc {
  /** One-way, each subject rated by other raters: a single rating, and the mean of k. */
  readonly icc1: number;
  readonly icc1k: number;
  /** Two-way, raters a random sample, absolute agreement. */
  readonly icc2: number;
  readonly icc2k: number;
  /** Two-way, these raters only, consistency. */
  readonly icc3: number;
  readonly icc3k: number;
}

/**
 * All six intraclass correlations.
 *
 * @param ratings one row per subject, one column per rater, none missing
 * @throws RangeError when fewer than 2 × 2 ratings, or subjects do not differ at all
 */
export function icc(ratings: readonly (readonly number[])[]): Icc {
  const n = ratings.length;
  const k = ratings[0]?.length ?? 0;
  if (n < 2 || k < 2) {
    throw new RangeError(`icc: there are ${n} subjects and ${k} raters; at least two of each are needed.`);
  }
  ratings.forEach((row, i) => {
    checkNumbers("icc", `ratings[${i}]`, row);
    if (row.length !== k) {
      throw new RangeError(
        `icc: subject ${i} has ${row.length} ratings and subject 0 has ${k}; all raters must rate all subjects.`,
      );
    }
  });
  const grand = mean(ratings.flat());
  const bySubject = ratings.map((row) => mean(row));
  const byRater = ratings[0]!.map((_, j) => mean(ratings.map((row) => row[j]!)));
  const between = (k * sum(bySubject.map((m) => (m - grand) ** 2))) / (n - 1);
  const raters = (n * sum(byRater.map((m) => (m - grand) ** 2))) / (k - 1);
  const within = sum(ratings.flatMap((row, i) => row.map((x) => (x - bySubject[i]!) ** 2))) / (n * (k - 1));
  const residuals = ratings.flatMap((row, i) => row.map((x, j) => (x - bySubject[i]! - byRater[j]! + grand) ** 2));
  const error = sum(residuals) / ((n - 1) * (k - 1));
  if (between === 0) {
    throw new RangeError(
      "icc: all subjects have the same mean rating, so no share of variance can be told; rate subjects that differ.",
    );
  }
  return {
    icc1: (between - within) / (between + (k - 1) * within),
    icc1k: (between - within) / between,
    icc2: (between - error) / (between + (k - 1) * error + (k * (raters - error)) / n),
    icc2k: (between - error) / (between + (raters - error) / n),
    icc3: (between - error) / (between + (k - 1) * error),
    icc3k: (between - error) / between,
  };
}
