import { expect, test } from "vitest";

import { findDifference, readTolerance } from "./compare.ts";

const compare = (expected: unknown, actual: unknown, tolerance: unknown): string | null =>
  findDifference(expected, actual, readTolerance(tolerance, expected));

test("a number as tolerance is absolute and reaches into lists and records", () => {
  expect(compare(1, 1.05, 0.1)).toBeNull();
  expect(compare(1, 1.2, 0.1)).toBe("value: expected 1, got 1.2, tolerance 0.1");
  expect(compare([1, 2], [1, 2.2], 0.1)).toBe("value[1]: expected 2, got 2.2, tolerance 0.1");
  expect(compare([1, 2], [1, 2, 3], 0.1)).not.toBeNull();
  expect(compare({ p: 1, ci: [0, 2] }, { p: 1, ci: [0, 2], more: 7 }, 0.1)).toBeNull();
  expect(compare({ p: 1 }, {}, 0.1)).not.toBeNull();
  expect(compare(1, NaN, 0.1)).not.toBeNull();
  expect(compare(null, 0, 0.1)).not.toBeNull();
});

test("a rounded number with the full one beside it is compared to the full one", () => {
  expect(compare({ published: 0.2, full: 0.186 }, 0.186, 1e-9)).toBeNull();
  expect(compare({ doc: 2.2, full: 2.157 }, 2.2, 1e-9)).not.toBeNull();
});

test("a number is compared to the first field of a record", () => {
  expect(compare(0.4, { kappa: 0.4, ase: 0.1 }, 1e-9)).toBeNull();
});

test("whole numbers as keys are places in a list, from 1", () => {
  expect(compare({ 1: 0.1, 3: 0.3 }, [0.1, 0.2, 0.3], 1e-9)).toBeNull();
  expect(compare({ 1: 0.1, 3: 0.2 }, [0.1, 0.2, 0.3], 1e-9)).not.toBeNull();
});

test("a survival curve may be listed at its steps or at all times", () => {
  const curve = { time: [2, 5], surv: [0.8, 0.4], median: 5 };
  expect(compare({ time: [2, 3, 5], surv: [0.8, 0.8, 0.4], median: 5 }, curve, 1e-9)).toBeNull();
  expect(compare({ time: [2, 3, 5], surv: [0.8, 0.7, 0.4] }, curve, 1e-9)).not.toBeNull();
  expect(compare({ time: [2], surv: [0.8] }, curve, 1e-9)).toBe("value: a step at 5 is not expected");
});

test("words with exact mean equality of what they name", () => {
  expect(compare("AB", "AB", "exact string")).toBeNull();
  expect(compare("AB", "ab", "exact string")).not.toBeNull();
  expect(compare("AB", null, "exact string or null (not expressible)")).toBeNull();
  expect(compare(["a", "b"], ["b", "a"], "exact list, in order")).not.toBeNull();
  const alignment = { score: 25, identical: 9 };
  expect(compare(alignment, { score: 25, identical: 8 }, "score exact")).toBeNull();
  expect(compare(alignment, { score: 24, identical: 9 }, "score exact")).not.toBeNull();
});

test("other words are a note for people", () => {
  expect(readTolerance("greedy, so ±10 %", 3)).toEqual({ kind: "by-hand", note: "greedy, so ±10 %" });
  expect(readTolerance(null, 3)).toEqual({ kind: "by-hand", note: "null" });
});
