// What becomes of the predictions that a config declares: which are accepted, what is decided, and how it is said.

import { describe, expect, test } from "vitest";
import { pAdjust } from "expfile/stats";
import { recipe as estimate } from "../../rules/peptides/analyse/estimate.recipe.ts";
import { judgePredictions } from "../../rules/peptides/analyse/predictions.ts";
import {
  analyseContract,
  type ArmMeans,
  type MetricEstimates,
  type MetricMeans,
} from "../../rules/peptides/analyse.ts";
import { findingSentences } from "../../rules/peptides/report/finding.ts";
import { reportHtml } from "../../rules/peptides/report/html.ts";
import { reportMarkdown } from "../../rules/peptides/report/markdown.ts";
import type { Metric, Prediction, Summary } from "../../rules/peptides/report/summary.ts";
import { validateSection } from "../../src/planning/config/section.ts";
import { summary } from "../report.fixture.ts";
import { configOf } from "./experiment.ts";
import { runItem } from "./fake-context.ts";

/** Differences of one arm from the control, seed by seed; the metric "m" is the only primary one. */
async function judged(differences: readonly number[], stated: readonly object[], others: readonly number[][] = []) {
  const seedsOf = (values: readonly number[]): ArmMeans["seeds"] =>
    values.map((mean, i) => ({ seed: i + 1, mean, peptides: 5 }));
  const all = [differences, ...others];
  const arms = [
    { arm: "c", seeds: seedsOf(differences.map((_, i) => i)) },
    ...all.map((own, nth) => ({ arm: `t${nth}`, seeds: seedsOf(own.map((difference, i) => i + difference)) })),
  ];
  const means: MetricMeans = { judge: "j", metric: "m", control: "c", arms };
  const config = analyseContract.config.parse({ primary: ["m"], predictions: stated });
  const outputs = await runItem(estimate, { config, item: means }, analyseContract.items.outputs);
  const estimates: MetricEstimates = await outputs.estimates!.read();
  const adjusted = pAdjust(
    estimates.paired.map(({ p }) => p),
    "holm",
  );
  const metric: Metric = {
    id: "m",
    label: "M",
    unit: "",
    judge: "j",
    primary: true,
    better: "neither",
    description: "",
    perArm: estimates.perArm,
    paired: estimates.paired.map((paired, i) => ({ ...paired, pAdjusted: adjusted[i]! })),
    notApplicable: [],
  };
  const labels = arms.map(({ arm }) => ({ id: arm, name: arm === "c" ? "control" : `arm ${arm.slice(1)}` }));
  const evidence = {
    config,
    labels,
    arms: arms.map(({ arm }) => ({ id: arm })),
    metrics: [{ means, estimates, unit: "", values: new Map() }],
  };
  return judgePredictions(evidence as never, [metric]);
}

const higher = { metric: "m", arm: "arm 0", direction: "higher" };
const none = (margin: number) => ({ metric: "m", arm: "arm 0", direction: "no difference", margin });
const verdict = async (differences: readonly number[], prediction: object, others: readonly number[][] = []) => {
  const [found] = await judged(differences, [prediction], others);
  return [found!.verdict, found!.because];
};

const clear = [1.1, 0.9, 1.2, 0.8, 1, 1.1, 0.9, 1, 1.2, 0.8];
const unclear = [1, -1.2, 0.3, -0.2, 0.9, -1, 0.4, -0.6, 0.2, 0.1];
const noisy = [0.4, 0.9, 0.5, 0.8, 0.6, 0.7, 0.4, 0.9, -0.1, -0.3];

describe("a prediction of a direction", () => {
  test("is supported, or contradicted, by a difference that passes the correction", async () => {
    expect(await verdict(clear, higher)).toEqual(["supported", "shown"]);
    const opposite = clear.map((difference) => -difference);
    expect(await verdict(opposite, higher)).toEqual(["contradicted", "opposite"]);
    expect(await verdict(opposite, { ...higher, direction: "lower" })).toEqual(["supported", "shown"]);
  });

  test("is undecided by an interval with 0, and never contradicted by it", async () => {
    expect(await verdict(unclear, higher)).toEqual(["undecided", "interval"]);
  });

  test("is undecided by what does not pass the correction", async () => {
    expect(await verdict(noisy, higher)).toEqual(["supported", "shown"]);
    expect(await verdict(noisy, higher, [unclear, unclear, unclear, unclear])).toEqual(["undecided", "correction"]);
  });

  test("is out of reach where no data could have passed, and says the smallest p", async () => {
    expect(await judged([1.1, 0.9, 1.2, 0.8], [higher])).toMatchObject([
      { verdict: "undecided", because: "out-of-reach", nSeeds: 4, pAdjusted: 0.125, smallestPAdjusted: 0.125 },
    ]);
    // Six seeds reach 0.031 alone, and 0.063 beside another comparison.
    const six = clear.slice(0, 6);
    expect(await verdict(six, higher)).toEqual(["supported", "shown"]);
    expect(await verdict(six, higher, [unclear.slice(0, 6)])).toEqual(["undecided", "out-of-reach"]);
  });

  test("of an arm without values is not comparable", async () => {
    expect(await verdict([], higher)).toEqual(["undecided", "not-comparable"]);
  });
});

