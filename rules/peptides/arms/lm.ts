/**
 * The settings of arms that sample from a protein language model. What is in here is in the key of each draw; where weights
 * lie and how many rows go through a GPU at once is not.
 */
import { z } from "expfile";

const common = {
  sampler: z.literal("lm"),
  /** 0 takes the likeliest each time; below 1 likely residues become likelier; 1 is the model. */
  temperature: z.number().min(0).max(20).default(1),
  /** Only the likeliest so many, or those that together have so much of the probability. */
  topK: z.int().min(1).optional(),
  topP: z.number().gt(0).max(1).optional(),
  /** Residues, both ends included. Masked models draw a length from these, all equally likely; chains are cut at the longest. */
  length: z
    .strictObject({ min: z.int().min(1).max(200).default(5), max: z.int().min(1).max(200).default(50) })
    .refine(({ min, max }) => min <= max, "must not have min above max")
    .prefault({}),
  /** What it must run on: a draw elsewhere is refused, and none made elsewhere is taken from a cache. */
  on: z
    .strictObject({
      /** "H100", "A100-80GB"; "none" is a CPU. */
      gpu: z.string().min(1).optional(),
      /** "2.4" takes 2.4.1, too. */
      torch: z.string().min(1).optional(),
      transformers: z.string().min(1).optional(),
    })
    .optional(),
};

/** A model of the hub, by its name there and a commit. */
const fromHub = (model: string) => ({
  model: z
    .string()
    .regex(/^[\w.-]+\/[\w.-]+$/, "must be a model of the hub: OWNER/NAME")
    .default(model),
  /** Nothing but a commit says which weights they are. */
  revision: z
    .string()
    .regex(
      /^[0-9a-f]{40}$/,
      "must be a full commit hash, 40 hexadecimal digits: a branch or a tag may mean other weights tomorrow",
    ),
});

const chain = { repetitionPenalty: z.number().gt(0).max(10).default(1) };
const gibbs = {
  /** How often each position is drawn. */
  sweeps: z.int().min(1).max(1000).default(10),
  /** Which share of the positions is masked and drawn at a time. */
  maskFraction: z.number().gt(0).max(1).default(0.15),
};
const infill = {
  /** The protein that is to be bound, in one-letter codes. */
  target: z
    .string()
    .regex(/^[ACDEFGHIKLMNPQRSTVWYXBUZO]+$/, "must be a sequence in one-letter codes, upper case, without gaps")
    .max(1000),
};
/** A TorchScript file, by its name under generate.models. Its content is in the key. */
const fromFile = { family: z.literal("file"), model: z.string().min(1) };

export const lm = z.discriminatedUnion("family", [
  // Made for proteins: its chains are mostly cut at the longest peptide. The defaults are its authors'.
  z.strictObject({
    ...common,
    family: z.literal("protgpt2"),
    ...fromHub("nferruz/ProtGPT2"),
    ...chain,
    topK: z.int().min(1).default(950),
    repetitionPenalty: z.number().gt(0).max(10).default(1.2),
  }),
  z.strictObject({
    ...common,
    family: z.literal("esm2"),
    ...fromHub("facebook/esm2_t33_650M_UR50D"),
    ...gibbs,
  }),
  z.strictObject({
    ...common,
    family: z.literal("pepmlm"),
    ...fromHub("ChatterjeeLab/PepMLM-650M"),
    ...infill,
    topK: z.int().min(1).default(3),
  }),
  z.discriminatedUnion("procedure", [
    z.strictObject({ ...common, ...fromFile, procedure: z.literal("chain"), ...chain }),
    z.strictObject({ ...common, ...fromFile, procedure: z.literal("gibbs"), ...gibbs }),
    z.strictObject({ ...common, ...fromFile, procedure: z.literal("infill"), ...infill }),
  ]),
]);
