/** All scores as one long table: a row for each peptide and metric, in the order of the peptides. */
import type { Merge } from "expfile";
import { readTable, writeTable } from "expfile/table";
import type { judgeContract, Score } from "../judge.ts";
import { generatedColumns, scoreColumns, type ScoreRow } from "../tables.ts";

export const recipe: Merge<typeof judgeContract> = async ({ inputs, items, outputs }) => {
  const said = new Map<string, { readonly judge: string; readonly scores: readonly Score[] }[]>();
  for (const { recipe: judge, item, outputs: made } of items) {
    const scores = await made.scores.read();
    const known = said.get(item.sequence);
    if (known === undefined) said.set(item.sequence, [{ judge, scores }]);
    else known.push({ judge, scores });
  }
  const peptides = await readTable(inputs.peptides, generatedColumns);
  const rows = peptides.flatMap(({ peptide_id, sequence }) =>
    said
      .get(sequence)!
      .flatMap(({ judge, scores }) => scores.map((score): ScoreRow => ({ peptide_id, judge, ...score }))),
  );
  await writeTable(outputs.scores, scoreColumns, rows);
};
