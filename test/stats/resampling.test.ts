import { expect, test } from "vitest";

import {
  bcaAcceleration,
  bootstrap,
  bootstrapMean,
  bootstrapRatioOfMeans,
  createRandom,
  jackknifeStandardError,
  mean,
  median,
  standardDeviation,
} from "../../src/stats/index.ts";
import { expectClose } from "./expect-close.ts";

const SKEWED = [1, 1, 2, 2, 3, 3, 4, 6, 9, 15];

test("the jackknife error of a mean is its usual standard error", () => {
  expectClose(jackknifeStandardError(SKEWED, mean), standardDeviation(SKEWED) / Math.sqrt(10), 1e-13);
});

test("the acceleration of a mean is a sixth of the skewness over the root of n", () => {
  const centre = mean(SKEWED);
  const moment = (k: number): number => mean(SKEWED.map((value) => (value - centre) ** k));
  expectClose(bcaAcceleration(SKEWED, mean), moment(3) / moment(2) ** 1.5 / (6 * Math.sqrt(10)), 1e-12);
});

test("the same seed gives the same intervals, another seed others", () => {
  const options = { seed: "arm-1", replicates: 999 };
  expect(bootstrapMean(SKEWED, options)).toEqual(bootstrapMean(SKEWED, options));
  expect(bootstrapMean(SKEWED, { ...options, seed: "arm-2" })).not.toEqual(bootstrapMean(SKEWED, options));
});

test("the intervals of a ratio are those of R boot 1.3.28.1 on the city data, within the error of resampling", () => {
  const u = [138, 93, 61, 179, 48, 37, 29, 23, 30, 2];
  const x = [143, 104, 69, 260, 75, 63, 50, 48, 111, 50];
  const result = bootstrapRatioOfMeans(x, u, { seed: 1, replicates: 29_999 });
  expectClose(result.estimate, 1.5203125, 1e-14);
  expectClose(result.percentile, [1.25, 2.11], 0.02);
  expectClose(result.basic, [0.93, 1.79], 0.02);
  expectClose(result.normal, [1.046, 1.917], 0.02);
});

test("the BCa interval moves towards the long tail", () => {
  const { bca, percentile } = bootstrapMean(SKEWED, { seed: 3 });
  expect(bca[0]).toBeGreaterThan(percentile[0]);
  expect(bca[1]).toBeGreaterThan(percentile[1]);
});

test("BCa intervals of a skewed mean cover about as often as they say", () => {
  // 400 samples of 40 from an exponential distribution: 95 % nominal, known to fall a little short.
  const random = createRandom("coverage");
  let covered = 0;
  for (let i = 0; i < 400; i++) {
    const sample = Array.from({ length: 40 }, () => -Math.log(1 - random.uniform()));
    const [low, high] = bootstrapMean(sample, { seed: i, replicates: 499 }).bca;
    if (low <= 1 && 1 <= high) covered++;
  }
  expect(covered / 400).toBeGreaterThan(0.89);
  expect(covered / 400).toBeLessThan(0.98);
});

test("a coarse statistic and equal values give finite intervals", () => {
  const coarse = bootstrap([0, 0, 0, 0, 1], median, { seed: 1, replicates: 199 });
  expect(Object.values(coarse).flat().every(Number.isFinite)).toBe(true);
  expect(bootstrapMean([2, 2, 2], { seed: 1, replicates: 99 }).bca).toEqual([2, 2]);
});

test("a statistic that a resample cannot have is refused", () => {
  expect(() => bootstrapRatioOfMeans([1, 1, 1], [0, 0, 1], { seed: 1 })).toThrow(/choose one that is defined/);
  expect(() => bootstrapMean([1], { seed: 1 })).toThrow(/size of the sample is 1/);
});

test("the random stream is fixed for good: a cache may hold what came of it", () => {
  const random = createRandom(42);
  const first = [random.below(1000), random.below(1000), random.below(1000)];
  expect(first).toEqual([79, 632, 492]);
});

test("random numbers are uniform, and normal ones normal", () => {
  const random = createRandom("moments");
  const uniform = Array.from({ length: 100_000 }, random.uniform);
  expect(mean(uniform)).toBeCloseTo(0.5, 2);
  expect(standardDeviation(uniform)).toBeCloseTo(Math.sqrt(1 / 12), 2);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) counts[random.below(10)]!++;
  const chiSquared = counts.reduce((total, count) => total + (count - 10_000) ** 2 / 10_000, 0);
  expect(chiSquared).toBeLessThan(27.9); // 0.1 % point with 9 degrees of freedom
  const normal = Array.from({ length: 100_000 }, random.normal);
  expect(mean(normal)).toBeCloseTo(0, 1);
  expect(standardDeviation(normal)).toBeCloseTo(1, 2);
});
