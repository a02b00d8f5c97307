// A batch away from its driver pays for no more calls than it was told: the real program of a batch, without a cluster.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ResultLine } from "../src/backends/executors/remote/batch.ts";
import { sentCalls } from "../src/backends/executors/remote/errand.ts";
import type { SentResults } from "../src/backends/executors/remote/sent-results.ts";
import { SubmissionFolder } from "../src/backends/executors/remote/submission.ts";
import { Budget } from "../src/backends/executors/budget.ts";
import { UnaffordableCall, type FoundCall, type Order, type Payment } from "../src/backends/executors/executor.ts";
import { digestOfBytes } from "../src/model/digest.ts";
import { Calls } from "../src/runs/calls.ts";
import { readLog } from "../src/util/append-log.ts";
import { repository } from "./rig.ts";

const program = join(repository, "dist", "batch.js");

/** Each item pays a quarter of a dollar, or as much as it is told, and writes it down where nothing is remembered. */
const recipe = `module.exports.recipe = async ({ item, call, outputs }) => {
  const { appendFileSync } = require("node:fs");
  await call({ request: item.n, maxUsd: item.usd }, async () => {
    appendFileSync(item.ledger, item.n + "\\n");
    return { response: item.n, costUsd: item.usd };
  });
  await outputs.out.write(item.n);
};
`;

