// So many at once, and what becomes of the others when one fails.

import { expect, test } from "vitest";
import { Lanes } from "../src/util/lanes.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("after one has failed no more are begun, and its error is told when those under way have ended", async () => {
  const begun: number[] = [];
  const ends = new Map<number, (error?: Error) => void>();
  const act = (n: number) => {
    begun.push(n);
    return new Promise<void>((resolve, reject) => ends.set(n, (error) => (error ? reject(error) : resolve())));
  };
  let state = "under way";
  const all = new Lanes(2)
    .each([1, 2, 3, 4], act)
    .then(() => (state = "done"))
    .catch((error: Error) => (state = error.message));
  await settled();
  ends.get(1)!(new Error("the first"));
  await settled();
  expect([begun, state]).toEqual([[1, 2], "under way"]);
  ends.get(2)!(new Error("the second"));
  await all;
  expect([begun, state]).toEqual([[1, 2], "the first"]);
});

test("all are begun in their order, as many at once as there are lanes", async () => {
  const begun: number[] = [];
  let [atOnce, most] = [0, 0];
  await new Lanes(3).each([1, 2, 3, 4, 5], async (n) => {
    begun.push(n);
    most = Math.max(most, ++atOnce);
    await settled();
    atOnce--;
  });
  expect([begun, most]).toEqual([[1, 2, 3, 4, 5], 3]);
});