describe("a prediction of no difference", () => {
  test("needs its margin excluded on both sides; that nothing was shown is not enough", async () => {
    expect(await verdict(unclear, none(1.5))).toEqual(["supported", "within"]);
    expect(await verdict(unclear, none(0.2))).toEqual(["undecided", "interval"]);
  });

  test("holds for a difference that is shown and too small to matter, and not for one beyond the margin", async () => {
    expect(await verdict(clear, none(2))).toEqual(["supported", "within"]);
    expect(await verdict(clear, none(0.5))).toEqual(["contradicted", "beyond"]);
  });

  test("holds for differences that are all 0, which have no interval", async () => {
    expect(
      await verdict(
        Array.from({ length: 10 }, () => 0),
        none(0.1),
      ),
    ).toEqual(["supported", "within"]);
  });

  test("has the larger p of two one-sided tests, corrected among its kind", async () => {
    const both = [none(2), { ...none(2), arm: "arm 1" }, { ...higher, arm: "arm 2" }];
    const [first, second, third] = await judged(clear, both, [clear, clear]);
    // One pattern of signs in 1024 is as extreme; two such tests.
    expect([first!.pAdjusted, second!.pAdjusted]).toEqual([2 / 1024, 2 / 1024]);
    expect(first!.smallestPAdjusted).toBe(2 / 1024);
    // Two patterns of 1024, three comparisons.
    expect([third!.pAdjusted, third!.smallestPAdjusted]).toEqual([6 / 1024, 6 / 1024]);
  });

  test("is out of reach with few seeds, however near the arms are", async () => {
    expect(await verdict([0.01, -0.01, 0.02], none(5))).toEqual(["undecided", "out-of-reach"]);
  });
});

describe("a prediction between two arms of which neither is the control", () => {
  const against = { metric: "m", arm: "arm 0", against: "arm 1", direction: "higher" };
  const plus = (amount: number) => clear.map((difference) => difference + amount);

  test("is decided by their own differences, seed by seed, corrected among such comparisons only", async () => {
    // Both are above the control; the first is below the second.
    expect(await verdict(clear, against, [plus(3)])).toEqual(["undecided", "not-comparable"]);
    const uneven = unclear.map((difference, i) => clear[i]! + 3 + difference / 4);
    expect(await verdict(clear, against, [uneven])).toEqual(["contradicted", "opposite"]);
    const [found] = await judged(
      clear,
      [
        { ...against, direction: "lower" },
        { ...higher, arm: "arm 2" },
      ],
      [uneven, noisy],
    );
    expect(found).toMatchObject({ arm: "t0", against: "t1", verdict: "supported", pAdjusted: 2 / 1024 });
    expect(found!.difference).toBeCloseTo(-3 - unclear.reduce((sum, one) => sum + one, 0) / 40);
    expect(found!.high).toBeLessThan(-2.5);
  });

  test("of no difference has its margin around their difference", async () => {
    const close = unclear.map((difference, i) => clear[i]! + difference / 4);
    const same = { ...against, direction: "no difference", margin: 0.5 };
    expect(await verdict(clear, same, [close])).toEqual(["supported", "within"]);
    expect(await verdict(clear, { ...same, margin: 0.05 }, [close])).toEqual(["undecided", "interval"]);
  });

  test("against the control by its name is the same as without", async () => {
    const plain = await judged(clear, [higher]);
    expect(await judged(clear, [{ ...higher, against: "control" }])).toEqual(plain);
    expect(plain[0]!.against).toBeNull();
  });
});

