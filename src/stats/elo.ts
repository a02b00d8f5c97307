// Elo's expected score (A. Elo 1978).

/** The score that a player rated `ra` expects against one rated `rb`: 1 / (1 + 10^((rb − ra) / 400)). */
export function eloExpected(ra: number, rb: number): number {
  if (!Number.isFinite(ra) || !Number.isFinite(rb)) {
    throw new RangeError(`eloExpected: the ratings are ${ra} and ${rb}, but both must be finite numbers.`);
  }
  return 1 / (1 + 10 ** ((rb - ra) / 400));
}
