import { expect, test } from "vitest";

import {
  cohenKappa,
  fleissKappa,
  icc,
  krippendorffAlpha,
  krippendorffAlphaOfUnits,
  randolphKappa,
} from "../../src/stats/index.ts";
import { expectClose } from "./expect-close.ts";

// K. Krippendorff (2011), example C: four observers, 12 units, missing ratings; the alphas are printed there.
const _ = null;
const OBSERVERS = [
  [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
  [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
  [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
  [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
];

test("Krippendorff's alpha has the published values on all four levels", () => {
  expect(krippendorffAlpha(OBSERVERS, "nominal")).toBeCloseTo(0.743, 3);
  expect(krippendorffAlpha(OBSERVERS, "ordinal")).toBeCloseTo(0.815, 3);
  expect(krippendorffAlpha(OBSERVERS, "interval")).toBeCloseTo(0.849, 3);
  expect(krippendorffAlpha(OBSERVERS, "ratio")).toBeCloseTo(0.797, 3);
});

test("alpha does not change when raters swap places within units", () => {
  const units = OBSERVERS[0]!.map((_unit, i) => OBSERVERS.map((row) => row[i]).reverse());
  expectClose(krippendorffAlphaOfUnits(units, "interval"), krippendorffAlpha(OBSERVERS, "interval"), 1e-14);
});

test("alpha takes texts on the nominal level", () => {
  expect(
    krippendorffAlpha(
      [
        ["a", "b", null],
        ["a", "b", "c"],
      ],
      "nominal",
    ),
  ).toBe(1);
});

test("alpha is refused, not NaN, when nothing varies or nothing pairs", () => {
  expect(() =>
    krippendorffAlpha(
      [
        [3, 3],
        [3, 3],
      ],
      "interval",
    ),
  ).toThrow(
    new RangeError(
      "krippendorffAlpha: all 4 ratings are equal, so there is no disagreement to expect by chance and alpha is undefined; rate units that differ.",
    ),
  );
  expect(() =>
    krippendorffAlpha(
      [
        [1, null],
        [null, 2],
      ],
      "nominal",
    ),
  ).toThrow(/no unit has two ratings/);
  expect(() =>
    krippendorffAlpha(
      [
        [1, NaN],
        [1, 2],
      ],
      "interval",
    ),
  ).toThrow(RangeError);
});

test("Fleiss' kappa of the 14 raters of the textbook example is 0.210", () => {
  // The worked example of J. Fleiss's statistic with 10 subjects, 14 raters, 5 categories: kappa 0.210, P̄ 0.378, Pe 0.213.
  const counts = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
  ];
  expect(fleissKappa(counts)).toBeCloseTo(0.21, 3);
  expectClose(randolphKappa(counts), (0.378021978021978 - 0.2) / 0.8, 1e-12);
});

test("Fleiss' kappa asks for equally many raters per subject", () => {
  expect(() =>
    fleissKappa([
      [3, 0],
      [1, 1],
    ]),
  ).toThrow(/row 1 holds 2 ratings and row 0 holds 3/);
});

const TABLE = [
  [44, 5, 1],
  [7, 20, 3],
  [9, 5, 6],
];

test("Cohen's kappa, plain and weighted, is that of R psych 2.2.9 cohen.kappa", () => {
  expectClose(cohenKappa(TABLE).kappa, 0.491525423728814, 1e-13);
  expectClose(cohenKappa(TABLE, { weights: "quadratic" }).kappa, 0.454545454545455, 1e-13);
  expectClose(cohenKappa(TABLE, { weights: "linear" }).kappa, 0.473684210526316, 1e-13);
  const plain = cohenKappa([
    [20, 5],
    [10, 15],
  ]);
  expectClose(plain.ase ** 2, 0.016128, 1e-12);
  expectClose([plain.low, plain.high], [0.151092290476661, 0.648907709523339], 1e-12);
});

test.each(["none", "linear", "quadratic"] as const)(
  "the errors of kappa with %s weights are those of the delta method on the cell probabilities",
  (weights) => {
    const result = cohenKappa(TABLE, { weights });
    const n = 100;
    const rows = TABLE.map((row) => row.reduce((a, b) => a + b) / n);
    const columns = TABLE[0]!.map((_column, j) => TABLE.reduce((total, row) => total + row[j]!, 0) / n);
    const errorAt = (shares: number[][]): number => {
      const h = 1e-6;
      const kappaOf = (i: number, j: number, by: number): number =>
        cohenKappa(
          shares.map((row, a) => row.map((share, b) => share + (a === i && b === j ? by : 0))),
          { weights },
        ).kappa;
      let [first, second] = [0, 0];
      shares.forEach((row, i) =>
        row.forEach((share, j) => {
          const slope = (kappaOf(i, j, h) - kappaOf(i, j, -h)) / (2 * h);
          first += share * slope;
          second += share * slope ** 2;
        }),
      );
      return Math.sqrt((second - first ** 2) / n);
    };
    expectClose(result.ase, errorAt(TABLE.map((row) => row.map((count) => count / n))), 1e-7);
    expectClose(result.ase0, errorAt(rows.map((p) => columns.map((q) => p * q))), 1e-7);
  },
);

test("the six intraclass correlations are those of R psych 2.2.9 ICC on the data of Shrout and Fleiss", () => {
  const r = icc([
    [9, 2, 5, 8],
    [6, 1, 3, 2],
    [8, 4, 6, 8],
    [7, 1, 2, 6],
    [10, 5, 6, 9],
    [6, 2, 4, 7],
  ]);
  expectClose(
    [r.icc1, r.icc2, r.icc3, r.icc1k, r.icc2k, r.icc3k],
    [
      0.1657417684054756, 0.2897637795275592, 0.7148407148407149, 0.4427971336792689, 0.6200505475989893,
      0.9093155423770695,
    ],
    1e-12,
  );
});
