// `exp runs diff`: what differs between two runs, or two points of one.

import { describe, expect, test } from "vitest";
import type { Comparison } from "../src/model/comparison.ts";
import { benchOf, chain, plainExpfile, plainRule, type Bench } from "./reliability/bench.ts";

/** numbers → score, which makes JSON and a small table. */
const scored: Readonly<Record<string, string>> = {
  ...chain,
  ...plainExpfile(
    ["score"],
    `const n = numbers(); return { numbers: n, score: score({ all: n.all, words: source("data/words.txt", text()) }) };`,
  ),
  ...plainRule(
    "score",
    `config: z.strictObject({ factor: z.number().default(2), title: z.string().default("a") }),
  inputs: { all: text(), words: text() },
  outputs: { summary: json(), rows: table({ arm: "string", wins: "int32" }), long: json() }`,
    `const all = await inputs.all.read();
  await outputs.summary.write({ factor: config.factor, mean: config.factor / 3, steady: 7, title: config.title, arms: [{ name: "x", wins: config.factor * 10 }, { name: "y", wins: 5 }] });
  await writeTable(outputs.rows, { arm: "string", wins: "int32" }, [{ arm: "x", wins: Math.round(config.factor * 100) }, { arm: "y", wins: all.length }]);
  await outputs.long.write(Array.from({ length: 60 }, (_, i) => i * config.factor));`,
  ),
};

function scoredBench(more: Readonly<Record<string, string>> = {}): Bench {
  const bench = benchOf({ ...scored, ...more });
  bench.rig.edit(
    "Expfile.ts",
    "import { score }",
    'import { numbers } from "./rules/numbers.rule.ts";\nimport { score }',
  );
  bench.rig.edit("rules/score.rule.ts", "json, list", "json, table, list");
  bench.rig.edit("rules/score.ts", "import * as fs", 'import { writeTable } from "expfile/table";\nimport * as fs');
  return bench;
}

async function diff({ rig }: Bench, ...args: string[]): Promise<Comparison> {
  const done = await rig.exp("runs", "diff", ...args, "--json");
  expect([done.code, done.stderr]).toEqual([0, ""]);
  return JSON.parse(done.stdout) as Comparison;
}

async function text({ rig }: Bench, ...args: string[]): Promise<string> {
  const done = await rig.exp("runs", "diff", ...args);
  expect([done.code, done.stderr]).toEqual([0, ""]);
  return done.stdout.replace(/ \(\d{4}-\d\d-\d\d \d\d:\d\d\)/g, "");
}

