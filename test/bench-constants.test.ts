// What the benchmark computes from what it measures: constants by least squares, the plan of a million items, docs/scale.md.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { describe, expect, test } from "vitest";
import { repeatedOf } from "../bench/crash.ts";
import type { Elsewhere, Sample } from "../bench/elsewhere.ts";
import { figuresOf, isReached, parts, type Results } from "../bench/figures.ts";
import { fitConstants, leastSquares, valueAt } from "../bench/fit.ts";
import { batchFor, mostItems, planOf, scaleConstantsOf, scalePage } from "../bench/scale.ts";
import { elsewhereSection } from "../bench/sections.ts";
import { repository } from "./rig.ts";

const shapes = [
  { items: 2000, batches: 1 },
  { items: 2000, batches: 20 },
  { items: 2000, batches: 200 },
  { items: 100_000, batches: 20 },
];

describe("the fit", () => {
  test("finds the constants that made the values", () => {
    const observed = shapes.map((shape) => ({ ...shape, value: 1.5 + 2e-5 * shape.items + 0.25 * shape.batches }));
    const { start, item, batch } = fitConstants(observed)!;
    expect(start).toBeCloseTo(1.5, 9);
    expect(item).toBeCloseTo(2e-5, 12);
    expect(batch).toBeCloseTo(0.25, 9);
  });

  test("lies between observations that disagree", () => {
    expect(leastSquares([[1], [1], [1]], [1, 2, 6])![0]).toBeCloseTo(3, 9);
    expect(
      leastSquares(
        [
          [1, 0],
          [1, 1],
          [1, 2],
          [1, 3],
        ],
        [1, 3, 4, 4],
      )!.map((value) => Number(value.toFixed(6))),
    ).toEqual([1.5, 1]);
  });

  test("leaves open what observations of one shape cannot tell", () => {
    const same = [1, 2, 3].map((value) => ({ items: 100, batches: 10, value }));
    expect(fitConstants(same)).toBeUndefined();
  });

  test("takes nothing off for a constant that noise made negative", () => {
    expect(valueAt({ start: -1, item: 0.5, batch: -2 }, 10, 100)).toBe(5);
  });
});

test("items that are in the journal twice are counted once each", () => {
  expect(repeatedOf([3, 1, 2, 1, 3, 3])).toEqual([1, 3]);
});

test("a crash after which something finished was computed twice is not what is wanted", () => {
  const crash = { place: "slurm", items: 10, begun: 5, recorded: 4, again: 0, seconds: 1 } as const;
  const wordOf = (twice: number) => {
    const results = resultsOf({ name: parts.crash, crashes: [{ ...crash, twice }] });
    return figuresOf(results)
      .filter(({ what }) => what.includes("on Slurm"))
      .map(isReached);
  };
  expect(wordOf(0)).toEqual([true]);
  expect(wordOf(1)).toEqual([false]);
});

describe("the plan", () => {
  const constants = scaleConstantsOf(madeUp())!;

  test("counts batches, arrays and calls", () => {
    const plan = planOf(constants, 1_000_000, 100);
    expect(plan).toMatchObject({ batches: 10_000, arrays: 10, sbatchCalls: 11 });
    expect(planOf(constants, 1_000_000, 10_000)).toMatchObject({ batches: 100, arrays: 1, sbatchCalls: 2 });
  });

  test("writes what a submission needs once for each array, an order for each batch", () => {
    expect(planOf(constants, 1_000_000, 10_000).files).toBeCloseTo(4 + 100, 3);
    expect(planOf(constants, 1_000_000, 100).files).toBeCloseTo(4 * 10 + 10_000, 3);
  });

  test("time is that of the start, the items and the batches", () => {
    expect(planOf(constants, 1_000_000, 1000).seconds).toBeCloseTo(2 + 20 + 250, 6);
  });

  test("items are as many as the driver's memory holds", () => {
    expect(mostItems(constants)).toBe(500_000);
  });

  test("a batch takes half an hour, unless there would be more of them than sites take", () => {
    expect(batchFor(1_000_000, 0.1)).toBe(18_000);
    expect(batchFor(1_000_000, 1)).toBe(1800);
    expect(batchFor(1_000_000, 60)).toBe(1000);
    expect(batchFor(10_000, 60)).toBe(30);
  });
});

