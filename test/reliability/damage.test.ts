// What a disk, a crash or a person may do to the project's own files: the next build repairs it or says what is wrong, and is never wrongly "up to date".

import {
  appendFileSync,
  chmodSync,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  benchOf,
  chain,
  contentOf,
  eventsOf,
  expectNothingPartial,
  oneTarget,
  plainExpfile,
  plainRule,
  until,
  type Bench,
} from "./bench.ts";
import { canMount, mount, remount } from "./disks.ts";

const targets = ["numbers", "pages", "end"];

function outputs(bench: Bench): Record<string, string> {
  return Object.assign(
    {},
    ...targets.map((name) => {
      const content = contentOf(bench.rig.path(`runs/default/${name}`));
      return Object.fromEntries(Object.entries(content).map(([path, digest]) => [`${name}/${path}`, digest]));
    }),
  ) as Record<string, string>;
}

/** A project that was built once, and what it must always hold. */
async function builtChain(): Promise<{ bench: Bench; right: Record<string, string> }> {
  const bench = benchOf(chain);
  await bench.build();
  bench.marks.clear();
  return { bench, right: outputs(bench) };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function flipBit(path: string, keepTime = false): void {
  const { atime, mtime, size } = statSync(path);
  chmodSync(path, 0o644);
  const fd = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, size >> 1);
  byte[0]! ^= 1;
  writeSync(fd, byte, 0, 1, size >> 1);
  closeSync(fd);
  if (keepTime) utimesSync(path, atime, mtime);
}

/** Makes the last target due, so that what it needs from the store is asked for. */
function makeEndDue(bench: Bench): void {
  bench.rig.edit("rules/end.ts", "end.repeat(10)", "end.repeat(9)");
}

async function expectRightWithNewEnd(bench: Bench, right: Record<string, string>): Promise<void> {
  const { "end/end.txt": _, ...others } = outputs(bench);
  const { "end/end.txt": __, ...expected } = right;
  expect(others).toEqual(expected);
  const end = bench.rig.read("runs/default/end/end.txt");
  expect(end.split("some words").length - 1).toBe(9);
  expectNothingPartial(bench.rig);
}

test("a trace whose last line is torn loses that line only", async () => {
  const { bench, right } = await builtChain();
  const trace = bench.rig.path("runs/default/trace/trace.jsonl");
  truncateSync(trace, statSync(trace).size - 20);
  await bench.build();
  expect(outputs(bench)).toEqual(right);
  expect(bench.marks.lines).toEqual([]);
  makeEndDue(bench);
  await bench.build();
  expect(bench.marks.counts).toEqual({ end: 1 });
  await expectRightWithNewEnd(bench, right);
});

test("a trace cut anywhere, or with a line of zeros, costs what it told and nothing else", async () => {
  const { bench, right } = await builtChain();
  const trace = bench.rig.path("runs/default/trace/trace.jsonl");
  const whole = readFileSync(trace);
  for (const part of [0, 0.2, 0.5, 0.8]) {
    writeFileSync(trace, whole.subarray(0, Math.floor(whole.length * part)));
    await bench.build();
    expect(outputs(bench), `cut at ${part}`).toEqual(right);
  }
  writeFileSync(trace, Buffer.concat([whole.subarray(0, 1000), Buffer.alloc(4096), whole.subarray(5096)]));
  await bench.build();
  expect(outputs(bench)).toEqual(right);
  expectNothingPartial(bench.rig);
});

test("a flipped bit in an output that the trace holds is not taken for the output", async () => {
  const { bench, right } = await builtChain();
  const trace = bench.rig.path("runs/default/trace/trace.jsonl");
  const text = readFileSync(trace, "utf8");
  writeFileSync(trace, text.replace("value 4 of 0", "value 5 of 0"));
  bench.rig.remove("cache");
  bench.rig.remove("runs/default/numbers");
  bench.rig.edit("rules/numbers.ts", "texts.join", "[...texts].join");
  await bench.build();
  expect(outputs(bench)).toEqual(right);
});

test("a torn or damaged action cache offers nothing wrong to another run", async () => {
  const { bench, right } = await builtChain();
  const [segment] = filesBelow(bench.rig.path("cache/actions"));
  truncateSync(segment!, statSync(segment!).size - 20);
  appendFileSync(segment!, '\nnull\n5\n{"k":"x"}\n{}\n');
  bench.rig.write({ "configs/other.yaml": "version: 1\n" });
  await bench.build(["-c", "configs/other.yaml"]);
  expect(contentOf(bench.rig.path("runs/other/numbers"))["all.txt"]).toBe(right["numbers/all.txt"]);
  expect(contentOf(bench.rig.path("runs/other/end"))["end.txt"]).toBe(right["end/end.txt"]);
});