describe("two points of a run", () => {
  test("config, targets and numbers, the most changed first", async () => {
    const bench = scoredBench();
    await bench.build();
    await bench.build(["--set", "score.factor=3", "--set", "numbers.items=26"]);
    expect(await text(bench, "default@2")).toBe(`default@1 → default@2

config
  numbers.items: 24 → 26
  score.factor: 2 → 3

targets
  numbers  other key, other all                  24 items in common, 2 only in default@2
    config numbers.items: 24 → 26
  score    other key, other summary, rows, long
    config score.factor: 2 → 3
    input all: 32 KiB → 36 KiB

numbers
  score.summary  factor              2  →      3         +1  +50 %
  score.summary  mean         0.666667  →      1  +0.333333  +50 %
  score.summary  arms.x.wins        20  →     30        +10  +50 %
  score.rows     x.wins            200  →    300       +100  +50 %
  score.rows     y.wins          32618  →  36832      +4214  +13 %
`);
    // The same the other way round, and as data.
    const back = await diff(bench, "default", "default@1");
    expect(back.before).toMatchObject({ run: "default", build: 2 });
    expect(back.metrics[0]).toEqual({ target: "score", output: "summary", path: "factor", before: 3, after: 2 });
    expect(back.targets[0]).toMatchObject({
      target: "numbers",
      kind: "other-key",
      outputs: ["all"],
      items: { common: 24, otherOutput: 0, onlyBefore: 2, onlyAfter: 0 },
    });
  });

  test("code by its places, sources by their paths", async () => {
    const bench = scoredBench();
    await bench.build();
    bench.rig.edit("rules/score.ts", "steady: 7", "steady: 8");
    bench.rig.write({ "data/words.txt": "other words, and more\n" });
    await bench.build();
    bench.rig.remove("cache");
    expect(await text(bench, "default@1", "default@2")).toMatch(
      /^default@1 → default@2\n\ntargets\n {2}score {2}other key, other summary\n {4}code: 1 place in 1 file\n {6}rules\/score\.ts\n.* function recipe\n {4}input words \(data\/words\.txt\): 11 B → 22 B\n\nnumbers\n {2}score\.summary {2}steady {2}7 {2}→ {2}8 {2}\+1 {2}\+14 %\n\n1 more target the same in both\n$/,
    );
  });

  test("items by their labels, also where the code of all has changed", async () => {
    const bench = scoredBench();
    await bench.build();
    bench.rig.edit("rules/numbers.ts", '"value " + item.n', '(item.n < 2 ? "other " : "value ") + item.n');
    await bench.build(["--set", "numbers.items=25"]);
    expect((await diff(bench, "default@1", "default@2")).targets[0]!.items).toEqual({
      common: 24,
      otherOutput: 2,
      onlyBefore: 0,
      onlyAfter: 1,
    });
    expect(await text(bench, "default@1", "default@2")).toContain(
      "24 items in common, 2 of them with other outputs, 1 only in default@2\n",
    );
  });

  test("rows that nothing names: what both have is the same wherever it stands", async () => {
    const bench = scoredBench();
    const rows = (list: string) =>
      bench.rig.edit("rules/score.ts", /outputs\.long\.write\(.*\);/, `outputs.long.write(${list});`);
    rows("[{ a: 1, b: 2 }, { a: 3, b: 4 }, { a: 5, b: 6 }]");
    await bench.build();
    const place = "  rows without a name or an id are compared by their place, [0] is the first\n";
    rows("[{ a: 5, b: 6 }, { a: 1, b: 2 }, { a: 3, b: 9 }]");
    await bench.build();
    expect(await text(bench, "default@2")).toContain(`numbers\n  score.long  [2].b  4  →  9  +5  +125 %\n${place}`);
    expect((await diff(bench, "default@2")).metrics).toEqual([
      { target: "score", output: "long", path: "[2].b", before: 4, after: 9, byPlace: true },
    ]);
    // Of more rows than before it is not known which became which.
    rows("[{ a: 7, b: 8 }, { a: 5, b: 6 }, { a: 1, b: 2 }, { a: 3, b: 10 }]");
    await bench.build();
    expect((await diff(bench, "default@3")).metrics).toEqual([]);
  });

  test("the same key with another output, and what was accepted", async () => {
    const bench = scoredBench();
    bench.rig.edit("rules/score.ts", "steady: 7", "steady: Date.now()");
    await bench.build();
    await bench.exp("clean", "score");
    await bench.build();
    expect(await text(bench, "default@1", "default@2")).toContain(
      "  score  same key, other summary\n\nnumbers\n  score.summary  steady  ",
    );
    bench.rig.edit("rules/score.ts", "config.factor * 10", "10 * config.factor");
    const accepted = await bench.exp("accept", "score", "--because", "only the order of factors");
    expect([accepted.code, accepted.stderr]).toEqual([0, ""]);
    const now = await diff(bench, "default@1", "default");
    expect(now.targets.find(({ target }) => target === "score")).toMatchObject({
      kind: "other-key",
      outputs: ["summary"],
      reasons: [{ kind: "code" }],
      after: { accepted: { because: "only the order of factors" } },
    });
  });

  test("a point that is not there, or has none before it, is refused", async () => {
    const bench = scoredBench();
    await bench.build();
    const { code, stderr } = await bench.exp("runs", "diff", "default");
    expect([code, stderr]).toEqual([2, expect.stringContaining("there is no build before default")]);
    expect((await bench.exp("runs", "diff", "default", "default@7")).stderr).toContain("has no build 7");
    expect((await bench.exp("runs", "diff", "defalt", "default")).stderr).toContain('Did you mean "default"?');
    expect((await bench.exp("runs", "diff")).stderr).toContain("exp runs diff NAME");
    expect(await text(bench, "default", "default")).toBe(
      "default@1 → default@1\nnothing differs\n\n2 targets, the same in both\n",
    );
  });
});

describe("two runs", () => {
  test("config files, targets that only one has, what was taken as given", async () => {
    const bench = scoredBench({ "configs/other.yaml": "version: 1\nscore:\n  title: b\n" });
    await bench.build(["numbers"]);
    await bench.build(["-c", "other", "--from", "default:numbers"]);
    bench.rig.remove("Expfile.ts");
    const found = await diff(bench, "default", "other");
    expect(found.versions).toEqual([
      { what: "config file", before: "configs/default.yaml", after: "configs/other.yaml" },
    ]);
    expect(found.config).toEqual([{ kind: "config", path: "score.title", before: "a", after: "b" }]);
    expect(found.targets.map(({ target, kind }) => [target, kind])).toEqual([
      ["numbers", "other-key"],
      ["score", "only-after"],
    ]);
    expect(found.targets[0]!.after).toEqual({ from: "default@1:numbers" });
    expect(await text(bench, "default", "other")).toContain("\n    other@1: given, taken from default@1:numbers\n");
  });

  test("numbers that changed little are cut, unless all are asked for", async () => {
    const bench = scoredBench();
    bench.rig.edit("rules/score.ts", "length: 60", "length: 40");
    await bench.build();
    await bench.build(["--set", "score.factor=3"]);
    const cut = await text(bench, "default@2");
    expect(cut).toContain("  … 23 more numbers, less changed: --all shows them\n");
    const all = await text(bench, "default@2", "--all");
    expect(
      all.split("\n").filter((line) => line.includes("→")).length -
        cut.split("\n").filter((line) => line.includes("→")).length,
    ).toBe(23);
  });
});
