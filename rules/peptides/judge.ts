/**
 * Scores peptides from their sequence alone: one item for each judge and each distinct sequence, so that more peptides
 * only add items, and a changed judge leaves the others' scores alone. A metric that does not apply has no value and
 * says why; it is never 0.
 */
import { contract, fanOut, json, table, type, z } from "expfile";
import { HYDROPATHY_SCALES, type HydropathyScale } from "./science/hydropathy.ts";
import { PKA_SETS, type PkaName } from "./science/pka.ts";
import { generatedColumns, scoreColumns, sequenceColumns } from "./tables.ts";

const judges = ["descriptors", "novelty"] as const;

export const judgeContract = contract({
  name: "peptides/judge",
  config: z.strictObject({
    judges: z
      .array(z.enum(judges))
      .min(1)
      .refine((all) => new Set(all).size === all.length, "must not name a judge twice")
      .default([...judges]),
    descriptors: z
      .strictObject({
        /** At which the net charge is taken. */
        pH: z.number().min(0).max(14).default(7.4),
        /** Charges differ by more than half a unit between sets of pK values: name the one that is used. */
        pka: z.enum(Object.keys(PKA_SETS) as [PkaName]).default("Lehninger"),
        mass: z.enum(["average", "monoisotopic", "expasy"]).default("average"),
        /** Whether the peptides will be capped. */
        termini: z
          .strictObject({
            nTerm: z.enum(["free", "acetyl"]).default("free"),
            cTerm: z.enum(["free", "amide"]).default("free"),
          })
          .prefault({}),
        /** Hydrophobic moment: a helix has 100 degrees a residue, a strand 160. */
        moment: z
          .strictObject({
            scale: z.enum(Object.keys(HYDROPATHY_SCALES) as [HydropathyScale]).default("Eisenberg"),
            angle: z.number().min(0).max(180).default(100),
            window: z.int().min(1).default(11),
          })
          .prefault({}),
      })
      .prefault({}),
    novelty: z
      .strictObject({
        /** Costs of gaps in the alignment: blast 11 and 1, emboss 10 and 0.5. */
        gaps: z.enum(["blast", "emboss"]).default("blast"),
      })
      .prefault({}),
  }),
  inputs: {
    peptides: table(generatedColumns),
    /** What novelty is measured against. */
    reference: table(sequenceColumns),
  },
  items: {
    item: type<{ readonly sequence: string }>(),
    /** Handed to the judges that compare. */
    inputs: { reference: table(sequenceColumns) },
    outputs: { scores: json<readonly Score[]>() },
  },
  outputs: { scores: table(scoreColumns, { minRows: 1 }) },
});

/** What a judge says of one sequence in one metric. */
export interface Score {
  readonly metric: string;
  readonly value: number | null;
  /** "" for a plain number. */
  readonly unit: string;
  /** Why there is no value, or what to know about it. */
  readonly note: string | null;
}

export const judge = fanOut(judgeContract, {
  split: { recipe: () => import("./judge/split.recipe.ts"), reads: ["judges"] },
  recipes: {
    descriptors: { recipe: () => import("./judge/descriptors.recipe.ts"), reads: ["descriptors"] },
    novelty: { recipe: () => import("./judge/novelty.recipe.ts"), reads: ["novelty"] },
  },
  merge: () => import("./judge/merge.recipe.ts"),
});
