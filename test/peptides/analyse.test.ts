import { describe, expect, test } from "vitest";
import { pAdjust } from "expfile/stats";
import { writeTable } from "expfile/table";
import { recipe as estimate } from "../../rules/peptides/analyse/estimate.recipe.ts";
import { recipe as render } from "../../rules/peptides/analyse/render.recipe.ts";
import { recipe as split } from "../../rules/peptides/analyse/split.recipe.ts";
import { analyseContract, type ArmMeans, type MetricEstimates } from "../../rules/peptides/analyse.ts";
import { armSettings } from "../../rules/peptides/arms.ts";
import type { PrepareSummary } from "../../rules/peptides/prepare.ts";
import type { Summary } from "../../rules/peptides/report/summary.ts";
import { generatedColumns, scoreColumns, sequenceColumns } from "../../rules/peptides/tables.ts";
import { Handle, emptyFolder, runFanOut, runItem } from "./fake-context.ts";

type Means = Readonly<Record<string, readonly (number | null)[]>>;

async function estimateOf(means: Means, level = 0.95): Promise<MetricEstimates> {
  const arms = Object.entries(means).map(([arm, values]): ArmMeans => ({
    arm,
    seeds: values.flatMap((mean, i) => (mean === null ? [] : [{ seed: i + 1, mean, peptides: 5 }])),
  }));
  const item = { judge: "j", metric: "m", control: "c", arms };
  const outputs = await runItem(estimate, { config: { level }, item }, analyseContract.items.outputs);
  return outputs.estimates!.read();
}

describe("an estimate", () => {
  test("is the mean over seeds with Student's interval; a difference is paired by seed", async () => {
    const { perArm, paired } = await estimateOf({ c: [1, 2, 3, 4, 5, 6], t: [2.1, 2.9, 4.2, 4.8, 6.1, 6.9] });
    expect(perArm[0]).toMatchObject({ arm: "c", nSeeds: 6, nPeptides: 30, mean: 3.5 });
    // qt(0.975, 5) * sd / sqrt(6) in R.
    expect(perArm[0]!.high! - 3.5).toBeCloseTo((2.570581836 * Math.sqrt(3.5)) / Math.sqrt(6), 6);
    const [difference] = paired;
    expect(difference).toMatchObject({ arm: "t", nSeeds: 6, p: 2 / 64, smallestP: 2 / 64 });
    expect(difference!.difference).toBeCloseTo(1, 10);
    expect(difference!.low).toBeGreaterThan(0.8);
    expect(difference!.high).toBeLessThan(1.2);
  });

  test("pairs only the seeds that both arms have", async () => {
    const { paired } = await estimateOf({ c: [1, 2, null, 4], t: [2, null, 5, 6] });
    expect(paired[0]).toMatchObject({ nSeeds: 2, difference: 1.5 });
  });

  test("one seed, or none, gives no interval and no comparison", async () => {
    const one = await estimateOf({ c: [1], t: [2] });
    expect(one.perArm[0]).toMatchObject({ mean: 1, low: null, high: null });
    expect(one.paired[0]).toMatchObject({ nSeeds: 1, difference: null, p: null });
    const none = await estimateOf({ c: [1, 2], t: [null, null] });
    expect(none.perArm[1]).toMatchObject({ nSeeds: 0, mean: null });
    expect(none.paired[0]).toMatchObject({ nSeeds: 0, difference: null });
  });

  test("equal arms have a difference of 0, p = 1 and no interval", async () => {
    const { paired } = await estimateOf({ c: [1, 2, 3], t: [1, 2, 3] });
    expect(paired[0]).toMatchObject({ difference: 0, low: null, p: 1 });
  });

  test("few seeds come with a caution, said once", async () => {
    expect((await estimateOf({ c: [1, 2, 3], t: [2, 2, 3], u: [0, 2, 3] })).cautions).toEqual([
      "With 3 pairs a bootstrap interval tends to be too narrow, and p cannot fall below 0.25.",
    ]);
  });
});

// A small made-up run: two or three arms, six seeds, two peptides a seed; metrics "shown" (far apart) and "noise".
const settings = {
  base: armSettings.parse({ sampler: "ngram" }),
  zero: armSettings.parse({ sampler: "ngram", order: 0 }),
};
type ArmId = keyof typeof settings;
const labels = [
  { id: "zero", name: "composition" },
  { id: "base", name: "baseline" },
];

interface Made {
  readonly config?: object;
  readonly labels?: readonly { id: string; name: string }[];
  readonly notes?: { readonly what?: string; readonly why?: string };
  readonly control?: string | undefined;
  readonly arms?: readonly ArmId[];
  readonly withoutValue?: boolean;
}

