// What a worker's recipes pay for, and who waits for it: also when a recipe ends before what it pays for.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { Budget } from "../src/backends/executors/budget.ts";
import { PaidCalls } from "../src/backends/executors/local/paid-calls.ts";
import type { ToWorker } from "../src/backends/executors/worker/protocol.ts";
import { Calls } from "../src/runs/calls.ts";

const minutes = 60_000;
const terms = { request: "the same", draw: 0, maxUsd: 1, isWithin: false };

/** A worker at a desk: what it was answered, by the number of its question, and whether it only waits. */
interface Asker {
  readonly paid: PaidCalls;
  readonly answers: Map<number, ToWorker>;
  isWaiting: boolean;
}

let desk: Calls;
let budget: Budget;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const folder = mkdtempSync(join(tmpdir(), "exp-paid-"));
  budget = new Budget(10);
  desk = new Calls(folder, {
    now: () => 1,
    notBefore: 0,
    money: { budget, spender: "the build", warn: () => undefined },
  });
  onTestFinished(() => {
    vi.useRealTimers();
    desk.close();
    rmSync(folder, { recursive: true, force: true });
  });
});

function asker(): Asker {
  const answers = new Map<number, ToWorker>();
  const made: Asker = {
    answers,
    isWaiting: false,
    paid: new PaidCalls(desk, {
      answer: (message) => message.kind === "answer" && answers.set(message.call, message),
      onWait: (isWaiting) => (made.isWaiting = isWaiting),
    }),
  };
  return made;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
/** To be answered with nothing is to be the one who pays. */
const pays = { kind: "answer", found: undefined };

async function ask({ paid }: Asker, call: number): Promise<void> {
  paid.take({ kind: "find", call, ...terms });
  await settled();
}

/** `first` pays for a call that never answers, and its recipe has ended. `other` asks for the same. */
async function outlived(): Promise<{ first: Asker; other: Asker }> {
  const [first, other] = [asker(), asker()];
  await ask(first, 1);
  expect(first.answers.get(1)).toMatchObject(pays);
  first.paid.endOrder();
  await ask(other, 2);
  expect([other.answers.size, other.isWaiting]).toEqual([0, true]);
  return { first, other };
}

test("what a recipe that has ended still pays for is waited for, and its answer counts", async () => {
  const { first, other } = await outlived();
  await vi.advanceTimersByTimeAsync(10 * minutes);
  expect(other.answers.size).toBe(0);
  first.paid.take({ kind: "remember", call: 3, ...terms, response: "yes", costUsd: 0.25 });
  await vi.waitUntil(() => other.answers.has(2));
  expect(other.answers.get(2)).toMatchObject({ found: { response: "yes" } });
  expect([other.isWaiting, budget.spentUsd]).toEqual([false, 0.25]);
});

test("what never answers holds up others for a quarter of an hour, then one of them pays; what it may have cost counts as spent", async () => {
  const { other } = await outlived();
  const third = asker();
  await ask(third, 5);
  await vi.advanceTimersByTimeAsync(15 * minutes);
  await settled();
  expect(other.answers.get(2)).toMatchObject(pays);
  expect([third.answers.size, budget.spentUsd, budget.reservedUsd]).toEqual([0, 1, 1]);
  other.paid.take({ kind: "remember", call: 6, ...terms, response: "yes", costUsd: 0.5 });
  await vi.waitUntil(() => third.answers.has(5));
  expect(third.answers.get(5)).toMatchObject({ found: { response: "yes" } });
  expect(budget.spentUsd).toBe(1.5);
});

test("what fails after somebody else began to pay for the same leaves him the one who pays", async () => {
  const { first, other } = await outlived();
  await vi.advanceTimersByTimeAsync(15 * minutes);
  await settled();
  expect(other.answers.get(2)).toMatchObject(pays);
  first.paid.take({ kind: "abandon", ...terms });
  first.paid.close();
  const third = asker();
  await ask(third, 8);
  expect([third.answers.size, budget.reservedUsd]).toEqual([0, 1]);
});

test("the next recipe of the worker is not held to account for time in which it only waits", async () => {
  const { first } = await outlived();
  await ask(first, 4);
  expect(first.isWaiting).toBe(true);
});