describe("what is declared", () => {
  const messages = (...overrides: string[]): string[] => {
    const document = configOf("configs/default.yaml", overrides);
    const checked = validateSection(document, "analyse", analyseContract.config, 'target "analyse"');
    return checked.ok ? [] : checked.error.map(({ what }) => what);
  };

  test("must be about a primary metric", () => {
    expect(messages("analyse.predictions[0].metric=closest-alignmnet")).toEqual([
      'analyse.predictions[0].metric must be one of analyse.primary, with which its p is corrected; it is "closest-alignmnet". Did you mean "closest-alignment"? Primary metrics are "closest-alignment", "hydrophobic-moment", "net-charge".',
    ]);
  });

  test("must say how large a difference still counts as none, and only then", () => {
    expect(messages("analyse.predictions[0].direction=no difference")).toEqual([
      'missing key "margin" in analyse.predictions[0]',
    ]);
    expect(messages("analyse.predictions[2].direction=higher")).toEqual([
      'unknown key "margin" in analyse.predictions[2]',
    ]);
    expect(messages("analyse.predictions[2].margin=0")).toEqual([
      "analyse.predictions[2].margin must be more than 0; it is 0",
    ]);
    expect(messages("analyse.predictions[0].direction=up")).toHaveLength(1);
  });

  test("may not predict one thing twice", () => {
    expect(messages("analyse.predictions[1].metric=closest-alignment")).toEqual([
      "analyse.predictions must not predict one metric of one arm twice",
    ]);
  });

  test("may not predict one comparison twice, whichever arm is named first, nor compare an arm with itself", async () => {
    const one = { metric: "m", arm: "arm 0", against: "arm 1", direction: "higher" };
    const turned = { ...one, arm: "arm 1", against: "arm 0", direction: "lower" };
    await expect(judged(clear, [one, turned], [clear])).rejects.toThrow("must not predict one metric of one arm twice");
    await expect(judged(clear, [{ ...one, against: "arm 0" }])).rejects.toThrow("they are one arm");
    await expect(judged(clear, [{ ...one, against: "arm 7" }])).rejects.toThrow(
      'analyse.predictions[0].against names "arm 7", which is no arm.',
    );
  });

  test("must name an arm, and not the control", async () => {
    await expect(judged(clear, [{ ...higher, arm: "arm O" }])).rejects.toThrow(
      'analyse.predictions[0].arm names "arm O", which is no arm. Did you mean "arm 0"? The arms are "control", "arm 0".',
    );
    await expect(judged(clear, [{ ...higher, arm: "control" }])).rejects.toThrow(
      'analyse.predictions[0].arm names "control", which is the control; name the arm that is compared with it.',
    );
  });
});

describe("what is said", () => {
  const [supported] = summary.predictions;
  const finding = (predictions: readonly Prediction[], other: Partial<Summary> = {}) =>
    findingSentences({ ...summary, ...other, predictions }).join(" ");

  test("the finding begins with what became of the predictions, and names those that are contradicted", () => {
    expect(finding(summary.predictions)).toMatch(
      /^Of 2 declared predictions 1 is supported, none is contradicted and 1 is undecided\. 5 settings/,
    );
    expect(finding([{ ...supported!, verdict: "contradicted", because: "opposite" }])).toMatch(
      /^Of 1 declared prediction none is supported, 1 is contradicted and none is undecided\. Contradicted: Hydrophobic moment in “order 4” is higher than in the control\. /,
    );
    expect(finding([{ ...supported!, verdict: "undecided", because: "out-of-reach" }])).toContain(
      "1 prediction could not have been decided by so few seeds, whatever the data.",
    );
  });

  test("another arm than the control is named, and how it was corrected", () => {
    const text = reportMarkdown({ ...summary, predictions: [{ ...supported!, against: "hot" }] }, [], String);
    expect(text.replaceAll("\\", "")).toContain("Hydrophobic moment in “order 4” is higher than in “order 2, hot”.");
    expect(text).toContain("neither is the control are corrected among themselves");
    expect(reportMarkdown(summary, [], String)).not.toContain("among themselves");
  });

  test("without predictions it says that nothing was checked", () => {
    expect(finding([])).toMatch(/^The hypothesis came with no prediction that could be checked, so this report does not say whether it held\. /); // prettier-ignore
    expect(finding([], { notes: null })).toMatch(
      /^Neither a hypothesis nor a prediction that could be checked was declared\. /,
    );
  });

  test("page and Markdown give verdict, estimate, interval, adjusted p, the smallest possible one and n", () => {
    const page = reportHtml(summary, []).replaceAll("\u00a0", " ");
    const text = reportMarkdown(summary, [], String).replaceAll("\u00a0", " ").replaceAll("\\", "");
    const evidence = "adjusted p 0.031 (0.031 at the smallest), 8 seeds. The difference is shown after correction";
    for (const report of [page, text]) {
      expect(report).toContain("Hydrophobic moment in “order 4” is higher than in the control.");
      expect(report).toContain(evidence);
      expect(report).toContain("Net charge at pH 7 in “order 2, hot” is within ±0.2 e of the control.");
      expect(report).toContain("Difference −0.30 [−0.82, 0.23] e, adjusted p 0.600");
      expect(report).toContain("The hypothesis in words may say more than its predictions");
    }
    expect(text).toContain("- **undecided**: Net charge");
    expect(page).toContain('<b class="verdict undecided">undecided</b>');
  });
});
