/**
 * What the config said would come out, held against what came out. A prediction is supported or contradicted only by
 * what passes the correction; everything else is undecided, and why is said.
 */
import type { ArmLabel } from "expfile";
import { pAdjust, signFlipTest } from "expfile/stats";
import type { MetricMeans, StatedPrediction } from "../analyse.ts";
import type * as Report from "../report/summary.ts";
import { primaryFamily, reading, smallestAdjustedP } from "../report/words.ts";
import { didYouMean, listNames, sentences } from "../suggest.ts";
import { compare } from "./compare.ts";
import type { Evidence } from "./evidence.ts";

/** @throws when a prediction names an arm that is not there, the control, or one arm twice */
export function judgePredictions(
  evidence: Pick<Evidence, "config" | "labels" | "arms" | "metrics">,
  metrics: readonly Report.Metric[],
): Report.Prediction[] {
  const { config, labels, arms } = evidence;
  const control = arms[0]!.id;
  const stated = config.predictions.map((prediction, i) => ({
    prediction,
    ...armsOf(prediction, i, labels, control),
    metric: metrics.find(({ id }) => id === prediction.metric)!,
    means: evidence.metrics.find(({ means }) => means.metric === prediction.metric)!.means,
  }));
  const equivalences = adjustedEquivalences(stated);
  const family = primaryFamily(metrics).length;
  const others = adjustedOthers(
    stated.filter(({ against }) => against !== control),
    config.level,
  );
  return stated.map((one, i): Report.Prediction => {
    const { prediction, arm, against, metric } = one;
    const compared = others.get(one) ?? { paired: metric.paired.find((each) => each.arm === arm)!, family };
    const { paired } = compared;
    const { nSeeds, difference, low, high } = paired;
    const compares = { metric: metric.id, arm, against: against === control ? null : against };
    const about = { ...compares, direction: prediction.direction, nSeeds, difference, low, high };
    if (prediction.direction === "no difference") {
      const tested = equivalences[i]!;
      const because = readEquivalence(paired, prediction.margin, tested, config.level);
      return { ...about, margin: prediction.margin, ...tested, because, verdict: VERDICTS[because] };
    }
    const tested = {
      pAdjusted: paired.pAdjusted,
      smallestPAdjusted: smallestAdjustedP(paired.smallestP, compared.family),
    };
    const because = readDirection(paired, prediction.direction, tested, config.level);
    return { ...about, margin: null, ...tested, because, verdict: VERDICTS[because] };
  });
}

const VERDICTS: Record<Report.Because, Report.Verdict> = {
  shown: "supported",
  within: "supported",
  opposite: "contradicted",
  beyond: "contradicted",
  "not-comparable": "undecided",
  "out-of-reach": "undecided",
  interval: "undecided",
  correction: "undecided",
};

interface Tested {
  readonly pAdjusted: number | null;
  readonly smallestPAdjusted: number | null;
}

function readDirection(
  paired: Report.PairedDifference,
  direction: "higher" | "lower",
  { smallestPAdjusted }: Tested,
  level: number,
): Report.Because {
  const read = reading(paired, level);
  switch (read) {
    case "unknown":
      return "not-comparable";
    case "higher":
    case "lower":
      return read === direction ? "shown" : "opposite";
    case "none":
    case "hint":
      if (isOutOfReach(smallestPAdjusted, level)) return "out-of-reach";
      return read === "none" ? "interval" : "correction";
  }
}

/** That no difference was shown is no evidence for "no difference": the margin has to be excluded on both sides. */
function readEquivalence(
  paired: Report.PairedDifference,
  margin: number,
  { pAdjusted, smallestPAdjusted }: Tested,
  level: number,
): Report.Because {
  const { difference, low, high } = paired;
  if (difference === null || pAdjusted === null) return "not-comparable";
  // Differences that are all equal have no interval; the test holds all the same.
  const interval = { low: low ?? difference, high: high ?? difference };
  const read = reading(paired, level);
  if ((read === "higher" && interval.low > margin) || (read === "lower" && interval.high < -margin)) return "beyond";
  if (isOutOfReach(smallestPAdjusted, level)) return "out-of-reach";
  if (interval.low <= -margin || interval.high >= margin) return "interval";
  return pAdjusted > 1 - level ? "correction" : "within";
}

