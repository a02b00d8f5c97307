/** One metric: the mean of each arm, and each arm's difference from the control, seed by seed. */
import type { ItemRecipe } from "expfile";
import { meanInterval, pairedDifference } from "expfile/stats";
import type { analyseContract, ArmMeans, MetricEstimates } from "../analyse.ts";
import type { Estimate } from "../report/summary.ts";

export const recipe: ItemRecipe<typeof analyseContract, "level"> = async ({ config: { level }, item, outputs }) => {
  const control = item.arms.find(({ arm }) => arm === item.control)!;
  const compared = item.arms.filter((arm) => arm !== control).map((arm) => compare(arm, control, item.metric, level));
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

interface Compared {
  readonly paired: MetricEstimates["paired"][number];
  readonly cautions: readonly string[];
}

/** Over the seeds in which both arms have a value. */
function compare(treatment: ArmMeans, control: ArmMeans, metric: string, level: number): Compared {
  const controls = new Map(control.seeds.map(({ seed, mean }) => [seed, mean]));
  const pairs = treatment.seeds.flatMap(({ seed, mean }) => {
    const other = controls.get(seed);
    return other === undefined ? [] : [{ treatment: mean, control: other }];
  });
  const found = pairedDifference({
    treatment: pairs.map((pair) => pair.treatment),
    control: pairs.map((pair) => pair.control),
    // Of the resampling only; the metric and the arm tell one comparison's resamples from another's.
    seed: `${metric} ${treatment.arm}`,
    level,
  });
  const about = { arm: treatment.arm, nSeeds: pairs.length };
  if (found.kind === "not-estimable") {
    const nothing = { difference: null, low: null, high: null, p: null, smallestP: null, effect: null };
    return { paired: { ...about, ...nothing }, cautions: [] };
  }
  const interval = found.interval.kind === "interval" ? found.interval : null;
  return {
    paired: {
      ...about,
      difference: found.estimate,
      low: interval?.low ?? null,
      high: interval?.high ?? null,
      p: found.test.pValue,
      smallestP: found.smallestPValue,
      effect: typeof found.hedgesG === "number" ? found.hedgesG : null,
    },
    cautions: found.cautions,
  };
}
