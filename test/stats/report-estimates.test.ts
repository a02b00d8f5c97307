import { expect, test } from "vitest";

import { meanInterval, pairedDifference } from "../../src/stats/index.ts";
import { expectClose } from "./expect-close.ts";

const TREATMENT = [0.61, 0.58, 0.66, 0.7, 0.59, 0.64, 0.63, 0.68, 0.6, 0.65, 0.62, 0.69];
const CONTROL = [0.55, 0.57, 0.6, 0.62, 0.6, 0.58, 0.61, 0.6, 0.56, 0.6, 0.63, 0.61];

test("a paired difference carries estimate, interval, test and effect sizes", () => {
  const result = pairedDifference({ treatment: TREATMENT, control: CONTROL, seed: "run-1" });
  if (result.kind !== "estimate" || result.interval.kind !== "interval") throw new Error("expected an estimate");
  expect(result.n).toBe(12);
  expectClose(result.estimate, 0.04333333333333333, 1e-12);
  expect(result.interval).toMatchObject({ level: 0.95, method: "BCa" });
  expect(result.interval.low).toBeGreaterThan(0.015);
  expect(result.interval.low).toBeLessThan(result.estimate);
  expect(result.interval.high).toBeGreaterThan(result.estimate);
  expect(result.test.method).toEqual({ kind: "exact" });
  expect(result.test.pValue).toBeGreaterThanOrEqual(result.smallestPValue);
  expect(result.smallestPValue).toBe(2 / 4096);
  expect(result.cautions).toEqual([]);
});

test("the same comparison gives the same answer", () => {
  const comparison = { treatment: TREATMENT, control: CONTROL, seed: 7, level: 0.9 };
  expect(pairedDifference(comparison)).toEqual(pairedDifference(comparison));
});

test("fewer than two pairs are not estimable, with the reason", () => {
  expect(pairedDifference({ treatment: [], control: [], seed: 1 })).toEqual({
    kind: "not-estimable",
    reason: "there are no pairs; at least 2 are needed",
  });
  expect(pairedDifference({ treatment: [1], control: [2], seed: 1 })).toEqual({
    kind: "not-estimable",
    reason: "there is 1 pair; at least 2 are needed",
  });
});

test("few pairs come with a caution", () => {
  const result = pairedDifference({ treatment: [1, 2, 4], control: [0, 0, 1], seed: 1 });
  expect(result).toMatchObject({
    test: { pValue: 0.25 },
    cautions: ["With 3 pairs a bootstrap interval tends to be too narrow, and p cannot fall below 0.25."],
  });
});

test("equal differences have an estimate but no interval", () => {
  const result = pairedDifference({ treatment: [1.1, 2.1, 3.1], control: [1, 2, 3], seed: 1 });
  expect(result).toMatchObject({
    kind: "estimate",
    interval: {
      kind: "not-estimable",
      reason: "all 3 differences are equal, so they show no spread to build an interval from",
    },
  });
});

test("arms that do not vary have no Hedges' g", () => {
  const result = pairedDifference({ treatment: [1, 1], control: [0, 0], seed: 1 });
  expect(result).toMatchObject({ hedgesG: { kind: "not-estimable" }, cliffsDelta: 1, test: { pValue: 0.5 } });
});

test("arms of different length or with missing values are refused", () => {
  expect(() => pairedDifference({ treatment: [1, 2], control: [1], seed: 1 })).toThrow(
    new RangeError(
      "pairedDifference: treatment has 2 values and control has 1; keep the seeds or items that both have, in one order.",
    ),
  );
  expect(() => pairedDifference({ treatment: [1, NaN], control: [1, 2], seed: 1 })).toThrow(/treatment\[1\] is NaN/);
});

test("a mean has Student's interval, from two values on", () => {
  const result = meanInterval({ values: [1, 2, 3, 4] });
  // R 4.2.2: t.test(1:4)$conf.int
  expect(result).toMatchObject({ kind: "estimate", n: 4, estimate: 2.5, interval: { method: "t", level: 0.95 } });
  if (result.kind !== "estimate" || result.interval.kind !== "interval") throw new Error("expected an interval");
  expectClose([result.interval.low, result.interval.high], [0.445739743239121, 4.554260256760879], 1e-12);
});

test("no value, one value and equal values say why they have no interval", () => {
  expect(meanInterval({ values: [] })).toEqual({ kind: "not-estimable", reason: "there are no values" });
  expect(meanInterval({ values: [3] })).toEqual({
    kind: "estimate",
    n: 1,
    estimate: 3,
    interval: { kind: "not-estimable", reason: "one value shows no spread; at least 2 are needed" },
  });
  expect(meanInterval({ values: [3, 3] })).toMatchObject({ estimate: 3, interval: { kind: "not-estimable" } });
});