function isOutOfReach(smallestPAdjusted: number | null, level: number): boolean {
  return smallestPAdjusted !== null && smallestPAdjusted > 1 - level;
}

interface Stated {
  readonly prediction: StatedPrediction;
  readonly arm: string;
  readonly against: string;
  readonly means: MetricMeans;
}

interface Compared {
  readonly paired: Report.PairedDifference;
  /** How many comparisons its p is corrected with. */
  readonly family: number;
}

/** Comparisons of two arms of which neither is the control: nobody else makes them. Corrected by Holm among themselves. */
function adjustedOthers<One extends Stated>(stated: readonly One[], level: number): ReadonlyMap<One, Compared> {
  const compared = stated.map(({ arm, against, means }) => {
    const [own, other] = [arm, against].map((id) => means.arms.find((one) => one.arm === id)!);
    return compare(own!, other!, { seed: `${means.metric} ${arm} ${against}`, level }).paired;
  });
  const pAdjusted = pAdjust(
    compared.map(({ p }) => p),
    "holm",
  );
  const family = pAdjusted.filter((p) => p !== null).length;
  return new Map(stated.map((one, i) => [one, { paired: { ...compared[i]!, pAdjusted: pAdjusted[i]! }, family }]));
}

/**
 * For each prediction of no difference, two one-sided sign-flip tests against the margin (the larger p counts), corrected
 * by Holm over the predictions of this kind. Null for the others.
 */
function adjustedEquivalences(stated: readonly Stated[]): (Tested | null)[] {
  const tested = stated.map(({ prediction, arm, against, means }) => {
    if (prediction.direction !== "no difference") return null;
    const differences = differencesOf(means, arm, against);
    const compared = against === means.control ? arm : `${arm} ${against}`;
    return { p: equivalenceP(differences, prediction, compared), smallestP: 2 ** -differences.length };
  });
  const pAdjusted = pAdjust(
    tested.map((one) => one?.p ?? null),
    "holm",
  );
  const family = pAdjusted.filter((p) => p !== null).length;
  return tested.map((one, i) =>
    one === null
      ? null
      : {
          pAdjusted: pAdjusted[i]!,
          smallestPAdjusted: one.p === null ? null : smallestAdjustedP(one.smallestP, family),
        },
  );
}

function equivalenceP(
  differences: readonly number[],
  { metric, margin }: StatedPrediction & { readonly direction: "no difference" },
  compared: string,
): number | null {
  if (differences.length < 2) return null;
  const seed = `${metric} ${compared}`;
  const above = signFlipTest(
    differences.map((difference) => difference + margin),
    { alternative: "greater", seed },
  );
  const below = signFlipTest(
    differences.map((difference) => difference - margin),
    { alternative: "less", seed },
  );
  return Math.max(above.pValue, below.pValue);
}

/** Arm minus the other, in the seeds that both have. */
function differencesOf({ arms }: MetricMeans, arm: string, against: string): number[] {
  const seedsOf = (id: string) => arms.find((one) => one.arm === id)!.seeds;
  const others = new Map(seedsOf(against).map(({ seed, mean }) => [seed, mean]));
  return seedsOf(arm).flatMap(({ seed, mean }) => {
    const other = others.get(seed);
    return other === undefined ? [] : [mean - other];
  });
}

function armsOf(
  { arm, against }: StatedPrediction,
  i: number,
  labels: readonly ArmLabel[],
  control: string,
): { readonly arm: string; readonly against: string } {
  const where = `analyse.predictions[${i}]`;
  const id = idOf(arm, `${where}.arm`, labels);
  if (id === control)
    throw new Error(`${where}.arm names "${arm}", which is the control; name the arm that is compared with it.`);
  if (against === undefined) return { arm: id, against: control };
  const other = idOf(against, `${where}.against`, labels);
  if (other === id)
    throw new Error(`${where} compares "${arm}" with "${against}", which has the same settings: they are one arm.`);
  return { arm: id, against: other };
}

function idOf(name: string, where: string, labels: readonly ArmLabel[]): string {
  const id = labels.find((label) => label.name === name)?.id;
  if (id !== undefined) return id;
  const names = labels.map((label) => label.name);
  throw new Error(
    sentences(
      `${where} names "${name}", which is no arm.`,
      didYouMean(name, names),
      `The arms are ${listNames(names)}.`,
    ),
  );
}
