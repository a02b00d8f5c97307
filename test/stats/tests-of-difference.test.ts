import { expect, test } from "vitest";

import {
  cliffsDelta,
  cohenD,
  cohenDz,
  friedman,
  hedgesCorrection,
  hedgesG,
  hedgesGApproximate,
  kruskalWallis,
  mannWhitney,
  signFlipTest,
  tTestPaired,
  tTestWelch,
  varghaDelaneyA12,
  wilcoxonSignedRank,
} from "../../src/stats/index.ts";
import { expectClose } from "./expect-close.ts";

// The sleep data of Student (1908).
const FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
const SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

test("the paired t test is that of R 4.2.2: t.test(x, y, paired = TRUE)", () => {
  const result = tTestPaired(FIRST, SECOND);
  expectClose(result.t, -4.06212768338203656, 1e-13);
  expectClose(result.pValue, 0.00283289019738427, 1e-12);
  expectClose(result.interval, [-2.45988576327698238, -0.70011423672301754], 1e-13);
});

test("Welch's t test is that of R 4.2.2: t.test(x, y)", () => {
  const result = tTestWelch(FIRST, SECOND);
  expectClose([result.t, result.df], [-1.86081346748685306, 17.77647351617849836], 1e-13);
  expectClose(result.pValue, 0.07939414018735817, 1e-12);
  expectClose(result.interval, [-3.36548323071171041, 0.20548323071171018], 1e-12);
});

test("a t test of values that do not vary is refused", () => {
  expect(() => tTestPaired([1, 2, 3], [0, 1, 2])).toThrow(
    new RangeError("tTestPaired: the values do not vary, so there is no error to compare the difference 1 with."),
  );
  expect(() => tTestPaired([1], [2])).toThrow(/at least 2 are needed/);
  expect(() => tTestPaired([1, 2], [1, 2, 3])).toThrow(/pairs need equally many/);
  expect(() => tTestWelch([1, NaN], [1, 2])).toThrow(/x\[1\] is NaN/);
});

test("effect sizes follow their definitions", () => {
  const [x, y] = [
    [2, 4, 6],
    [1, 2, 3, 6],
  ];
  // Means 4 and 3; pooled variance (8 + 14) / 5.
  const d = 1 / Math.sqrt(22 / 5);
  expectClose(cohenD(x, y), d);
  // Γ(2.5) / (√2.5 Γ(2)) = 0.75 √π / √2.5.
  expectClose(hedgesCorrection(5), (0.75 * Math.sqrt(Math.PI)) / Math.sqrt(2.5), 1e-13);
  expectClose(hedgesG(x, y), d * hedgesCorrection(5));
  expectClose(hedgesGApproximate(x, y), d * (1 - 3 / 19));
  // Of 12 pairs x is larger in 1 + 3 + 3 and smaller in 2 + 1 + 0.
  expectClose(cliffsDelta(x, y), 4 / 12);
  expectClose(varghaDelaneyA12(x, y), 2 / 3);
  expectClose(cohenDz([1, 3, 5], [1, 1, 1]), 1);
});

test("the sign-flip test counts all patterns", () => {
  // 1+2+3−1+5 = 10 of at most 12: patterns with |sum| ≥ 10 are all, and all but one of the two ones: 6 of 32.
  // R coin 1.4.2 oneway_test(y ~ x | b, distribution = "exact") gives the same 0.1875.
  expect(signFlipTest([1, 2, 3, -1, 5])).toEqual({ pValue: 0.1875, method: { kind: "exact" } });
  expect(signFlipTest([1, 2, 3, -1, 5], { alternative: "greater" }).pValue).toBe(3 / 32);
  expect(signFlipTest([1, 2, 3, -1, 5], { alternative: "less" }).pValue).toBe(31 / 32);
});

test("the sign-flip test agrees with plain enumeration, rounding errors and zeros included", () => {
  const differences = [0.1, 0.2, -0.3, 0.4, 0, 0.7, -0.1, 0.3, 0.6];
  const whole = differences.map((difference) => Math.round(difference * 10));
  const observed = Math.abs(whole.reduce((a, b) => a + b));
  let hits = 0;
  for (let mask = 0; mask < 512; mask++) {
    const total = whole.reduce((sum, value, i) => sum + ((mask >> i) & 1 ? value : -value), 0);
    if (Math.abs(total) >= observed) hits++;
  }
  expect(signFlipTest(differences).pValue).toBe(hits / 512);
  expect(signFlipTest([0, 0, 0]).pValue).toBe(1);
  expect(signFlipTest([1, -1]).pValue).toBe(1);
});

test("beyond 30 differences the sign-flip test samples, the same for the same seed and never zero", () => {
  const differences = Array.from({ length: 40 }, (_, i) => 1 + (i % 3));
  const options = { seed: "a", flips: 999 };
  expect(signFlipTest(differences, options)).toEqual({ pValue: 0.001, method: { kind: "monte-carlo", flips: 999 } });
  const mixed = differences.map((value, i) => (i % 5 < 2 ? -value : value));
  expect(signFlipTest(mixed, options)).toEqual(signFlipTest(mixed, options));
});

// Hollander and Wolfe (1973), pages 29 and 69, as in the examples of R's wilcox.test.
const BEFORE = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3];
const AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
const TERM = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
const EARLY = [1.15, 0.88, 0.9, 0.74, 1.21];

test.each([
  ["two-sided", 0.0390625, 0.2544122544122544],
  ["greater", 0.01953125, 0.1272061272061272],
  ["less", 0.986328125, 0.8967698967698967],
] as const)(
  "Wilcoxon's and Mann and Whitney's %s p are those of R 4.2.2 wilcox.test",
  (alternative, paired, groups) => {
    const signed = wilcoxonSignedRank(BEFORE, AFTER, alternative);
    expect(signed.v).toBe(40);
    expectClose(signed.pValue, paired, 1e-13);
    const sum = mannWhitney(TERM, EARLY, alternative);
    expect(sum.w).toBe(35);
    expectClose(sum.pValue, groups, 1e-13);
  },
);

test("with ties the rank tests count the tied ranks, as R exactRankTests 0.8.35 wilcox.exact does", () => {
  expectClose(mannWhitney([1, 2, 2, 3, 5], [2, 4, 4, 5, 6, 7], "less").pValue, 0.0497835497835498, 1e-13);
  const tied = wilcoxonSignedRank([1.1, 2, 3, 4, 7], [1, 2.1, 2.5, 3.5, 6]);
  expect(tied.v).toBe(13.5);
  expectClose(tied.pValue, 0.1875, 1e-13);
});

test("Kruskal and Wallis' and Friedman's tests are those of R 4.2.2", () => {
  // kruskal.test on the mucociliary data of Hollander and Wolfe (1973), page 116.
  const groups = kruskalWallis([
    [2.9, 3.0, 2.5, 2.6, 3.2],
    [3.8, 2.7, 4.0, 2.4],
    [2.8, 3.4, 3.7, 2.2, 2.0],
  ]);
  expectClose([groups.statistic, groups.pValue], [0.7714285714285722, 0.6799647735788936], 1e-12);
  // friedman.test with ties within blocks.
  const blocks = friedman([
    [1, 2, 2],
    [3, 1, 5],
    [2, 4, 6],
    [1, 1, 7],
  ]);
  expectClose([blocks.statistic, blocks.pValue], [5.571428571428571, 0.06168501256797605], 1e-12);
});
