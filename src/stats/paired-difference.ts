// The comparison that a report of an experiment rests on: two arms on the same seeds or items, pair by pair.
import { checkFraction, checkNumbers } from "./numeric/check.ts";
import { bootstrapMean } from "./bootstrap/bootstrap.ts";
import { cliffsDelta, hedgesG } from "./compare/effect-size.ts";
import { signFlipTest } from "./compare/sign-flip.ts";
import type { SignFlipTest } from "./compare/sign-flip.ts";
import { mean, variance } from "./describe.ts";
import { notEstimable } from "./estimate.ts";
import type { Interval, NotEstimable } from "./estimate.ts";

export interface PairedComparison {
  /** One value per pair, in the same order in both arms; the unit is what was drawn independently (a seed, an item). */
  readonly treatment: readonly number[];
  readonly control: readonly number[];
  /** The same seed gives the same interval, always. */
  readonly seed: number | string;
  /** Confidence level; 0.95 unless given. */
  readonly level?: number;
}

export interface PairedDifference {
  readonly kind: "estimate";
  /** Pairs. */
  readonly n: number;
  /** The mean of treatment minus control, in the unit of the data. */
  readonly estimate: number;
  /** BCa, from 9999 resamples of the pairs. */
  readonly interval: Interval | NotEstimable;
  /** Two-sided sign-flip permutation test of no difference. */
  readonly test: SignFlipTest;
  /** The smallest p-value that this many pairs can give, 2 / 2ⁿ: above the significance level, no result can be significant. */
  readonly smallestPValue: number;
  /** The difference in pooled standard deviations of the two arms, without small-sample bias. */
  readonly hedgesG: number | NotEstimable;
  /** How often treatment exceeds control over all pairs across the arms, less how often it falls short; −1 to 1. */
  readonly cliffsDelta: number;
  /** What a reader must know before leaning on the interval, in whole sentences; often empty. */
  readonly cautions: readonly string[];
}

/** Below this many pairs bootstrap intervals are known to cover clearly less than they say. */
const FEW_PAIRS = 10;

/**
 * The mean paired difference with its interval, test and effect sizes; not estimable below two pairs.
 *
 * @throws RangeError when the arms are not equally long or hold something that is not a finite number
 */
export function pairedDifference(comparison: PairedComparison): PairedDifference | NotEstimable {
  const { treatment, control, seed, level = 0.95 } = comparison;
  checkNumbers("pairedDifference", "treatment", treatment, 0);
  checkNumbers("pairedDifference", "control", control, 0);
  checkFraction("pairedDifference", "level", level);
  const n = treatment.length;
  if (n !== control.length) {
    throw new RangeError(
      `pairedDifference: treatment has ${n} values and control has ${control.length}; keep the seeds or items that both have, in one order.`,
    );
  }
  if (n < 2) return notEstimable(`there ${n === 1 ? "is 1 pair" : "are no pairs"}; at least 2 are needed`);
  const differences = treatment.map((value, i) => value - control[i]!);
  const estimate = mean(differences);
  return {
    kind: "estimate",
    n,
    estimate,
    interval: intervalOf(differences, seed, level),
    test: signFlipTest(differences, { seed }),
    smallestPValue: 2 ** (1 - n),
    hedgesG:
      variance(treatment) + variance(control) > 0
        ? hedgesG(treatment, control)
        : notEstimable("neither arm varies, so there is no standard deviation to measure in"),
    cliffsDelta: cliffsDelta(treatment, control),
    cautions:
      n < FEW_PAIRS
        ? [
            `With ${n} pairs a bootstrap interval tends to be too narrow, and p cannot fall below ${format(2 ** (1 - n))}.`,
          ]
        : [],
  };
}

function intervalOf(differences: readonly number[], seed: number | string, level: number): Interval | NotEstimable {
  const size = differences.reduce((most, difference) => Math.max(most, Math.abs(difference)), 0);
  if (differences.every((difference) => Math.abs(difference - differences[0]!) <= 1e-12 * size)) {
    return notEstimable(
      `all ${differences.length} differences are equal, so they show no spread to build an interval from`,
    );
  }
  const [low, high] = bootstrapMean(differences, { seed, level }).bca;
  return { kind: "interval", low, high, level, method: "BCa" };
}

const format = (p: number): string => String(Number(p.toPrecision(2)));
