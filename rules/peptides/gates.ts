/** Conditions that a run must meet before anybody builds on it. */
import { gate, table, z } from "expfile";
import { scoreColumns } from "./tables.ts";

const noveltyGateSpec = {
  name: "peptides/enough-novelty",
  config: z.strictObject({
    /** A peptide is novel when it is less similar than this to the closest known peptide, by edits; 1 is a copy. */
    below: z.number().min(0).max(1).default(0.8),
    /** The least share of novel peptides. */
    share: z.number().min(0).max(1).default(0.9),
  }),
  inputs: { scores: table(scoreColumns) },
} as const;
export type NoveltyGate = typeof noveltyGateSpec;

/** Fails when the samplers mostly repeat what they were trained on. */
export const enoughNovelty = gate(noveltyGateSpec, () => import("./gates/novelty.recipe.ts"));
