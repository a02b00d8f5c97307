import { expect, test } from "vitest";
import { noColours as palette } from "../../src/report/palette.ts";
import { renderStatus, type StatusRow } from "../../src/report/status.ts";

const now = new Date(2026, 10, 20, 10, 12).getTime();

function screen(rows: readonly StatusRow[], title: readonly string[] = [], width?: number): string {
  return `\n${renderStatus(rows, { palette, now, title, width }).join("\n")}\n`;
}

test("a row a target, and what it comes to", () => {
  const rows: readonly StatusRow[] = [
    { target: "prepare", state: "fresh", finishedAt: now - 7_200_000, tookMs: 120, executor: "local" },
    {
      target: "generate",
      state: "stale",
      finishedAt: now - 86_400_000 * 5,
      tookMs: 754_000,
      costUsd: 12.4,
      executor: "modal",
      items: { fresh: 950, cached: 0, stale: 50 },
      reason: "config generate.samples: 50 → 100",
    },
    { target: "rate", state: "waiting", waitsFor: "runs/default/rate/ratings.csv" },
    { target: "analyse", state: "unknown", reason: "depends on rate, which has to run first" },
  ];
  expect(screen(rows, ["run default", "peptides", "default@3"])).toBe(`
run default · peptides · default@3
target    state    finished           took    cost  on
prepare   fresh    2 h ago           0.1 s          local
generate  stale    5 days ago  12 min 34 s  $12.40  modal  1,000 items: 950 fresh, 50 stale
                                                           config generate.samples: 50 → 100
rate      waiting                                          waits for runs/default/rate/ratings.csv
analyse   unknown                                          depends on rate, which has to run first
1 fresh, 1 stale, 1 unknown, 1 waiting
`);
});

test("on a narrow terminal details stand beneath their row", () => {
  const reason = "config generate.samples: 50 → 100";
  expect(
    screen(
      [{ target: "generate", state: "stale", finishedAt: now, tookMs: 754_000, executor: "modal", reason }],
      [],
      60,
    ),
  ).toBe(`
target    state  finished         took  on
generate  stale  just now  12 min 34 s  modal
  config generate.samples: 50 → 100
1 stale
`);
});

test("an up-to-date run says so, without empty columns", () => {
  expect(
    screen([
      { target: "prepare", state: "fresh" },
      { target: "judge", state: "fresh" },
    ]),
  ).toBe(`
target   state
prepare  fresh
judge    fresh
up to date: 2 targets fresh
`);
});

test("no targets", () => {
  expect(screen([])).toBe("\nno targets\n");
});
