// The experiment of Expfile.ts from end to end, and its configs.

import { describe, expect, test } from "vitest";
import { readTable } from "expfile/table";
import expfile from "../../Expfile.ts";
import { analyseContract } from "../../rules/peptides/analyse.ts";
import { byHand } from "../../rules/peptides/by-hand.ts";
import { enoughNovelty } from "../../rules/peptides/gates.ts";
import { recipe as noveltyGate } from "../../rules/peptides/gates/novelty.recipe.ts";
import { generateContract } from "../../rules/peptides/generate.ts";
import { judgeContract } from "../../rules/peptides/judge.ts";
import { prepareContract } from "../../rules/peptides/prepare.ts";
import type { Summary } from "../../rules/peptides/report/summary.ts";
import { scoreColumns } from "../../rules/peptides/tables.ts";
import { configOf, experimentOf, runExperiment, sectionOf } from "./experiment.ts";
import { runRecipe } from "./fake-context.ts";

const schemas = {
  "by-hand": byHand.contract.config,
  prepare: prepareContract.config,
  generate: generateContract.config,
  judge: judgeContract.config,
  "enough-novelty": enoughNovelty.contract.config,
  analyse: analyseContract.config,
};

test("the Expfile declares its targets in the order of the work, each with a section of the same name", () => {
  expect(Object.keys(expfile.byName.peptides!())).toEqual(Object.keys(schemas));
});

describe.each(["default.yaml", "ablation.yaml", "lm.yaml"])("configs/%s", (file) => {
  test("is valid", () => {
    const document = configOf(`configs/${file}`);
    for (const [name, schema] of Object.entries(schemas)) sectionOf(document, name, schema);
    expect(experimentOf(document).control).toMatch(/^[0-9a-f]{12}$/);
  });
});

test("the ablation's control is the baseline, so that its draws come from the cache", () => {
  const [ablation, usual] = ["ablation", "default"].map((name) => experimentOf(configOf(`configs/${name}.yaml`)));
  expect(ablation!.control).toBe(usual!.control);
  expect(ablation!.arms).toHaveLength(13);
});

describe("the default run, with fewer peptides", () => {
  const few = configOf("configs/default.yaml", ["generate.seeds=4", "generate.samples=4"]);
  const run = runExperiment(few);

  test("has a score for every peptide and metric", async () => {
    const { judged } = await run;
    const scores = await readTable(judged.outputs.scores, scoreColumns);
    expect(scores).toHaveLength(3 * 4 * 4 * 12);
    expect(scores.filter(({ value }) => value === null)).toEqual([]);
  });

  test("has a report of all arms, which never prints what is no number", async () => {
    const { analysed } = await run;
    const summary: Summary = await analysed.outputs.summary.read();
    expect(summary.arms.map(({ label, control }) => [label, control])).toEqual([
      ["baseline", true],
      ["composition", false],
      ["shuffled", false],
    ]);
    expect(summary.metrics.filter(({ primary }) => primary).map(({ id }) => id)).toEqual(
      sectionOf(few, "analyse", analyseContract.config).primary,
    );
    expect(summary.notes!.hypothesis).toContain("Net charge");
    expect(analysed.outputs.report.bytes().toString()).not.toMatch(/NaN|undefined|\[object|Infinity/);
  });

  test("passes its gate", async () => {
    const { judged } = await run;
    const config = sectionOf(few, "enough-novelty", schemas["enough-novelty"]);
    const [condition] = (await runRecipe(noveltyGate, { config, inputs: judged.outputs })) as {
      value: number;
      threshold: number;
    }[];
    expect(condition!.value).toBeGreaterThanOrEqual(condition!.threshold);
  });
});
