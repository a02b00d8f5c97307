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
const yes = { response: "yes" };

let desk: Calls;
let budget: Budget;
let warnings: string[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const folder = mkdtempSync(join(tmpdir(), "exp-paid-"));
  budget = new Budget(10);
  warnings = [];
  const warn = (text: string) => void warnings.push(text);
  desk = new Calls(folder, { now: () => 1, notBefore: 0, money: { budget, spender: "the build", warn } });
  onTestFinished(() => {
    vi.useRealTimers();
    desk.close();
    rmSync(folder, { recursive: true, force: true });
  });
});

type Answer = Extract<ToWorker, { kind: "answer" }>;

/** A worker at the desk: what it was answered, by the number of its question, and whether it only waits. */
class Asker {
  readonly answers = new Map<number, Answer>();
  isWaiting = false;
  readonly paid = new PaidCalls(desk, {
    answer: (message) => message.kind === "answer" && this.answers.set(message.call, message),
    onWait: (isWaiting) => (this.isWaiting = isWaiting),
  });

  /** Resolves when all has been done that needs neither the disk nor time. */
  async ask(call: number, request = "the same"): Promise<void> {
    this.paid.take({ kind: "find", call, request, draw: 0, maxUsd: 1 });
    await settled();
  }

  async answered(of: number, costUsd: number): Promise<void> {
    const call = of + 100;
    this.paid.take({ kind: "remember", call, of, ...yes, costUsd });
    await until(() => this.answers.has(call));
  }

  abandon(of: number): void {
    this.paid.take({ kind: "abandon", of });
  }

  leave(of: number): void {
    this.paid.take({ kind: "leave", of });
  }

  /** `waits`, `pays`, what it was answered, or why not. */
  stateOf(call: number): unknown {
    const answer = this.answers.get(call);
    return answer === undefined ? "waits" : (answer.error ?? answer.found ?? "pays");
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Without a clock: what it waits for is done on the real disk. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await settled();
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settled();
}

/** `first` pays for a call that does not answer, and its recipe has ended. `other` asks for the same. */
async function outlived(): Promise<{ first: Asker; other: Asker }> {
  const [first, other] = [new Asker(), new Asker()];
  await first.ask(1);
  expect(first.stateOf(1)).toBe("pays");
  first.leave(1);
  await other.ask(2);
  expect([other.stateOf(2), other.isWaiting]).toEqual(["waits", true]);
  return { first, other };
}

test("what a recipe that has ended still pays for is waited for, and its answer counts", async () => {
  const { first, other } = await outlived();
  await pass(14 * minutes);
  expect(other.stateOf(2)).toBe("waits");
  await first.answered(1, 0.25);
  await until(() => other.answers.has(2));
  expect([other.stateOf(2), other.isWaiting, budget.spentUsd]).toEqual([yes, false, 0.25]);
});

test("what never answers holds up others for a quarter of an hour, then one of them pays; what it may have cost counts as spent", async () => {
  const { other } = await outlived();
  const third = new Asker();
  await third.ask(3);
  await pass(15 * minutes);
  expect([other.stateOf(2), third.stateOf(3)]).toEqual(["pays", "waits"]);
  expect([budget.spentUsd, budget.reservedUsd]).toEqual([1, 1]);
  await other.answered(2, 0.5);
  await until(() => third.answers.has(3));
  expect([third.stateOf(3), budget.spentUsd]).toEqual([yes, 1.5]);
});

test("what is answered after that counts once, and is remembered", async () => {
  const { first, other } = await outlived();
  other.leave(2);
  await pass(20 * minutes);
  await first.answered(1, 0.25);
  await other.ask(4);
  expect([other.stateOf(4), budget.spentUsd, budget.hasNoneOpen]).toEqual([yes, 0.25, true]);
});

test.each([
  ["answered", (first: Asker) => first.answered(1, 0.25), 0.75],
  ["failed", (first: Asker) => Promise.resolve(first.abandon(1)), 1.5],
  ["lost with its worker", (first: Asker) => Promise.resolve(first.paid.close()), 1.5],
])(
  "what is %s while somebody else pays for the same leaves him what he set aside, and those who wait for him",
  async (_, end, spentUsd) => {
    const { first, other } = await outlived();
    await pass(15 * minutes);
    const third = new Asker();
    await third.ask(3);
    await end(first);
    await settled();
    expect([other.stateOf(2), third.stateOf(3), budget.reservedUsd]).toEqual(["pays", "waits", 1]);
    await other.answered(2, 0.5);
    await until(() => third.answers.has(3));
    expect([third.stateOf(3), budget.spentUsd, budget.hasNoneOpen, warnings]).toEqual([yes, spentUsd, true, []]);
  },
);

test("the next recipe of the same worker waits as others do, and what it then pays for is its own", async () => {
  const { first, other } = await outlived();
  other.leave(2);
  await first.ask(5);
  expect([first.stateOf(5), first.isWaiting]).toEqual(["waits", true]);
  await pass(15 * minutes);
  expect([first.stateOf(5), first.isWaiting]).toEqual(["pays", false]);
  first.abandon(1);
  await other.ask(6);
  expect([other.stateOf(6), budget.reservedUsd]).toEqual(["waits", 1]);
});

test("what a worker says after it has ended is heard: an answer is remembered, and nothing more is asked for it", async () => {
  const [first, other] = [new Asker(), new Asker()];
  await first.ask(1);
  first.paid.close();
  await other.ask(2);
  expect([other.stateOf(2), budget.reservedUsd]).toEqual(["pays", 1]);
  await first.answered(1, 0.25);
  await first.ask(3, "another");
  await other.ask(4);
  expect([other.stateOf(4), budget.spentUsd, budget.reservedUsd]).toEqual([yes, 0.25, 1]);
  await other.ask(5, "another");
  expect(other.stateOf(5)).toBe("pays");
});

test("a recipe that has ended gets nothing that it only asked for, and its worker does not wait for that", async () => {
  const [first, other] = [new Asker(), new Asker()];
  await first.ask(1);
  await other.ask(2);
  other.leave(2);
  expect(other.isWaiting).toBe(false);
  await until(() => other.answers.has(2));
  expect(other.stateOf(2)).toBe("the recipe that asked for it has ended");
  await first.answered(1, 0.25);
  expect([budget.spentUsd, budget.hasNoneOpen]).toEqual([0.25, true]);
});
