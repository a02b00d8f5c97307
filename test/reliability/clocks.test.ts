// Clocks that run backwards, jump, or tick coarsely, for the program and for the times of files alike: no edit is missed, nothing is lost.

import { closeSync, openSync, statSync, utimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readLog } from "../../src/util/append-log.ts";
import { repository } from "../rig.ts";
import { benchOf, chain, contentOf, randomFrom, until, type Bench } from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";

const shim = `--require ${join(repository, "test", "reliability", "shims", "clock.cjs")}`;

interface Clock {
  /** "atMs:byMs": the moment at which the clock was moved, and by how much. */
  readonly steps?: readonly string[];
  readonly tickMs?: number;
}

function under(bench: Bench, { steps = [], tickMs = 0 }: Clock): { readonly env: Record<string, string | undefined> } {
  const env = { NODE_OPTIONS: shim, EXP_TEST_STEPS: steps.join(","), EXP_TEST_TICK_MS: String(tickMs) };
  return { env: { ...bench.options.env, ...env } };
}

/** In place and of one size: only the times can tell. */
function overwrite(path: string, text: string): void {
  const fd = openSync(path, "r+");
  writeSync(fd, text);
  closeSync(fd);
}

const targets = ["numbers", "pages", "end"];
const outputs = (bench: Bench) =>
  Object.fromEntries(targets.map((name) => [name, contentOf(bench.rig.path(`runs/default/${name}`))]));

test("the shim moves the clock of the program and of files", async () => {
  const bench = benchOf(chain);
  const at = Date.now();
  const built = await bench.rig.build([], 0, under(bench, { steps: [`${at - 1000}:${-86_400_000}`] }));
  const started = built.events[0];
  expect(started?.kind === "build-started" && started.at < at - 80_000_000).toBe(true);
  const { lines } = readLog<{ readonly p: string; readonly s: string }>(bench.rig.path("cache/stats.jsonl"));
  const own = lines
    .filter(({ p }) => p.startsWith(bench.rig.path("runs/")))
    .map(({ s }) => Number(s.split(":")[1]) / 1e6);
  expect(own.length).toBeGreaterThan(0);
  expect(own.filter((time) => time > at - 80_000_000)).toEqual([]);
});

test(`a clock that is moved between builds, and while they go on (seed ${seed})`, patience, async () => {
  const random = randomFrom(seed);
  const bench = benchOf(chain);
  const words = bench.rig.path("data/words.txt");
  overwrite(words, "0000000000");
  const steps: string[] = [];
  let edits = 0;
  await bench.build();
  for (let round = 0; round < countOf("clocks"); round++) {
    // By a moment, by a leap second, by an hour, by a month; mostly backwards.
    const by = [-5, -1000, -3_600_000, -2_592_000_000, 3_600_000][Math.floor(random() * 5)]!;
    steps.push(`${Date.now()}:${by}`, `${Date.now() + Math.floor(random() * 600)}:${-Math.floor(random() * 5000)}`);
    const text = String(Math.floor(random() * 1e10)).padStart(10, "0");
    if (random() < 0.7) {
      overwrite(words, text);
      edits++;
    }
    const context = `round ${round} of seed ${seed}`;
    await bench.rig.build([], 0, under(bench, { steps }));
    expect(bench.rig.read("runs/default/end/end.txt").slice(0, 10), context).toBe(
      bench.rig.read("data/words.txt").slice(0, 10),
    );
    // And again, right after, of the same size.
    overwrite(words, text.split("").reverse().join(""));
    await bench.rig.build([], 0, under(bench, { steps }));
    expect(bench.rig.read("runs/default/end/end.txt").slice(0, 10), context).toBe(
      bench.rig.read("data/words.txt").slice(0, 10),
    );
    edits++;
  }
  expect(bench.marks.counts.merge).toBe(1);
  found(`${steps.length} moves of the clock, ${edits} edits in place of one size: each seen, and nothing made twice`);
});

test(`times of files in whole seconds, and edits in between (seed ${seed})`, patience, async () => {
  const random = randomFrom(seed + 1);
  const bench = benchOf(chain);
  const words = bench.rig.path("data/words.txt");
  overwrite(words, "0000000000");
  const clock = under(bench, { tickMs: random() < 0.5 ? 1000 : 2000 });
  let edits = 0;
  for (let round = 0; round < countOf("clocks"); round++) {
    let ended = false;
    const building = bench.rig.start(["build", "--json"], clock);
    void building.finished.then(() => (ended = true));
    const until = random() * 20;
    for (let i = 0; i < until && !ended; i++) {
      overwrite(words, String(Math.floor(random() * 1e10)).padStart(10, "0"));
      edits++;
      await new Promise((resolve) => setTimeout(resolve, random() * 60));
    }
    expect((await building.finished).code).toBe(0);
    await bench.rig.build([], 0, clock);
    const end = bench.rig.read("runs/default/end/end.txt");
    expect(end.slice(0, 10), `round ${round} of seed ${seed}`).toBe(bench.rig.read("data/words.txt").slice(0, 10));
  }
  found(`${edits} edits under a clock of whole seconds, while and between ${2 * countOf("clocks")} builds: each seen`);
});

test("files from the future and from before 1970 are files like others", async () => {
  const bench = benchOf(chain);
  const words = bench.rig.path("data/words.txt");
  for (const [i, time] of [Date.now() / 1000 + 1e8, 0, -1e8, Date.now() / 1000 - 1e8, 4e9].entries()) {
    bench.rig.write({ "data/words.txt": `words ${i}\n` });
    utimesSync(words, time, time);
    await bench.build();
    expect(bench.rig.read("runs/default/end/end.txt").startsWith(`words ${i}\n`)).toBe(true);
    expect((await bench.exp("build")).stdout).toContain("up to date");
    // Another text of that size, and the old time.
    bench.rig.write({ "data/words.txt": `Words ${i}\n` });
    utimesSync(words, time, time);
    await bench.build();
    expect(bench.rig.read("runs/default/end/end.txt").startsWith(`Words ${i}\n`)).toBe(true);
  }
});

test("outputs and the run's own files with times of the future: what is edited is still seen", async () => {
  const bench = benchOf(chain);
  await bench.build();
  const right = outputs(bench);
  const ahead = Date.now() / 1000 + 1e7;
  for (const name of [
    "runs/default/end/end.txt",
    "runs/default/trace/trace.jsonl",
    "runs/default/run.yaml",
    "cache/stats.jsonl",
  ])
    utimesSync(bench.rig.path(name), ahead, ahead);
  await bench.build();
  overwrite(bench.rig.path("runs/default/end/end.txt"), "x");
  utimesSync(bench.rig.path("runs/default/end/end.txt"), ahead, ahead);
  await bench.build();
  expect(outputs(bench)).toEqual(right);
});

test("a lease of a clock that ran backwards is waited for, and given up when its holder has died", async () => {
  const bench = benchOf(chain);
  bench.rig.edit("rules/end.ts", "await outputs.end.write", 'await waitFor("go"); await outputs.end.write');
  const first = bench.rig.start(["build", "--json"], under(bench, {}));
  await until(() => bench.marks.counts.end === 1);
  const back = under(bench, { steps: [`${Date.now()}:-86400000`] });
  const second = bench.rig.start(["build", "--json"], back);
  await second.saw('"event":"waiting-for-lock"');
  first.process.kill("SIGKILL");
  await first.finished;
  await until(() => bench.marks.counts.end === 2);
  bench.allow("go");
  expect((await second.finished).code).toBe(0);
  expect(statSync(bench.rig.path("runs/default/end/end.txt")).size).toBeGreaterThan(0);
});
