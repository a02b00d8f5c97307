// What Slurm prints, read: lines as real clusters print them.

import { expect, test } from "vitest";
import { judge } from "../../src/backends/executors/slurm/fate.ts";
import {
  isLive,
  isWaiting,
  minutesOf,
  readAccounting,
  readJobs,
  readQueue,
} from "../../src/backends/executors/slurm/states.ts";
import { stuckIn, wordStuck } from "../../src/backends/executors/slurm/stuck.ts";
import { noSetback } from "../../src/backends/executors/remote/request.ts";

test("the queue: batches that wait share a line, those that run have their own", () => {
  const queue = readQueue(
    "exp-a|[3,5-9%4]|PENDING||Priority\nexp-a|2|RUNNING|n1|None\nexp-b|0|COMPLETING|n2|None\nother|N/A|RUNNING|n3|None\n",
  );
  expect([...queue.get("exp-a")!.keys()].sort()).toEqual([2, 3, 5, 6, 7, 8, 9]);
  expect(queue.get("exp-a")!.get(7)).toEqual({ state: "PENDING", node: undefined, reason: "Priority" });
  expect(queue.get("exp-a")!.get(2)).toEqual({ state: "RUNNING", node: "n1", reason: undefined });
  expect([...queue.get("other")!.keys()]).toEqual([]);
});

test("a step in a list of batches", () => {
  expect([...readQueue("j|[0-10:5]|PENDING||None").get("j")!.keys()]).toEqual([0, 5, 10]);
});

test("the accounting, and only of jobs of that name", () => {
  const text =
    "12_3|OUT_OF_MEMORY|0:125|n1|None|500M|60|exp-a\n12_4|CANCELLED by 0|0:15|n1|None|4Gc||exp-a\n12_5|COMPLETED|0:0|n1|None|1G|1|somebody\n";
  const states = readAccounting(text, "exp-a");
  expect(states.get(3)).toEqual({
    state: "OUT_OF_MEMORY",
    node: "n1",
    reason: undefined,
    exitCode: "0:125",
    memoryMiB: 500,
    minutes: 60,
  });
  expect(states.get(4)).toMatchObject({ state: "CANCELLED", memoryMiB: 4096 });
  expect(states.has(5)).toBe(false);
});

test("the controller's own words", () => {
  const line =
    "JobId=5 ArrayJobId=4 ArrayTaskId=1 JobName=exp-a UserId=u(0) JobState=TIMEOUT Reason=TimeLimit ExitCode=0:15 TimeLimit=1-02:00:00 NodeList=n1 MinMemoryNode=2G";
  expect(readJobs(line, "exp-a").get(1)).toEqual({
    state: "TIMEOUT",
    node: "n1",
    reason: "TimeLimit",
    exitCode: "0:15",
    memoryMiB: 2048,
    minutes: 1560,
  });
  expect(readJobs(line, "another").size).toBe(0);
});

test("limits of time as sbatch takes them", () => {
  expect(["30", "30:00", "2:00:00", "1-12", "1-12:30", "1-12:30:01", "UNLIMITED", ""].map(minutesOf)).toEqual([
    30,
    30,
    120,
    2160,
    2190,
    2191,
    undefined,
    undefined,
  ]);
});

test("which states may still write, and which wait", () => {
  const of = (state: string) => ({ state, node: undefined, reason: undefined });
  expect(["PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED"].every((state) => isLive(of(state)))).toBe(true);
  expect(
    ["COMPLETED", "FAILED", "TIMEOUT", "PREEMPTED", "NODE_FAIL", "CANCELLED"].some((state) => isLive(of(state))),
  ).toBe(false);
  expect(["PENDING", "REQUEUED", "CONFIGURING"].every((state) => isWaiting(of(state)))).toBe(true);
  expect(isWaiting(of("RUNNING"))).toBe(false);
});

const lost = {
  name: "12_3",
  setback: noSetback,
  hasProgressed: false,
  lastWords: "",
  folder: "/project/runs/r/.submitted/1",
};
const fate = (state: string, more = {}) => ({ state, node: "n7", reason: undefined, ...more });