test("torn, empty and foreign lines in the files of the cache are passed over", async () => {
  const { bench, right } = await builtChain();
  const files = ["stats.jsonl", "expfile/kept.json", "bundles/kept.jsonl"].map((name) =>
    bench.rig.path(`cache/${name}`),
  );
  for (const file of files) {
    const whole = readFileSync(file);
    for (const damage of [
      whole.subarray(0, whole.length - 20),
      Buffer.alloc(0),
      Buffer.from("null\n{}\n[]\n7\n"),
      Buffer.alloc(512),
    ]) {
      writeFileSync(file, damage);
      bench.rig.write({ "data/words.txt": `${damage.length}\n` });
      await bench.build();
      expect(bench.rig.read("runs/default/end/end.txt").startsWith(`${damage.length}\n`)).toBe(true);
    }
  }
  bench.rig.write({ "data/words.txt": "some words\n" });
  await bench.build();
  expect(outputs(bench)).toEqual(right);
  expect(bench.marks.counts.merge).toBeUndefined();
});

test("a damaged bundle or compiled Expfile is made anew", async () => {
  const { bench, right } = await builtChain();
  for (const folder of ["cache/bundles", "cache/expfile"])
    for (const file of filesBelow(bench.rig.path(folder))) if (/\.(cjs|mjs)$/.test(file)) flipBit(file, true);
  makeEndDue(bench);
  await bench.build();
  await expectRightWithNewEnd(bench, right);
  expect(bench.marks.counts).toEqual({ end: 1 });
});

test("a flipped bit in every blob of the cache, its time put back, is noticed when a blob is needed", async () => {
  const { bench, right } = await builtChain();
  for (const file of filesBelow(bench.rig.path("cache/blobs"))) flipBit(file, true);
  expect((await bench.exp("build")).stdout).toContain("up to date");
  makeEndDue(bench);
  await bench.build();
  await expectRightWithNewEnd(bench, right);
  // The run's own folder had the content.
  expect(bench.marks.counts).toEqual({ end: 1 });
});

test("a torn or foreign record of a bundle in the archive is replaced when its code runs again", async () => {
  const { bench } = await builtChain();
  const folder = bench.rig.path("runs/.archive/code");
  const records = () => readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")] as const);
  const right = records();
  for (const spoil of [(text: string) => text.slice(0, 40), () => "", () => "null", () => '{"format":1}']) {
    for (const [name, text] of right) writeFileSync(join(folder, name), spoil(text));
    await bench.build(["--set", `numbers.epoch=${bench.marks.lines.length + 1}`]);
    expect(records()).toEqual(right);
  }
});

test("what a record of the archive names, and what is gone, is kept again when its code runs again", async () => {
  const { bench, right } = await builtChain();
  rmSync(bench.rig.path("runs/.archive/blobs"), { recursive: true });
  await bench.build(["--set", "numbers.epoch=1"]);
  rmSync(bench.rig.path("cache"), { recursive: true });
  const codes = readdirSync(bench.rig.path("runs/.archive/code")).map((name) => name.replace(".json", ""));
  for (const code of codes) expect(bench.rig.has(`runs/.archive/blobs/${code.slice(0, 2)}/${code}`)).toBe(true);
  await bench.build(["--set", "numbers.epoch=0"]);
  expect(outputs(bench)).toEqual(right);
});

test("a flipped bit in every blob of the archive is noticed", async () => {
  const { bench, right } = await builtChain();
  for (const file of filesBelow(bench.rig.path("runs/.archive/blobs"))) flipBit(file);
  makeEndDue(bench);
  await bench.build();
  await expectRightWithNewEnd(bench, right);
});

test("damaged blobs and a deleted output together: what is lost is computed again, once", async () => {
  const { bench, right } = await builtChain();
  for (const file of filesBelow(bench.rig.path("cache/blobs"))) flipBit(file);
  bench.rig.remove("runs/default/pages");
  await bench.build();
  expect(outputs(bench)).toEqual(right);
  expect(bench.marks.counts).toEqual({ pages: 1 });
});

test("a deleted blob is computed again when another run needs it", async () => {
  const { bench, right } = await builtChain();
  for (const file of filesBelow(bench.rig.path("cache/blobs"))) rmSync(file, { force: true });
  bench.rig.write({ "configs/other.yaml": "version: 1\n" });
  await bench.build(["-c", "configs/other.yaml"]);
  expect(contentOf(bench.rig.path("runs/other/end"))["end.txt"]).toBe(right["end/end.txt"]);
});

