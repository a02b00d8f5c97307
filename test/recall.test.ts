// Targets that nothing has touched since the last complete build are not assessed again. Nobody may be able to tell, except by the time it takes.

import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { leftParts, lookAt, unpack, unpackPaths, unpackStats } from "../src/fast/stamp.ts";
import { digestOfBytes } from "../src/model/digest.ts";
import { Left, writeLeft } from "../src/project/left.ts";
import type { StageState } from "../src/runs/stages.ts";
import { makeProject, type Rig } from "./rig.ts";

/** `a` and `b` read a file each, `both` reads what they made; `late` waits for `a` and reads the file of `b`. */
function makeLeaves(): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, json, rule, source, text, z } from "expfile";
const leaf = rule(contract({ name: "leaf", inputs: { text: text() }, config: z.object({ word: z.number().default(1) }), outputs: { out: json() } }), {
  recipe: () => import("./leaf.ts"),
});
const join = rule(contract({ name: "join", inputs: { one: json(), two: json() }, outputs: { out: json() } }), {
  recipe: () => import("./join.ts"),
});
const late = rule(contract({ name: "late", inputs: { first: json(), text: text() }, outputs: { out: json() } }), {
  recipe: () => import("./late.ts"),
});
export default experiments({
  main: () => {
    const a = leaf({ text: source("a.txt", text()) });
    const b = leaf({ text: source("b.txt", text()) });
    return { a, b, both: join({ one: a.out, two: b.out }), late: late({ first: a.out, text: source("b.txt", text()) }) };
  },
});
`,
    // What is written after "then" goes into b.txt while the recipe runs.
    "leaf.ts": `import { readFileSync, writeFileSync } from "node:fs";
export const recipe = async ({ config, inputs, outputs }) => {
  void config.word;
  const [text, edit] = (await inputs.text.read()).split(" then ");
  if (edit !== undefined) writeFileSync(process.env.PWD + "/b.txt", edit);
  await outputs.out.write({ text });
};
`,
    "join.ts": `import { pair } from "./pair.ts";
export const recipe = async ({ inputs, outputs }) => {
  await outputs.out.write(pair(await inputs.one.read(), await inputs.two.read()));
};
`,
    "pair.ts": `export const pair = (one, other) => [one, other];
