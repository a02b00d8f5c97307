// The Slurm executor beside a cluster that is steered: moments that no real one can be brought to at will.

import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FolderCarrier } from "../../src/backends/executors/remote/carrier.ts";
import { SubmissionFolder, submissionsFolder, submissionsOf } from "../../src/backends/executors/remote/submission.ts";
import type { BatchStates } from "../../src/backends/executors/slurm/states.ts";
import { SlurmPlatform, type SlurmPlatformOptions } from "../../src/backends/executors/slurm.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { drive, full, key, setup } from "../steered.fixture.ts";

// The clock that is steered is the global one, and that of the module another.
vi.mock("node:perf_hooks", () => ({ performance: { now: () => performance.now() } }));

type Steered = SlurmPlatformOptions["cluster"];

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** One batch each, all in one state. */
function queueOf(scripts: readonly string[], state: string): ReadonlyMap<string, BatchStates> {
  const names = scripts.map((script) => new SubmissionFolder(dirname(script)).intent()!.jobName);
  return new Map(names.map((name) => [name, new Map([[0, { state, node: "n1", reason: undefined }]])]));
}

interface Faults extends Partial<Steered> {
  readonly carrier?: Partial<FolderCarrier>;
}

function steer(cluster: Partial<Steered>, carrier: Partial<FolderCarrier> = {}) {
  const submitted: string[] = [];
  const whole: Steered = {
    problem: () => Promise.resolve(undefined),
    largestArray: () => Promise.resolve(1000),
    submit: (script) => {
      submitted.push(script);
      return Promise.resolve({ kind: "accepted", job: String(submitted.length) });
    },
    jobNamed: () => Promise.resolve({ job: undefined }),
    jobsNamed: () => Promise.resolve([]),
    queue: () => Promise.resolve(queueOf(submitted, "RUNNING")),
    fate: () => Promise.resolve(undefined),
    knows: () => Promise.resolve(true),
    cancel: () => Promise.resolve(true),
    cancelBatches: () => Promise.resolve(true),
    ...cluster,
  };
  const platformOf = (warn: (text: string) => void) =>
    new SlurmPlatform({ cluster: whole, settings: { poll: 1 }, targets: {}, jobPrefix: "exp-x", warn });
  return { submitted, platform: platformOf(() => undefined), ...drive(platformOf, carrier) };
}

test("interrupted while the cluster takes nothing, it does not wait for the next asking", async () => {
  const { outcomes, warnings, stop, run } = steer({
    submit: () => Promise.resolve({ kind: "not-now", message: "busy", isUnclear: false, isTooMany: false }),
  });
  const running = run();
  await vi.advanceTimersByTimeAsync(100);
  expect(warnings).toEqual(["Slurm does not take batches now, and is asked again: busy"]);
  stop.abort();
  // The clock stands still: whoever waits for it waits for ever.
  await running;
  expect(outcomes).toEqual([{ kind: "not-begun" }]);
});

test.each([
  ["it is written down for its batches", { carrier: { send: full } }],
  ["what batches have come to is read", { carrier: { collect: full } }],
  ["the cluster is told of it", { submit: full }],
  ["the cluster is asked", { queue: full }],
])("an error when %s ends the order with it", async (_, { carrier = {}, ...cluster }: Faults) => {
  const { executor, run } = steer(cluster, carrier);
  const running = run();
  const failed = expect(running).rejects.toMatchObject({ code: "ENOSPC" });
  await vi.advanceTimersByTimeAsync(5_000);
  await failed;
  // Nothing waits for what was not sent, whatever else goes wrong.
  await Promise.allSettled([executor.close(), vi.advanceTimersByTimeAsync(60_000)]);
});

test("how many batches an array may have is asked for until it is known", async () => {
  const answers = [undefined, 7, 9];
  const { platform } = steer({ largestArray: () => Promise.resolve(answers.shift()) });
  const asked = [await platform.mostBatches(), await platform.mostBatches(), await platform.mostBatches()];
  expect(asked).toEqual([1000, 7, 7]);
});