test("with cache/ deleted, what the run holds is still its own, and serves what depends on it", async () => {
  const { bench, right } = await builtChain();
  bench.rig.remove("cache");
  await bench.build();
  expect(bench.marks.lines).toEqual([]);
  expect(outputs(bench)).toEqual(right);
  bench.rig.remove("cache");
  makeEndDue(bench);
  await bench.build();
  expect(bench.marks.counts).toEqual({ end: 1 });
  await expectRightWithNewEnd(bench, right);
});

test("with cache/ deleted, items of a tree that another target made can still be handed out", async () => {
  const bench = benchOf({
    ...plainExpfile(["made"], "const m = made(); return { made: m, items: items({ made: m.made }) };"),
    ...plainRule(
      "made",
      "outputs: { made: tree() }",
      'for (const n of [1, 2, 3]) fs.writeFileSync(outputs.made.file(n + ".txt"), "file " + n);',
    ),
    "rules/items.rule.ts": `import { contract, fanOut, text, tree, type, z } from "expfile";
export const items = fanOut(contract({ name: "bench/items", config: z.strictObject({ n: z.int().default(2) }), inputs: { made: tree() },
  items: { item: type(), inputs: { one: text() }, outputs: { copy: text() } }, outputs: { all: text() } } as any), {
  split: () => import("./items.ts").then((m) => m.split) as any,
  recipes: { one: () => import("./items.ts").then((m) => m.one) as any },
  merge: () => import("./items.ts").then((m) => m.merge) as any,
} as any) as any;
`,
    "rules/items.ts": `// @ts-nocheck
import { readFileSync } from "node:fs";
export const split = ({ config, inputs }) =>
  inputs.made.files().slice(0, config.n).map((file) => ({ item: file, inputs: { one: { tree: inputs.made, file } } }));
export const one = async ({ inputs, outputs }) => outputs.copy.write(readFileSync(inputs.one.path, "utf8"));
export const merge = async ({ items, outputs }) =>
  outputs.all.write((await Promise.all(items.map(({ outputs }) => outputs.copy.read()))).join("+"));
`,
  });
  bench.rig.edit("Expfile.ts", "\nvoid file", '\nimport { items } from "./rules/items.rule.ts";\nvoid file');
  await bench.build();
  bench.marks.clear();
  bench.rig.remove("cache");
  await bench.build(["--set", "items.n=3"]);
  expect(bench.rig.read("runs/default/items/all.txt")).toBe("file 1+file 2+file 3");
  expect(bench.marks.lines).toEqual([]);
});

test("with the run's folder deleted, the cache has it all; with both deleted, it is computed again", async () => {
  const { bench, right } = await builtChain();
  bench.rig.remove("runs/default");
  await bench.build();
  expect(outputs(bench)).toEqual(right);
  expect(bench.marks.lines).toEqual([]);
  bench.rig.remove("runs");
  bench.rig.remove("cache");
  await bench.build();
  expect(outputs(bench)).toEqual(right);
});

test("with the archive deleted, a build goes on, and keeps the code of what it makes", async () => {
  const { bench, right } = await builtChain();
  bench.rig.remove("runs/.archive");
  makeEndDue(bench);
  await bench.build();
  await expectRightWithNewEnd(bench, right);
  expect(filesBelow(bench.rig.path("runs/.archive")).length).toBeGreaterThan(0);
});

function deletedUnder(target: string): string {
  return `${target}: cache/tmp/ was deleted while it was under way: what is missing is made again`;
}

/** What a build warned of, without the names of workers' folders. */
function warningsOf(stdout: string): readonly string[] {
  return eventsOf(stdout).flatMap((event) =>
    event.kind === "target-warned" ? [`${event.target}: ${event.text.replace(/cache\/tmp\/\S+/, "cache/tmp/")}`] : [],
  );
}

test("cache/ deleted while a recipe runs costs that run of the recipe, and the code of what it made is kept", async () => {
  const bench = benchOf({
    ...plainExpfile(["early", "late"], "const e = early(); return { early: e, late: late({ early: e.made }) };"),
    ...plainRule(
      "early",
      "outputs: { made: text() }",
      'await waitFor("go"); await outputs.made.write("early ".repeat(1000));',
    ),
    ...plainRule(
      "late",
      "inputs: { early: text() }, outputs: { made: text() }",
      "await outputs.made.write(await inputs.early.read());",
    ),
  });
  const building = bench.start("build", "--json");
  await until(() => bench.marks.counts.early === 1);
  bench.rig.remove("cache");
  bench.allow("go");
  const done = await building.finished;
  expect(done.stderr).toBe("");
  expect(warningsOf(done.stdout)).toEqual([deletedUnder("early")]);
  expect(done.code).toBe(0);
  expect(bench.marks.counts).toEqual({ early: 2, late: 1 });
  expect(bench.rig.read("runs/default/late/made.txt")).toBe("early ".repeat(1000));
  expect((await bench.exp("reproduce", "default")).code).toBe(0);
  expect((await bench.build()).end.outcome).toBe("up-to-date");
});

