import { expect, test } from "vitest";

import { eloExpected, jensenShannonDivergence, klDivergence, vendiScore } from "../../src/stats/index.ts";
import { expectClose } from "./expect-close.ts";

test("the Vendi score counts effective kinds", () => {
  const identity = [0, 1, 2].map((i) => [0, 1, 2].map((j) => (i === j ? 1 : 0)));
  expectClose(vendiScore(identity), 3, 1e-14);
  expectClose(vendiScore(identity.map((row) => row.map(() => 1))), 1, 1e-14);
  // Eigenvalues of K/3 are 1.9/3, 0.1/3 and 1/3.
  const known = Math.exp(-[1.9, 0.1, 1].reduce((total, value) => total + (value / 3) * Math.log(value / 3), 0));
  expectClose(
    vendiScore([
      [1, 0.9, 0],
      [0.9, 1, 0],
      [0, 0, 1],
    ]),
    known,
    1e-14,
  );
  expectClose(
    vendiScore(
      [
        [1, 0.9, 0],
        [0.9, 1, 0],
        [0, 0, 1],
      ],
      Infinity,
    ),
    3 / 1.9,
    1e-14,
  );
  expectClose(
    vendiScore(
      [
        [1, 0.9, 0],
        [0.9, 1, 0],
        [0, 0, 1],
      ],
      2,
    ),
    9 / (1.9 ** 2 + 0.1 ** 2 + 1),
    1e-14,
  );
});

test("what is no similarity is refused", () => {
  expect(() =>
    vendiScore([
      [1, 0.5],
      [0.4, 1],
    ]),
  ).toThrow(/must be symmetric/);
  expect(() =>
    vendiScore([
      [2, 0],
      [0, 1],
    ]),
  ).toThrow(/K\[0\]\[0\] is 2/);
  expect(() => vendiScore([])).toThrow(/the matrix is empty/);
});

test("divergences are in nats, scale counts, and never NaN", () => {
  expectClose(klDivergence([1, 3], [2, 2]), 0.25 * Math.log(0.5) + 0.75 * Math.log(1.5), 1e-14);
  expect(klDivergence([0, 1], [0.5, 0.5])).toBe(Math.log(2));
  expect(klDivergence([1, 1], [1, 0])).toBe(Infinity);
  expectClose(jensenShannonDivergence([1, 0], [0, 1]), Math.LN2, 1e-14);
  expect(jensenShannonDivergence([2, 3], [4, 6])).toBe(0);
  expect(() => klDivergence([0, 0], [1, 1])).toThrow(/some positive one/);
});

test("Elo's expectation is even for equals and ten to one at 400 points", () => {
  expect(eloExpected(1500, 1500)).toBe(0.5);
  expectClose(eloExpected(1900, 1500), 10 / 11, 1e-14);
});
