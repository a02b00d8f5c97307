/** Draws one peptide from an n-gram model, which is trained once a worker for each arm. The split hands it arms of its kind only. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ItemRecipe } from "expfile";
import { readTable } from "expfile/table";
import type { NgramSettings } from "../arms.ts";
import { shortDigest } from "../digest.ts";
import type { generateContract } from "../generate.ts";
import { trainNgram, type NgramModel } from "../science/ngram.ts";
import { sampleSequences } from "../science/sample.ts";
import { sequenceColumns } from "../tables.ts";

interface Trained {
  readonly model: NgramModel;
  /** SHA-256 of the training file. */
  readonly training: string;
}

export const recipe: ItemRecipe<typeof generateContract, never, Trained> = {
  async setup({ settings, inputs }) {
    const rows = await readTable(inputs.training!, sequenceColumns);
    if (rows.length === 0)
      throw new Error(`the slice "${(settings as NgramSettings).slice}" is empty: there is nothing to learn from`);
    const { order, discount } = settings as NgramSettings;
    const model = trainNgram(
      rows.map(({ sequence }) => sequence),
      { order, discount },
    );
    return { model, training: createHash("sha256").update(readFileSync(inputs.training!.path)).digest("hex") };
  },

  async run({ settings, item: { rngSeed }, setup: { model, training }, outputs }) {
    const { temperature, length } = settings as NgramSettings;
    const [sample] = sampleSequences(model, { count: 1, seed: rngSeed, temperature, length });
    const { sequence, logProbability, truncated } = sample!;
    await outputs.draw.write({
      sequence,
      logprob: logProbability,
      provenance: shortDigest(settings, training, rngSeed),
      how: { settings: settings as NgramSettings, training, rngSeed, truncated },
    });
  },
};