test("cache/ deleted while items run costs the items under way and those that only the cache held", async () => {
  const bench = benchOf({
    ...chain,
    "rules/numbers.ts": chain["rules/numbers.ts"]!.replace("import { mark }", "import { mark, waitFor }").replace(
      "  await new Promise",
      '  if (item.n === 13) await waitFor("go");\n  await new Promise',
    ),
  });
  const building = bench.start("build", "--json", "-j1");
  await until(() => bench.marks.counts.one13 === 1);
  const before = bench.marks.counts;
  bench.rig.remove("cache");
  bench.allow("go");
  const done = await building.finished;
  expect(done.stderr).toBe("");
  expect(warningsOf(done.stdout)).toEqual([deletedUnder("numbers")]);
  expect(done.code).toBe(0);
  const finished = eventsOf(done.stdout).filter((event) => event.kind === "item-finished").length;
  expect(finished).toBeGreaterThanOrEqual(24);
  for (const n of [1, 2, 4, 5, 7, 8]) expect(bench.marks.counts[`one${n}`], `item ${n}`).toBe(before[`one${n}`] ?? 1);
  expect(bench.marks.counts.merge).toBe(1);
  bench.marks.clear();
  expect((await bench.build()).end.outcome).toBe("up-to-date");
  expect(bench.marks.lines).toEqual([]);
});

test("the bundle of a recipe that is deleted before it is run is printed again", async () => {
  const bench = benchOf({
    ...plainExpfile(["one", "two"], "return { one: one(), two: two() };"),
    ...plainRule("one", "outputs: { made: text() }", 'await waitFor("go"); await outputs.made.write("one");'),
    ...plainRule("two", "outputs: { made: text() }", 'await outputs.made.write("two");'),
  });
  // Both are assessed before the first is done: one processor.
  const building = bench.start("build", "--json", "-j1");
  await until(() => bench.marks.lines.length > 0);
  bench.rig.remove("cache/bundles");
  bench.allow("go");
  const done = await building.finished;
  expect(done.stderr).toBe("");
  expect(done.code).toBe(0);
  expect(bench.rig.read("runs/default/one/made.txt") + bench.rig.read("runs/default/two/made.txt")).toBe("onetwo");
});

test("a cache/ that somebody keeps deleting fails the target with a sentence", async () => {
  const bench = benchOf(
    oneTarget(
      "outputs: { made: text() }",
      'fs.rmSync(process.cwd().replace(/\\/cache\\/.*/, "/cache"), { recursive: true }); await outputs.made.write("x");',
    ),
  );
  const done = await bench.exp("build");
  expect(done.code).toBe(1);
  expect(done.stdout.replace(/cache\/tmp\/\S+/g, "cache/tmp/").replace(/after [\d.]+ m?s/, "after a while")).toBe(
    `run default · main · configs/default.yaml
warning: it: cache/tmp/ was deleted while it was under way: what is missing is made again
it        failed
  cache/tmp/ was deleted while it ran, 12 times
    needed by target "it"
    Who deletes it? Nothing finished was lost: the next build goes on from there.
failed after a while: it failed; nothing computed
`,
  );
});

test("a run.yaml that is gone or garbage is made again, with the overrides that the run follows", async () => {
  const { bench } = await builtChain();
  await bench.build(["--set", "numbers.items=30"]);
  const right = outputs(bench);
  for (const damage of [undefined, "", "{", "format: 1\n", "null\n", "targets: [\n", "\0\0\0\0"]) {
    if (damage === undefined) bench.rig.remove("runs/default/run.yaml");
    else bench.rig.write({ "runs/default/run.yaml": damage });
    bench.marks.clear();
    const built = await bench.build();
    expect(outputs(bench), String(damage)).toEqual(right);
    expect(bench.marks.lines, String(damage)).toEqual([]);
    expect(built.events.some((event) => event.kind === "warning" && event.text.includes("run.yaml"))).toBe(true);
    expect(bench.rig.read("runs/default/run.yaml")).toContain("numbers.items=30");
  }
});

