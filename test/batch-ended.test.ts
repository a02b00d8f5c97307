// What a batch tells of recipes that fail while it is being ended: the real program of a batch, without a cluster.

import type { ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as after } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ResultLine } from "../src/backends/executors/remote/batch.ts";
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
