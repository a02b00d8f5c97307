import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { describe, expect, test } from "vitest";

import { bradleyTerry, coxRegression, kaplanMeier, logRank, mixedModel } from "../../src/stats/index.ts";
import type { Contest } from "../../src/stats/index.ts";
import { expectClose } from "./expect-close.ts";

/** One of the published tables in test/reference/data, whose README says where each comes from. */
function table(name: string): Record<string, string>[] {
  return parse(readFileSync(new URL(`../reference/data/${name}.csv`, import.meta.url), "utf8"), { columns: true });
}

const numbers = (rows: readonly Record<string, string>[], column: string): number[] =>
  rows.map((row) => Number(row[column]));

function contests(name: string): Contest[] {
  return table(name).map((row): Contest => {
    const [first, second, firstWins, secondWins] = Object.values(row);
    return { first: first!, second: second!, firstWins: Number(firstWins), secondWins: Number(secondWins) };
  });
}

describe("Bradley–Terry", () => {
  test("abilities of journals are those of R BradleyTerry2 1.1.2", () => {
    const fit = bradleyTerry(["Biometrika", "Comm Statist", "JASA", "JRSS-B"], contests("citations"));
    expectClose(fit.ability, [0, -2.9490724968439093, -0.4795697697519924, 0.2689540558194719], 1e-9);
    expectClose(fit.standardError, [0, 0.10254533536985708, 0.06058872923962632, 0.07082996510570581], 1e-6);
    expectClose(fit.deviance, 4.293383969889064, 1e-9);
    expect(fit.df).toBe(3);
  });

  test("the home advantage in baseball is that of R BradleyTerry2 1.1.2", () => {
    const teams = ["Baltimore", "Boston", "Cleveland", "Detroit", "Milwaukee", "New York", "Toronto"];
    const fit = bradleyTerry(teams, contests("baseball"), { withOrderEffect: true });
    expectClose(fit.ability[1]!, 1.1438026532973615, 1e-9);
    expectClose(fit.standardError[1]!, 0.3378421889113657, 1e-5);
    const effect = fit.orderEffect!;
    expectClose([effect.estimate, effect.standardError], [0.3022606555275527, 0.130943642532349], 1e-5);
    expectClose(effect.pValue, 0.02098099401383883, 1e-5);
    expectClose(fit.deviance, 38.64285214397052, 1e-10);
    expect(fit.df).toBe(35);
  });

  test("an item that never lost has no finite ability, and is named", () => {
    const wins = [
      { first: "a", second: "b", firstWins: 3, secondWins: 0 },
      { first: "b", second: "c", firstWins: 1, secondWins: 1 },
    ];
    expect(() => bradleyTerry(["b", "c", "a"], wins)).toThrow(
      new RangeError(
        'bradleyTerry: the abilities have no finite estimate, because the items linked to "b" never win against "a"; collect more comparisons between them, or drop one.',
      ),
    );
  });
});

describe("survival", () => {
  const gehan = table("gehan").map((row) => ({
    time: Number(row["time"]),
    event: row["cens"] === "1",
    covariates: [row["treat"] === "control" ? 1 : 0],
  }));
  const [treated, control] = [0, 1].map((arm) => gehan.filter(({ covariates }) => covariates[0] === arm));

  test("the curve of 6-MP is that of R survival 3.5.3 survfit", () => {
    const { steps, median } = kaplanMeier(treated!);
    expect(steps.map(({ time }) => time)).toEqual([6, 7, 10, 13, 16, 22, 23]);
    expectClose(steps.at(-1)!.survival, 0.448179271709, 1e-11);
    expectClose(steps.at(-1)!.standardError, 0.1345914567558, 1e-11);
    expect(median).toBe(23);
  });

  test("the median lies in the middle of a stretch at one half, and is null when never reached", () => {
    const at = (time: number, event: boolean) => ({ time, event });
    expect(kaplanMeier([at(1, true), at(2, true), at(4, true), at(9, true)]).median).toBe(3);
    expect(kaplanMeier([at(1, true), at(2, false), at(3, false)]).median).toBeNull();
  });

  test("the log-rank test is that of R survival 3.5.3 survdiff", () => {
    const result = logRank([treated!, control!]);
    expectClose(result.chiSquared, 16.79294098921654, 1e-12);
    expectClose(result.pValue, 4.168809109334531e-5, 1e-11);
    expectClose(result.expected, [19.25050094803113, 10.74949905196887], 1e-12);
  });

  test("Cox's model with Efron's ties is that of R survival 3.5.3 coxph", () => {
    const [treatment] = coxRegression(gehan);
    expectClose(treatment!.estimate, 1.572125148829066, 1e-9);
    expectClose(treatment!.standardError, 0.4123967177094553, 1e-9);
    expectClose(treatment!.pValue, 0.0001377537619867653, 1e-8);
  });

  test("a covariate that separates events from survivors is refused", () => {
    const subjects = [1, 2, 3, 4].map((time) => ({ time, event: time < 3, covariates: [time < 3 ? 1 : 0] }));
    expect(() => coxRegression(subjects)).toThrow(/no finite estimate/);
  });
});

