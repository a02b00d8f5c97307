// What goes wrong at the one moment where it hurts: the build says so and ends, with all that it has started, and nothing is lost.

import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { digestOfBytes } from "../../src/model/digest.ts";
import { hostTag } from "../../src/util/host.ts";
import type { Finished } from "../rig.ts";
import { benchOf, expectNoScratch, oneTarget, plainExpfile, plainRule, until, type Bench } from "./bench.ts";

/** A build in which a call of Node's, for paths that match, fails like the system would have it. */
function buildFailing(
  bench: Bench,
  fault: { readonly call: "renameSync" | "rmSync"; readonly path: RegExp; readonly code: string },
  ...args: string[]
): Promise<Finished> {
  const file = `${bench.marks.file}.fault.cjs`;
  writeFileSync(
    file,
    `const fs = require("node:fs");
    const call = fs.${fault.call};
    fs.${fault.call} = (...args) => {
      const path = String(args.findLast((one) => typeof one === "string"));
      if (!${String(fault.path)}.test(path)) return call(...args);
      throw Object.assign(new Error("${fault.code}: it cannot be done, '" + path + "'"), { code: "${fault.code}", path });
    };
    require("node:module").syncBuiltinESMExports();`,
  );
  const env = { ...bench.options.env, NODE_OPTIONS: `--require ${file}` };
  return bench.rig.start(["build", ...args], { env }).finished;
}

const reading = "inputs: { data: text() }, outputs: { out: text() }";
const copy = "await outputs.out.write(await inputs.data.read());";

test("a record that cannot be written before a build begins: it says so and ends, with the worker that was started ahead", async () => {
  const bench = benchOf({
    ...plainExpfile(["it"], 'return { it: it({ data: source("data.txt", text()) }) };'),
    ...plainRule("it", `config: z.strictObject({ x: z.int().default(1) }), ${reading}`, copy),
    "data.txt": "1\n",
  });
  for (const x of [2, 3]) expect((await bench.exp("build", "--set", `it.x=${x}`)).code).toBe(0);
  bench.rig.write({ "data.txt": "another size\n" });
  // A stamp of this command line is there, and the run follows other overrides: its record is written first.
  const full = await buildFailing(
    bench,
    { call: "renameSync", path: /\/run\.yaml$/, code: "ENOSPC" },
    "--set",
    "it.x=2",
  );
  expect(full.stderr).toContain("the disk is full");
  expect(full.code).toBe(1);
  expectNoScratch(bench.rig);
  await bench.build(["--set", "it.x=2"]);
  expect(bench.rig.read("runs/default/it/out.txt")).toBe("another size\n");
});

test("no room for an output while other targets wait for a worker: the build says so and ends, and the next one makes the rest", async () => {
  const names = ["first", "second", "third", "fourth"];
  const bench = benchOf({
    ...plainExpfile(names, `return { ${names.map((name) => `${name}: ${name}()`).join(", ")} };`),
    ...Object.fromEntries(
      names.flatMap((name) =>
        Object.entries(plainRule(name, "outputs: { out: text() }", `await outputs.out.write("${name}");`)),
      ),
    ),
  });
  const full = await buildFailing(bench, { call: "renameSync", path: /\/first\/out\.txt$/, code: "ENOSPC" }, "-j2");
  expect(full.stderr).toContain("the disk is full");
  expect(full.stdout).not.toContain("took over the run");
  expect(full.code).toBe(1);
  expectNoScratch(bench.rig);
  await bench.build();
  for (const name of names) expect(bench.rig.read(`runs/default/${name}/out.txt`)).toBe(name);
});

test("what a dead build left behind and cannot be removed is told, and costs the build nothing", async () => {
  const bench = benchOf(oneTarget("outputs: { out: text() }", 'await outputs.out.write("made");'));
  // No process has this number.
  const left = `cache/tmp/${hostTag()}-4194301`;
  bench.rig.write({ [`${left}/0/file`]: "" });
  const fault = { call: "rmSync", path: /-4194301$/, code: "EACCES" } as const;
  const built = await buildFailing(bench, fault);
  expect(built.code).toBe(0);
  expect(built.stdout).toContain("EACCES");
  expect(built.stdout).toContain("1 computed");
  expect(bench.rig.read("runs/default/history.jsonl").trim().split("\n")).toHaveLength(1);
  // It is told until somebody has done something about it.
  expect((await buildFailing(bench, fault)).stdout).toContain("EACCES");
  await bench.build();
  expect(bench.rig.has(left)).toBe(false);
});

