// Builds that are killed, or told to stop, at any moment: nothing that was reported is done twice, nothing half-made is seen, nobody stays behind.

import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { TraceLine } from "../../src/backends/store/trace-lines.ts";
import { readLog } from "../../src/util/append-log.ts";
import { hostTag } from "../../src/util/host.ts";
import type { Event } from "../../src/model/event.ts";
import type { Started } from "../rig.ts";
import {
  benchOf,
  chain,
  contentOf,
  eventsOf,
  expectNoScratch,
  expectNothingPartial,
  groupOf,
  isAlive,
  oneTarget,
  randomFrom,
  until,
  type Bench,
} from "./bench.ts";
import { countOf, found, patience, seed } from "./counts.ts";
import { watchOutputs } from "./watch.ts";

const targets = ["numbers", "pages", "end"];

type Contents = Readonly<Record<string, Readonly<Record<string, string>>>>;

function contents(bench: Bench): Contents {
  return Object.fromEntries(targets.map((name) => [name, contentOf(bench.rig.path(`runs/default/${name}`))]));
}

/** How often each target, and how many items, were reported as computed. */
function reported(events: readonly Event[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of events) {
    const name =
      event.kind === "item-finished"
        ? `items of ${event.target}`
        : event.kind === "target-finished"
          ? event.target
          : undefined;
    if (name !== undefined && "origin" in event && event.origin === "computed") counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** All workers that ever marked something, and what they started, are gone. */
async function expectAllGone(bench: Bench): Promise<void> {
  await until(() => bench.marks.pids.every((pid) => !isAlive(pid) && groupOf(pid).length === 0));
}

async function undisturbed(epoch: number): Promise<Contents> {
  const bench = benchOf(chain);
  await bench.build(["--set", `numbers.epoch=${epoch}`]);
  return contents(bench);
}

/** Actions whose results the run's trace holds after so many lines, in the words of their marks. */
function finishedSince(bench: Bench, firstLine: number): string[] {
  return traceOf(bench)
    .slice(firstLine)
    .flatMap((line) => {
      if (!("p" in line) || line.p === "split") return [];
      if (line.p === "item") return [`one${line.l!.slice(1)}`];
      return [line.p === "merge" ? "merge" : line.t];
    });
}

function traceOf(bench: Bench): readonly TraceLine[] {
  return readLog<TraceLine>(bench.rig.path("runs/default/trace/trace.jsonl")).lines;
}

const victims = ["driver", "driver", "driver", "worker", "both"] as const;

/** Kills something of the build at a moment that `random` decides; undefined when it ended before. */
async function killAt(
  building: Started,
  bench: Bench,
  random: () => number,
  wholeMs: number,
): Promise<{ readonly victim: string; readonly after: string } | undefined> {
  let seen = "";
  let hasEnded = false;
  building.process.stdout!.on("data", (piece: Buffer) => (seen += piece.toString("utf8")));
  void building.finished.then(() => (hasEnded = true));
  const victim = victims[Math.floor(random() * victims.length)]!;
  // Half of them at a time, half right after an event: that is where results are written.
  const events = random() < 0.5 ? Math.floor(random() * 40) : 0;
  const moreMs = events === 0 ? random() * wholeMs : random() * 10;
  await Promise.race([building.finished, until(() => seen.split("\n").length > events)]);
  await Promise.race([building.finished, new Promise((resolve) => setTimeout(resolve, moreMs))]);
  if (hasEnded) return undefined;
  const worker = bench.marks.lines.at(-1)?.pid;
  if (victim !== "worker" || worker === undefined) building.process.kill("SIGKILL");
  if (victim !== "driver" && worker !== undefined && isAlive(worker)) process.kill(worker, "SIGKILL");
  return { victim: worker === undefined ? "driver" : victim, after: String(eventsOf(seen).at(-1)?.kind ?? "no event") };
}

test(`a build killed at any moment is finished by the next ones (seed ${seed})`, patience, async () => {
  const random = randomFrom(seed);
  const bench = benchOf(chain);
  const total = countOf("kills");
  const tally: Record<string, number> = {};
  const count = (name: string) => (tally[name] = (tally[name] ?? 0) + 1);
  const watcher = watchOutputs(bench.rig.path("runs/default"), targets, ["pages/pages"]);
  let kills = 0;
  let builds = 0;
  for (let epoch = 0; kills < total; epoch++) {
    const startedAt = performance.now();
    const right = await undisturbed(epoch);
    const wholeMs = performance.now() - startedAt;
    watcher.allow(right);
    const firstLine = traceOf(bench).length;
    const events: Event[] = [];
    bench.marks.clear();
    for (let isDone = false; !isDone; builds++) {
      const context = `epoch ${epoch}, kill ${kills}, seed ${seed}`;
      const finished = finishedSince(bench, firstLine);
      const executions = bench.marks.counts;
      const building = bench.start("build", "--set", `numbers.epoch=${epoch}`, "--json");
      const kill = kills < total ? await killAt(building, bench, random, wholeMs) : undefined;
      const done = await building.finished;
      if (kill !== undefined) {
        kills++;
        count(`of the ${kill.victim === "both" ? "driver and a worker" : kill.victim}`);
        count(`after ${kill.after}`);
      }
      isDone = done.code === 0;
      // A worker that is killed at work makes its target fail; the driver says so and goes on.
      if (!isDone)
        expect(kill === undefined ? "" : kill.victim, `${context}:\n${done.stdout}${done.stderr}`).not.toBe("");
      const now = eventsOf(done.stdout);
      events.push(...now);
      expect(
        now.filter(({ kind }) => kind === "waiting-for-lock" || kind === "waiting-for-action"),
        context,
      ).toEqual([]);
      for (const name of finished)
        expect([name, (bench.marks.counts[name] ?? 0) - (executions[name] ?? 0)], context).toEqual([name, 0]);
      // Whoever was told that something is finished finds it in the trace, whatever was killed right after.
      const items = finishedSince(bench, firstLine).filter((name) => name.startsWith("one"));
      expect(reported(events)["items of numbers"] ?? 0, context).toBeLessThanOrEqual(items.length);
      await expectAllGone(bench);
      watcher.expectWhole(context);
    }
    const context = `epoch ${epoch}, kill ${kills}, seed ${seed}`;
    expect(contents(bench), context).toEqual(right);
    expectNothingPartial(bench.rig);
    expectNoScratch(bench.rig);
    for (const [name, times] of Object.entries(reported(events)))
      expect([name, times <= (name.startsWith("items") ? 24 : 1), context]).toEqual([name, true, context]);
    expect(events.filter((event) => event.kind === "output-set-aside")).toEqual([]);
    const last = await bench.build(["--set", `numbers.epoch=${epoch}`]);
    expect(last.end.counts.computed).toBe(0);
  }
  const looks = await watcher.close();
  found(`${kills} kills in ${builds} builds: ${figures(tally)}`);
  found(`the run's folder was looked at ${looks} times meanwhile: every output was whole or not there`);
});

function figures(tally: Readonly<Record<string, number>>): string {
  return Object.entries(tally)
    .map(([name, times]) => `${times} ${name}`)
    .join(", ");
}

test(`a worker killed while it works costs one try, and the build goes on (seed ${seed})`, patience, async () => {
  const random = randomFrom(seed + 1);
  const right = await undisturbed(0);
  for (let round = 0; round < Math.ceil(countOf("kills") / 4); round++) {
    const bench = benchOf(chain);
    bench.rig.edit(
      "rules/numbers.rule.ts",
      'env: ["EXP_TEST_MARKS"] } }',
      'env: ["EXP_TEST_MARKS"], retries: { times: 3, backoffMs: 1 } } }',
    );
    const building = bench.start("build", "--json");
    const kills = Math.ceil(random() * 20);
    await until(() => bench.marks.lines.length >= kills);
    const victim = bench.marks.lines.at(-1)!.pid;
    process.kill(victim, "SIGKILL");
    const done = await building.finished;
    // The victim may have been at the merge, or the tree, which may not be tried again.
    if (done.code !== 0) await bench.build();
    expect(contents(bench), `round ${round} of seed ${seed}`).toEqual(right);
    expect(Object.values(bench.marks.counts).every((count) => count <= 2)).toBe(true);
    await expectAllGone(bench);
    expectNoScratch(bench.rig);
  }
});

// One child of its group, and one that leaves it.
const withChild = oneTarget(
  "outputs: { out: text() }",
  `const child = spawn("sleep", ["1000"], { stdio: "ignore" });
  const daemon = spawn("setsid", ["sh", "-c", "echo daemon $$ >> $EXP_TEST_MARKS; exec sleep 1000"], { stdio: "ignore", detached: true });
  while (!fs.readFileSync(process.env.EXP_TEST_MARKS, "utf8").includes("daemon")) await new Promise((r) => setTimeout(r, 2));
  fs.appendFileSync(process.env.EXP_TEST_MARKS, "child " + child.pid + "\\n");
  await waitFor("go");
  child.kill();
  daemon.kill();
  await outputs.out.write("done");`,
);

for (const signals of [["SIGINT"], ["SIGTERM"], ["SIGHUP"], ["SIGINT", "SIGINT"]] as const) {
  test(`${signals.join(" and ")} ends the workers and their children, and the exit code is 130`, async () => {
    const bench = benchOf(withChild);
    const building = bench.start("build", "--json");
    await until(() => bench.marks.counts.child === 1);
    for (const signal of signals) building.process.kill(signal);
    expect((await building.finished).code).toBe(130);
    await expectAllGone(bench);
    expectNothingPartial(bench.rig);
    bench.allow("go");
    const built = await bench.build();
    expect(built.targets).toEqual({ it: "computed" });
    expectNoScratch(bench.rig);
  });
}

test("a driver that is killed takes its workers and their children with it", async () => {
  const bench = benchOf(withChild);
  const building = bench.start("build", "--json");
  await until(() => bench.marks.counts.child === 1);
  building.process.kill("SIGKILL");
  await building.finished;
  await expectAllGone(bench);
  bench.allow("go");
  await bench.build();
  expectNoScratch(bench.rig);
});

test("a driver that is killed takes a worker with it that is busy and answers nobody", async () => {
  const bench = benchOf(oneTarget("outputs: { out: text() }", "for (;;);"));
  const building = bench.start("build", "--json");
  await until(() => bench.marks.counts.it === 1);
  building.process.kill("SIGKILL");
  await building.finished;
  await expectAllGone(bench);
});

test("Ctrl-C keeps the items that had finished", async () => {
  const bench = benchOf(chain);
  const building = bench.start("build", "--json", "--set", "numbers.ms=20");
  await building.saw('"event":"item-finished"');
  building.process.kill("SIGINT");
  const first = await building.finished;
  expect(first.code).toBe(130);
  const finished = reported(eventsOf(first.stdout))["items of numbers"] ?? 0;
  expect(finished).toBeGreaterThan(0);
  const second = await bench.build(["--set", "numbers.ms=20"]);
  expect(reported(second.events)["items of numbers"]).toBeLessThanOrEqual(24 - finished);
});

test("a build whose reader goes away (exp build | head) ends, and the next goes on", async () => {
  const bench = benchOf(chain);
  const building = bench.start("build", "--json");
  await building.saw('"event":"target-started"');
  building.process.stdout!.destroy();
  await building.finished;
  await expectAllGone(bench);
  await bench.build();
  expectNoScratch(bench.rig);
});

test("what a killed build left in the run's folder under temporary names is swept", async () => {
  const bench = benchOf(chain);
  await bench.build();
  const gone = `${hostTag()}-4194303`; // Above every pid that Linux gives by default.
  for (const name of [`run.yaml.${gone}.0123abcd.tmp`, `lock.${gone}.0123abcd.tmp`])
    writeFileSync(bench.rig.path(`runs/default/${name}`), "half");
  bench.rig.write({ "runs/default/.staging/half": "half", [`cache/tmp/${gone}/0/half`]: "half" });
  bench.rig.write({ "data/words.txt": "other words\n" });
  await bench.build();
  expectNothingPartial(bench.rig);
  expectNoScratch(bench.rig);
});
