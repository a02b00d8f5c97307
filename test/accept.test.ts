// `accept`: "I changed this and it does not matter". The result is kept, and who said so is remembered.

import { describe, expect, test } from "vitest";
import type { Recheck } from "../src/model/recheck.ts";
import { makeProject, type Rig } from "./rig.ts";

function chainProject(): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, fanOut, json, rule, source, text, z } from "expfile";
const make = rule(
  contract({ name: "chain/make", config: z.strictObject({ factor: z.int().default(2), note: z.string().default("") }), inputs: { words: text() }, outputs: { value: json() } }),
  () => import("./rules.ts").then((m) => m.make),
);
const fan = fanOut(
  contract({ name: "chain/fan", config: z.strictObject({ count: z.int().default(3), plus: z.int().default(0) }), inputs: { value: json() }, items: { outputs: { part: json() } }, outputs: { all: json() } }),
  {
    split: { recipe: () => import("./rules.ts").then((m) => m.split), reads: ["count"] },
    recipes: { one: { recipe: () => import("./rules.ts").then((m) => m.one), reads: ["plus"] } },
    merge: { recipe: () => import("./rules.ts").then((m) => m.merge), reads: [] },
  },
);
const end = rule(contract({ name: "chain/end", inputs: { all: json() }, outputs: { page: text() } }), () => import("./rules.ts").then((m) => m.end));
export default experiments({
  main: () => {
    const made = make({ words: source("words.txt", text()) });
    const fanned = fan({ value: made.value });
    return { make: made, fan: fanned, end: end({ all: fanned.all }) };
  },
});
`,
    "rules.ts": `export const make = async ({ config, inputs, outputs }) => outputs.value.write((await inputs.words.read()).length * config.factor);
