/** All draws as one table, in the order of arm, seed and index. */
import type { Merge } from "expfile";
import { writeTable } from "expfile/table";
import { shortDigest } from "../digest.ts";
import type { Draw, generateContract, ModelUse } from "../generate.ts";
import { generatedColumns, type GeneratedRow } from "../tables.ts";

export const recipe: Merge<typeof generateContract> = async ({ items, outputs }) => {
  const rows: GeneratedRow[] = [];
  const uses = new Map<string, ModelUse[]>();
  for (const { settings, item, outputs: made } of items) {
    const { arm, seed, index } = item;
    const { sequence, logprob, provenance, how } = await made.draw.read();
    const { sampler } = settings;
    rows.push({ peptide_id: shortDigest(arm, seed, index), arm, seed, index, sequence, logprob, sampler, provenance });
    if ("ran" in how) uses.set(arm, counted(uses.get(arm) ?? [], how));
  }
  await writeTable(outputs.peptides, generatedColumns, rows);
  await outputs.arms.write(Object.fromEntries(items.map(({ item, settings }) => [item.arm, settings])));
  await outputs.models.write(Object.fromEntries(uses));
};

/** An arm that was drawn on several machines has a use for each. */
function counted(uses: readonly ModelUse[], { ran, truncated, excluded }: Extract<Draw["how"], { ran: object }>) {
  const known = uses.find((use) => (Object.keys(ran) as (keyof typeof ran)[]).every((key) => use[key] === ran[key]));
  const before = known ?? { ...ran, draws: 0, truncated: 0, excluded: 0 };
  const draws = before.draws + 1;
  const after: ModelUse = {
    ...before,
    draws,
    truncated: before.truncated + (truncated ? 1 : 0),
    excluded: before.excluded + (excluded - before.excluded) / draws,
  };
  return known === undefined ? [...uses, after] : uses.map((use) => (use === known ? after : use));
}
