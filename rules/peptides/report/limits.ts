/** The limits that hold for every run of this kind, whatever its numbers. */
import type { Summary } from "./summary.ts";

export function limitsOf({ methods: { samplers }, limits }: Summary): string[] {
  return [
    ...(samplers === "language-models" ? [] : [OF_BASELINES]),
    ...(samplers === "baseline" ? [] : [OF_LANGUAGE_MODELS]),
    ...STANDING_LIMITS,
    ...limits,
  ];
}

const OF_BASELINES =
  "The sampler is a baseline: it imitates residue statistics of known peptides and knows nothing of structure or targets.";
const OF_LANGUAGE_MODELS =
  "The language models are taken as they are: nobody has tuned them to a purpose, and nothing that they drew was selected. They may have seen the known peptides when they were trained.";

const STANDING_LIMITS: readonly string[] = [
  "Every metric is computed from the sequence. Predictions are not measurements; a better score is a reason to test a peptide, not a property of it.",
  "Peptides of one seed may depend on each other, so the seed is the unit of analysis. The number of peptides makes the seeds' means precise, not the comparison.",
  "An interval that includes 0 does not show that two arms are equal.",
];
