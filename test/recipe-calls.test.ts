// The `call` of a recipe, in its worker: what it says to the driver, and what it does not when its recipe has ended.

import { expect, test } from "vitest";
import { CallMemory, type Spent } from "../src/backends/executors/worker/calls.ts";
import type { Lifeline } from "../src/backends/executors/worker/lifeline.ts";
import type { FromWorker } from "../src/backends/executors/worker/protocol.ts";

function recipe() {
  const said: FromWorker[] = [];
  const lifeline = { hold: () => undefined, release: () => undefined } as unknown as Lifeline;
  const memory = new CallMemory((message) => said.push(message), lifeline);
  const spent: Spent = { usd: 0, open: new Set(), calls: new Set() };
  const signal = new AbortController().signal;
  const call = memory.functionFor({ signal, spent, secrets: [], mask: undefined });
  const answer = (of: number) => memory.answer({ kind: "answer", call: of, found: undefined });
  return { said, memory, spent, call, answer, kinds: () => said.map(({ kind }) => kind) };
}

const yes = () => Promise.resolve({ response: "yes", costUsd: 0.25 });
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("what is still paid for when its recipe ends is left, and its answer remembered all the same", async () => {
  const { said, memory, spent, call, answer } = recipe();
  let send!: (answer: { response: string; costUsd: number }) => void;
  const asked = call({ request: "one" }, () => new Promise((resolve) => (send = resolve)));
  answer(0);
  await settled();
  memory.end(spent);
  expect(said.slice(1)).toEqual([{ kind: "leave", of: 0 }]);
  send({ response: "yes", costUsd: 0.25 });
  await settled();
  expect(said.at(-1)).toEqual({ kind: "remember", call: 1, of: 0, response: "yes", costUsd: 0.25 });
  answer(1);
  expect(await asked).toBe("yes");
});

test("a recipe that has ended asks for nothing, and pays for nothing that it may pay for only then", async () => {
  const { memory, spent, call, answer, kinds } = recipe();
  const late = call({ request: "one" }, () => {
    throw new Error("it was sent");
  });
  memory.end(spent);
  answer(0);
  await expect(late).rejects.toThrow("the recipe that asked for it has ended");
  await expect(call({ request: "two" }, yes)).rejects.toThrow("the recipe that asks for it has ended");
  expect([kinds(), spent.usd]).toEqual([["find", "leave", "abandon"], 0]);
});

test("a recipe that has awaited all that it asked for leaves nothing", async () => {
  const { memory, spent, call, answer, kinds } = recipe();
  const asked = call({ request: "one" }, yes);
  answer(0);
  await settled();
  answer(1);
  expect([await asked, spent.usd]).toEqual(["yes", 0.25]);
  memory.end(spent);
  expect(kinds()).toEqual(["find", "remember"]);
});
