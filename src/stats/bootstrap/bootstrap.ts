// Bootstrap confidence intervals. Sources: B. Efron (1987) for BCa; A. Davison and D. Hinkley (1997), Bootstrap Methods and
// their Application, sections 5.2 and 5.3 (order statistics are interpolated on the normal scale, equation 5.8).
import { checkCount, checkFraction } from "../numeric/check.ts";
import { normalCdf, normalQuantile } from "../distribution/normal.ts";
import { mean, standardDeviation } from "../describe.ts";
import { createRandom } from "../random.ts";
import { bcaAcceleration } from "./jackknife.ts";
import type { Statistic } from "./jackknife.ts";

export interface BootstrapOptions {
  /** The same seed gives the same intervals, always. */
  readonly seed: number | string;
  /** Resamples; 9999 unless given. */
  readonly replicates?: number;
  /** Confidence level; 0.95 unless given. */
  readonly level?: number;
}

export interface BootstrapIntervals {
  /** The statistic of the sample itself. */
  readonly estimate: number;
  readonly standardError: number;
  readonly percentile: readonly [number, number];
  readonly basic: readonly [number, number];
  /** Corrected for bias. */
  readonly normal: readonly [number, number];
  /** Bias-corrected and accelerated: the one to report. */
  readonly bca: readonly [number, number];
}

/**
 * Resamples `sample` with replacement and returns all four intervals of the statistic.
 *
 * @param sample the units that were drawn independently (seeds, items), at least two
 * @throws RangeError when the statistic is not a finite number on some resample
 */
export function bootstrap<T>(
  sample: readonly T[],
  statistic: Statistic<T>,
  options: BootstrapOptions,
): BootstrapIntervals {
  const { replicates = 9999, level = 0.95, seed } = options;
  checkCount("bootstrap", "replicates", replicates, 2);
  checkFraction("bootstrap", "level", level);
  checkCount("bootstrap", "the size of the sample", sample.length, 2);
  const estimate = statistic(sample);
  const sorted = resample(sample, statistic, replicates, seed).sort();
  const values = [...sorted];
  const standardError = standardDeviation(values);
  const z = normalQuantile(0.5 + level / 2);
  const centre = 2 * estimate - mean(values);
  const tail = (1 - level) / 2;
  const low = orderStatistic(sorted, tail);
  const high = orderStatistic(sorted, 1 - tail);
  const moved = bcaProbabilities(sorted, estimate, bcaAcceleration(sample, statistic), z);
  return {
    estimate,
    standardError,
    percentile: [low, high],
    basic: [2 * estimate - high, 2 * estimate - low],
    normal: [centre - z * standardError, centre + z * standardError],
    bca: [orderStatistic(sorted, moved[0]), orderStatistic(sorted, moved[1])],
  };
}

/** Bootstrap intervals of a mean. */
export function bootstrapMean(values: readonly number[], options: BootstrapOptions): BootstrapIntervals {
  return bootstrap(values, mean, options);
}

/** Bootstrap intervals of mean(x) / mean(u), resampling the pairs (x, u). */
export function bootstrapRatioOfMeans(
  x: readonly number[],
  u: readonly number[],
  options: BootstrapOptions,
): BootstrapIntervals {
  if (x.length !== u.length) {
    throw new RangeError(
      `bootstrapRatioOfMeans: x has ${x.length} values and u has ${u.length}; pairs need equally many.`,
    );
  }
  const pairs = x.map((value, i) => [value, u[i]!] as const);
  return bootstrap(pairs, ratioOfMeans, options);
}

function ratioOfMeans(pairs: readonly (readonly [number, number])[]): number {
  let above = 0;
  let below = 0;
  for (const [x, u] of pairs) {
    above += x;
    below += u;
  }
  return above / below;
}

function resample<T>(
  sample: readonly T[],
  statistic: Statistic<T>,
  replicates: number,
  seed: number | string,
): Float64Array {
  const random = createRandom(seed);
  const values = new Float64Array(replicates);
  for (let b = 0; b < replicates; b++) {
    const drawn = sample.map(() => sample[random.below(sample.length)]!);
    values[b] = statistic(drawn);
    if (!Number.isFinite(values[b])) {
      throw new RangeError(
        `bootstrap: on a resample the statistic is ${values[b]}; choose one that is defined on every resample.`,
      );
    }
  }
  return values;
}

/** Where the two ends lie among the replicates once bias (z0) and acceleration are taken into account. */
function bcaProbabilities(
  sorted: Float64Array,
  estimate: number,
  acceleration: number,
  z: number,
): readonly [number, number] {
  // Replicates equal to the estimate count half, so that coarse statistics are not seen as biased.
  const slack = 1e-12 * Math.abs(estimate);
  let below = 0;
  for (const value of sorted) below += value < estimate - slack ? 1 : value <= estimate + slack ? 0.5 : 0;
  const share = Math.min(Math.max(below, 0.5), sorted.length - 0.5) / sorted.length;
  const z0 = normalQuantile(share);
  const move = (zEnd: number): number => {
    const shifted = z0 + zEnd;
    const scale = 1 - acceleration * shifted;
    // Beyond the pole of the transformation only the very end of the replicates is left.
    return scale > 0 ? normalCdf(z0 + shifted / scale) : shifted > 0 ? 1 : 0;
  };
  return [move(-z), move(z)];
}

function orderStatistic(sorted: Float64Array, p: number): number {
  const size = sorted.length + 1;
  const at = size * p;
  const k = Math.floor(at + 1e-9);
  if (k < 1) return sorted[0]!;
  if (k >= sorted.length) return sorted[sorted.length - 1]!;
  if (Math.abs(at - k) < 1e-9) return sorted[k - 1]!;
  const [from, to] = [normalQuantile(k / size), normalQuantile((k + 1) / size)];
  const weight = (normalQuantile(p) - from) / (to - from);
  return sorted[k - 1]! + weight * (sorted[k]! - sorted[k - 1]!);
}
