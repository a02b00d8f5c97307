/** One metric: the mean of each arm, and each arm's difference from the control, seed by seed. */
import type { ItemRecipe } from "expfile";
import { meanInterval } from "expfile/stats";
import type { analyseContract, ArmMeans } from "../analyse.ts";
import type { Estimate } from "../report/summary.ts";
import { compare } from "./compare.ts";

export const recipe: ItemRecipe<typeof analyseContract, "level"> = async ({ config: { level }, item, outputs }) => {
  const control = item.arms.find(({ arm }) => arm === item.control)!;
  const compared = item.arms
    .filter((arm) => arm !== control)
    .map((arm) => compare(arm, control, { seed: `${item.metric} ${arm.arm}`, level }));
  await outputs.estimates.write({
    perArm: item.arms.map((arm) => estimateOf(arm, level)),
    paired: compared.map(({ paired }) => paired),
    cautions: [...new Set(compared.flatMap(({ cautions }) => cautions))],
  });
};

function estimateOf({ arm, seeds }: ArmMeans, level: number): Estimate {
  const found = meanInterval({ values: seeds.map(({ mean }) => mean), level });
  const interval = found.kind === "estimate" && found.interval.kind === "interval" ? found.interval : null;
  return {
    arm,
    nSeeds: seeds.length,
    nPeptides: seeds.reduce((sum, { peptides }) => sum + peptides, 0),
    mean: found.kind === "estimate" ? found.estimate : null,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
  };
}
