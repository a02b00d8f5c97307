import { expect, test } from "vitest";

import {
  clopperPearsonInterval,
  fisherExact,
  mcNemar,
  pAdjust,
  passAtK,
  powerTTest,
  powerTwoProportions,
  sampleSizeTTest,
  sampleSizeTwoProportions,
  wilsonInterval,
} from "../../src/stats/index.ts";
import { expectClose } from "./expect-close.ts";

test("Wilson's interval is that of R 4.2.2 prop.test(81, 263, correct = FALSE)", () => {
  expectClose(wilsonInterval(81, 263), [0.2552885198782743, 0.3662095769828002], 1e-12);
  expect(wilsonInterval(0, 5)[0]).toBe(0);
  expect(wilsonInterval(5, 5)[1]).toBe(1);
});

test("Clopper and Pearson's interval is that of R 4.2.2 binom.test", () => {
  expectClose(clopperPearsonInterval(682, 925), [0.707668264079039, 0.7654065582415253], 1e-12);
  expectClose(clopperPearsonInterval(0, 10), [0, 0.3084971078187608], 1e-12);
  expectClose(clopperPearsonInterval(10, 10, 0.9), [0.7411344491069476, 1], 1e-12);
});

test("more successes than trials are refused", () => {
  expect(() => wilsonInterval(6, 5)).toThrow(
    new RangeError("wilsonInterval: x is 6, but must be a whole number between 0 and 5."),
  );
});

test("pass@k is the share of k-subsets that hold a right sample", () => {
  expectClose(passAtK(5, 2, 2), 1 - 3 / 10);
  expect(passAtK(5, 4, 2)).toBe(1);
  expect(passAtK(5, 0, 5)).toBe(0);
  expect(() => passAtK(3, 1, 4)).toThrow(/k is 4/);
});

const P = [0.01, 0.02, 0.03, 0.04, 0.05, null, 0.5, 0.9, 0.001];

test.each([
  ["holm", [0.07, 0.12, 0.15, 0.16, 0.16, null, 1, 1, 0.008]],
  ["hochberg", [0.07, 0.12, 0.15, 0.15, 0.15, null, 0.9, 0.9, 0.008]],
  ["bonferroni", [0.08, 0.16, 0.24, 0.32, 0.4, null, 1, 1, 0.008]],
  ["BH", [0.04, 0.05333333333333333, 0.06, 0.064, 0.06666666666666667, null, 0.5714285714285714, 0.9, 0.008]],
  [
    "BY",
    [
      0.10871428571428572,
      0.14495238095238094,
      0.16307142857142856,
      0.17394285714285715,
      0.1811904761904762,
      null,
      1,
      1,
      0.02174285714285714,
    ],
  ],
  ["none", P],
] as const)("p-values adjusted by %s are those of R 4.2.2 p.adjust, missing ones kept", (method, known) => {
  const adjusted = pAdjust(P, method);
  expect(adjusted.indexOf(null)).toBe(5);
  expectClose(
    adjusted.filter((p) => p !== null),
    known.filter((p) => p !== null),
    1e-13,
  );
});

test("what is not a p-value is refused", () => {
  expect(() => pAdjust([0.2, 1.5], "BH")).toThrow(/p\[1\] is 1.5/);
  expect(() => pAdjust([NaN], "BH")).toThrow(RangeError);
});

test("Fisher's exact test is that of R 4.2.2 fisher.test", () => {
  const tea = [
    [3, 1],
    [1, 3],
  ] as const;
  expectClose(fisherExact(tea), 0.4857142857142858, 1e-12);
  expectClose(fisherExact(tea, "greater"), 0.2428571428571429, 1e-12);
  expectClose(fisherExact(tea, "less"), 0.9857142857142858, 1e-12);
  expectClose(
    fisherExact([
      [2, 10],
      [15, 3],
    ]),
    0.0005367241191434359,
    1e-11,
  );
});

test("McNemar's test is that of R 4.2.2 mcnemar.test", () => {
  const table = [
    [794, 150],
    [86, 570],
  ] as const; // Agresti (1990), approval ratings
  const corrected = mcNemar(table);
  expectClose([corrected.chiSquared, corrected.pValue], [16.81779661016949, 4.114562281345944e-5], 1e-12);
  const plain = mcNemar(table, { continuity: false });
  expectClose([plain.chiSquared, plain.pValue], [17.35593220338983, 3.099293441045218e-5], 1e-12);
});

test("the power of t tests is that of R 4.2.2 power.t.test", () => {
  expectClose(powerTTest(20, { delta: 1 }), 0.8689528016924978, 1e-11);
  expectClose(powerTTest(10, { delta: 0.5, kind: "paired" }), 0.2928285672668191, 1e-11);
  expectClose(powerTTest(10, { delta: 0.5, kind: "one-sample", significance: 0.01 }), 0.1026529142067367, 1e-11);
  expectClose(sampleSizeTTest(0.9, { delta: 1 }), 22.02109557009396, 1e-9);
  expectClose(sampleSizeTTest(0.8, { delta: 0.5, kind: "paired" }), 33.36720397880375, 2e-5);
});

test("the sample size is the n at which the power is just reached", () => {
  const plan = { delta: 0.3, sd: 0.7, kind: "paired" } as const;
  expectClose(powerTTest(sampleSizeTTest(0.85, plan), plan), 0.85, 1e-12);
  expect(() => sampleSizeTTest(0.8, { delta: 0 })).toThrow(/no sample is large enough/);
});

test("the power of two proportions is that of R 4.2.2 power.prop.test", () => {
  expectClose(powerTwoProportions(50, { p1: 0.5, p2: 0.75 }), 0.7401659013313879, 1e-11);
  expectClose(sampleSizeTwoProportions(0.9, { p1: 0.5, p2: 0.75 }), 76.70692845177744, 1e-7);
});