describe("mixed models", () => {
  const sleep = table("sleepstudy");
  const [response, days] = [numbers(sleep, "Reaction"), numbers(sleep, "Days")];
  const subject = sleep.map((row) => row["Subject"]!);

  test("a random intercept is that of R lme4 1.1.31, with REML and without", () => {
    const data = { response, fixed: [days], random: [{ by: subject }] };
    const reml = mixedModel(data);
    expectClose(
      [reml.fixed[0]!.estimate, reml.fixed[1]!.estimate, reml.fixed[1]!.standardError],
      [251.4051048484844, 10.46728595959596, 0.8042214289452402],
      1e-7,
    );
    expectClose([reml.random[0]![0]![0]!, reml.residualVariance], [1378.178513809047, 960.4565785604668], 1e-6);
    expectClose(reml.criterion, 1786.465085394921, 1e-11);
    expectClose([reml.fixed[0]!.df!, reml.fixed[1]!.df!], [22.81019895525528, 161.0000000545923], 1e-5);
    const ml = mixedModel(data, { reml: false });
    expectClose([ml.random[0]![0]![0]!, ml.criterion], [1296.870045492107, 1794.078643005226], 1e-5);
  });

  test("a random slope reaches the criterion of R lme4 1.1.31 or betters it", () => {
    const fit = mixedModel({ response, fixed: [days], random: [{ by: subject, slopes: [days] }] });
    expect(fit.criterion).toBeLessThanOrEqual(1743.62827195942);
    expectClose(fit.criterion, 1743.62827195942, 1e-11);
    const covariance = fit.random[0]!;
    // lme4 stops within 1e-5 of the best value, so its variances agree to that.
    expectClose(
      [covariance[0]![0]!, covariance[1]![1]!, covariance[0]![1]!, fit.residualVariance],
      [612.100158024769, 35.07171445093885, 9.604408951157756, 654.9400082599608],
      2e-4,
    );
    expectClose(
      fit.fixed.map(({ standardError }) => standardError),
      [6.824596694954906, 1.545789643905981],
      1e-5,
    );
    expectClose(
      fit.fixed.map(({ df }) => df!),
      [17, 17],
      1e-4,
    );
    expectClose(fit.fixed[1]!.t, 6.771481488999181, 1e-5);
  });

  test("crossed intercepts are those of R lme4 1.1.31 with the Nelder–Mead optimiser", () => {
    const rows = table("penicillin");
    const random = ["plate", "sample"].map((column) => ({ by: rows.map((row) => row[column]!) }));
    const fit = mixedModel({ response: numbers(rows, "diameter"), random });
    expectClose(fit.fixed[0]!.estimate, 22.97222222221375, 1e-10);
    expectClose(
      [fit.random[0]![0]![0]!, fit.random[1]![0]![0]!, fit.residualVariance],
      [0.716908947377009, 3.730925255956035, 0.302415376188274],
      1e-5,
    );
    expect(fit.criterion).toBeLessThanOrEqual(330.860588991111 + 1e-9);
  });

  test("groups that do not differ have variance zero, and then no degrees of freedom are made up", () => {
    const fit = mixedModel({
      response: [1, 3, 3, 1, 2, 2, 1, 3],
      random: [{ by: ["a", "a", "b", "b", "c", "c", "d", "d"] }],
    });
    expect(fit.random[0]![0]![0]!).toBeLessThan(1e-9);
    expectClose(fit.residualVariance, 6 / 7, 1e-8);
    expect(Number.isNaN(fit.fixed[0]!.pValue)).toBe(false);
  });
});
