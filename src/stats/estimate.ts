// What a report can say about a number, or why it cannot say it.

/** An answer that the data do not allow, and what would. A report prints the reason in place of the number. */
export interface NotEstimable {
  readonly kind: "not-estimable";
  readonly reason: string;
}

export interface Interval {
  readonly kind: "interval";
  readonly low: number;
  readonly high: number;
  readonly level: number;
  /** How it was made: "t" for Student's, "BCa" for the bias-corrected and accelerated bootstrap. */
  readonly method: "t" | "BCa";
}

/** The `NotEstimable` with this reason. */
export function notEstimable(reason: string): NotEstimable {
  return { kind: "not-estimable", reason };
}
