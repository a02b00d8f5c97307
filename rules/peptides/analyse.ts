/**
 * What the scores show: for each metric an item that estimates every arm and its difference from the control, then one
 * report. The seed is the unit of analysis: an item is told the means of seeds, so it re-runs only when those change.
 */
import { contract, fanOut, named, json, table, text, tree, type, z } from "expfile";
import { armSettings, type ArmSettings } from "./arms.ts";
import type { PrepareSummary } from "./prepare.ts";
import type { Estimate, PairedDifference, Summary } from "./report/summary.ts";
import { generatedColumns, scoreColumns, sequenceColumns } from "./tables.ts";

export const analyseContract = contract({
  name: "peptides/analyse",
  config: z.strictObject({
    title: z.string().min(1).default("Peptides of several baseline samplers"),
    /** Shown in the report, so that it says what was expected before the run. */
    /** Metrics declared before the run. They carry the finding and are corrected as one family; all others are exploration. */
    primary: z.array(z.string()).min(1),
    /** Confidence level of every interval. */
    level: z.number().min(0.5).max(0.999).default(0.95),
  }),
  arms: armSettings,
  inputs: {
    peptides: table(generatedColumns),
    arms: json<Readonly<Record<string, ArmSettings>>>(),
    scores: table(scoreColumns),
    /** The known peptides, for comparison in figures. */
    reference: table(sequenceColumns),
    prepared: json<PrepareSummary>(),
  },
  items: {
    item: type<MetricMeans>(),
    outputs: { estimates: json<MetricEstimates>() },
  },
  outputs: {
    summary: json<Summary>(),
    report: text(".html"),
    /** The same for a repository or a pull request. */
    markdown: named("report", text(".md")),
    figures: tree(),
  },
});

/** A metric as the analysis sees it: one mean for each arm and seed. */
export interface MetricMeans {
  readonly judge: string;
  readonly metric: string;
  /** The arm that the others are compared with. */
  readonly control: string;
  readonly arms: readonly ArmMeans[];
}

export interface ArmMeans {
  readonly arm: string;
  /** Seeds of which at least one peptide has a value, in ascending order. */
  readonly seeds: readonly { readonly seed: number; readonly mean: number; readonly peptides: number }[];
}

export interface MetricEstimates {
  readonly perArm: readonly Estimate[];
  /** Not yet corrected for the number of comparisons, which only the report knows. */
  readonly paired: readonly Omit<PairedDifference, "pAdjusted">[];
  /** What a reader must know before leaning on the numbers. */
  readonly cautions: readonly string[];
}

export const analyse = fanOut(analyseContract, {
  split: { recipe: () => import("./analyse/split.recipe.ts"), reads: ["primary", "control"] },
  recipes: {
    estimate: { recipe: () => import("./analyse/estimate.recipe.ts"), reads: ["level"] },
  },
  // The only part that knows the arms by name: renaming one renders the report again and does nothing else.
  merge: {
    recipe: () => import("./analyse/render.recipe.ts"),
    reads: ["title", "primary", "level", "control", "labels", "notes"],
  },
});
