// Which side of a test counts as evidence.

/** "greater" means that x tends to be larger than y. */
export type Alternative = "two-sided" | "greater" | "less";

/**
 * The p-value from the two tails, both of which include the observed value. Two-sided is twice the smaller, as in R.
 */
export function pFromTails(
  where: string,
  alternative: Alternative,
  tails: { atMost: number; atLeast: number },
): number {
  switch (alternative) {
    case "two-sided":
      return Math.min(1, 2 * Math.min(tails.atMost, tails.atLeast));
    case "greater":
      return Math.min(1, tails.atLeast);
    case "less":
      return Math.min(1, tails.atMost);
    default:
      throw new RangeError(
        `${where}: the alternative is ${JSON.stringify(alternative)}, but must be two-sided, greater or less.`,
      );
  }
}
