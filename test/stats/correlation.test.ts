import { expect, test } from "vitest";

import { kendall, pearson, spearman } from "../../src/stats/index.ts";
import { expectClose } from "./expect-close.ts";

// Hollander and Wolfe (1973), page 187, as in the examples of R's cor.test.
const X = [44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1];
const Y = [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8];
// 16 pairs without ties.
const X16 = [
  -0.626, 0.184, -0.836, 1.595, 0.33, -0.82, 0.487, 0.738, 0.576, -0.305, 1.512, 0.39, -0.621, -2.215, 1.125, -0.045,
];
const Y16 = [
  -0.267, 1.017, 0.487, 1.232, 1.051, 0.454, 0.269, -1.694, 0.85, -0.178, 0.449, -1.315, -0.727, -0.468, 1.809, -0.121,
];

test("Pearson's, Spearman's and Kendall's tests are those of R 4.2.2 cor.test(exact = TRUE)", () => {
  const r = pearson(X, Y);
  expectClose([r.r, r.pValue], [0.5711815575638287, 0.1081730543494938], 1e-12);
  expectClose(r.interval!, [-0.1497426330367572, 0.8955794618387393], 1e-12);
  const rho = spearman(X, Y);
  expect(rho.method).toBe("exact");
  expectClose([rho.rho, rho.pValue], [0.6, 0.09679783950617284], 1e-12);
  const tau = kendall(X, Y);
  expectClose([tau.tau, tau.pValue], [0.4444444444444445, 0.1194389329805996], 1e-12);
});

test("sixteen pairs: Edgeworth series and exact Kendall as in R 4.2.2", () => {
  const rho = spearman(X16, Y16);
  expect(rho.method).toBe("edgeworth");
  expectClose(rho.pValue, 0.2041755981413618, 1e-12);
  expectClose(kendall(X16, Y16).pValue, 0.1949167333374122, 1e-12);
});

test("Kendall's tau-b with ties has the corrected normal p of R 4.2.2", () => {
  const tied = kendall([1, 2, 2, 3, 4, 5, 5, 6], [2, 1, 3, 3, 4, 4, 6, 5]);
  expect(tied.method).toBe("normal");
  expectClose([tied.tau, tied.pValue], [0.7692307692307694, 0.01074757758046006], 1e-12);
  const tripled = kendall([1, 1, 1, 2, 3, 4, 5, 5], [2, 1, 2, 2, 4, 4, 4, 6]);
  expectClose([tripled.tau, tripled.pValue], [0.8268688657895648, 0.009866946635559804], 1e-12);
});

test("a perfect correlation has p from the orders alone, and is never NaN", () => {
  expect(pearson([1, 2, 3], [2, 4, 6])).toEqual({ r: 1, pValue: 0, interval: null });
  expectClose(spearman([1, 2, 3, 4], [1, 2, 3, 4]).pValue, 2 / 24, 1e-13);
  expectClose(kendall([1, 2, 3, 4], [4, 3, 2, 1]).pValue, 2 / 24, 1e-13);
});

test("a column that does not vary is refused", () => {
  expect(() => pearson([1, 1, 1], [1, 2, 3])).toThrow(
    new RangeError("pearson: all values of x are equal, so there is no correlation to measure."),
  );
});