test("blobs that are deleted while a build explains why it makes something are none of its concern", async () => {
  const bench = benchOf({
    ...plainExpfile(
      ["made", "slow", "last"],
      `const m = made({ data: source("data.txt", text()) }); const s = slow({ made: m.made });
      return { made: m, slow: s, last: last({ made: m.made, slow: s.out }) };`,
    ),
    ...plainRule(
      "made",
      "inputs: { data: text() }, outputs: { made: tree() }",
      'fs.writeFileSync(outputs.made.file("a.txt"), await inputs.data.read());',
    ),
    ...plainRule(
      "slow",
      "inputs: { made: tree() }, outputs: { out: text() }",
      'await waitFor("slow"); await outputs.out.write(fs.readFileSync(inputs.made.file("a.txt"), "utf8"));',
    ),
    ...plainRule(
      "last",
      "inputs: { made: tree(), slow: text() }, outputs: { out: text() }",
      "await outputs.out.write(await inputs.slow.read());",
    ),
    "data.txt": "1\n",
  });
  bench.allow("slow");
  await bench.build();
  bench.forbid("slow");
  bench.marks.clear();
  bench.rig.write({ "data.txt": "another size\n" });
  const started = bench.start("build");
  await until(() => bench.marks.counts.slow === 1);
  bench.rig.remove("cache/blobs");
  bench.allow("slow");
  const built = await started.finished;
  expect(built.stderr).toBe("");
  expect(built.code).toBe(0);
  expect(bench.rig.read("runs/default/last/out.txt")).toBe("another size\n");
});

test("blobs that are deleted between a result and its place in the run are made again", async () => {
  const bench = benchOf({
    ...plainExpfile(["it"], 'return { it: it({ data: source("data.txt", text()) }) };'),
    // Too long to be kept with its result.
    ...plainRule("it", reading, "await outputs.out.write((await inputs.data.read()).repeat(20_000));"),
    "data.txt": "1\n",
  });
  const file = `${bench.marks.file}.fault.cjs`;
  writeFileSync(
    file,
    `const fs = require("node:fs");
    const { fdatasync } = fs;
    let isOver = false;
    // The result is in the trace by then, and its outputs are not in the run yet.
    fs.fdatasync = (descriptor, ...more) => {
      const isTrace = fs.readlinkSync("/proc/self/fd/" + descriptor).endsWith("trace.jsonl");
      const hasResult = isTrace && fs.readFileSync("/proc/self/fd/" + descriptor, "utf8").includes('"how":"computed"');
      if (hasResult && !isOver) fs.rmSync("cache/blobs", { recursive: true });
      isOver ||= hasResult;
      return fdatasync(descriptor, ...more);
    };
    require("node:module").syncBuiltinESMExports();`,
  );
  const env = { ...bench.options.env, NODE_OPTIONS: `--require ${file}` };
  const built = await bench.rig.start(["build"], { env }).finished;
  expect([built.code, built.stderr]).toEqual([0, ""]);
  expect(bench.rig.read("runs/default/it/out.txt")).toBe("1\n".repeat(20_000));
  expect(bench.marks.counts.it).toBe(2);
});

test("a folder that looks like the text that belongs at its place is not taken for it", async () => {
  const listing = JSON.stringify([["a", digestOfBytes("x"), 1]]);
  const bench = benchOf(oneTarget("outputs: { out: text() }", `await outputs.out.write(${JSON.stringify(listing)});`));
  await bench.build();
  bench.rig.remove("runs/default/it/out.txt");
  bench.rig.write({ "runs/default/it/out.txt/a": "x" });
  await bench.build();
  expect(bench.rig.read("runs/default/it/out.txt")).toBe(listing);
});
