/** The share of generated peptides that are not near copies of a known one. */
import type { GateRecipe } from "expfile";
import { readTable } from "expfile/table";
import type { NoveltyGate } from "../gates.ts";
import { scoreColumns } from "../tables.ts";

export const recipe: GateRecipe<NoveltyGate> = async ({ config, inputs }) => {
  const scores = await readTable(inputs.scores, scoreColumns);
  const closest = scores.filter(({ metric }) => metric === "closest-edit");
  if (closest.length === 0)
    throw new Error('no peptide was compared with the known ones; add "novelty" to judge.judges');
  const novel = closest.filter(({ value }) => value !== null && value < config.below).length;
  return [
    {
      name: `share of peptides less than ${config.below} similar to the closest known one`,
      value: novel / closest.length,
      operator: ">=",
      threshold: config.share,
      note: "The samplers repeat what they were trained on: lower the order, raise the temperature, or train on more peptides.",
    },
  ];
};
