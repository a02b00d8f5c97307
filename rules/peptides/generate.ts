/**
 * Draws peptides: for each arm, seed and index one item, so that more samples or seeds only add draws and a new arm
 * leaves the others' alone. Each sampler is a recipe of its own.
 */
import { contract, fanOut, json, table, tree, type, z } from "expfile";
import { armSettings, type ArmSettings } from "./arms.ts";
import { generatedColumns, sequenceColumns } from "./tables.ts";

export const generateContract = contract({
  name: "peptides/generate",
  config: z.strictObject({
    /** How many replicates (1 to n), or their numbers. They are the unit of analysis. */
    seeds: z
      .union([
        z.int().min(1).max(10_000),
        z
          .array(
            z
              .int()
              .min(1)
              .max(2 ** 31 - 1),
          )
          .min(1),
      ])
      .refine(
        (seeds) => typeof seeds === "number" || new Set(seeds).size === seeds.length,
        "must not hold a seed twice",
      )
      .default(10),
    /** Peptides for each arm and seed. */
    samples: z.int().min(1).default(25),
  }),
  arms: armSettings,
  inputs: { slices: tree() },
  items: {
    settings: type<ArmSettings>(),
    item: type<DrawRequest>(),
    inputs: { training: table(sequenceColumns) },
    outputs: { draw: json<Draw>() },
  },
  outputs: {
    peptides: table(generatedColumns, { minRows: 1 }),
    /** Settings by the id of the arm. */
    arms: json<Readonly<Record<string, ArmSettings>>>(),
  },
});

export interface DrawRequest {
  /** The arm's id. */
  readonly arm: string;
  /** The number of the replicate. */
  readonly seed: number;
  readonly index: number;
  /** What the random numbers come from: derived from the run's seed, the arm's settings, the replicate and the index. */
  readonly rngSeed: string;
}

export interface Draw {
  readonly sequence: string;
  /** ln P under the model, in nats. */
  readonly logprob: number;
  readonly provenance: string;
  /** How it came about. */
  readonly how: {
    readonly settings: ArmSettings;
    /** SHA-256 of the training file. */
    readonly training: string;
    readonly rngSeed: string;
    /** Whether the chain was cut at its longest allowed length. */
    readonly truncated: boolean;
  };
}

export const generate = fanOut(generateContract, {
  split: {
    recipe: () => import("./generate/split.recipe.ts"),
    reads: ["samples", "seeds", "arms", "seed"],
  },
  recipes: {
    ngram: () => import("./generate/ngram.recipe.ts"),
  },
  merge: () => import("./generate/merge.recipe.ts"),
});
