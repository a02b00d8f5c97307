// How two points of runs differ. Data only; report/comparison.ts words it.

import type { Reason } from "./reason.ts";

export interface PointName {
  readonly run: string;
  /** Undefined: it has no history. */
  readonly build: number | undefined;
  /** ISO 8601. */
  readonly at: string | undefined;
}

export interface Comparison {
  readonly before: PointName;
  readonly after: PointName;
  /** Undefined: one of the two was built by an exp that did not keep the config. */
  readonly config: readonly Reason[] | undefined;
  readonly versions: readonly VersionDifference[];
  readonly targets: readonly TargetComparison[];
  readonly metrics: readonly MetricDifference[];
}

export interface VersionDifference {
  readonly what: "exp" | "node" | "experiment" | "config file";
  readonly before: string;
  readonly after: string;
}

export interface TargetComparison {
  readonly target: string;
  readonly kind: "only-before" | "only-after" | "same" | "other-key" | "other-output";
  /** Output slots whose content differs. */
  readonly outputs: readonly string[];
  /** Why the keys differ. */
  readonly reasons: readonly Reason[];
  readonly before?: ResultNote;
  readonly after?: ResultNote;
  readonly items?: ItemsComparison;
}

/** What is to be known of a result that was not simply made. */
export interface ResultNote {
  /** Somebody said that what had changed does not matter. */
  readonly accepted?: { readonly at: string; readonly by: string; readonly because: string };
  /** Another run's result, taken as given: `old@3:generate`. */
  readonly from?: string;
}

/** Items of a fan-out, by their labels or by what they are. `otherOutput`: of those in common. */
export interface ItemsComparison {
  readonly common: number;
  readonly otherOutput: number;
  readonly onlyBefore: number;
  readonly onlyAfter: number;
}

/** A number at the same place of the same output. */
export interface MetricDifference {
  readonly target: string;
  readonly output: string;
  /** Within the output: `scores.mean`, `arms.large.wins`. */
  readonly path: string;
  readonly before: number;
  readonly after: number;
  /** It is in a row that nothing names: compared with the one at its place among the rows that the other does not have. */
  readonly byPlace?: true;
}