`,
    "late.ts": `export const recipe = async ({ inputs, outputs }) => {
  await outputs.out.write([await inputs.first.read(), await inputs.text.read()]);
};
`,
    "a.txt": "a",
    "b.txt": "b",
  });
}

const stageOf = (rig: Rig, target: string) =>
  (parse(rig.read("runs/default/run.yaml")) as { targets: Record<string, StageState> }).targets[target]!;

describe("an edit is never missed", () => {
  test("of a file that one target was recalled with before, and another read after", async () => {
    const rig = makeLeaves();
    rig.edit("leaf.ts", 'process.env.PWD + "/b.txt"', JSON.stringify(rig.path("b.txt")));
    await rig.build();
    // While a is made, b.txt is edited: b was found untouched before, and late reads it only after.
    rig.write({ "a.txt": "a2 then b2" });
    expect((await rig.build()).targets).toMatchObject({ a: "computed", b: "fresh", late: "computed" });
    expect((await rig.build()).targets).toMatchObject({ b: "computed", both: "computed" });
    expect(JSON.parse(rig.read("runs/default/b/out.json"))).toEqual({ text: "b2" });
  });

  const edits: readonly [string, Readonly<Record<string, string>>, (rig: Rig) => Promise<unknown> | void][] = [
    ["its source", { b: "computed", both: "computed", late: "computed" }, (rig) => rig.write({ "b.txt": "b2" })],
    ["its output", { b: "cached" }, (rig) => rig.remove("runs/default/b/out.json")],
    ["its code", { a: "computed", b: "computed" }, (rig) => rig.edit("leaf.ts", "{ text }", "{ text, more: 1 }")],
    ["its config", { b: "computed" }, (rig) => rig.write({ "configs/default.yaml": "version: 1\nb: { word: 2 }\n" })],
    ["its result", { b: "computed" }, (rig) => rig.exp("clean", "b")],
  ];
  test.each(edits)("of what was only recalled by the last build: %s", async (_, made, edit) => {
    const rig = makeLeaves();
    await rig.build();
    rig.write({ "a.txt": "a2" });
    expect((await rig.build()).targets).toMatchObject({ a: "computed", b: "fresh" });
    expect((await rig.build()).targets).toEqual({});
    await edit(rig);
    expect((await rig.build()).targets).toMatchObject(made);
    expect((await rig.build()).targets).toEqual({});
  });

  test("of a variable that only a target reads which is assessed later", async () => {
    const rig = makeLeaves();
    rig.edit("Expfile.ts", 'import("./late.ts"),', 'import("./late.ts"), env: ["LATE"],');
    await rig.build();
    rig.write({ "a.txt": "a2" });
    await rig.build(["both"]);
    expect((await rig.build([], 0, { env: { LATE: "1" } })).targets).toMatchObject({ b: "fresh", late: "computed" });
    expect((await rig.build([], 0, { env: { LATE: "2" } })).targets).toMatchObject({ b: "fresh", late: "computed" });
    expect((await rig.build([], 0, { env: { LATE: "2" } })).targets).toEqual({});
    expect((await rig.build()).targets).toMatchObject({ b: "fresh", late: "computed" });
  });
});

describe("what a target stands on", () => {
  test("is written down when it is what the last complete build left, and other settings were tried since", async () => {
    const rig = makeLeaves();
    await rig.build(["--set", "a.word=1"]);
    // The same bytes come out, so that the file stays as it is.
    await rig.build(["a", "--set", "a.word=2"]);
    await rig.build(["--set", "a.word=1"]);
    const { reasons } = (await rig.build(["a", "--set", "a.word=3"])).finished("a");
    expect(JSON.stringify(reasons)).toContain('"before":1');
  });

  test("is no acceptance that was made for other settings", async () => {
    const rig = makeLeaves();
    await rig.build(["--set", "a.word=1"]);
    await rig.exp("build", "b", "--set", "a.word=2");
    expect(await rig.exp("accept", "a", "--because", "tried")).toMatchObject({ code: 0 });
    expect(stageOf(rig, "a").accepted).toBeDefined();
    await rig.build(["--set", "a.word=1"]);
    expect(stageOf(rig, "a").accepted).toBeUndefined();
  });
});

describe("what is recalled", () => {
  const file = "cache/recall/default";
  /** With a bit of the part turned, as by a disk. */
  const turned = (text: string, part: number): string => {
    const sizes = /"sizes":\[([\d,]+)\]/.exec(text)![1]!.split(",").map(Number);
    const end = text.length + sizes.slice(part + 1).reduce((at, size) => at - size - (-size & 7), 0);
    const at = end - sizes[part]! - (-sizes[part]! & 7);
    return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
  };

  test.each([
    ["cut off", (text: string) => text.slice(0, 300)],
    ["of parts without sizes", (text: string) => text.replace('"sizes":', '"sizez":')],
    ["of too few parts", (text: string) => text.replace(/,\d+\](?=\})/, (last) => "]".padEnd(last.length))],
    ["of no variables", (text: string) => text.replace('"environment":', '"environmenz":')],
    ["of stats that are too few", (text: string) => text.replace(/"sizes":\[\d+/, '"sizes":[1')],
    ["of another path", (text: string) => turned(text, 0)],
    ["of a file that was another", (text: string) => turned(text, 1)],
    ["of another target", (text: string) => turned(text, 2)],
    ["of another key", (text: string) => turned(text, 3)],
    ["of targets without their files", (text: string) => turned(text, 4)],
    ["of targets with the files of others", (text: string) => turned(text, 5)],
    ["of nothing", (text: string) => text.replace(/\{".*\}/, (json) => "null".padEnd(json.length))],
  ])("is nothing by a file that is damaged: %s", async (_, damage) => {
    const rig = makeLeaves();
    await rig.build();
    const whole = readFileSync(rig.path(file), "latin1");
    const damaged = damage(whole);
    expect(damaged).not.toBe(whole);
    writeFileSync(rig.path(file), damaged, "latin1");
    rig.write({ "a.txt": "a2" });
    expect((await rig.build()).targets).toEqual({ a: "computed", b: "fresh", both: "computed", late: "computed" });
  });

  test("is nothing by the file of another run", async () => {
    const rig = makeLeaves();
    await rig.build();
    await rig.build(["--run", "second"]);
    copyFileSync(rig.path("cache/recall/second"), rig.path(file));
    rig.remove("runs/default/b/out.json");
    expect((await rig.build()).targets).toEqual({ a: "fresh", b: "cached", both: "fresh", late: "fresh" });
  });

  test("are the targets that an edit does not reach: what they were made of is not looked at", async () => {
    const rig = makeLeaves();
    await rig.build();
    rig.edit("late.ts", "read()]", 'read(), "more"]');
    await rig.build();
    // Whatever assesses b needs the bundle of its code: a folder in its place cannot be read.
    for (const name of readdirSync(rig.path("cache/bundles"))) rig.remove(`cache/bundles/${name}`);
    rig.write({ "b.txt": "b2" });
    expect((await rig.build(["a"])).targets).toEqual({ a: "fresh" });
    expect(readdirSync(rig.path("cache/bundles"))).toEqual([]);
    expect((await rig.build()).targets).toEqual({ a: "fresh", b: "computed", both: "computed", late: "computed" });
  });
});

describe("what is left for the next build", () => {
  const file = "cache/recall/default";
  const partsOf = (rig: Rig) =>
    unpack<{ readonly version: string; readonly shared: number }>(rig.path(file), leftParts)!;
  const versionOf = (rig: Rig) => partsOf(rig).header.version;
  /** Each path with its stat, and each target with its key and its paths, whatever their order. */
  const contentOf = (rig: Rig) => {
    const { header, parts } = partsOf(rig);
    const [paths, names] = [unpackPaths(parts[0]!), unpackPaths(parts[2]!)];
    const stats = unpackStats(parts[1]!);
    const seen = paths.map((path, i) => [path, ...stats.subarray(i * 4, i * 4 + 4)]);
    const numbers = (part: Buffer) => Array.from({ length: part.length / 4 }, (_, i) => part.readUInt32LE(i * 4));
    const [counts, refs] = [numbers(parts[4]!), numbers(parts[5]!)];
    const targets = names.map((name, i) => [name, parts[3]!.toString("hex", i * 32, i * 32 + 32), refs.splice(0, counts[i]).map((ref) => paths[ref])]); // prettier-ignore
    return { shared: paths.slice(0, header.shared).sort(), seen: seen.sort(), targets };
  };
  const anew = async (rig: Rig) => {
    rig.remove("cache/recall");
    rig.remove("cache/stamps");
    await rig.build();
    return contentOf(rig);
  };

  test.each<[string, (rig: Rig) => void]>([
    ["a source is edited", (rig) => rig.write({ "b.txt": "b2" })],
    ["a source is touched", (rig) => rig.write({ "b.txt": "b" })],
    ["an output is gone", (rig) => rig.remove("runs/default/b/out.json")],
    [
      "outputs are gone and a source is edited",
      (rig) => (rig.remove("runs/default/late"), rig.write({ "a.txt": "a2" })),
    ],
  ])("is the same, written in place or anew, when %s", async (_, edit) => {
    const rig = makeLeaves();
    await rig.build();
    const before = versionOf(rig);
    edit(rig);
    await rig.build();
    const [after, content] = [versionOf(rig), contentOf(rig)];
    expect(after).not.toBe(before);
    expect(content.targets.map(([name]) => name)).toEqual(["a", "b", "both", "late"]);
    expect(await anew(rig)).toEqual(content);
  });

  test("is what targets that came, went or read otherwise left", async () => {
    const rig = makeLeaves();
    await rig.build();
    rig.edit("Expfile.ts", "return { a, b,", 'return { a, b, c: leaf({ text: source("c.txt", text()) }),');
    rig.edit(
      "Expfile.ts",
      'late: late({ first: a.out, text: source("b.txt"',
      'late: late({ first: a.out, text: source("c.txt"',
    );
    rig.write({ "c.txt": "c" });
    await rig.build();
    const content = contentOf(rig);
    expect(content.targets.map(([name]) => name)).toEqual(["a", "b", "c", "both", "late"]);
    expect(content.targets.at(-1)![2]).toEqual(["c.txt", "runs/default/late/out.json"]);
    expect(await anew(rig)).toEqual(content);
    rig.write({ "c.txt": "c2" });
    expect((await rig.build()).targets).toMatchObject({ a: "fresh", c: "computed", late: "computed" });
  });

  test("is not written again where nothing is new, so that other command lines are still answered by it", async () => {
    const rig = makeLeaves();
    await rig.build();
    const before = versionOf(rig);
    expect((await rig.build(["both", "late"])).targets).toMatchObject({ a: "fresh", late: "fresh" });
    expect(versionOf(rig)).toBe(before);
    expect((await rig.build()).targets).toEqual({});
    expect((await rig.build(["both", "late"])).targets).toEqual({});
    rig.write({ "b.txt": "b2" });
    expect((await rig.build(["both", "late"])).targets).toMatchObject({ b: "computed" });
    expect((await rig.build()).targets).toMatchObject({ b: "fresh" });
    expect((await rig.build()).targets).toEqual({});
  });

  test("may be of a target that reads more files than a call can have arguments", () => {
    const folder = mkdtempSync(join(tmpdir(), "exp-left-"));
    try {
      const file = join(folder, "left");
      const count = 300_000;
      const paths = Array.from({ length: count }, (_, i) => `src/${i}`);
      const seen = { paths, stats: new Float64Array(count * 4), shared: 0 };
      const about = { root: folder, asked: digestOfBytes(""), environment: [], trace: [], record: [] };
      writeLeft(file, about, seen, [{ name: "a", core: digestOfBytes("a"), refs: paths.keys() }]);
      const left = Left.read(file)!;
      expect(left.refsOf(0)).toHaveLength(count);
      expect([left.coreOf(0), left.refsOf(0).at(-1)]).toEqual([digestOfBytes("a"), count - 1]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("answers from a folder of the project, too", async () => {
    const rig = makeLeaves();
    rig.write({ "deep/er/x": "" });
    await rig.build();
    const build = () => rig.start(["build"], { cwd: rig.path("deep/er") }).finished;
    for (const _again of [1, 2]) expect((await build()).stdout).toBe("up to date · run default\n");
    rig.write({ "b.txt": "b2" });
    expect((await build()).stdout).toContain("3 computed, 1 fresh");
    rig.write({ "b.txt": "b3" });
    expect((await rig.build()).targets).toMatchObject({ a: "fresh", b: "computed" });
  });
});

describe("the record of a run that nobody touched", () => {
  test("is written as if all of it had been read", async () => {
    const rig = makeLeaves();
    await rig.build();
    rig.write({ "b.txt": "b2" });
    await rig.build();
    const written = rig.read("runs/default/run.yaml");
    expect(stringify(parse(written), { lineWidth: 0 })).toBe(written);
    expect(stageOf(rig, "a").build).toBe(1);
    expect(stageOf(rig, "late")).toMatchObject({ status: "done", build: 2 });
  });

  test("is read when somebody has: what was written by hand is put right", async () => {
    const rig = makeLeaves();
    await rig.build();
    const before = rig.read("runs/default/run.yaml");
    rig.write({ "runs/default/run.yaml": before.replace(/ {2}both:\n(?: {4}.*\n)+/, "").replace("experiment", "# mine\nexperiment"), "b.txt": "b2" }); // prettier-ignore
    expect((await rig.build()).targets).toMatchObject({ a: "fresh", both: "computed" });
    expect(Object.keys((parse(rig.read("runs/default/run.yaml")) as { targets: object }).targets)).toEqual(["a", "b", "both", "late"]); // prettier-ignore
    rig.write({
      "runs/default/run.yaml": rig
        .read("runs/default/run.yaml")
        .replace(/ {2}a:\n {4}status: done/, "  a:\n    status: failed"),
    });
    rig.write({ "b.txt": "b3" });
    await rig.build();
    expect(stageOf(rig, "a").status).toBe("done");
  });

  test("is no more so when somebody has, though the next build has nothing to write", async () => {
    for (const edit of [
      (text: string) => text.replace("    status: done\n", "    status: done\n  # I looked at this one\n"),
      (text: string) => text.replace(/config:\n(?: {2}.*\n)+/, "").concat(/config:\n(?: {2}.*\n)+/.exec(text)![0]),
      (text: string) => `${text}mine: 5\n`,
    ]) {
      const rig = makeLeaves();
      await rig.build();
      const edited = edit(rig.read("runs/default/run.yaml"));
      rig.write({ "runs/default/run.yaml": edited });
      for (const _again of [1, 2]) await rig.build();
      rig.write({ "a.txt": "a2" });
      expect((await rig.build()).targets).toMatchObject({ a: "computed", b: "fresh" });
      const { config, targets } = parse(rig.read("runs/default/run.yaml")) as { config: object; targets: Record<string, StageState> }; // prettier-ignore
      expect(config).toMatchObject({ source: "configs/default.yaml" });
      expect(Object.values(targets).map(({ status }) => status)).toEqual(["done", "done", "done", "done"]);
      expect(Object.keys(targets).sort()).toEqual(["a", "b", "both", "late"]);
    }
  });

  test("and lost what it noted to the disk notes it again", async () => {
    const rig = makeLeaves();
    await rig.build();
    const path = rig.path("runs/default/run.yaml");
    const [text, { atime, mtime }] = [readFileSync(path, "utf8"), statSync(path)];
    // In place, at the same length and time: only its change time tells, which a disk does not turn.
    writeFileSync(path, text.replace("config:", "c\tnfig"));
    utimesSync(path, atime, mtime);
    rig.write({ "a.txt": "a2" });
    await rig.build();
    const { targets } = parse(readFileSync(path, "utf8")) as { targets: object };
    expect(Object.keys(targets).sort()).toEqual(["a", "b", "both", "late"]);
  });

  test("keeps its stages in the order of the graph when that changes", async () => {
    const rig = makeLeaves();
    await rig.build();
    rig.edit("Expfile.ts", "return { a, b, both: join({ one: a.out, two: b.out }), late:", "return { b, a, both: join({ one: a.out, two: b.out }), late:"); // prettier-ignore
    rig.write({ "a.txt": "a2" });
    await rig.build();
    expect(Object.keys((parse(rig.read("runs/default/run.yaml")) as { targets: object }).targets).slice(0, 2)).toEqual(["b", "a"]); // prettier-ignore
  });
});

test("what cannot be looked at is not gone", () => {
  const folder = mkdtempSync(join(tmpdir(), "exp-look-"));
  try {
    const loop = join(folder, "loop");
    symlinkSync(loop, loop);
    const stats = Float64Array.of(1, 2, 3, 4);
    expect(lookAt(loop, stats, 0)).toBe("changed");
    expect(lookAt(join(folder, "nothing"), stats, 0)).toBe("gone");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("outputs that were deleted are put back", () => {
  const all = ["a", "b", "both", "late"];
  const remove = (rig: Rig, targets: readonly string[]) => {
    for (const target of targets) rig.remove(`runs/default/${target}/out.json`);
  };

  test("by what is recalled alone: what they were made of is not looked at", async () => {
    const rig = makeLeaves();
    await rig.build();
    const before = all.map((target) => rig.read(`runs/default/${target}/out.json`));
    for (const name of readdirSync(rig.path("cache/bundles"))) rig.remove(`cache/bundles/${name}`);
    remove(rig, all);
    const built = await rig.build();
    expect(built.targets).toEqual({ a: "cached", b: "cached", both: "cached", late: "cached" });
    expect(built.finished("both").reasons).toMatchObject([{ kind: "displaced" }]);
    expect(all.map((target) => rig.read(`runs/default/${target}/out.json`))).toEqual(before);
    expect(readdirSync(rig.path("cache/bundles"))).toEqual([]);
    expect(stageOf(rig, "both")).toMatchObject({ build: 2, reason: "its outputs were missing or edited" });
    expect((await rig.build()).targets).toEqual({});
  });

  const edits: readonly [string, Readonly<Record<string, string>>, (rig: Rig) => Promise<unknown> | void][] = [
    ["a source", { a: "computed", both: "computed", late: "computed" }, (rig) => rig.write({ "a.txt": "a2" })],
    ["a recipe", { both: "computed" }, (rig) => rig.edit("join.ts", "write(pair(", "write(pair(0, ")],
    ["what a recipe imports", { both: "computed" }, (rig) => rig.edit("pair.ts", "[one", "[0, one")],
    ["the Expfile", { both: "computed" }, (rig) => rig.edit("Expfile.ts", "two: b.out })", "two: a.out })")],
    ["a config", { b: "computed" }, (rig) => rig.write({ "configs/default.yaml": "version: 1\nb: { word: 2 }\n" })],
    ["an output", { a: "cached" }, (rig) => rig.write({ "runs/default/a/out.json": "edited" })],
  ];
  test.each(edits)("and an edit is seen that comes after: of %s", async (_, made, edit) => {
    for (const deleted of [all, ["a", "both"]]) {
      const rig = makeLeaves();
      await rig.build();
      for (const _again of [1, 2]) {
        remove(rig, deleted);
        await rig.build();
        expect((await rig.build()).targets).toEqual({});
      }
      await edit(rig);
      expect((await rig.build()).targets).toMatchObject(made);
      expect((await rig.build()).targets).toEqual({});
    }
  });

  test.each(edits)("and an edit is seen that came before: of %s", async (_, made, edit) => {
    const rig = makeLeaves();
    await rig.build();
    remove(rig, ["both", "late"]);
    await edit(rig);
    expect((await rig.build()).targets).toMatchObject({ both: "cached", late: "cached", ...made });
    expect((await rig.build()).targets).toEqual({});
  });

  /** Each time that it is made, `a` comes out otherwise. */
  function makeRestless(): Rig {
    const rig = makeLeaves();
    rig.edit("leaf.ts", "write({ text })", "write({ text, now: process.hrtime.bigint().toString() })");
    return rig;
  }
  const resultOf = (rig: Rig, target: string) => JSON.parse(rig.read(`runs/default/${target}/out.json`)) as unknown;

  test("only where their result was not made anew since: what reads it was made of the former one", async () => {
    const rig = makeRestless();
    await rig.build();
    await rig.exp("clean", "a");
    await rig.build(["a"]);
    remove(rig, ["a"]);
    expect((await rig.build()).targets).toMatchObject({ a: "cached", both: "computed", late: "computed" });
    expect(resultOf(rig, "both")).toEqual([resultOf(rig, "a"), resultOf(rig, "b")]);
    expect((await rig.build()).targets).toEqual({});
  });

  test("and what fails by a result that was made anew fails again", async () => {
    const rig = makeRestless();
    await rig.build();
    const former = JSON.stringify(resultOf(rig, "a"));
    rig.edit(
      "join.ts",
      "await outputs",
      `if (JSON.stringify(await inputs.one.read()) !== ${JSON.stringify(former)}) throw new Error("other"); await outputs`,
    );
    await rig.build();
    await rig.exp("clean", "a");
    await rig.build(["both"], 1);
    remove(rig, ["a"]);
    expect((await rig.build([], 1)).targets).toMatchObject({ both: "failed" });
    expect(stageOf(rig, "both").status).toBe("failed");
  });

  test("only where what they were made of is there", async () => {
    const rig = makeLeaves();
    await rig.build();
    remove(rig, all);
    rig.remove("a.txt");
    expect((await rig.build([], 2)).targets).toMatchObject({ a: "failed" });
  });

  test("only where nothing else lies", async () => {
    const rig = makeLeaves();
    await rig.build();
    remove(rig, ["a", "late"]);
    rig.write({ "runs/default/both/out.json": "somebody's work" });
    expect((await rig.build()).targets).toEqual({ a: "cached", b: "fresh", both: "cached", late: "cached" });
    expect(rig.read("runs/default/set-aside/both_out.json")).toBe("somebody's work");
  });

  test("or made again, if nobody has their content any more", async () => {
    const rig = makeLeaves();
    const long = "b".repeat(100_000);
    rig.write({ "b.txt": long });
    await rig.build();
    remove(rig, all);
    rig.remove("cache/blobs");
    const built = await rig.build();
    expect(built.targets).toEqual({ a: "cached", b: "computed", both: "computed", late: "computed" });
    expect(built.events.filter(({ kind }) => kind === "target-started")).toHaveLength(4);
    expect(JSON.parse(rig.read("runs/default/b/out.json"))).toEqual({ text: long });
  });

  test("and the record of a stage that says more than usual says it still", async () => {
    const rig = makeLeaves();
    await rig.build(["--set", "a.word=1"]);
    rig.edit("leaf.ts", "{ text }", "{ text, more: 1 }");
    expect(await rig.exp("accept", "a", "--because", "only more")).toMatchObject({ code: 0 });
    await rig.build();
    remove(rig, all);
    await rig.build();
    expect(stageOf(rig, "a")).toMatchObject({ build: 3, accepted: { because: "only more" } });
    expect(stageOf(rig, "b")).not.toHaveProperty("accepted");
  });

  test("as a plan says", async () => {
    const rig = makeLeaves();
    await rig.build();
    remove(rig, ["a", "both"]);
    expect((await rig.exp("plan")).stdout).toMatch(/a +cached[^]*b +fresh[^]*both +cached[^]*late +fresh/);
  });
});
