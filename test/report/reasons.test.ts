import { expect, test } from "vitest";
import type { Reason } from "../../src/model/reason.ts";
import { headline, wordReason } from "../../src/report/reasons.ts";
import { digestA, digestB, everyReason } from "./every-event.ts";

test("every reason has one clear line", () => {
  const lines = Object.values(everyReason).map((reason) => wordReason(reason));
  expect(lines.join("\n")).toBe(
    `
new: no earlier result in this run
config judge.pH: 7.4 → 7
config prepare.sources: + mine, + 7, − {kind: first}
arm renamed: baseline → base
code: function scoreCharge in rules/peptides/charge.ts, lines 12–20 changed
rule version: 1 → 2
vectorised: false → true
input peptides: 1,000 → 2,000 rows
items: 1,000 added, 3 removed
item: {sequence: ACDE, pH: 7} → {sequence: ACDE, pH: 7.4}
outputs: figure added, log removed
environment HF_HOME: (absent) → /data/hf
tool python: 3.10 → 3.11
command: python score.py → python score.py '--deep mode'
nothing differs: generate had the same work done
its outputs were missing or edited
its outputs were left in the shared cache
output table: its content is in no store any more
given: taken from old@3:generate
cleaned 2026-11-20 10:12
which items generate has is known when its split has run again
depends on generate, which has to run first`.trim(),
  );
});

test.each<[string, Partial<Extract<Reason, { kind: "input" }>>]>([
  ["input data: new, 12 KiB", { after: { digest: digestB, size: 12_345 } }],
  ["input data: no longer there", { before: { digest: digestA, size: 12_345 } }],
  [
    "input data: 1 → 2 files",
    { before: { digest: digestA, size: 5, files: 1 }, after: { digest: digestB, size: 9, files: 2 } },
  ],
  ["input data: 5 B → 2.0 KiB", { before: { digest: digestA, size: 5 }, after: { digest: digestB, size: 2000 } }],
  [
    "input data: 12 KiB → 24 KiB",
    { before: { digest: digestA, size: 12_345 }, after: { digest: digestB, size: 24_690 } },
  ],
  [
    "input data: 12,345 → 12,346 bytes",
    { before: { digest: digestA, size: 12_345 }, after: { digest: digestB, size: 12_346 } },
  ],
  [
    "input data: 10 rows as before, other values",
    { before: { digest: digestA, size: 50, rows: 10 }, after: { digest: digestB, size: 50, rows: 10 } },
  ],
  [
    "input data: a.txt added, b.txt removed and 1 more file",
    {
      before: { digest: undefined, files: 2 },
      after: { digest: undefined, files: 2 },
      files: [
        { change: "added", file: "a.txt" },
        { change: "removed", file: "b.txt" },
        { change: "changed", file: "c.txt" },
      ],
    },
  ],
  [
    "input data: 2 files in another order",
    { before: { digest: undefined, files: 2 }, after: { digest: undefined, files: 2 }, files: [] },
  ],
  [
    "input data read as: text .txt → table .csv",
    { before: { digest: digestA, readAs: "text .txt" }, after: { digest: digestA, readAs: "table .csv" } },
  ],
])("%s", (line, sides) => {
  expect(wordReason({ kind: "input", slot: "data", before: undefined, after: undefined, ...sides })).toBe(line);
});

test("code changes name what counts and how many more there are", () => {
  const place = { change: "changed", file: "rules/charge.ts", lines: { from: 3, to: 3 } } as const;
  const code = (name: string, more: number): Reason => ({
    kind: "code",
    before: digestA,
    after: digestB,
    changes: [{ ...place, name }, ...Array.from({ length: more }, () => ({ ...place, name: "const x" }))],
  });
  expect(wordReason(code("const table", 0))).toBe("code: const table in rules/charge.ts, line 3 changed");
  expect(wordReason(code("text", 1))).toBe("code: text rules/charge.ts, line 3 changed and 1 more place");
  expect(wordReason(code("module", 2))).toBe(
    "code: load-time code of rules/charge.ts, line 3 changed and 2 more places",
  );
  expect(wordReason({ kind: "code", before: digestA, after: digestB, changes: [] })).toBe(
    "code: changed (aaaaaaaaaaaa → bbbbbbbbbbbb)",
  );
  expect(wordReason({ kind: "code", before: undefined, after: digestB, changes: [] })).toBe("code: changed");
});

test("a text that looks like a number is told apart from the number", () => {
  expect(wordReason({ kind: "config", path: "a", before: "7", after: 7 })).toBe('config a: "7" → 7');
  expect(wordReason({ kind: "config", path: "a", before: null, after: "null" })).toBe('config a: null → "null"');
  expect(wordReason({ kind: "config", path: "a", before: undefined, after: "" })).toBe('config a: (absent) → ""');
  expect(wordReason({ kind: "config", path: "model", before: "claude-opus", after: "gpt 5.2" })).toBe(
    "config model: claude-opus → gpt 5.2",
  );
});

test("long values are cut around the place where they differ", () => {
  const same = "You are a careful judge of peptides who answers with one word and ";
  const before = `${same}never explains the answer at any length whatsoever`;
  const after = `${same}always explains the answer at any length whatsoever`;
  expect(wordReason({ kind: "config", path: "judge.prompt", before, after })).toBe(
    "config judge.prompt: …word and never explains the answer at… → …word and always explains the answer at…",
  );
  expect(wordReason({ kind: "config", path: "judge.prompt", before: "x".repeat(100), after: "short" })).toBe(
    `config judge.prompt: ${"x".repeat(39)}… → short`,
  );
});

test("a line stays one line and commands no terminal", () => {
  const line = wordReason({ kind: "config", path: "a\nb", before: "x\u001b[2Jy", after: "one\ntwo\u009b31m" });
  expect(line).toBe('config a\\nb: "x\\u001b[2Jy" → "one\\ntwo\\u009b31m"');
});

test("the headline is the first reason and the number of the others", () => {
  expect(headline([])).toBe("");
  expect(headline([everyReason.config])).toBe("config judge.pH: 7.4 → 7");
  expect(headline([everyReason.config, everyReason.code, everyReason.new])).toBe("config judge.pH: 7.4 → 7 (+2 more)");
});
