// Against values computed with 30 digits by mpmath 1.3.0 (erfc, loggamma, gammainc, a positive series for the incomplete beta,
// quadrature for the t and noncentral t).
import { expect, test } from "vitest";

import {
  betaCdf,
  betaQuantile,
  betaSurvival,
  chiSquaredCdf,
  chiSquaredQuantile,
  fCdf,
  fQuantile,
  gammaCdf,
  gammaSurvival,
  logGamma,
  nonCentralTCdf,
  nonCentralTSurvival,
  normalCdf,
  normalQuantile,
  normalSurvival,
  tCdf,
  tQuantile,
  tSurvival,
} from "../../src/stats/index.ts";
import { expectClose } from "./expect-close.ts";

type Known = readonly [
  name: string,
  f: (...numbers: number[]) => number,
  rows: readonly (readonly [number[], number])[],
];

const KNOWN: readonly Known[] = [
  [
    "normalSurvival",
    normalSurvival,
    [
      [[0.1], 0.460172162722971],
      [[0.5], 0.3085375387259869],
      [[0.7], 0.24196365222307303],
      [[1], 0.15865525393145705],
      [[1.96], 0.024997895148220435],
      [[3], 0.0013498980316300946],
      [[5], 2.866515718791939e-7],
      [[6], 9.86587645037698e-10],
      [[8], 6.220960574271784e-16],
      [[10], 7.619853024160525e-24],
      [[20], 2.7536241186062337e-89],
      [[37], 5.725571222524577e-300],
    ],
  ],
  [
    "normalQuantile",
    normalQuantile,
    [
      [[1e-300], -37.0470962993612],
      [[1e-50], -14.933337534788489],
      [[1e-10], -6.361340902404057],
      [[1e-5], -4.264890793922825],
      [[0.001], -3.0902323061678136],
      [[0.025], -1.9599639845400543],
      [[0.2], -0.8416212335729142],
      [[0.7], 0.5244005127080407],
      [[0.975], 1.9599639845400538],
    ],
  ],
  [
    "logGamma",
    logGamma,
    [
      [[1e-5], 11.512919692895826],
      [[0.1], 2.252712651734206],
      [[0.5], 0.5723649429247001],
      [[0.9], 0.06637623973474295],
      [[1.1], -0.049872441259839764],
      [[1.5], -0.12078223763524522],
      [[1.9], -0.03898427592308336],
      [[2.1], 0.04543773854448518],
      [[3.3], 0.9870985778947344],
      [[10], 12.801827480081469],
      [[14.9], 24.924132002217277],
      [[15.1], 25.458999750992664],
      [[100.5], 361.4355404677776],
      [[1000000.0], 12815504.569147611],
    ],
  ],
  [
    "gammaCdf",
    gammaCdf,
    [
      [[0.1, 0.5], 0.345279153981423],
      [[20, 0.5], 0.9999999997460371],
      [[3, 1], 0.950212931632136],
      [[2, 2.5], 0.4505840486472198],
      [[30, 10], 0.9999928782491372],
      [[1, 10], 1.1142547833872067e-7],
      [[110, 100], 0.8417213299399129],
      [[200, 100], 0.9999999999999981],
      [[900, 1000], 0.0005499022657117829],
      [[1e-5, 0.01], 0.8963367982671973],
    ],
  ],
  [
    "gammaSurvival",
    gammaSurvival,
    [
      [[0.1, 0.5], 0.654720846018577],
      [[20, 0.5], 2.539628589470865e-10],
      [[3, 1], 0.049787068367863944],
      [[2, 2.5], 0.5494159513527802],
      [[30, 10], 7.121750862815577e-6],
      [[1, 10], 0.9999998885745217],
      [[110, 100], 0.15827867006008708],
      [[200, 100], 1.843893649711574e-15],
      [[900, 1000], 0.9994500977342882],
      [[1e-5, 0.01], 0.1036632017328028],
    ],
  ],
  [
    "betaCdf",
    betaCdf,
    [
      [[0.3, 0.5, 0.5], 0.36901011956554536],
      [[0.1, 2, 3], 0.052300000000000006],
      [[0.9, 2, 3], 0.9963],
      [[0.5, 20, 30], 0.923796114019261],
      [[0.5, 200, 300], 0.9999964565197356],
      [[0.34, 1000.0, 2000.0], 0.7812150911606427],
      [[0.01, 1, 1000], 0.9999568287525893],
      [[0.5, 0.01, 0.02], 0.6667194610412722],
      [[0.99, 500, 0.5], 0.001527357879052989],
    ],
  ],
  [
    "betaSurvival",
    betaSurvival,
    [
      [[0.3, 0.5, 0.5], 0.6309898804344546],
      [[0.1, 2, 3], 0.9477],
      [[0.9, 2, 3], 0.0036999999999999976],
      [[0.5, 20, 30], 0.07620388598073902],
      [[0.5, 200, 300], 3.543480264392538e-6],
      [[0.34, 1000.0, 2000.0], 0.21878490883935728],
      [[0.01, 1, 1000], 4.317124741065824e-5],
      [[0.5, 0.01, 0.02], 0.3332805389587278],
      [[0.99, 500, 0.5], 0.998472642120947],
    ],
  ],
  [
    "tSurvival",
    tSurvival,
    [
      [[0.01, 1], 0.49681700723509176],
      [[1, 1], 0.25],
      [[2, 3], 0.0696629842794216],
      [[12.7, 1], 0.02501216384467208],
      [[3, 17.5], 0.00393189704688242],
      [[40, 9], 9.491499224669913e-12],
      [[200, 5], 2.964883040835635e-11],
      [[6, 100], 1.5862457514014284e-8],
      [[1e-8, 5], 0.4999999962039331],
    ],
  ],
  [
    "nonCentralTSurvival",
    nonCentralTSurvival,
    [
      [[2, 10, 1], 0.19238843746962475],
      [[2, 38, 3.1622776601683795], 0.874051278874496],
      [[-1, 5, 2], 0.9976836243459248],
      [[2.1, 3, -2], 0.0006088545300501462],
      [[30, 4, 20], 0.22444219822088934],
      [[1.7, 200, 1.5], 0.42185062876088475],
      [[5, 2, 0.5], 0.038599684242525],
      [[0.3, 1, 1], 0.7730620196322642],
    ],
  ],
] as readonly Known[];

