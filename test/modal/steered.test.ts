// The Modal executor beside a cloud that is steered.

import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Budget } from "../../src/backends/executors/budget.ts";
import { ModalPlatform, type ModalPlatformOptions } from "../../src/backends/executors/modal.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { submissionsOf } from "../../src/backends/executors/remote/submission.ts";
import { drive, full, order } from "../steered.fixture.ts";

// The clock that is steered is the global one, and that of the module another.
vi.mock("node:perf_hooks", () => ({ performance: { now: () => performance.now() } }));

type Steered = ModalPlatformOptions["cloud"];

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

function steer(cloud: Partial<Steered>) {
  const begun = new Set<string>();
  const whole: Steered = {
    greet: () => Promise.resolve({ ok: true, value: undefined }),
    files: () => Promise.reject(new Error("no volume here")),
    begin: ({ name }) => {
      begun.add(name);
      return Promise.resolve({ ok: true, value: { id: name, isFound: false } });
    },
    find: () => Promise.resolve({ ok: true, value: undefined }),
    list: () => Promise.resolve({ ok: true, value: [...begun].map((id) => ({ id, isFound: true })) }),
    tagsOf: () => Promise.resolve({ ok: true, value: {} }),
    fate: () => Promise.resolve({ ok: true, value: { kind: "running" } }),
    end: () => Promise.resolve({ ok: true, value: undefined }),
    follow: async (_, __, signal) => {
      if (!signal.aborted) await once(signal, "abort");
    },
    close: () => undefined,
    ...cloud,
  };
  const platformOf = (warn: (text: string) => void) =>
    new ModalPlatform({
      ...{
        cloud: whole,
        settings: { poll: 1, parallel: 1 },
        targets: {},
        budget: new Budget(),
        nodeMajor: 20,
        prefix: "exp-x",
      },
      ...{
        prices: { asOf: "today", source: "a test", cpu: 1e-5, memory: 1e-6, gpu: {}, regions: {} },
        commandOf: () => ["true"],
        warn,
      },
    });
  return { begun, ...drive(platformOf) };
}

/** Time goes on until it is settled: containers are noted on the real disk meanwhile, which takes none of that time. */
async function inTime<T>(awaited: Promise<T>): Promise<T> {
  const settled = Promise.allSettled([awaited]).then(() => true);
  while (!(await Promise.race([settled, new Promise<false>((resolve) => setImmediate(() => resolve(false)))])))
    await vi.advanceTimersByTimeAsync(100);
  return awaited;
}

test.each<[string, Partial<Steered>]>([
  ["a container is begun", { begin: full }],
  ["what a container prints is asked for", { follow: full }],
  ["containers are listed", { list: full }],
])("an error when %s ends the order with it", async (_, cloud) => {
  const { executor, run } = steer(cloud);
  await expect(inTime(run())).rejects.toMatchObject({ code: "ENOSPC" });
  await inTime(Promise.allSettled([executor.close()]));
});

test("what a container prints and cannot be written down ends the order", async () => {
  const { executor, runFolder, run } = steer({
    follow: async (_, take) => {
      for (const folder of submissionsOf(runFolder)) mkdirSync(folder.outFile(0));
      await Promise.resolve();
      take("a line\n");
    },
  });
  await expect(inTime(run())).rejects.toMatchObject({ code: "EISDIR" });
  await inTime(Promise.allSettled([executor.close()]));
});

test("after an error no more containers are begun", async () => {
  const { executor, begun, outcomes, run } = steer({ follow: full });
  const other = { ...order, key: digestOfBytes("another action") };
  const ran = await inTime(Promise.allSettled([run(), run(other)]));
  // The other hears of the error too, unless its turn comes before: then it is not begun.
  expect(ran.map(({ status }) => status)).toContain("rejected");
  const isOtherTold = ran.every(({ status }) => status === "rejected");
  expect(outcomes).toEqual(isOtherTold ? [] : [{ kind: "not-begun" }]);
  await inTime(Promise.allSettled([executor.close()]));
  expect(begun.size).toBe(1);
});