async function analyse(made: Made = {}) {
  const arms = made.arms ?? ["base", "zero"];
  const folder = new Handle(emptyFolder());
  const handle = (name: string): Handle => new Handle(folder.file(name));
  const drawn = arms.flatMap((arm) =>
    [1, 2, 3, 4, 5, 6].flatMap((seed) => [1, 2].map((index) => ({ arm, seed, index }))),
  );
  const peptides = drawn.map(({ arm, seed, index }) => ({
    peptide_id: `${arm}-${seed}-${index}`, arm, seed, index, sequence: `KLAK${"ACDEFG"[seed - 1]}${"LK"[index - 1]}`, logprob: -9, sampler: "ngram", provenance: "x",
  })); // prettier-ignore
  const scores = peptides.flatMap(({ peptide_id, arm, seed, index }) => {
    const values = { shown: arm === "zero" ? 0.5 * seed - 5 : seed, noise: ((seed * 7 + index * 3 + arm.length * (seed % 2)) % 5) / 5, "closest-edit": index === 1 ? 1 : 0.4 };
    return Object.entries(values).map(([metric, value]) =>
      made.withoutValue === true && metric === "noise"
        ? { peptide_id, judge: "j", metric, value: null, unit: "", note: "too short" }
        : { peptide_id, judge: "j", metric, value, unit: metric === "shown" ? "Da" : "", note: null },
    );
  }); // prettier-ignore
  const inputs = { peptides: handle("peptides.parquet"), scores: handle("scores.parquet"), arms: handle("arms.json"), reference: handle("reference.parquet"), prepared: handle("prepared.json") }; // prettier-ignore
  await writeTable(inputs.peptides, generatedColumns, peptides);
  await writeTable(inputs.scores, scoreColumns, scores);
  await inputs.arms.write(Object.fromEntries(arms.map((arm) => [arm, settings[arm]])));
  await writeTable(inputs.reference, sequenceColumns, [{ peptide_id: "r", sequence: "KLAKAL" }]);
  const source = { name: "s", file: "s.csv", files: 1, rows: 3, accepted: 1, stripped: 0, rejected: [{ reason: "duplicate", count: 2 }], licence: "MIT", cite: "made up" }; // prettier-ignore
  await inputs.prepared.write({ sources: [source], slices: [] } satisfies PrepareSummary);
  const config = analyseContract.config.parse({ primary: ["shown"], ...made.config });
  const told = {
    config,
    control: "control" in made ? made.control : "base",
    labels: made.labels ?? labels,
    notes: made.notes ?? {},
  };
  const { outputs, items } = await runFanOut(
    analyseContract,
    { split, recipes: { estimate }, merge: render },
    told,
    inputs,
  );
  return { outputs, items, summary: (await outputs.summary.read()) as Summary };
}

describe("the summary", () => {
  test("has the control first, then the arms as the config has them, with what differs between them", async () => {
    const { summary } = await analyse();
    expect(summary.arms).toEqual([
      { id: "base", label: "baseline", settings: { order: 2 }, control: true },
      { id: "zero", label: "composition", settings: { order: 0 }, control: false },
    ]);
    expect(summary.seeds).toEqual([1, 2, 3, 4, 5, 6]);
    expect(summary.metrics.map(({ id, primary, unit }) => [id, primary, unit])).toEqual([
      ["shown", true, "Da"],
      ["noise", false, ""],
      ["closest-edit", false, ""],
    ]);
    expect(summary.metrics[0]!.perArm.map(({ arm, mean }) => [arm, mean])).toEqual([["base", 3.5], ["zero", -3.25]]); // prettier-ignore
  });

  test("corrects the primary family by Holm and the others by Benjamini–Hochberg", async () => {
    const { summary, items } = await analyse({ config: { primary: ["shown", "noise"] } });
    const p = await Promise.all(
      items.map(async ({ outputs }) => ((await outputs.estimates!.read()) as MetricEstimates).paired[0]!.p),
    );
    const corrected = summary.metrics.map(({ paired }) => paired[0]!.pAdjusted);
    expect(corrected.slice(0, 2)).toEqual(pAdjust(p.slice(0, 2), "holm"));
    expect(corrected.slice(2)).toEqual(pAdjust(p.slice(2), "BH"));
    expect(summary.methods.correction).toContain("Holm over the 2 primary comparisons");
  });

  test("counts copies, repeats and what was rejected, with reasons", async () => {
    const { summary } = await analyse({ withoutValue: true });
    expect(summary.counts[0]).toEqual({ arm: "base", peptides: 12, duplicates: 0, invalid: 0, novel: 6 });
    expect(summary.prepare).toEqual({ read: 3, kept: 1, rejected: [{ reason: "duplicate", count: 2 }] });
    const noise = summary.metrics.find(({ id }) => id === "noise")!;
    expect(noise.notApplicable).toEqual([{ reason: "too short", count: 24 }]);
    expect(noise.perArm[0]!.mean).toBeNull();
  });

  test("shows the first peptides of the first seeds, not the best", async () => {
    const { summary } = await analyse();
    expect(summary.examples[0]!.peptides.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5].map((seed) => `base-${seed}-1`));
  });

  test("names that stand for equal settings are one arm with both", async () => {
    const both = [...labels, { id: "base", name: "again" }];
    expect((await analyse({ labels: both })).summary.arms.map(({ label }) => label)).toEqual([
      "baseline = again",
      "composition",
    ]);
  });

  test("says the question where there is one", async () => {
    expect((await analyse()).summary.notes).toBeNull();
    const { summary } = await analyse({ notes: { what: "w", why: "y" } });
    expect(summary.notes).toEqual({ what: "w", why: "y", hypothesis: null });
  });
});