function batchOf(usd: readonly number[], maxUsd: number | undefined) {
  const root = mkdtempSync(join(tmpdir(), "exp-batch-money-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const at = (...names: string[]) => join(root, ...names);
  for (const name of ["cache/blobs", "calls", "tmp"]) mkdirSync(at(name), { recursive: true });
  writeFileSync(at("recipe.cjs"), recipe);
  const ledger = at("ledger.txt");
  const items = usd.map((each, n) => ({
    ...{ key: digestOfBytes(`item ${n}`), settings: null, item: { n, usd: each, ledger }, inputs: {} },
    ...{ logFile: at(`${n}.log`), setupKey: "same" },
  }));
  const order: Order = {
    ...{ key: digestOfBytes("all"), target: "rate", part: "item", told: {}, inputs: {}, items, guarded: [] },
    code: { kind: "module", bundle: at("recipe.cjs"), resolveFrom: at("recipe.cjs"), vectorised: false },
    outputs: { out: { format: "json", ext: ".json", optional: false } },
    ...{ environment: {}, secrets: {}, tools: {}, resources: {}, timeoutMs: undefined, memoryMiB: undefined },
    ...{ attempt: 1, logFile: at("logs") },
  };
  const setup = {
    ...{ cacheFolder: at("cache"), blobsFolder: at("cache", "blobs"), callsFolder: at("calls"), callsNotBefore: 0 },
    ...{ mayPay: true, nodeMajor: Number(process.versions.node.split(".")[0]), what: "run r" },
    ...(maxUsd !== undefined && { maxUsd }),
  };
  const folder = new SubmissionFolder(at("submission"));
  folder.prepare({ setup, secrets: {}, orders: [order] });
  folder.writeIntent({
    ...{ id: "one", run: "r", target: "rate", at: 0, driver: "d", jobName: "j" },
    batches: [items.map(({ key }) => key)],
  });
  const run = (start: number) => {
    const env = { PATH: process.env.PATH, TMPDIR: at("tmp") };
    const { status, stderr } = spawnSync(process.execPath, [program, folder.path, "0", String(start)], {
      ...{ env, encoding: "utf8" },
    });
    expect(status, stderr).toBe(0);
    return readLog<ResultLine>(folder.resultFile(0, start)).lines;
  };
  return {
    run,
    resultFile: (start: number) => folder.resultFile(0, start),
    paid: () => (existsSync(ledger) ? readFileSync(ledger, "utf8").trimEnd().split("\n").map(Number) : []),
  };
}

function kindsOf(lines: readonly ResultLine[]): readonly string[] {
  return lines.flatMap((line) => ("i" in line ? [`${line.i} ${line.outcome.kind} ${line.outcome.costUsd}`] : []));
}

test("a batch pays for no more than it was told, and tells of the rest that it is not paid for", () => {
  const batch = batchOf([0.25, 0.25, 0.25, 0.25], 0.5);
  const lines = batch.run(0);
  expect(kindsOf(lines)).toEqual(["0 done 0.25", "1 done 0.25", "2 unaffordable 0", "3 unaffordable 0"]);
  expect(lines.find((line) => "i" in line && line.i === 2)).toMatchObject({
    outcome: { message: "a call costs up to $0.25, and $0 is left of the $0.50 that this batch may spend" },
  });
  expect(lines.at(-1)).toEqual({ end: true });
  expect(batch.paid()).toEqual([0, 1]);
});

test("a batch that was told nothing pays for all of it; what costs less may still be paid for", () => {
  expect(kindsOf(batchOf([0.25, 0.25, 0.25], undefined).run(0))).toEqual([
    ...["0 done 0.25", "1 done 0.25", "2 done 0.25"],
  ]);
  expect(kindsOf(batchOf([0.25, 0.5, 0.25], 0.5).run(0))).toEqual([
    ...["0 done 0.25", "1 unaffordable 0", "2 done 0.25"],
  ]);
});

test("a batch that is started again has spent what its first start spent", () => {
  const batch = batchOf([0.25, 0.25, 0.25, 0.25], 0.75);
  const first = batch.run(0);
  expect(batch.paid()).toEqual([0, 1, 2]);
  // As if the node had been lost when two had ended.
  const kept = first.filter((line) => "i" in line && line.i < 2);
  writeFileSync(batch.resultFile(0), kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
  // The third answer is remembered, and free; nothing is left for the fourth, though nobody heard of the third.
  expect(kindsOf(batch.run(1))).toEqual(["2 done 0", "3 unaffordable 0"]);
  expect(batch.paid()).toEqual([0, 1, 2]);
});

test("what a batch sends away is refused and set aside by the same account, before the answer is sent", async () => {
  const root = mkdtempSync(join(tmpdir(), "exp-batch-money-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const budget = new Budget(0.5);
  const calls = new Calls(root, {
    ...{ now: () => 1, notBefore: 0 },
    money: { budget, spender: "this batch", warn: () => undefined },
  });
  onTestFinished(() => calls.close());
  const sent: unknown[] = [];
  const log = { keepCall: (call: unknown) => Promise.resolve(void sent.push(call)) } as unknown as SentResults;
  const desk = sentCalls(calls, log, () => 7);
  const first = await desk.find("a", 0, { maxUsd: 0.5 });
  expect(budget.leftUsd).toBe(0);
  await paymentIn(first).remember({ response: 1, costUsd: 0.25 });
  expect(sent).toEqual([{ request: "a", draw: 0, response: 1, costUsd: 0.25, at: 7 }]);
  await expect(desk.find("b", 0, { maxUsd: 0.5 })).rejects.toThrow(UnaffordableCall);
  paymentIn(await desk.find("c", 0, { maxUsd: 0.25 })).writeOff();
  expect([budget.spentUsd, budget.hasNoneOpen]).toEqual([0.5, true]);
});

test("an answer that cannot be sent away is spent, and others who ask the same do not wait for it", async () => {
  const root = mkdtempSync(join(tmpdir(), "exp-batch-money-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const budget = new Budget(1);
  const money = { budget, spender: "this batch", warn: () => undefined };
  const calls = new Calls(root, { now: () => 1, notBefore: 0, money });
  onTestFinished(() => calls.close());
  const log = { keepCall: () => Promise.reject(new Error("gone")) } as unknown as SentResults;
  const desk = sentCalls(calls, log, () => 7);
  const first = await desk.find("a", 0, { maxUsd: 0.5 });
  const second = desk.find("a", 0, { maxUsd: 0.5 });
  await expect(paymentIn(first).remember({ response: 1, costUsd: 0.25 })).rejects.toThrow("gone");
  paymentIn(await second).abandon();
  expect([budget.spentUsd, budget.hasNoneOpen]).toEqual([0.5, true]);
});

function paymentIn(found: FoundCall): Payment {
  if (!("payment" in found)) throw new Error("it was answered");
  return found.payment;
}
