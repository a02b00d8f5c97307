import { describe, expect, test } from "vitest";
import type { PlannedTarget } from "../../src/model/plan.ts";
import { noColours as palette } from "../../src/report/palette.ts";
import { renderPlan, withLimit, wordTotal } from "../../src/report/plan.ts";
import { moreSamples, newHere } from "./builds.ts";
import { everyReason } from "./every-event.ts";

function planned(name: string, fields: Partial<PlannedTarget> = {}): PlannedTarget {
  return {
    name,
    rule: name,
    kind: "recipe",
    dependsOn: [],
    description: undefined,
    state: "fresh",
    reasons: [],
    items: undefined,
    expectedMs: undefined,
    expectedUsd: undefined,
    ...fields,
  };
}

const targets = [
  planned("prepare", { expectedMs: 120 }),
  planned("generate", {
    state: "stale",
    reasons: moreSamples,
    items: { fresh: 950, cached: 10, stale: 50 },
    expectedMs: 230_000,
    expectedUsd: 1.2,
  }),
  planned("cluster", { state: "cached", reasons: [everyReason.code] }),
  planned("judge", { state: "unknown", reasons: [everyReason.upstream], expectedMs: 12_000 }),
  planned("rate", { state: "waiting" }),
];

function screen(all: readonly PlannedTarget[], width?: number): string {
  return `\n${renderPlan({ run: "default", experiment: "peptides", overrides: [], targets: all }, { palette, width }).join("\n")}\n`;
}

test("a plan shows state, expectation, items and reasons of each target", () => {
  expect(screen(targets)).toBe(`
run default · peptides
prepare   fresh
generate  stale    4 min  $1.20  1,010 items: 950 fresh, 10 cached, 50 stale
                                 config generate.samples: 50 → 100
cluster   cached                 code: function scoreCharge in rules/peptides/charge.ts, lines 12–20 changed
judge     unknown   12 s         depends on generate, which has to run first
rate      waiting                waits for people
due: 1 target, perhaps 1 more, 1 from the cache, 1 waiting for people, about 4 min, $1.20 by past traces
`);
});

test("more than a hundred fresh targets are counted, and only what is not fresh is listed", () => {
  const fresh = (count: number) => Array.from({ length: count }, (_, n) => planned(`t${n}`));
  const judged = planned("judge", { state: "unknown", reasons: [everyReason.upstream] });
  expect(screen([...fresh(101), judged])).toBe(`
run default · peptides
judge  unknown  depends on generate, which has to run first
and 101 targets fresh
due: perhaps 1 more
`);
  expect(screen(fresh(101))).toBe(`
run default · peptides
101 targets fresh
nothing to do
`);
  expect(screen(fresh(100)).split("\n")).toHaveLength(100 + 4);
});

describe("a plan of what a build may spend", () => {
  const plan = { run: "default", experiment: "peptides", overrides: [], targets };
  const told = (maxUsd: number) => renderPlan(withLimit(plan, maxUsd), { palette }).slice(-2);

  test("says what is expected of it, and no more where that is enough", () => {
    expect(told(5).at(-1)).toBe(
      "due: 1 target, perhaps 1 more, 1 from the cache, 1 waiting for people, about 4 min, $1.20 of $5.00 by past traces",
    );
    expect(withLimit(plan, 1.2)).toEqual({ ...plan, maxUsd: 1.2 });
  });

  test("warns where more is expected, or may come to be due", () => {
    const stops = "it would stop on the way, and keep what is finished";
    expect(told(1).at(-1)).toBe(
      `warning: a build is expected to cost $1.20, more than the $1.00 that it may spend (--max-usd): ${stops}`,
    );
    const dear = targets.map((one) => (one.state === "unknown" ? { ...one, expectedUsd: 2 } : one));
    expect(withLimit({ ...plan, targets: dear }, 3).warnings).toEqual([
      `a build may come to cost $3.20, more than the $3.00 that it may spend (--max-usd): ${stops}`,
    ]);
    expect(withLimit({ ...plan, targets: dear }, 4)).not.toHaveProperty("warnings");
  });

  test("says that nothing is known of what never ran", () => {
    expect(wordTotal([planned("a", { state: "stale" })], { maxUsd: 5 })).toBe(
      "due: 1 target, time and cost not known yet",
    );
  });
});

test("columns that nobody needs are not there", () => {
  expect(screen([planned("prepare"), planned("generate", { state: "stale", reasons: newHere })])).toBe(`
run default · peptides
prepare   fresh
generate  stale  new: no earlier result in this run
due: 1 target, time not known yet
`);
});

test("nothing wraps on a narrow terminal", () => {
  expect(screen(targets, 40)).toBe(`
run default · peptides
prepare   fresh
generate  stale    4 min  $1.20
  1,010 items: 950 fresh, 10 cached, 50…
  config generate.samples: 50 → 100
cluster   cached
  code: function scoreCharge in rules/p…
judge     unknown   12 s
  depends on generate, which has to run…
rate      waiting
  waits for people
due: 1 target, perhaps 1 more, 1 from
  the cache, 1 waiting for people, about
  4 min, $1.20 by past traces
`);
});

test("many reasons are cut with the way to see them all", () => {
  const reasons = [everyReason.config, everyReason.code, everyReason.tool, everyReason.command, everyReason.input];
  expect(screen([planned("judge", { state: "stale", reasons })])).toBe(`
run default · peptides
judge  stale  config judge.pH: 7.4 → 7
              code: function scoreCharge in rules/peptides/charge.ts, lines 12–20 changed
              tool python: 3.10 → 3.11
              and 2 more reasons: exp why judge
due: 1 target, time not known yet
`);
});

describe("the total", () => {
  test("says when there is nothing to do", () => {
    expect(wordTotal([planned("a"), planned("b")])).toBe("nothing to do");
  });

  test("adds what is expected", () => {
    const due = { state: "stale", expectedMs: 120_000, expectedUsd: 0.6 } as const;
    expect(wordTotal([planned("a", due), planned("b", due)])).toBe("due: 2 targets, about 4 min, $1.20 by past traces");
  });

  test("names what nobody can foresee", () => {
    const due = planned("a", { state: "stale", expectedMs: 300 });
    const blank = ["b", "c", "d", "e"].map((name) => planned(name, { state: "stale" }));
    expect(wordTotal([due, blank[0]!])).toBe("due: 2 targets, under 1 s by past traces and what b will take");
    expect(wordTotal([due, ...blank.slice(0, 3)])).toBe(
      "due: 4 targets, under 1 s by past traces and what b, c and d will take",
    );
    expect(wordTotal([due, ...blank])).toBe(
      "due: 5 targets, under 1 s by past traces and what 4 new targets will take",
    );
  });
});
