// What a batch tells of recipes that fail while it is being ended: the real program of a batch, without a cluster.

import type { ChildProcess } from "node:child_process";
import { readFileSync, stat, writeFileSync } from "node:fs";
import { setTimeout as after } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Executor, Outcome, Order } from "../src/backends/executors/executor.ts";
import { runBatch, type Batch, type ResultLine } from "../src/backends/executors/remote/batch.ts";
import { batchProgram, type BatchProgram } from "./batch.fixture.ts";

/** Tells its worker's process, and waits; once there is a `gate`, it does not. */
const recipe = `const fs = require("node:fs");
module.exports.recipe = async ({ item, outputs }) => {
  fs.appendFileSync(item.folder + "/workers", process.pid + "\\n");
  while (item.n === 1 && !fs.existsSync(item.folder + "/gate")) await new Promise((resolve) => setTimeout(resolve, 20));
  if (item.n === 2) throw new Error("no luck");
  await outputs.out.write(item.n);
};
`;

const batchOf = () => batchProgram(recipe, (folder) => [0, 1, 2].map((n) => ({ n, folder })));

/** Of the worker that is at item 1, once it has told how item 0 ended. */
async function workerAtOne(batch: BatchProgram): Promise<number> {
  while (batch.told(0).length === 0) await after(20);
  for (;;) {
    const workers = readFileSync(batch.at("workers"), "utf8").trimEnd().split("\n");
    if (workers.length === 2) return Number(workers[1]);
    await after(20);
  }
}

const endOf = (child: ChildProcess) =>
  new Promise((resolve) => child.once("close", (status, signal) => resolve(status ?? signal)));

/** Of three items, as `run` has them end, with a log that `append`s so. */
function batchWith(run: Executor["run"], append: (line: ResultLine) => void): Batch {
  return {
    order: { items: [{}, {}, {}], guarded: [] } as unknown as Order,
    ended: new Set<number>(),
    executor: { name: "steered", run, close: () => Promise.resolve() },
    log: { append, commit: () => Promise.resolve() },
    ...{ by: "a@b", isAsSeen: () => true, memoryKills: () => 0 },
  };
}

function outcomes(lines: readonly ResultLine[]): readonly unknown[] {
  return lines.map((line) => ("i" in line ? `${line.i} ${line.outcome.kind}` : line));
}

test("what fails because its batch is ended has not failed, though it hears of it first", async () => {
  const batch = batchOf();
  const child = batch.start(0);
  const ended = endOf(child);
  const worker = await workerAtOne(batch);
  // As Slurm ends all processes of a batch, one after the other.
  process.kill(worker, "SIGTERM");
  await after(100);
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  expect(outcomes(batch.told(0))).toEqual(["0 done"]);
  writeFileSync(batch.at("gate"), "");
  expect(outcomes(await batch.run(1))).toEqual(["1 done", "2 failed", { end: true }]);
});

test("a recipe whose process is ended alone has failed, and the others have their turn", async () => {
  const batch = batchOf();
  const child = batch.start(0);
  const ended = endOf(child);
  process.kill(await workerAtOne(batch), "SIGTERM");
  expect(await ended).toBe(0);
  expect(outcomes(batch.told(0))).toEqual(["0 done", "1 failed", "2 failed", { end: true }]);
});

const failed: Outcome = { kind: "failed", why: "threw", message: "no", retryable: false, tookMs: 1, costUsd: 0 };

test("a signal that came while the process was busy is heard of before a failure is believed", async () => {
  const lines: ResultLine[] = [];
  const stop = new AbortController();
  process.once("SIGUSR2", () => stop.abort());
  const run: Executor["run"] = async (_, settle) => {
    settle(0, failed);
    await after(500);
    // From here on it is busy with what the loop has just read: timers that run out meanwhile come before the signal.
    await new Promise<void>((resolve) => stat("/", () => resolve()));
    process.kill(process.pid, "SIGUSR2");
    const until = Date.now() + 1_500;
    while (Date.now() < until);
  };
  await runBatch(
    batchWith(run, (line) => void lines.push(line)),
    stop.signal,
  );
  expect(lines).toEqual([]);
});

test("where nothing can be written down any more, nothing is begun, and it is told why", async () => {
  const begun: number[] = [];
  const run: Executor["run"] = async (_, settle, { stop }) => {
    for (let index = 0; index < 3; index++) {
      if (stop.aborted) settle(index, { kind: "not-begun" });
      else {
        begun.push(index);
        settle(index, { kind: "done", outputs: {}, tookMs: 1, costUsd: 0, startedAt: 0 });
        await after(50);
      }
    }
  };
  const batch = batchWith(run, () => {
    throw new Error("no space left");
  });
  await expect(runBatch(batch, new AbortController().signal)).rejects.toThrow("no space left");
  expect(begun).toEqual([0]);
});