test.each(KNOWN)("%s is right to 13 digits, far tails included", (_name, f, rows) => {
  for (const [numbers, known] of rows) expectClose(f(...numbers), known, 1e-13);
});

test("quantiles undo their distribution, extreme ones too", () => {
  for (const p of [1e-12, 0.001, 0.3, 0.5, 0.975]) {
    expectClose(normalCdf(normalQuantile(p)), p, 1e-13);
    expectClose(betaCdf(betaQuantile(p, 3, 40), 3, 40), p, 1e-12);
    for (const df of [0.5, 3, 17.7, 2000]) {
      expectClose(tCdf(tQuantile(p, df), df), p, 1e-12);
      expectClose(chiSquaredCdf(chiSquaredQuantile(p, df), df), p, 1e-12);
      expectClose(fCdf(fQuantile(p, df, 9), df, 9), p, 1e-12);
    }
  }
});

test("quantiles equal those of R 4.2.2: qt(.975, 9), qchisq(.95, 3), qf(.95, 3, 17)", () => {
  expectClose(tQuantile(0.975, 9), 2.262157162798205, 1e-14);
  expectClose(chiSquaredQuantile(0.95, 3), 7.814727903251178, 1e-14);
  expectClose(fQuantile(0.95, 3, 17), 3.196776840943344, 1e-14);
});

test("both tails of the noncentral t sum to one", () => {
  for (const [x, df, ncp] of [
    [2, 38, 3],
    [-1, 5, 2],
    [0, 1, 0],
    [30, 4, 20],
  ] as const) {
    expectClose(nonCentralTCdf(x, df, ncp) + nonCentralTSurvival(x, df, ncp), 1, 1e-13);
  }
});

test("what is not a probability is refused", () => {
  expect(() => normalQuantile(1.2)).toThrow(
    new RangeError("normalQuantile: p is 1.2, but a probability lies between 0 and 1."),
  );
  expect(() => normalCdf(NaN)).toThrow(RangeError);
  expect(() => tCdf(1, 0)).toThrow(new RangeError("tCdf: df is 0, but must be a finite number greater than 0."));
});
