/** Physical and chemical descriptors of one sequence, each by its published formula. */
import type { ItemRecipe } from "expfile";
import type { judgeContract } from "../judge.ts";
import { bomanIndex } from "../science/boman.ts";
import { isoelectricPoint, netCharge } from "../science/charge.ts";
import { gravy } from "../science/hydropathy.ts";
import { hydrophobicMoment } from "../science/hydrophobic-moment.ts";
import { instabilityIndex } from "../science/instability.ts";
import { molecularWeight } from "../science/masses.ts";
import { aliphaticIndex, aromaticity, chainLength } from "../science/residue-classes.ts";
import { scoreOf } from "./score.ts";

export const recipe: ItemRecipe<typeof judgeContract, "descriptors"> = async ({
  config,
  item: { sequence },
  outputs,
}) => {
  const { pH, pka, mass, termini, moment } = config.descriptors;
  await outputs.scores.write([
    scoreOf("length", chainLength(sequence)),
    scoreOf("molecular-weight", molecularWeight(sequence, mass, termini)),
    scoreOf("net-charge", netCharge(sequence, pH, { pka, ...termini })),
    scoreOf("isoelectric-point", isoelectricPoint(sequence, { pka, ...termini })),
    scoreOf("gravy", gravy(sequence)),
    scoreOf("hydrophobic-moment", hydrophobicMoment(sequence, moment)),
    scoreOf("boman-index", bomanIndex(sequence)),
    scoreOf("aliphatic-index", aliphaticIndex(sequence)),
    scoreOf("instability-index", instabilityIndex(sequence)),
    scoreOf("aromaticity", aromaticity(sequence)),
  ]);
};
