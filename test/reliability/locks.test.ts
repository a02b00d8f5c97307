// Builds beside builds: who waits for whom, what is computed once, and locks whose holder is gone.

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { hostTag } from "../../src/util/host.ts";
import {
  benchOf,
  chain,
  contentOf,
  eventsOf,
  expectNothingPartial,
  oneTarget,
  randomFrom,
  until,
  type Bench,
} from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";

const waiting = oneTarget("outputs: { out: text() }", 'await waitFor("go"); await outputs.out.write("done");');

test("a second build of one run waits, says for whom, and is then up to date", async () => {
  const bench = benchOf(waiting);
  const first = bench.start("build", "--json");
  await until(() => bench.marks.counts.it === 1);
  const second = bench.start("build", "--json");
  await second.saw('"event":"waiting-for-lock"');
  bench.allow("go");
  expect((await first.finished).code).toBe(0);
  const done = await second.finished;
  expect(done.code).toBe(0);
  const events = eventsOf(done.stdout);
  const waited = events.find((event) => event.kind === "waiting-for-lock");
  expect(waited?.holder).toContain(`process ${first.process.pid} (exp build)`);
  expect(events.at(-1)).toMatchObject({ kind: "build-finished", outcome: "up-to-date" });
  expect(bench.marks.counts).toEqual({ it: 1 });
});

test("a build that waited goes by the config as it is then, and by what the first one wrote", async () => {
  const bench = benchOf(
    oneTarget(
      'config: z.strictObject({ word: z.string().default("old") }), outputs: { out: text() }',
      'if (config.word === "old") await waitFor("go"); await outputs.out.write(config.word);',
    ),
  );
  const first = bench.start("build", "--json");
  await until(() => bench.marks.counts.it === 1);
  const second = bench.start("build", "--json");
  await second.saw('"event":"waiting-for-lock"');
  bench.rig.write({ "configs/default.yaml": "version: 1\nit: { word: new }\n" });
  bench.allow("go");
  expect((await first.finished).code).toBe(0);
  expect((await second.finished).code).toBe(0);
  expect(bench.rig.read("runs/default/it/out.txt")).toBe("new");
  expect(bench.rig.read("runs/default/run.yaml")).toContain("builds: 2");
  expect(bench.marks.counts).toEqual({ it: 2 });
});

test("a build that waits can be stopped", async () => {
  const bench = benchOf(waiting);
  const first = bench.start("build", "--json");
  await until(() => bench.marks.counts.it === 1);
  const second = bench.start("build", "--json");
  await second.saw('"event":"waiting-for-lock"');
  second.process.kill("SIGINT");
  expect((await second.finished).code).toBe(130);
  bench.allow("go");
  expect((await first.finished).code).toBe(0);
});

test("a build that waits takes over when the first one is killed", async () => {
  const bench = benchOf(waiting);
  const first = bench.start("build", "--json");
  await until(() => bench.marks.counts.it === 1);
  const second = bench.start("build", "--json");
  await second.saw('"event":"waiting-for-lock"');
  first.process.kill("SIGKILL");
  await until(() => bench.marks.counts.it === 2);
  bench.allow("go");
  expect((await second.finished).code).toBe(0);
});

test("two runs that need the same action compute it once", async () => {
  const bench = benchOf({ ...waiting, "configs/other.yaml": "version: 1\n" });
  const first = bench.start("build", "--json");
  await until(() => bench.marks.counts.it === 1);
  const second = bench.start("build", "-c", "configs/other.yaml", "--json");
  await second.saw('"event":"waiting-for-action"');
  bench.allow("go");
  const [one, two] = [await first.finished, await second.finished];
  expect([one.code, two.code]).toEqual([0, 0]);
  expect(eventsOf(two.stdout).find((event) => event.kind === "target-finished")).toMatchObject({ origin: "cached" });
  expect(bench.marks.counts).toEqual({ it: 1 });
  expect(bench.rig.read("runs/other/it/out.txt")).toBe("done");
});

