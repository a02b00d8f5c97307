/** The limits that hold for every run of this kind, whatever its numbers. */

export const STANDING_LIMITS: readonly string[] = [
  "The sampler is a baseline: it imitates residue statistics of known peptides and knows nothing of structure or targets.",
  "Every metric is computed from the sequence. Predictions are not measurements; a better score is a reason to test a peptide, not a property of it.",
  "Peptides of one seed may depend on each other, so the seed is the unit of analysis. The number of peptides makes the seeds' means precise, not the comparison.",
  "An interval that includes 0 does not show that two arms are equal.",
];