test("out of memory: twice as much, three times, then it fails and says what there was", () => {
  let setback = noSetback;
  for (const times of [2, 4, 8]) {
    const verdict = judge({ ...lost, setback, fate: fate("OUT_OF_MEMORY", { memoryMiB: 500 }) });
    if (verdict.kind !== "again") throw new Error("given up too early");
    ({ setback } = verdict);
    expect(setback.moreMemory).toBe(times);
  }
  const last = judge({ ...lost, setback, fate: fate("OUT_OF_MEMORY", { memoryMiB: 4000 }) });
  expect(last).toMatchObject({ kind: "failed", outcome: { why: "memory" } });
  expect(JSON.stringify(last)).toContain("4000 MiB");
});

test("a limit of time that let something end is no setback", () => {
  const setback = { ...noSetback, losses: 3 };
  expect(judge({ ...lost, setback, hasProgressed: true, fate: fate("TIMEOUT") })).toMatchObject({
    kind: "again",
    setback: { losses: 0, moreTime: 1 },
  });
  expect(judge({ ...lost, setback, fate: fate("TIMEOUT") })).toMatchObject({
    kind: "failed",
    outcome: { why: "timeout" },
  });
});

test("what a node took with it goes elsewhere, ten times", () => {
  const verdict = judge({ ...lost, fate: fate("NODE_FAIL") });
  expect(verdict).toMatchObject({ kind: "again", setback: { exclude: ["n7"], losses: 1 } });
  expect(judge({ ...lost, setback: { ...noSetback, losses: 10 }, fate: fate("NODE_FAIL") }).kind).toBe("failed");
  expect(judge({ ...lost, setback: { ...noSetback, losses: 9 }, fate: fate("PREEMPTED") }).kind).toBe("again");
});

test("what was cancelled is not tried again, what nobody knows of is", () => {
  expect(judge({ ...lost, fate: fate("CANCELLED") }).kind).toBe("failed");
  expect(judge({ ...lost, fate: undefined })).toMatchObject({ kind: "again", setback: { losses: 1 } });
  const last = judge({
    ...lost,
    setback: { ...noSetback, losses: 3 },
    lastWords: "bus error",
    fate: fate("FAILED", { exitCode: "0:7" }),
  });
  expect(last).toMatchObject({ kind: "failed", outcome: { why: "lost", stack: "bus error" } });
  expect(JSON.stringify(last)).toContain("exit code 0:7");
});

test("batches whose turn never comes: held ones, and those that ask for what there is not", () => {
  const states = (lines: string) => readQueue(lines).get("j")!.values();
  const held = stuckIn(
    states("j|[0-2]|PENDING||launch failed requeued held\nj|[3-4]|PENDING||Priority\nj|5|RUNNING|n1|"),
  );
  expect([...held.values()]).toEqual([{ reason: "launch_failed_requeued_held", isHeld: true, count: 3 }]);
  const others = stuckIn(
    states(
      "j|0|PENDING||QOSMaxCpuPerJobLimit\nj|1|PENDING||QOSMaxJobsPerUserLimit\nj|2|SPECIAL_EXIT||\nj|3|PENDING||JobHoldMaxRequeue",
    ),
  );
  expect([...others.values()].map(({ reason, isHeld }) => [reason, isHeld])).toEqual([
    ["QOSMaxCpuPerJobLimit", false],
    ["SPECIAL_EXIT", true],
    ["JobHoldMaxRequeue", true],
  ]);
  expect(stuckIn(states("j|[0-2]|PENDING||AssocGrpCPUMinutesLimit\nj|[3-4]|CONFIGURING||BeginTime")).size).toBe(0);
});

test("what is said of batches that are stuck", () => {
  const of = { job: "12", target: "draw" };
  expect(wordStuck({ reason: "JobHeldUser", isHeld: true, count: 3 }, of)).toBe(
    "Slurm holds 3 batches of draw (job 12, JobHeldUser). They wait until somebody says: scontrol release 12",
  );
  expect(wordStuck({ reason: "JobHeldAdmin", isHeld: true, count: 1 }, of)).toBe(
    "Slurm holds a batch of draw (job 12, JobHeldAdmin). It waits until its administrators let it go",
  );
  expect(wordStuck({ reason: "InvalidQOS", isHeld: false, count: 2 }, of)).toContain(
    "they ask for what it does not give",
  );
});