export const split = ({ config, inputs }) => Array.from({ length: config.count }, (_, i) => ({ item: i, label: "n" + i, inputs: { value: inputs.value } }));
export const one = async ({ config, item, inputs, outputs }) => outputs.part.write(item + (await inputs.value.read()) + config.plus);
export const merge = async ({ items, outputs }) => outputs.all.write(await Promise.all(items.map((one) => one.outputs.part.read())));
export const end = async ({ inputs, outputs }) => outputs.page.write(JSON.stringify(await inputs.all.read()));
`,
    "words.txt": "four",
  });
}
const accept = (rig: Rig, target: string, ...more: string[]) =>
  rig.exp("accept", target, "--because", "only a refactoring", ...more);

describe("what is accepted is kept", () => {
  test("of one action: nothing is made, and nothing after it", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "outputs.value.write((await", "outputs.value.write(0 + (await");
    const done = await accept(rig, "make");
    expect([done.code, done.stdout]).toEqual([
      0,
      expect.stringContaining("make: 1 result kept, although\n  code:") as string,
    ]);
    expect((await rig.build()).end.outcome).toBe("up-to-date");
  });

  test("of a fan-out: its split, its items, its merge", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "length: config.count", "length: config.count + 0");
    rig.edit("rules.ts", "outputs.part.write(item", "outputs.part.write(0 + item");
    rig.edit("rules.ts", "outputs.all.write(await", "void 0;\n  return outputs.all.write(await");
    rig.edit(
      "rules.ts",
      "merge = async ({ items, outputs }) => void 0;\n  return outputs.all.write(await Promise.all(items.map((one) => one.outputs.part.read())));",
      "merge = async ({ items, outputs }) => { await outputs.all.write(await Promise.all(items.map((one) => one.outputs.part.read()))); };",
    );
    const done = await accept(rig, "fan");
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining("fan: 5 results kept") as string]);
    expect((await rig.build()).targets).toEqual({ make: "fresh", fan: "fresh", end: "fresh" });
  });

  test("of changed inputs and config too", async () => {
    const rig = chainProject();
    await rig.build();
    const before = rig.read("runs/default/end/page.txt");
    rig.edit("words.txt", "four", "longer");
    await rig.build(["make"]);
    const done = await accept(rig, "fan", "--fan.plus", "7");
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(done.stdout).toContain("fan.plus: 0 → 7");
    expect(done.stdout).toContain("input value");
    expect((await rig.build(["--fan.plus", "7"])).targets).toEqual({ make: "fresh", fan: "fresh", end: "fresh" });
    expect(rig.read("runs/default/end/page.txt")).toBe(before);
  });

  test("the next change is a change again", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "length * config.factor", "length * config.factor * 1");
    await accept(rig, "make");
    rig.edit("rules.ts", "length * config.factor * 1", "length * config.factor * 3");
    const built = await rig.build();
    expect(built.targets).toEqual({ make: "computed", fan: "computed", end: "computed" });
  });

  test("back to the code that it was made with, it is as it was", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "length * config.factor", "length * config.factor * 1");
    await accept(rig, "make");
    rig.edit("rules.ts", "length * config.factor * 1", "length * config.factor");
    // Before any build: what the code is now was never accepted.
    expect((await rig.exp("status")).stdout).not.toContain("accepted");
    expect((await rig.exp("why", "make")).stdout).not.toContain("accepted");
    expect((await rig.build()).end.counts.computed).toBe(0);
    rig.edit("rules.ts", "length * config.factor", "length * config.factor * 1");
    expect((await rig.exp("status")).stdout).toContain("only a refactoring");
    expect((await rig.exp("why", "make")).stdout).toContain("only a refactoring");
  });

  test("clean takes it back", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "length * config.factor", "length * config.factor * 3");
    await accept(rig, "make");
    await rig.exp("clean", "make");
    expect((await rig.build()).targets.make).toBe("computed");
    expect(rig.read("runs/default/make/value.json")).toBe("24\n");
  });

  test("it is of this run only: another run computes", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "length * config.factor", "length * config.factor * 3");
    await accept(rig, "make");
    const other = await rig.build(["--run", "other"]);
    expect(other.targets.make).toBe("computed");
    expect([rig.read("runs/default/make/value.json"), rig.read("runs/other/make/value.json")]).toEqual(["8\n", "24\n"]);
  });

  test("a split that is accepted names the items that it named", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "outputs.part.write(item", "outputs.part.write(0 + item");
    const early = await accept(rig, "fan", "--fan.count", "5");
    expect([early.code, early.stdout]).toEqual([0, expect.stringContaining("4 results kept") as string]);
    rig.edit("rules.ts", "0 + item", "1 - 1 + item");
    await rig.exp("clean", "fan", "--outputs");
    expect((await rig.build(["--fan.count", "5"])).finished("fan").counts).toMatchObject({ computed: 3 });
  });
});

/** Everything but the project's own files, as it was. */
function remembered(rig: Rig): () => void {
  const files = ["runs/default/trace/trace.jsonl", "runs/default/run.yaml"].map(
    (file) => [file, rig.read(file)] as const,
  );
  return () => {
    rig.remove("cache/recall");
    rig.remove("cache/stamps");
    rig.write(Object.fromEntries(files));
  };
}

test("a crash in the midst leaves no result that counts without the word why", async () => {
  const rig = chainProject();
  await rig.build();
  const before = rig.read("runs/default/trace/trace.jsonl");
  const restore = remembered(rig);
  rig.edit("rules.ts", "length: config.count", "length: config.count + 0");
  rig.edit("rules.ts", "outputs.part.write(item", "outputs.part.write(0 + item");
  await accept(rig, "fan");
  const written = rig.read("runs/default/trace/trace.jsonl").slice(before.length).trimEnd().split("\n");
  expect(written.filter((line) => line.includes('"as":'))).toHaveLength(4);
  for (let whole = 0; whole < written.length; whole++) {
    const torn = [...written.slice(0, whole), written[whole]!.slice(0, -9)].join("\n");
    restore();
    rig.write({ "runs/default/trace/trace.jsonl": before + torn });
    const { stdout } = await rig.exp("status", "fan");
    expect(stdout, torn).toMatch(/accepted by .*: only a refactoring|stale/);
  }
});

test("what is refused half-way is as if nobody had said it", async () => {
  const rig = chainProject();
  await rig.build();
  rig.edit("rules.ts", "length * config.factor", "length * config.factor * 1");
  rig.edit("rules.ts", "length: config.count", "length: config.count + 0");
  const done = await accept(rig, "make", "end");
  expect([done.code, done.stderr]).toEqual([2, expect.stringContaining("fan is not up to date") as string]);
  expect((await rig.exp("status", "make")).stdout).toContain("stale");
  expect((await rig.build()).targets.make).toBe("computed");
});

describe("what is said of it", () => {
  test("who, when and why are in run.yaml and in the trace", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "length * config.factor", "length * config.factor * 1");
    await accept(rig, "make");
    expect(rig.read("runs/default/run.yaml")).toMatch(
      /accepted:\n\s+at: .*\n\s+by: .+@.+\n\s+because: only a refactoring/,
    );
    const [line] = rig
      .read("runs/default/trace/trace.jsonl")
      .split("\n")
      .filter((one) => one.includes('"accepted"'))
      .map((one) => JSON.parse(one) as { t: string; accepted: { because: string; reasons: { kind: string }[] } });
    expect([line!.t, line!.accepted.because, line!.accepted.reasons.map(({ kind }) => kind)]).toEqual([
      "make",
      "only a refactoring",
      ["code"],
    ]);
  });

  test("why tells of it for as long as the result is kept, also when something else has changed since", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "outputs.part.write(item", "outputs.part.write(0 + item");
    await accept(rig, "fan");
    const why = async () => (await rig.exp("why", "fan")).stdout;
    expect(await why()).toMatch(
      /fan is fresh.*\n {2}accepted .* by .+@.+: only a refactoring\n {4}code: 1 place in 1 file/,
    );
    await rig.build();
    expect(await why()).toContain("only a refactoring");
    expect((await rig.exp("why", "fan[n0]")).stdout).toContain("only a refactoring");
    expect((await rig.exp("status")).stdout).toMatch(/accepted by .+@.+: only a refactoring/);
    rig.edit("rules.ts", "0 + item", "1 + item");
    expect(await why()).toMatch(/fan is stale.*\n {2}code:[^]*accepted .*only a refactoring/);
    await rig.build();
    expect(await why()).not.toContain("only a refactoring");
    // Back to what was accepted, the result is the accepted one again, and both say so.
    rig.edit("rules.ts", "1 + item", "0 + item");
    await rig.build();
    expect(await why()).toContain("only a refactoring");
    expect((await rig.exp("status")).stdout).toContain("only a refactoring");
  });

  test("reproduce runs what was made, verify what was accepted", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "length * config.factor", "length * config.factor * 3");
    rig.edit("rules.ts", "outputs.part.write(item", "outputs.part.write(100 + item");
    await accept(rig, "make");
    await accept(rig, "fan");
    const ask = async (...args: string[]) => {
      const done = await rig.exp(...args, "--json");
      const { actions } = JSON.parse(done.stdout) as { actions: Recheck[] };
      return [done.code, actions.map(({ target, part, verdict }) => `${target} ${part} ${verdict.kind}`).sort()];
    };
    expect(await ask("reproduce", "default")).toEqual([
      0,
      [
        "end recipe same",
        "fan item same",
        "fan item same",
        "fan item same",
        "fan merge same",
        "fan split same",
        "make recipe same",
      ],
    ]);
    expect(await ask("verify", "make", "fan")).toEqual([
      1,
      [
        "fan item differs",
        "fan item differs",
        "fan item differs",
        "fan merge same",
        "fan split same",
        "make recipe differs",
      ],
    ]);
  });
});

describe("what is refused", () => {
  const refused = async (rig: Rig, ...args: string[]) => {
    const { code, stderr } = await rig.exp("accept", ...args);
    return [code, stderr];
  };

  test("without a reason, without a target, without a result", async () => {
    const rig = chainProject();
    expect(await refused(rig, "make")).toEqual([2, expect.stringContaining("why does the change not matter?")]);
    expect(await refused(rig, "--because", "x")).toEqual([2, expect.stringContaining("which target?")]);
    expect(await refused(rig, "make", "--because", "x")).toEqual([
      2,
      expect.stringContaining("no result that could be kept"),
    ]);
    expect(await refused(rig, "maek", "--because", "x")).toEqual([2, expect.stringContaining('"make"')]);
  });

  test("while something that it reads is not up to date", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("rules.ts", "length * config.factor", "length * config.factor * 3");
    rig.edit("rules.ts", "outputs.part.write(item", "outputs.part.write(0 + item");
    expect(await refused(rig, "fan", "--because", "x")).toEqual([2, expect.stringContaining("make is not up to date")]);
    expect((await rig.exp("accept", "make", "fan", "--because", "x")).code).toBe(0);
    expect((await rig.build()).end.outcome).toBe("up-to-date");
  });

  test("where the outputs are declared otherwise now", async () => {
    const rig = chainProject();
    await rig.build();
    rig.edit("Expfile.ts", "outputs: { page: text() }", 'outputs: { page: text(".md") }');
    expect(await refused(rig, "end", "--because", "x")).toEqual([2, expect.stringContaining("declared otherwise")]);
  });

  test("what is up to date needs none", async () => {
    const rig = chainProject();
    await rig.build();
    const done = await accept(rig, "make");
    expect([done.code, done.stdout]).toEqual([0, "make is up to date: there is nothing to accept\n"]);
    expect((await rig.build()).end.outcome).toBe("up-to-date");
  });
});
