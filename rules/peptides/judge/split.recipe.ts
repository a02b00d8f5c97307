/** Each judge × each distinct sequence, in the order in which sequences first occur. */
import type { ItemRequest, Split } from "expfile";
import { readTable } from "expfile/table";
import type { judgeContract } from "../judge.ts";
import { generatedColumns } from "../tables.ts";

type Judge = typeof judgeContract;

export const recipe: Split<Judge, "judges"> = async ({ config, inputs }) => {
  const peptides = await readTable(inputs.peptides, generatedColumns);
  const sequences = [...new Set(peptides.map(({ sequence }) => sequence))];
  return config.judges.flatMap((judge) => {
    const given = judge === "novelty" ? { inputs: { reference: inputs.reference } } : {};
    return sequences.map((sequence): ItemRequest<Judge> => ({
      recipe: judge,
      item: { sequence },
      label: `${judge}/${sequence}`,
      ...given,
    }));
  });
};