test("a batch that is held is told of once, and again when it was let go meanwhile", async () => {
  let reason = "JobHeldUser";
  const states = () => new Map([[0, { state: "PENDING", node: undefined, reason }]]);
  const { submitted, warnings, run } = steer({
    queue: () => Promise.resolve(new Map([...queueOf(submitted, "PENDING").keys()].map((name) => [name, states()]))),
  });
  void run();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(warnings).toEqual([expect.stringContaining("Slurm holds a batch of draw (job 1, JobHeldUser)")]);
  reason = "Priority";
  await vi.advanceTimersByTimeAsync(10_000);
  expect(warnings.length).toBe(1);
  reason = "launch failed requeued held";
  await vi.advanceTimersByTimeAsync(10_000);
  reason = "Priority";
  await vi.advanceTimersByTimeAsync(10_000);
  reason = "JobHeldUser";
  await vi.advanceTimersByTimeAsync(10_000);
  expect(warnings.map((text) => /, (\w+)\)/.exec(text)![1])).toEqual([
    "JobHeldUser",
    "launch_failed_requeued_held",
    "JobHeldUser",
  ]);
});

test("a batch that asks for too much is told of once, whichever reason the cluster's schedulers give", async () => {
  const reasons = ["PartitionConfig", "PartitionTimeLimit", "Priority", "PartitionConfig", "PartitionTimeLimit"];
  const state = () => ({ state: "PENDING", node: undefined, reason: reasons.shift() ?? "Priority" });
  const { submitted, warnings, run } = steer({
    queue: () =>
      Promise.resolve(
        new Map([...queueOf(submitted, "PENDING").keys()].map((name) => [name, new Map([[0, state()]])])),
      ),
  });
  void run();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(reasons).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining("Slurm does not begin a batch of draw (job 1, PartitionConfig)")]);
});

test("what is not handed over yet when something has failed is not begun", async () => {
  const { submitted, outcomes, hold, run } = steer({});
  const running = run();
  hold.abort();
  await vi.advanceTimersByTimeAsync(100);
  await running;
  expect(outcomes).toEqual([{ kind: "not-begun" }]);
  expect(submitted).toEqual([]);
});

test("what a dead driver has left, of which a silent cluster cannot say whether it was taken, is submitted when it answers that it knows nothing", async () => {
  let isSilent = true;
  const { runFolder, submitted, warnings, run } = steer({
    jobNamed: () => Promise.resolve(isSilent ? undefined : { job: undefined }),
    queue: () => Promise.resolve(isSilent ? undefined : queueOf(submitted, "RUNNING")),
  });
  const left = new SubmissionFolder(join(runFolder, submissionsFolder, "left"));
  left.prepare({ setup, secrets: {}, orders: [] });
  const intent = { id: "left", run: "r", target: "draw", at: Date.now(), driver: "x-0", jobName: "exp-x-left-draw" };
  left.writeIntent({ ...intent, batches: [[key]] });
  void run();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(submitted).toEqual([]);
  isSilent = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(submitted.length).toBe(1);
  expect(warnings.join()).toContain("Slurm knows nothing of it any more");
  expect(submissionsOf(runFolder).length).toBe(2);
});

test("what was cancelled and has not ended keeps its folder: the next build takes in what it still writes", async () => {
  const submitted: string[] = [];
  const { executor, runFolder, stop, run } = steer({
    queue: () => Promise.resolve(queueOf(submitted, "COMPLETING")),
    submit: (script) => {
      submitted.push(script);
      return Promise.resolve({ kind: "accepted", job: "1" });
    },
  });
  const running = run();
  await vi.advanceTimersByTimeAsync(3000);
  stop.abort();
  await vi.advanceTimersByTimeAsync(20_000);
  await running;
  await executor.close();
  expect(submissionsOf(runFolder).map(({ isGivenUp }) => isGivenUp)).toEqual([true]);
});

test("what an earlier build left under other keys stays while the cluster cannot say whether it runs, and is told when it can", async () => {
  let isSilent = true;
  const { executor, runFolder, warnings } = steer({
    queue: () =>
      Promise.resolve(
        isSilent
          ? undefined
          : queueOf(
              submissionsOf(runFolder).map(({ path }) => join(path, "submit.sh")),
              "RUNNING",
            ),
      ),
  });
  const left = new SubmissionFolder(join(runFolder, submissionsFolder, "left"));
  left.prepare({ setup, secrets: {}, orders: [] });
  const intent = { id: "left", run: "r", target: "draw", at: Date.now(), driver: "x-0", jobName: "exp-x-left-draw" };
  left.writeIntent({ ...intent, batches: [[digestOfBytes("of another code")]] });
  await executor.close();
  expect(submissionsOf(runFolder).length).toBe(1);
  expect(warnings.join()).not.toContain("nobody asks for");
  isSilent = false;
  await executor.close();
  expect(submissionsOf(runFolder).length).toBe(1);
  expect(warnings.join()).toContain("1 batch of earlier builds that nobody asks for any more waits or runs on Slurm");
});