describe("pages", () => {
  test("docs/scale.md is what docs/benchmarks.json comes to", async () => {
    const results = JSON.parse(readFileSync(join(repository, "docs", "benchmarks.json"), "utf8")) as Results;
    const file = join(repository, "docs", "scale.md");
    const text = await format(scalePage(results), { ...(await resolveConfig(file)), filepath: file });
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("the plan is told with the constants that it was made of", () => {
    const text = scalePage(resultsOf({ name: parts.elsewhere, elsewhere: madeUp() }));
    expect(text).toContain("| time beside the work | 2.0 s | 20 µs | 250 ms |");
    expect(text).toContain("| memory of the driver | 96 MiB | 8.2 KiB | 0 B |");
    expect(text).toContain("| items a batch | 10,000 | 1,000 | 100 |");
    expect(text).toContain("| array jobs | 1 | 1 | 10 |");
    expect(text).toContain("| beside the work | 0.78 min | 4.5 min | 42 min |");
    expect(text).toContain(
      "up to 500,000 items there is nothing to set. Beyond that\n   `NODE_OPTIONS=--max-old-space-size=8192`",
    );
    expect(text).not.toMatch(/undefined|NaN|Infinity/);
  });

  test("the page of benchmarks tells the overheads of the two places, and what empty batches take", () => {
    const { samples } = madeUp();
    const here = samples.map(({ slurm: _, ...sample }): Sample => ({ ...sample, place: "here" }));
    const elsewhere = { ...madeUp(), samples: [...here, ...samples] };
    const text = elsewhereSection(resultsOf({ name: parts.elsewhere, elsewhere }).parts[0]);
    expect(text).toContain("| this machine | 2.0 s | 20 µs | 250 ms |");
    expect(text).toContain("| Slurm | 2.0 s | 20 µs | 250 ms |");
    expect(text).toMatch(/\| of that, empty batches \| \S+ µs \| {2}\| 100 ms \|/);
    expect(text).toContain("| 2,000 | 200 | 204 files, 803 KiB | 400 files, 547 KiB | 430 | 2 | 3 | 1 | 0 |");
  });

  test("without a cluster there is no plan, and the page of benchmarks names what is missing", () => {
    const elsewhere: Elsewhere = { ...madeUp(), processors: undefined, missing: "slurmctld", samples: [] };
    const results = resultsOf({ name: parts.elsewhere, elsewhere });
    expect(scalePage(results)).toContain("has not been measured yet");
    expect(elsewhereSection(results.parts[0])).toContain("(slurmctld is missing)");
  });
});

function resultsOf(part: Partial<Results["parts"][number]> & { readonly name: string }): Results {
  const when = { date: "2026-01-01", commit: "abcdef0", load: 0, minutes: 1 };
  return { largeMib: 1, fileCount: 1, itemCount: 1, parts: [{ machine: "a machine", ...when, ...part }] };
}

/** As a cluster would measure whose constants are round. */
function madeUp(): Elsewhere {
  const samples = shapes.map(({ items, batches }): Sample => {
    const seconds = 2 + 2e-5 * items + 0.25 * batches;
    return {
      ...{ place: "slurm", items, batches, seconds: [seconds + 0.05], idle: [0.05] },
      peakMib: 96 + 0.008 * items,
      kept: { files: 40, bytes: 1_000_000 + 1000 * items },
      slurm: {
        calls: { sbatch: 2, squeue: 3, scontrol: 1 },
        syncs: 30 + 2 * batches,
        bare: [0.1 * batches],
        submitted: { files: 4 + batches, bytes: 2000 + 350 * items + 600 * batches },
        answered: { files: 2 * batches, bytes: 280 * items },
      },
    };
  });
  return { processors: 2, missing: undefined, samples };
}
