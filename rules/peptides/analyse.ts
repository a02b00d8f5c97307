/**
 * What the scores show: for each metric an item that estimates every arm and its difference from the control, then one
 * report. The seed is the unit of analysis: an item is told the means of seeds, so it re-runs only when those change.
 */
import { contract, fanOut, named, json, table, text, tree, type, z } from "expfile";
import { armSettings, type ArmSettings } from "./arms.ts";
import type { PrepareSummary } from "./prepare.ts";
import type { Estimate, PairedDifference, Summary } from "./report/summary.ts";
import { didYouMean, listNames, sentences } from "./suggest.ts";
import { generatedColumns, scoreColumns, sequenceColumns } from "./tables.ts";

/** One arm against the control, or against another arm, in a primary metric. Arms go by their names. */
const about = { metric: z.string(), arm: z.string(), against: z.string().optional() };
const prediction = z.discriminatedUnion("direction", [
  z.strictObject({ ...about, direction: z.enum(["higher", "lower"]) }),
  // That nothing was found shows nothing, so this one has to say which difference would be too small to matter.
  z.strictObject({ ...about, direction: z.literal("no difference"), margin: z.number().positive() }),
]);
/** The same whichever arm is named first. */
const pairOf = ({ arm, against }: { arm: string; against?: string | undefined }): readonly string[] =>
  against === undefined ? [arm] : [arm, against].sort();
export type StatedPrediction = z.output<typeof prediction>;

export const analyseContract = contract({
  name: "peptides/analyse",
  config: z
    .strictObject({
      title: z.string().min(1).default("Peptides of several baseline samplers"),
      /** Metrics declared before the run. They carry the finding and are corrected as one family; all others are exploration. */
      primary: z.array(z.string()).min(1),
      /** The hypothesis of `notes` in a form that can be checked; the report says what became of each. */
      predictions: z
        .array(prediction)
        .refine(
          (all) => new Set(all.map(({ metric, ...one }) => JSON.stringify([metric, pairOf(one)]))).size === all.length,
          "must not predict one metric of one arm twice",
        )
        .default([]),
      /** Confidence level of every interval. */
      level: z.number().min(0.5).max(0.999).default(0.95),
    })
    .superRefine(({ primary, predictions }, context) => {
      for (const [i, { metric }] of predictions.entries()) {
        if (primary.includes(metric)) continue;
        context.addIssue({
          code: "custom",
          path: ["predictions", i, "metric"],
          message: sentences(
            `must be one of analyse.primary, with which its p is corrected; it is "${metric}".`,
            didYouMean(metric, primary),
            `Primary metrics are ${listNames(primary)}.`,
          ),
        });
      }
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
    reads: ["title", "primary", "predictions", "level", "control", "labels", "notes"],
  },
});
