// Edits at bad moments. Whatever is edited when, however the times are disguised: the next build is right.

import { closeSync, openSync, renameSync, statSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { StatCache } from "../../src/backends/store/stat-cache.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { benchOf, oneTarget, plainExpfile, plainRule, randomFrom, until, type Bench } from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";

const copyFiles = oneTarget(
  "inputs: { data: text() }, outputs: { copy: text() }",
  "await outputs.copy.write(await inputs.data.read());",
  '{ data: source("data.txt", text()) }',
);

/** `early` has finished while `late` still runs; the test edits something then. */
function earlyAndLate(early: Readonly<Record<string, string>>, wiring: string): Bench {
  return benchOf({
    ...plainExpfile(["early", "late"], wiring),
    ...early,
    ...plainRule("late", "outputs: { done: text() }", 'await waitFor("go"); await outputs.done.write("done");'),
  });
}

async function editDuringBuild(bench: Bench, edit: () => void): Promise<void> {
  const first = bench.start("build", "--json");
  await first.saw('"event":"target-finished"');
  await until(() => bench.marks.counts.late === 1);
  edit();
  bench.allow("go");
  expect((await first.finished).code).toBe(0);
}

const copyRule = plainRule(
  "early",
  "inputs: { data: text() }, outputs: { copy: text() }",
  "await outputs.copy.write(await inputs.data.read());",
);
const copyWiring = 'return { early: early({ data: source("data.txt", text()) }), late: late() };';

test("an input edited after its target finished, while another still ran, is seen by the next build", async () => {
  const bench = earlyAndLate({ ...copyRule, "data.txt": "old" }, copyWiring);
  await editDuringBuild(bench, () => bench.rig.write({ "data.txt": "new" }));
  await bench.build();
  expect(bench.rig.read("runs/default/early/copy.txt")).toBe("new");
});

test("an output edited after its target finished, while another still ran, is set aside by the next build", async () => {
  const bench = earlyAndLate({ ...copyRule, "data.txt": "old" }, copyWiring);
  await editDuringBuild(bench, () => bench.rig.write({ "runs/default/early/copy.txt": "mine" }));
  await bench.build();
  expect(bench.rig.read("runs/default/early/copy.txt")).toBe("old");
  expect(bench.rig.read("runs/default/set-aside/early_copy.txt")).toBe("mine");
});

test("a recipe edited while the build goes on is seen by the next build", async () => {
  const bench = earlyAndLate({ ...copyRule, "data.txt": "old" }, copyWiring);
  await editDuringBuild(bench, () =>
    bench.rig.edit("rules/early.ts", "await inputs.data.read()", '(await inputs.data.read()) + " and more"'),
  );
  await bench.build();
  expect(bench.rig.read("runs/default/early/copy.txt")).toBe("old and more");
});

test("an Expfile edited while the build goes on is seen by the next build", async () => {
  const bench = earlyAndLate({ ...copyRule, "data.txt": "old", "other.txt": "other" }, copyWiring);
  await editDuringBuild(bench, () => bench.rig.edit("Expfile.ts", "data.txt", "other.txt"));
  await bench.build();
  expect(bench.rig.read("runs/default/early/copy.txt")).toBe("other");
});

test("a config edited while the build goes on is seen by the next build", async () => {
  const early = plainRule(
    "early",
    "config: z.strictObject({ word: z.string() }), outputs: { copy: text() }",
    "await outputs.copy.write(config.word);",
  );
  const bench = earlyAndLate(early, "return { early: early(), late: late() };");
  bench.rig.write({ "configs/default.yaml": "version: 1\nearly: { word: old }\n" });
  await editDuringBuild(bench, () => bench.rig.edit("configs/default.yaml", "old", "new"));
  await bench.build();
  expect(bench.rig.read("runs/default/early/copy.txt")).toBe("new");
});

const listFiles = plainRule(
  "early",
  'inputs: { some: sourceFiles(() => ["data/**/*.txt"]) }, outputs: { list: text() }',
  'await outputs.list.write(inputs.some[0].map((one) => fs.readFileSync(one.path, "utf8")).join("+"));',
);

test("a file that comes to match a glob while the build goes on is seen by the next build", async () => {
  const bench = earlyAndLate({ ...listFiles, "data/a.txt": "a" }, "return { early: early(), late: late() };");
  await editDuringBuild(bench, () => bench.rig.write({ "data/b.txt": "b" }));
  await bench.build();
  expect(bench.rig.read("runs/default/early/list.txt")).toBe("a+b");
});

test("a folder swapped for another while the build goes on is seen by the next build", async () => {
  const bench = earlyAndLate(
    { ...listFiles, "data/in/a.txt": "a", "other/a.txt": "b" },
    "return { early: early(), late: late() };",
  );
  await editDuringBuild(bench, () => {
    renameSync(bench.rig.path("data/in"), bench.rig.path("gone"));
    renameSync(bench.rig.path("other"), bench.rig.path("data/in"));
  });
  await bench.build();
  expect(bench.rig.read("runs/default/early/list.txt")).toBe("b");
});

test("a program edited while it waits to be copied makes no result for its old version", async () => {
  const bench = benchOf({
    ...plainExpfile(["late"], "return { late: late(), it: it() };"),
    ...plainRule("late", "outputs: { done: text() }", 'await waitFor("go"); await outputs.done.write("done");'),
    "rules/it.rule.ts": `import { command, contract, rule, text } from "expfile";
export const it = rule(contract({ name: "bench/it", outputs: { out: text() } }),
  command({ code: ["it.sh"], argv: ({ outputs }) => ["sh", "it.sh", outputs.out] }));
`,
    "it.sh": 'echo old > "$1"\n',
  });
  bench.rig.edit("Expfile.ts", "\nvoid file", '\nimport { it } from "./rules/it.rule.ts";\nvoid file');
  // One processor: the program's target is looked at, and waits for the other one's place.
  const first = bench.start("build", "--json", "-j1");
  await until(() => bench.marks.counts.late === 1);
  bench.rig.write({ "it.sh": 'echo new > "$1"\n' });
  bench.allow("go");
  expect((await first.finished).code).toBe(0);
  await bench.build();
  expect(bench.rig.read("runs/default/it/out.txt")).toBe("new\n");
  bench.rig.write({ "it.sh": 'echo old > "$1"\n' });
  await bench.build();
  expect(bench.rig.read("runs/default/it/out.txt")).toBe("old\n");
});

test("a correction to what people handed over is seen", async () => {
  const bench = benchOf({
    "Expfile.ts": `import { contract, experiments, handoff, rule, text, tree } from "expfile";
const given = handoff({ name: "given", requests: () => [{ path: "given/answers.txt", what: "answers", how: "ask" }] } as any) as any;
const read = rule(contract({ name: "read", inputs: { files: tree() }, outputs: { out: text() } } as any), { recipe: () => import("./read.ts") as any } as any) as any;
export default experiments({ main: () => { const g = given(); return { given: g, read: read({ files: g.files }) }; } });
`,
    "read.ts": `// @ts-nocheck
import { readFileSync } from "node:fs";
export const recipe = ({ inputs, outputs }) => outputs.out.write(readFileSync(inputs.files.file("answers.txt"), "utf8"));
`,
    "given/answers.txt": "yes",
  });
  await bench.build();
  expect((await bench.exp("build")).stdout).toContain("up to date");
  bench.rig.write({ "given/answers.txt": "no!" });
  await bench.build();
  expect(bench.rig.read("runs/default/read/out.txt")).toBe("no!");
});

test("an input edited between hashing and the recipe's reading leaves no wrong result, here or in the cache", async () => {
  const bench = benchOf({
    ...oneTarget(
      "inputs: { data: text() }, outputs: { copy: text() }",
      'await waitFor("read"); await outputs.copy.write(await inputs.data.read());',
      '{ data: source("data.txt", text()) }',
    ),
    "data.txt": "old",
  });
  const first = bench.start("build", "--json");
  await until(() => bench.marks.counts.it === 1);
  bench.rig.write({ "data.txt": "new" });
  bench.allow("read");
  expect((await first.finished).code).toBe(0);
  expect(bench.rig.read("runs/default/it/copy.txt")).toBe("new");
  bench.rig.write({ "data.txt": "old" });
  await bench.build();
  expect(bench.rig.read("runs/default/it/copy.txt")).toBe("old");
});

test("an input edited and put back while the recipe ran makes no result for what was put back", async () => {
  const bench = benchOf({
    ...oneTarget(
      "inputs: { data: text() }, outputs: { copy: text() }",
      'await waitFor("read"); const data = await inputs.data.read(); mark("has-read"); await waitFor("end"); await outputs.copy.write(data);',
      '{ data: source("data.txt", text()) }',
    ),
    "data.txt": "old",
  });
  const before = statSync(bench.rig.path("data.txt"));
  const first = bench.start("build", "--json");
  await until(() => bench.marks.counts.it === 1);
  bench.rig.write({ "data.txt": "new" });
  bench.allow("read");
  await until(() => bench.marks.counts["has-read"] === 1);
  bench.rig.write({ "data.txt": "old" });
  utimesSync(bench.rig.path("data.txt"), before.atime, before.mtime);
  bench.allow("end");
  expect((await first.finished).code).toBe(0);
  expect(bench.rig.read("runs/default/it/copy.txt")).toBe("old");
});

test("an input of items edited while they run leaves no wrong item in the trace or the cache", async () => {
  const bench = benchOf({
    ...plainExpfile(["none"], 'return { items: items({ data: source("data.txt", text()) }) };'),
    ...plainRule("none", "outputs: { none: text() }", ""),
    "rules/items.rule.ts": `import { contract, fanOut, text, type } from "expfile";
export const items = fanOut(contract({ name: "bench/items", inputs: { data: text() },
  items: { item: type(), inputs: { data: text() }, outputs: { copy: text() } }, outputs: { all: text() } } as any), {
  split: () => import("./items.ts").then((m) => m.split) as any,
  recipes: { one: { recipe: () => import("./items.ts").then((m) => m.one) as any, env: ["EXP_TEST_MARKS"] } },
  merge: () => import("./items.ts").then((m) => m.merge) as any, batch: 1,
} as any) as any;
`,
    "rules/items.ts": `// @ts-nocheck
import { mark, waitFor } from "./mark.ts";
export const split = ({ inputs }) => [1, 2, 3, 4].map((n) => ({ item: { n }, inputs: { data: inputs.data } }));
export const one = async ({ inputs, outputs }) => { mark("one"); await waitFor("read"); await outputs.copy.write(await inputs.data.read()); };
export const merge = async ({ items, outputs }) =>
  outputs.all.write((await Promise.all(items.map(({ outputs }) => outputs.copy.read()))).join(" "));
`,
    "data.txt": "old",
  });
  bench.rig.edit("Expfile.ts", "\nvoid file", '\nimport { items } from "./rules/items.rule.ts";\nvoid file');
  const first = bench.start("build", "--json");
  await until(() => (bench.marks.counts.one ?? 0) >= 1);
  bench.rig.write({ "data.txt": "new" });
  bench.allow("read");
  expect((await first.finished).code).toBe(0);
  expect(bench.rig.read("runs/default/items/all.txt")).toBe("new new new new");
  bench.rig.write({ "data.txt": "old" });
  await bench.build();
  expect(bench.rig.read("runs/default/items/all.txt")).toBe("old old old old");
});

test(
  `an input that is written all the time, within every clock tick, is right once it rests (seed ${seed})`,
  patience,
  async () => {
    const bench = benchOf({ ...copyFiles, "data.txt": "0000" });
    const random = randomFrom(seed);
    const path = bench.rig.path("data.txt");
    let written = 0;
    for (let round = 0; round < countOf("restless"); round++) {
      let ended = false;
      const building = bench.start("build", "--json");
      void building.finished.then(() => (ended = true));
      const edits = Math.floor(random() * 400);
      for (let i = 0; i < edits && !ended; i++) {
        const text = String(Math.floor(random() * 10_000)).padStart(4, "0");
        // In place and of one size: only the times can tell.
        const fd = openSync(path, "r+");
        writeSync(fd, text);
        closeSync(fd);
        written++;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await building.finished;
      const built = await bench.build();
      expect(
        bench.rig.read("runs/default/it/copy.txt"),
        `round ${round} of seed ${seed}: ${JSON.stringify(built.targets)}`,
      ).toBe(bench.rig.read("data.txt"));
    }
    found(`${countOf("restless")} builds beside ${written} edits in place, of one size`);
  },
);

test("a file edited right after it was hashed, within the same tick, is hashed again", patience, () => {
  const bench = benchOf({ "file.txt": "0000" });
  const cache = new StatCache(join(bench.rig.root, "cache"), undefined);
  onTestFinished(() => cache.close());
  const path = bench.rig.path("file.txt");
  for (let round = 0; round < countOf("ticks"); round++) {
    const text = String(round).padStart(4, "0");
    const fd = openSync(path, "r+");
    writeSync(fd, text);
    closeSync(fd);
    expect(cache.digestOf(path)?.digest, `round ${round}`).toBe(digestOfBytes(text));
  }
  found(`${countOf("ticks")} edits, each right after the file was hashed`);
});

test("an input edited at the same size, with its old time put back, is seen", async () => {
  const bench = benchOf({ ...copyFiles, "data.txt": "old" });
  const before = statSync(bench.rig.path("data.txt"));
  await bench.build();
  bench.rig.write({ "data.txt": "new" });
  utimesSync(bench.rig.path("data.txt"), before.atime, before.mtime);
  await bench.build();
  expect(bench.rig.read("runs/default/it/copy.txt")).toBe("new");
});

test("an input replaced by rename, of the same size and with an older time, is seen", async () => {
  const bench = benchOf({ ...copyFiles, "data.txt": "old", "other.txt": "new" });
  const { atime, mtime } = statSync(bench.rig.path("data.txt"));
  utimesSync(bench.rig.path("other.txt"), atime, mtime);
  await bench.build();
  renameSync(bench.rig.path("other.txt"), bench.rig.path("data.txt"));
  await bench.build();
  expect(bench.rig.read("runs/default/it/copy.txt")).toBe("new");
});

test("an output overwritten in place, its size and time kept, is set aside and put right", async () => {
  const bench = benchOf({ ...copyFiles, "data.txt": "right" });
  await bench.build();
  const output = bench.rig.path("runs/default/it/copy.txt");
  const { atime, mtime } = statSync(output);
  writeFileSync(output, "wrong");
  utimesSync(output, atime, mtime);
  const built = await bench.build();
  expect(bench.rig.read("runs/default/it/copy.txt")).toBe("right");
  expect(built.events.map((event) => event.kind)).toContain("output-set-aside");
  expect(bench.rig.read("runs/default/set-aside/it_copy.txt")).toBe("wrong");
});