test("a run.yaml that is garbage, with no history, is said to be so", async () => {
  const { bench } = await builtChain();
  bench.rig.remove("runs/default/history.jsonl");
  bench.rig.write({ "runs/default/run.yaml": "garbage: [\n" });
  const done = await bench.exp("build");
  expect(done.code).toBe(2);
  expect(done.stderr).toContain("run.yaml");
  expect(done.stderr).not.toContain("internal error");
});

test("a build killed before it finished anything has not forgotten its config", async () => {
  const bench = benchOf({
    ...oneTarget(
      "config: z.strictObject({ word: z.string() }), outputs: { out: text() }",
      'await waitFor("go"); await outputs.out.write(config.word);',
    ),
    "configs/default.yaml": "version: 1\nit: { word: default }\n",
    "configs/other.yaml": "version: 1\nit: { word: other }\n",
  });
  const building = bench.start("build", "-c", "configs/other.yaml", "--run", "mine", "--set", "it.word=set", "--json");
  await until(() => bench.marks.counts.it === 1);
  building.process.kill("SIGKILL");
  await building.finished;
  bench.allow("go");
  await bench.build(["--run", "mine"]);
  expect(bench.rig.read("runs/mine/it/out.txt")).toBe("set");
});

test("a file where cache/ or runs/ should be is said in words", async () => {
  const bench = benchOf(chain);
  for (const name of ["cache", "runs"]) {
    bench.rig.write({ [name]: "not a folder" });
    const done = await bench.exp("build");
    expect(done.code).not.toBe(0);
    expect(done.stderr).not.toContain("internal error");
    expect(done.stderr).toContain(name);
    bench.rig.remove(name);
  }
  await bench.build();
});

test("a file where a folder of the run should be is set aside or said in words", async () => {
  const { bench, right } = await builtChain();
  bench.rig.remove("runs/default/end");
  bench.rig.write({ "runs/default/end": "not a folder" });
  const done = await bench.exp("build");
  expect(done.stderr).not.toContain("internal error");
  bench.rig.remove("runs/default/end");
  await bench.build();
  expect(outputs(bench)).toEqual(right);
});

test("a folder where an output file should be, and a file where a tree should be, are set aside", async () => {
  const { bench, right } = await builtChain();
  bench.rig.remove("runs/default/end/end.txt");
  bench.rig.write({ "runs/default/end/end.txt/mine.txt": "mine" });
  bench.rig.remove("runs/default/pages/pages");
  bench.rig.write({ "runs/default/pages/pages": "mine" });
  await bench.build();
  expect(outputs(bench)).toEqual(right);
  expect(contentOf(bench.rig.path("runs/default/set-aside"))).toMatchObject({
    "end_end.txt/mine.txt": expect.anything() as unknown,
    pages_pages: expect.anything() as unknown,
  });
});

for (const folder of ["cache", "runs"]) {
  test.skipIf(!canMount)(
    `a full disk under ${folder}/ is said in words, and loses nothing that was finished (needs mount)`,
    async () => {
      const bench = benchOf({
        ...plainExpfile(["early", "late"], "const e = early(); return { early: e, late: late({ early: e.made }) };"),
        ...plainRule("early", "outputs: { made: text() }", 'await outputs.made.write("early ".repeat(2000));'),
        ...plainRule(
          "late",
          "inputs: { early: text() }, outputs: { made: text() }",
          'await outputs.made.write("late ".repeat(300_000));',
        ),
      });
      mount(bench.rig.path(folder), "size=900k");
      const first = await bench.exp("build", "--json");
      expect(first.code).not.toBe(0);
      expect(first.stdout + first.stderr).toMatch(/disk is full|no space left/i);
      expect(first.stderr).not.toContain("internal error");
      expect(bench.marks.counts.early).toBe(1);
      remount(bench.rig.path(folder), "size=20m");
      await bench.build();
      expect(bench.marks.counts.early).toBe(1);
      expect(bench.rig.read("runs/default/late/made.txt")).toBe("late ".repeat(300_000));
      expectNothingPartial(bench.rig);
    },
  );

  test.skipIf(!canMount)(`a read-only ${folder}/ is said in words (needs mount)`, async () => {
    const { bench } = await builtChain();
    mount(bench.rig.path(folder), "size=8m");
    await bench.build();
    makeEndDue(bench);
    remount(bench.rig.path(folder), "ro");
    const done = await bench.exp("build");
    expect(done.code).not.toBe(0);
    expect(done.stderr).not.toContain("internal error");
    expect(done.stdout + done.stderr).toContain(folder);
    remount(bench.rig.path(folder), "rw");
    await bench.build();
  });
}
