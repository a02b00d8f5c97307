/**
 * Draws peptides: for each arm, seed and index one item, so that more samples or seeds only add draws and a new arm
 * leaves the others' alone. Each sampler is a recipe of its own.
 */
import { contract, fanOut, file, json, optional, sourceFiles, table, tree, type, z } from "expfile";
import { armSettings, type ArmSettings, type LmSettings, type NgramSettings } from "./arms.ts";
import { modelPaths } from "./generate/models.ts";
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
    /** Language models of one's own, TorchScript files by name, for arms of the family `file`. */
    models: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/), z.string().min(1)).default({}),
  }),
  arms: armSettings,
  inputs: {
    slices: tree(),
    /** For each of the models, its file. */
    models: sourceFiles((config: { models: Readonly<Record<string, string>> }) => modelPaths(config.models)),
  },
  items: {
    settings: type<ArmSettings>(),
    item: type<DrawRequest>(),
    /** What an n-gram model learns from; the file of a language model of one's own. */
    inputs: { training: optional(table(sequenceColumns)), weights: optional(file(".pt")) },
    outputs: { draw: json<Draw>() },
  },
  outputs: {
    peptides: table(generatedColumns, { minRows: 1 }),
    /** Settings by the id of the arm. */
    arms: json<Readonly<Record<string, ArmSettings>>>(),
    /** By the id of the arm, on what its language model ran, and what became of its draws. */
    models: json<Readonly<Record<string, readonly ModelUse[]>>>(),
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
  /** In nats, under the model itself. Of a chain ln P with its end; of masked models the pseudo-log-likelihood. */
  readonly logprob: number;
  readonly provenance: string;
  /** How it came about. */
  readonly how: HowNgram | HowLm;
}

export interface HowNgram {
  readonly settings: NgramSettings;
  /** SHA-256 of the training file. */
  readonly training: string;
  readonly rngSeed: string;
  /** Whether the chain was cut at its longest allowed length. */
  readonly truncated: boolean;
}

export interface HowLm {
  readonly settings: LmSettings;
  readonly rngSeed: string;
  readonly truncated: boolean;
  /** exp(-logprob / symbols); null where that is more than a number can hold. */
  readonly perplexity: number | null;
  /** The mean share of the model's probability that lay on what is never drawn: special symbols, X, what does not fit. */
  readonly excluded: number;
  readonly ran: ModelRun;
}

/** Which weights, and what they ran on. */
export interface ModelRun {
  readonly model: string;
  /** The commit; of a file of one's own its SHA-256. */
  readonly revision: string;
  readonly device: string;
  readonly gpu: string | null;
  readonly python: string;
  readonly torch: string;
  readonly transformers: string | null;
  /** Of the container, where there is one that says. */
  readonly image: string | null;
}

export interface ModelUse extends ModelRun {
  readonly draws: number;
  /** How many of them were cut at the longest length. */
  readonly truncated: number;
  /** Mean over them. */
  readonly excluded: number;
}

const fromLm = {
  recipe: () => import("./generate/lm.recipe.ts"),
  vectorised: true,
  varies:
    "sums of floating-point numbers depend on the processor or GPU, on torch and on what is drawn in the same batch",
} as const;

export const generate = fanOut(generateContract, {
  split: {
    recipe: () => import("./generate/split.recipe.ts"),
    reads: ["samples", "seeds", "models", "arms", "seed"],
  },
  recipes: {
    ngram: () => import("./generate/ngram.recipe.ts"),
    // On a machine without a GPU: --limit gpu=1.
    lm: {
      ...fromLm,
      tools: { python3: "3", "python:torch": "2", "python:transformers": "5" },
      resources: { gpu: 1 },
    },
    // Small models of one's own. The program says which torch it found, and what to do without.
    "lm-file": { ...fromLm, tools: { python3: "3" } },
  },
  merge: () => import("./generate/merge.recipe.ts"),
});
