/** The settings of an arm: one way to generate peptides. A new sampler is one more member of the union and one more recipe. */
import { z } from "expfile";
import { lm } from "./arms/lm.ts";

const lengths = { min: z.int().min(1).max(200).default(5), max: z.int().min(1).max(200).default(50) };

const lengthPrior = z
  .discriminatedUnion("kind", [
    // Lengths drawn like those of the training sequences, so that arms differ in their residues and not in their lengths.
    z.strictObject({ kind: z.literal("training") }),
    z.strictObject({ kind: z.literal("uniform"), ...lengths }),
    // The model ends the chain itself, not before `min` and cut at `max`.
    z.strictObject({ kind: z.literal("model"), ...lengths }),
  ])
  .refine((prior) => prior.kind === "training" || prior.min <= prior.max, "min must not be above max")
  .default({ kind: "training" });

/** Interpolated Kneser–Ney over residues. A baseline to compare designers with, not a designer. */
const ngram = z.strictObject({
  sampler: z.literal("ngram"),
  /** Residues of context. 0 knows the composition and nothing else. */
  order: z.int().min(0).max(5).default(2),
  /** Below 1 likely residues become likelier; 1 is the model. */
  temperature: z.number().min(0.05).max(20).default(1),
  /** Which slice of the prepared peptides it is trained on. */
  slice: z.string().default("all"),
  discount: z.number().gt(0).lt(1).default(0.75),
  length: lengthPrior,
});

export const armSettings = z.discriminatedUnion("sampler", [ngram, lm]);
export type ArmSettings = z.output<typeof armSettings>;
export type NgramSettings = z.output<typeof ngram>;
export type LmSettings = z.output<typeof lm>;