const lower = { metric: "shown", arm: "composition", direction: "lower" };

describe("the predictions", () => {
  test("are judged with the summary's own numbers, by the arm's name", async () => {
    const { summary, outputs } = await analyse({ config: { predictions: [lower] } });
    const { difference, low, high, pAdjusted } = summary.metrics[0]!.paired[0]!;
    expect(summary.predictions).toEqual([
      { metric: "shown", arm: "zero", against: null, direction: "lower", margin: null, verdict: "supported", because: "shown", nSeeds: 6, difference, low, high, pAdjusted, smallestPAdjusted: 2 / 64 },
    ]); // prettier-ignore
    expect(outputs.report.bytes().toString()).toContain("Of 1 declared prediction 1 is supported");
  });

  test("follow a renamed arm only under its new name", async () => {
    const renamed = [{ id: "zero", name: "residues" }, labels[1]!];
    await expect(analyse({ labels: renamed, config: { predictions: [lower] } })).rejects.toThrow(
      'analyse.predictions[0].arm names "composition", which is no arm. The arms are "residues", "baseline".',
    );
    const { summary } = await analyse({ labels: renamed, config: { predictions: [{ ...lower, arm: "residues" }] } });
    expect(summary.predictions[0]!.arm).toBe("zero");
  });
});

describe("what is told to whom", () => {
  test("renaming an arm or changing the primary metrics changes no item", async () => {
    const asked = async (made: Made) => (await analyse(made)).items.map(({ item }) => item);
    const before = await asked({});
    const renamed = labels.map(({ id }) => ({ id, name: `new ${id}` }));
    expect(await asked({ labels: renamed, config: { primary: ["noise"], title: "Other" } })).toEqual(before);
    expect(await asked({ config: { predictions: [lower] } })).toEqual(before);
  });

  test("an unknown primary metric is an error that knows better", async () => {
    await expect(analyse({ config: { primary: ["shwon"] } })).rejects.toThrow(
      'analyse.primary names "shwon", which no judge measures. Did you mean "shown"? The metrics are "shown", "noise", "closest-edit".',
    );
  });

  test("several arms need a control; one is its own", async () => {
    await expect(analyse({ control: undefined })).rejects.toThrow(
      "there are 2 arms, and the config does not say which is the control; add control: NAME",
    );
    const { summary, outputs } = await analyse({
      control: undefined,
      arms: ["base"],
      labels: [{ id: "base", name: "default" }],
    });
    expect(summary.metrics.flatMap(({ paired }) => paired)).toEqual([]);
    expect(outputs.report.bytes().toString()).toContain("there is nothing to compare with the control");
  });
});

describe("the files", () => {
  test("are the page, the same in Markdown, and every figure that it names", async () => {
    const { outputs } = await analyse({ config: { title: "A made-up run" } });
    const readme = outputs.markdown.bytes().toString();
    expect(readme).toContain("`exp show prepare.rejects`");
    const named = [...readme.matchAll(/<figures\/([^>]+)>/g)].map((match) => match[1]!);
    expect(outputs.figures.files()).toEqual([...named].sort());
    expect(named).toContain("differences.svg");
    expect(outputs.report.bytes().toString()).toContain("<h1>A made-up run</h1>");
    expect(readme).toContain("# A made-up run");
  });

  test("equal input gives equal bytes", async () => {
    const [first, second] = [await analyse(), await analyse()];
    for (const slot of ["summary", "report", "markdown"] as const)
      expect(second.outputs[slot].bytes().equals(first.outputs[slot].bytes())).toBe(true);
  });
});