test(`two builds at once, of one run or of two, make everything once and right (seed ${seed})`, patience, async () => {
  const random = randomFrom(seed);
  const bench = benchOf({ ...chain, "configs/other.yaml": "version: 1\n" });
  for (let round = 0; round < countOf("pairs"); round++) {
    bench.marks.clear();
    const set = ["--set", `numbers.epoch=${round}`, "--json"];
    const sameRun = round % 2 === 0;
    const builds = [["build", ...set], sameRun ? ["build", ...set] : ["build", "-c", "configs/other.yaml", ...set]];
    if (random() < 0.5) builds.reverse();
    const first = bench.start(...builds[0]!);
    await new Promise((resolve) => setTimeout(resolve, random() * 200));
    const second = bench.start(...builds[1]!);
    const ends = [await first.finished, await second.finished];
    const context = `round ${round} of seed ${seed}:\n${ends.map((end) => end.stdout + end.stderr).join("\n")}`;
    expect(
      ends.map((end) => end.code),
      context,
    ).toEqual([0, 0]);
    const counts = Object.entries(bench.marks.counts);
    expect(
      counts.filter(([, count]) => count !== 1),
      context,
    ).toEqual([]);
    expect(counts.length).toBe(24 + 3);
    if (!sameRun)
      for (const name of ["numbers", "pages", "end"])
        expect(contentOf(bench.rig.path(`runs/other/${name}`)), context).toEqual(
          contentOf(bench.rig.path(`runs/default/${name}`)),
        );
    expectNothingPartial(bench.rig);
  }
  found(`${countOf("pairs")} rounds of two builds: ${27 * countOf("pairs")} actions, each executed once`);
});

interface Lock {
  readonly id: string;
  readonly host: string;
  readonly machine: string;
  readonly pid: number;
  readonly started: string;
  readonly user: string;
  readonly what: string;
  readonly beat: number;
}

function lockBy(pid: number, started: string): Lock {
  const holder = { host: hostname(), machine: hostTag(), pid, started, user: "somebody", what: "exp build" };
  return { id: "0123456789abcdef", ...holder, beat: 0 };
}

function startOf(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ")[19]!;
}

async function builtWithLock(lock: Lock | string): Promise<{ bench: Bench; kinds: string[] }> {
  const bench = benchOf(oneTarget("outputs: { out: text() }", 'await outputs.out.write("done");'));
  bench.rig.write({ "runs/default/lock": typeof lock === "string" ? lock : JSON.stringify(lock) });
  const built = await bench.build();
  expect(built.targets).toEqual({ it: "computed" });
  expect(bench.rig.has("runs/default/lock")).toBe(false);
  return { bench, kinds: built.events.map((event) => event.kind) };
}

test("the lock of a process that is gone does not hold anybody up", async () => {
  const { kinds } = await builtWithLock(lockBy(4_194_303, "12345"));
  expect(kinds).not.toContain("waiting-for-lock");
});

test("the lock of a process whose number belongs to another by now does not hold anybody up", async () => {
  const { kinds } = await builtWithLock(lockBy(process.pid, "1"));
  expect(kinds).not.toContain("waiting-for-lock");
});

test("the lock of a process that has died, and that its parent has not looked at yet, does not hold anybody up", async () => {
  // The shell starts a child, and becomes a program that never asks how it ended.
  const parent = spawn("sh", ["-c", "sleep 0.2 & echo $!; exec sleep 1000"], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once("data", (piece: Buffer) => resolve(Number(piece))),
  );
  await until(() => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")));
  const { kinds } = await builtWithLock(lockBy(pid, startOf(pid)));
  expect(kinds).not.toContain("waiting-for-lock");
});

for (const [name, text] of [
  ["empty", ""],
  ["torn", '{"id":"01234567'],
  ["of zeros", "\0\0\0\0\0\0"],
  ["of another kind", "null"],
] as const) {
  test(`a lock file that is ${name} does not hold anybody up for long`, async () => {
    await builtWithLock(text);
  });
}

test("a lock that is taken away from a build stops it before it writes, and loses nothing", async () => {
  const bench = benchOf(waiting);
  const first = bench.start("build", "--json");
  await until(() => bench.marks.counts.it === 1);
  // As another build does after this one was suspended for long.
  writeFileSync(
    bench.rig.path("runs/default/lock"),
    JSON.stringify({ ...lockBy(process.pid, startOf(process.pid)), id: "another" }),
  );
  bench.allow("go");
  const done = await first.finished;
  expect(done.code).toBe(1);
  expect(done.stdout).toContain("took over the run");
  expect(bench.rig.has("runs/default/it/out.txt")).toBe(false);
  expect(bench.rig.has("runs/default/lock")).toBe(true);
  bench.rig.remove("runs/default/lock");
  await bench.build();
  expect(bench.rig.read("runs/default/it/out.txt")).toBe("done");
});
