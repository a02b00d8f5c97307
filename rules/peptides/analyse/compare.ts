/** The difference of two arms in one metric, paired by seed. */
import { pairedDifference } from "expfile/stats";
import type { ArmMeans, MetricEstimates } from "../analyse.ts";

interface Compared {
  readonly paired: MetricEstimates["paired"][number];
  readonly cautions: readonly string[];
}

interface CompareOptions {
  /** Of the resampling only: the metric and the arms tell one comparison's resamples from another's. */
  readonly seed: string;
  readonly level: number;
}

/** Over the seeds in which both arms have a value. */
export function compare(treatment: ArmMeans, control: ArmMeans, { seed, level }: CompareOptions): Compared {
  const controls = new Map(control.seeds.map(({ seed, mean }) => [seed, mean]));
  const pairs = treatment.seeds.flatMap(({ seed, mean }) => {
    const other = controls.get(seed);
    return other === undefined ? [] : [{ treatment: mean, control: other }];
  });
  const found = pairedDifference({
    treatment: pairs.map((pair) => pair.treatment),
    control: pairs.map((pair) => pair.control),
    seed,
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
