// A batch away from its driver pays for no more calls than it was told: the real program of a batch, without a cluster.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ResultLine } from "../src/backends/executors/remote/batch.ts";
import { sentCalls } from "../src/backends/executors/remote/errand.ts";
import type { SentResults } from "../src/backends/executors/remote/sent-results.ts";
import { Budget } from "../src/backends/executors/budget.ts";
import { UnaffordableCall, type FoundCall, type Payment } from "../src/backends/executors/executor.ts";
import { Calls } from "../src/runs/calls.ts";
import { batchProgram } from "./batch.fixture.ts";

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
  const batch = batchProgram(
    recipe,
    (folder) => usd.map((each, n) => ({ n, usd: each, ledger: join(folder, "ledger.txt") })),
    maxUsd,
  );
  const ledger = batch.at("ledger.txt");
  const paid = () => (existsSync(ledger) ? readFileSync(ledger, "utf8").trimEnd().split("\n").map(Number) : []);
  return { ...batch, paid };
}

function kindsOf(lines: readonly ResultLine[]): readonly string[] {
  return lines.flatMap((line) => ("i" in line ? [`${line.i} ${line.outcome.kind} ${line.outcome.costUsd}`] : []));
}

test("a batch pays for no more than it was told, and tells of the rest that it is not paid for", async () => {
  const batch = batchOf([0.25, 0.25, 0.25, 0.25], 0.5);
  const lines = await batch.run(0);
  expect(kindsOf(lines)).toEqual(["0 done 0.25", "1 done 0.25", "2 unaffordable 0", "3 unaffordable 0"]);
  expect(lines.find((line) => "i" in line && line.i === 2)).toMatchObject({
    outcome: { message: "a call costs up to $0.25, and $0 is left of the $0.50 that this batch may spend" },
  });
  expect(lines.at(-1)).toEqual({ end: true });
  expect(batch.paid()).toEqual([0, 1]);
});

test("a batch that was told nothing pays for all of it; what costs less may still be paid for", async () => {
  expect(kindsOf(await batchOf([0.25, 0.25, 0.25], undefined).run(0))).toEqual([
    ...["0 done 0.25", "1 done 0.25", "2 done 0.25"],
  ]);
  expect(kindsOf(await batchOf([0.25, 0.5, 0.25], 0.5).run(0))).toEqual([
    ...["0 done 0.25", "1 unaffordable 0", "2 done 0.25"],
  ]);
});

test("a batch that is started again has spent what its first start spent", async () => {
  const batch = batchOf([0.25, 0.25, 0.25, 0.25], 0.75);
  const first = await batch.run(0);
  expect(batch.paid()).toEqual([0, 1, 2]);
  // As if the node had been lost when two had ended.
  const kept = first.filter((line) => "i" in line && line.i < 2);
  writeFileSync(batch.resultFile(0), kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
  // The third answer is remembered, and free; nothing is left for the fourth, though nobody heard of the third.
  expect(kindsOf(await batch.run(1))).toEqual(["2 done 0", "3 unaffordable 0"]);
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
