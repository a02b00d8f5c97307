/** All draws as one table, in the order of arm, seed and index. */
import type { Merge } from "expfile";
import { writeTable } from "expfile/table";
import { shortDigest } from "../digest.ts";
import type { generateContract } from "../generate.ts";
import { generatedColumns, type GeneratedRow } from "../tables.ts";

export const recipe: Merge<typeof generateContract> = async ({ items, outputs }) => {
  const rows: GeneratedRow[] = [];
  for (const { recipe: sampler, item, outputs: made } of items) {
    const { arm, seed, index } = item;
    const { sequence, logprob, provenance } = await made.draw.read();
    rows.push({ peptide_id: shortDigest(arm, seed, index), arm, seed, index, sequence, logprob, sampler, provenance });
  }
  await writeTable(outputs.peptides, generatedColumns, rows);
  await outputs.arms.write(Object.fromEntries(items.map(({ item, settings }) => [item.arm, settings])));
};
