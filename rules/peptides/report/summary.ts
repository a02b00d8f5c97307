/**
 * `summary.json`: everything that the report says in numbers. Computed elsewhere; here are only its shape and its words.
 * JSON has no NaN: what could not be computed is null, and the report says so.
 */

export type Summary = {
  readonly schema: "peptide-summary 1";
  readonly title: string;
  /** Null when nobody wrote any. */
  readonly notes: RunNotes | null;
  /** Confidence level of every interval, a fraction such as 0.95. */
  readonly level: number;
  readonly arms: readonly Arm[];
  readonly seeds: readonly number[];
  readonly counts: readonly ArmCounts[];
  readonly prepare: Prepare;
  /** Declared before the run: primary metrics carry the finding, the others are exploration. */
  readonly metrics: readonly Metric[];
  /** What the config said would come out, in its order; empty when it said nothing that can be checked. */
  readonly predictions: readonly Prediction[];
  readonly examples: readonly ArmExamples[];
  readonly data: readonly DataSource[];
  readonly methods: Methods;
  /** What the numbers cannot show; one sentence each, shown after the limits that hold for every run. */
  readonly limits: readonly string[];
};

/** Written by a person before the run. */
export type RunNotes = { readonly what: string; readonly why: string; readonly hypothesis: string | null };

/** One way to generate. Exactly one arm is the control. */
export type Arm = {
  readonly id: string;
  readonly label: string;
  /** What differs between arms, as the config has it: `{ order: 2, temperature: 1 }`. */
  readonly settings: Readonly<Record<string, string | number | boolean | null>>;
  readonly control: boolean;
};

/** Peptides of one arm over all seeds. */
export type ArmCounts = {
  readonly arm: string;
  readonly peptides: number;
  /** Those that repeat an earlier sequence of the same arm. */
  readonly duplicates: number;
  /** Those with letters beyond the 20 residues, or empty: generated but not judged. */
  readonly invalid: number;
  /** Those in no reference source, or null when it was not looked at. */
  readonly novel: number | null;
};

export type Prepare = {
  /** Rows read and kept from the sources. */
  readonly read: number;
  readonly kept: number;
  readonly rejected: readonly Reason[];
};

export type Reason = { readonly reason: string; readonly count: number };

export type Metric = {
  readonly id: string;
  readonly label: string;
  /** As shown after a number: "Da", "elementary charges"; empty for a number without unit. */
  readonly unit: string;
  readonly judge: string;
  readonly primary: boolean;
  /** Which direction is wanted; "neither" for a description. */
  readonly better: "higher" | "lower" | "neither";
  /** One sentence for a reader who does not know the metric. */
  readonly description: string;
  readonly perArm: readonly Estimate[];
  readonly paired: readonly PairedDifference[];
  /** Peptides for which the judge gave no value. */
  readonly notApplicable: readonly Reason[];
};

/** The mean over seeds of the seed's mean. Numbers are null when there are too few seeds. */
export type Estimate = {
  readonly arm: string;
  /** Seeds, the unit of analysis. */
  readonly nSeeds: number;
  /** Peptides that were judged, over all seeds. */
  readonly nPeptides: number;
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
};

/** Arm minus control, paired by seed. */
export type PairedDifference = {
  readonly arm: string;
  readonly nSeeds: number;
  readonly difference: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly p: number | null;
  /** Corrected for the number of comparisons in the family. */
  readonly pAdjusted: number | null;
  /** The smallest p that the test can give with this many seeds, null when it has no such bound. */
  readonly smallestP: number | null;
  /** Standardised difference such as Hedges' g. */
  readonly effect: number | null;
};

export type Verdict = "supported" | "contradicted" | "undecided";

/**
 * What decided a prediction, or kept it from being decided. "out-of-reach": with so many seeds and comparisons no data could
 * have passed the correction. "interval": it includes 0, or reaches beyond the margin.
 */
export type Because =
  "shown" | "within" | "opposite" | "beyond" | "not-comparable" | "out-of-reach" | "interval" | "correction";

/** A prediction about one arm's difference from the control, or from another arm, held against the numbers. */
export type Prediction = {
  readonly metric: string;
  readonly arm: string;
  /** The arm that it is compared with; null for the control. */
  readonly against: string | null;
  readonly direction: "higher" | "lower" | "no difference";
  /** What still counts as no difference, in the metric's unit; null for a direction. */
  readonly margin: number | null;
  readonly verdict: Verdict;
  readonly because: Because;
  readonly nSeeds: number;
  readonly difference: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** Of a direction: as in `metrics`; against another arm than the control, corrected among such comparisons. Of no difference: of a difference as large as the margin, corrected among such predictions. */
  readonly pAdjusted: number | null;
  /** The smallest that these seeds and comparisons allow, whatever the data. */
  readonly smallestPAdjusted: number | null;
};

export type ArmExamples = { readonly arm: string; readonly peptides: readonly Example[] };

export type Example = {
  readonly id: string;
  readonly seed: number;
  readonly sequence: string;
  /** 1 less the edit distance to the nearest known peptide as a share of the longer one, or null. */
  readonly nearestSimilarity: number | null;
  /** Metric id to value; null where the judge gave none. */
  readonly values: Readonly<Record<string, number | null>>;
};

export type DataSource = {
  readonly name: string;
  readonly file: string;
  readonly rows: number;
  readonly licence: string;
  /** Where it is from: repository, commit, paper. */
  readonly source: string;
};

export type Samplers = "baseline" | "language-models" | "both";

export type Methods = {
  /** "BCa bootstrap over seeds, 10,000 resamples". */
  readonly interval: string;
  /** "exact sign-flip permutation of the paired differences". */
  readonly test: string;
  /** "Holm over the primary metrics and arms". */
  readonly correction: string;
  /** "Hedges' g of the paired differences", null when not given. */
  readonly effect: string | null;
  /** How the samplers of the arms work. */
  readonly sampler: string;
  /** What they are; statistics of residues are called a baseline throughout. */
  readonly samplers: Samplers;
  /** How examples were chosen. */
  readonly examples: string;
  readonly notes: readonly string[];
};
