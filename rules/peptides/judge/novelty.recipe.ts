/** How close one sequence comes to the known peptides. The reference is encoded once a worker. */
import type { ItemRecipe } from "expfile";
import { readTable } from "expfile/table";
import type { judgeContract } from "../judge.ts";
import { BLAST_GAPS, EMBOSS_GAPS } from "../science/align.ts";
import { value, type Descriptor } from "../science/descriptor.ts";
import {
  bestLevenshteinSimilarity,
  bestSmithWaterman,
  encodeReference,
  type EncodedReference,
} from "../science/novelty.ts";
import { sequenceColumns } from "../tables.ts";
import { scoreOf } from "./score.ts";

interface Reference {
  readonly sequences: readonly string[];
  readonly encoded: EncodedReference;
}

export const recipe: ItemRecipe<typeof judgeContract, "novelty", Reference> = {
  async setup({ inputs }) {
    const sequences = (await readTable(inputs.reference, sequenceColumns)).map(({ sequence }) => sequence);
    return { sequences, encoded: encodeReference(sequences) };
  },

  async run({ config, item: { sequence }, setup: reference, outputs }) {
    const gaps = { blast: BLAST_GAPS, emboss: EMBOSS_GAPS }[config.novelty.gaps];
    const match = bestSmithWaterman(sequence, reference.encoded, gaps);
    const alignment: Descriptor = match.kind === "value" ? value(match.value.normalised) : match;
    const closest = match.kind === "value" ? reference.sequences[match.value.index] : undefined;
    await outputs.scores.write([
      scoreOf("closest-edit", bestLevenshteinSimilarity(sequence, reference.sequences)),
      scoreOf("closest-alignment", alignment, closest === undefined ? null : `closest: ${closest}`),
    ]);
  },
};
