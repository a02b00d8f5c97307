// The worker that a build starts before its program is loaded: when it does, what a recipe sees in it, and that it never outlives who started it.

import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { LocalExecutor } from "../src/backends/executors/local.ts";
import { repository } from "./rig.ts";
import { benchOf, isAlive, oneTarget, until, type Bench } from "./reliability/bench.ts";

const out = "inputs: { data: text() }, outputs: { out: text() }";
const body = `const os = process.getBuiltinModule("node:os");
await outputs.out.write(JSON.stringify({
  env: process.env, home: os.homedir(), temporary: os.tmpdir(), folder: process.cwd(), args: process.argv.slice(2), flags: process.execArgv,
}));`;

interface Spares {
  readonly bench: Bench;
  /** Of the workers that were started before the program was loaded, since it was asked last. */
  readonly pids: () => readonly number[];
  /** A build that notes them; `then`: what else it does as soon as it has started one. */
  readonly build: (then?: string, ...args: string[]) => Promise<number | null>;
}

/** A project that is up to date. What is loaded before the program sees each fork, and whether the program was there. */
async function upToDate(): Promise<Spares> {
  const bench = benchOf({
    ...oneTarget(out, body, '{ data: source("data.txt", text()) }'),
    "data.txt": "1\\n",
  });
  const [noted, preload] = [`${bench.marks.file}.forks`, `${bench.marks.file}.preload.cjs`];
  writeFileSync(
    preload,
    `const { ChildProcess } = require("node:child_process");
    const spawn = ChildProcess.prototype.spawn;
    ChildProcess.prototype.spawn = function (options) {
      const result = spawn.call(this, options);
      // Commands are parsed by the program: nothing of it is loaded yet.
      const isEarly = !process.listenerCount("SIGHUP");
      if (isEarly) require("node:fs").appendFileSync(${JSON.stringify(noted)}, this.pid + "\\n");
      if (isEarly && process.env.THEN !== undefined) eval(process.env.THEN);
      return result;
    };`,
  );
  const build = async (then?: string, ...args: string[]) => {
    const env = { ...bench.options.env, NODE_OPTIONS: `--require ${preload}`, THEN: then };
    return (await bench.rig.start(["build", ...args], { env }).finished).code;
  };
  const pids = () => {
    const lines = existsSync(noted) ? readFileSync(noted, "utf8").split("\n") : [];
    writeFileSync(noted, "");
    return lines.filter((line) => line !== "").map(Number);
  };
  expect(await build()).toBe(0);
  const [first, ...others] = pids();
  expect(bench.marks.pids).toEqual([first]);
  expect(others).toEqual([]);
  return { bench, build, pids };
}

const gone = (pids: readonly number[]) => until(() => pids.every((pid) => !isAlive(pid)));

describe("a worker is started ahead", () => {
  test("where nothing was ever built and where a file of the project was edited, and its recipe runs in it and sees what it sees in others", async () => {
    const { bench, build, pids } = await upToDate();
    const seen = () => {
      const { env, home, temporary, folder, ...rest } = JSON.parse(bench.rig.read("runs/default/it/out.txt")) as Record<
        string,
        unknown
      >;
      const { HOME, TMPDIR, ...others } = env as Record<string, string>;
      expect(new Set([HOME, TMPDIR, home, temporary, folder]).size).toBe(1);
      return { ...rest, ...others };
    };
    const before = seen();
    bench.rig.write({ "data.txt": "another size\n" });
    bench.marks.clear();
    expect(await build()).toBe(0);
    const [spare, ...more] = pids();
    expect(more).toEqual([]);
    expect(bench.marks.pids).toEqual([spare]);
    expect(seen()).toEqual(before);
    await gone([spare!]);
  });

  test("where nothing has changed or a file was only touched, an output is missing, another command line comes, or work goes elsewhere, none is", async () => {
    const { bench, build, pids } = await upToDate();
    expect(await build()).toBe(0);
    expect(await build(undefined, "it")).toBe(0);
    utimesSync(bench.rig.path("data.txt"), new Date(), new Date());
    expect(await build()).toBe(0);
    bench.rig.remove("runs/default/it/out.txt");
    expect(await build()).toBe(0);
    expect(await build(undefined, "--executor", "local")).toBe(0);
    bench.rig.write({ "data.txt": "another size\n" });
    expect(await build(undefined, "--executor", "local")).toBe(0);
    bench.rig.write({ "exp.local.yaml": "executor: local\n" });
    expect(await build()).toBe(0);
    bench.rig.write({ "data.txt": "yet another size\n" });
    expect(await build()).toBe(0);
    expect(pids()).toEqual([]);
  });

  test("and ends with a build that cannot begin", async () => {
    const { bench, build, pids } = await upToDate();
    bench.rig.write({ "configs/default.yaml": "version: 1\nno_such: 1\n" });
    expect(await build()).toBe(2);
    const started = pids();
    expect(started).toHaveLength(1);
    await gone(started);
  });

  test("and ends with a build that is killed, before it is told its place", async () => {
    const { bench, build, pids } = await upToDate();
    bench.rig.write({ "data.txt": "another size\n" });
    expect(await build(`process.kill(process.pid, "SIGKILL")`)).toBe(null);
    const started = pids();
    expect(started).toHaveLength(1);
    await gone(started);
    expect(await build()).toBe(0);
  });

  test("and its death before it is of use costs nothing but another start", async () => {
    const { bench, build, pids } = await upToDate();
    bench.rig.write({ "data.txt": "another size\n" });
    bench.marks.clear();
    expect(await build(`process.kill(this.pid, "SIGKILL")`)).toBe(0);
    // Or it dies while it is told its place, and that nobody has seen yet.
    bench.rig.write({ "data.txt": "yet another size\n" });
    expect(await build(`this.send = function () { process.kill(this.pid, "SIGKILL"); }`)).toBe(0);
    // Or it dies when somebody waits for it.
    bench.rig.write({ "data.txt": "a size that is like no other\n" });
    const late = `this.send = function () { setTimeout(() => process.kill(this.pid, "SIGKILL"), 1500); }`;
    expect(await build(late)).toBe(0);
    const spares = pids();
    expect(spares).toHaveLength(3);
    expect(bench.marks.pids).toHaveLength(3);
    for (const spare of spares) expect(bench.marks.pids).not.toContain(spare);
  });
});

test("an executor that is closed while its first worker starts ends it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "exp-closing-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const executor = new LocalExecutor({
    workerFile: join(repository, "dist", "worker.js"),
    blobsFolder: join(folder, "blobs"),
    scratch: join(folder, "scratch"),
    environment: { PATH: process.env.PATH },
    calls: { find: () => Promise.reject(new Error("nobody asks")) },
    warn: () => undefined,
  });
  executor.expectOrders();
  await executor.close();
  expect(existsSync(join(folder, "scratch"))).toBe(false);
});
