import { expect, test } from "vitest";
import { noColours as palette } from "../../src/report/palette.ts";
import { renderWhy, type Why } from "../../src/report/why.ts";
import { digestA, digestB, everyReason } from "./every-event.ts";

const now = new Date(2026, 10, 20, 10, 12).getTime();

function screen(why: Why, width?: number): string {
  return `\n${renderWhy(why, { palette, now, width }).join("\n")}\n`;
}

test("a stale target shows every reason, old and new, and code by file and line", () => {
  const place = { file: "rules/peptides/charge.ts", change: "changed" } as const;
  const why: Why = {
    target: "judge",
    state: "stale",
    since: now - 7_200_000,
    reasons: [
      everyReason.config,
      {
        kind: "code",
        before: digestA,
        after: digestB,
        changes: [
          { ...place, name: "function scoreCharge", lines: { from: 112, to: 120 } },
          { ...place, name: "const table", change: "added", lines: { from: 7, to: 7 } },
          { ...place, name: "module", lines: undefined },
          { file: "prompts/judge.md", change: "changed", name: "text", lines: { from: 3, to: 4 } },
          { file: "left-pad@1.3.0/index.js", change: "removed", name: "function pad", lines: { from: 1, to: 9 } },
        ],
      },
      everyReason.input,
    ],
  };
  expect(screen(why)).toBe(`
judge is stale; its result is of 2026-11-20 08:12 (2 h ago)
  config judge.pH: 7.4 → 7
  code: 5 places in 3 files
    left-pad@1.3.0/index.js
      −  1–9  function pad  removed
    prompts/judge.md
      ~  3–4  the text
    rules/peptides/charge.ts
      ~           what runs when it is loaded
      +        7  const table                  added
      ~  112–120  function scoreCharge
  input peptides: 1,000 → 2,000 rows
`);
});

test("sides that do not fit stand beneath each other, in full", () => {
  const before = { temperature: 0.7, models: ["opus", "haiku"], rubric: "one" };
  const after = { temperature: 0.7, models: ["opus", "sonnet"], rubric: "one" };
  expect(screen({ target: "judge", label: "pair-7", state: "stale", reasons: [{ kind: "item", before, after }] }, 60))
    .toBe(`
judge[pair-7] is stale
  item
    − {temperature: 0.7, models: [opus, haiku], rubric: one}
    + {temperature: 0.7, models: [opus, sonnet], rubric:
      one}
`);
});

test("a long text shows the lines that differ", () => {
  const text = (line: string): string =>
    ["You judge peptides.", "Be fair.", line, "Answer A or B.", "No more.", "Thanks."].join("\n");
  const reason = {
    kind: "config",
    path: "judge.prompt",
    before: text("Think."),
    after: text("Think twice.\nThen wait."),
  } as const;
  expect(screen({ target: "judge", state: "stale", reasons: [reason] })).toBe(`
judge is stale
  config judge.prompt
    … 1 line
      Be fair.
    − Think.
    + Think twice.
    + Then wait.
      Answer A or B.
    … 2 lines
`);
});

test("a fresh target says why it is", () => {
  expect(screen({ target: "judge", state: "fresh", reasons: [], since: new Date(2026, 0, 5, 9, 30).getTime() })).toBe(`
judge is fresh since 2026-01-05 09:30
  its code, config, inputs and environment are those of its result
`);
});

test("files of an input are named, the first few", () => {
  const files = [
    {
      change: "changed",
      file: "data/fruit.txt",
      before: { digest: digestA, size: 18 },
      after: { digest: digestB, size: 20 },
    },
    { change: "removed", file: "data/old.txt", before: { digest: digestA, size: 3 } },
    ...Array.from({ length: 20 }, (_, i) => ({ change: "added", file: `data/${i}.txt` }) as const),
  ] as const;
  const reason = { kind: "input", slot: "files", before: undefined, after: undefined, files } as const;
  expect(screen({ target: "read", state: "stale", reasons: [reason] })).toBe(`
read is stale
  input files: 1 file changed, 20 added, 1 removed
    ~  data/fruit.txt  18 B → 20 B
    −  data/old.txt    3 B
${Array.from({ length: 9 }, (_, i) => `    +  data/${i}.txt`).join("\n")}
    … 11 more files
`);
});

test.each([
  [{ did: "computed" }, "judge was computed in build 3, 2026-11-20 08:12 (2 h ago)"],
  [{ did: "cached" }, "judge was fetched, not computed, in build 3, 2026-11-20 08:12 (2 h ago)"],
  [
    { did: "failed", failure: "judge failed: no", because: "config judge.pH: 7.4 → 7" },
    "judge failed in build 3, 2026-11-20 08:12 (2 h ago)\n  judge failed: no\n  tried for config judge.pH: 7.4 → 7",
  ],
  [
    { did: "nothing", kept: 2 },
    "judge was not made in build 3, 2026-11-20 08:12 (2 h ago)\n  it kept its result of build 2",
  ],
  [
    { did: "nothing", outcome: "interrupted" },
    "judge was not made in build 3, 2026-11-20 08:12 (2 h ago), which was interrupted\n  it had no result yet",
  ],
] as const)("of a past build: %o", (build, words) => {
  const at = now - 7_200_000;
  const why: Why = {
    target: "judge",
    state: "fresh",
    reasons: [],
    build: { number: 3, at, outcome: "done", ...build },
  };
  expect(screen(why)).toBe(`\n${words}\n`);
});

test("an accepted result shows who accepted it and what it overlooks", () => {
  const accepted = [{ at: now - 7_200_000, by: "anna@lab", because: "only a patch", reasons: [everyReason.tool] }];
  expect(screen({ target: "judge", state: "fresh", reasons: [], accepted })).toMatch(
    /^\njudge is fresh\n {2}accepted 20.* \(2 h ago\) by anna@lab: only a patch\n {4}tool python: 3.10 → 3.11\n$/,
  );
});

test.each([
  ["cached", "in the cache"],
  ["unknown", "not known yet"],
  ["waiting", "waiting"],
  ["failed", "failed"],
] as const)("%s reads %s", (state, words) => {
  expect(screen({ target: "judge", state, reasons: [] })).toBe(`\njudge is ${words}\n`);
});
