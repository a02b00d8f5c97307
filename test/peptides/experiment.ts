// The experiment of the repository's Expfile for tests: its config as the engine reads it, its stages run one by one.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { recipe as estimate } from "../../rules/peptides/analyse/estimate.recipe.ts";
import { recipe as render } from "../../rules/peptides/analyse/render.recipe.ts";
import { recipe as splitMetrics } from "../../rules/peptides/analyse/split.recipe.ts";
import { analyseContract } from "../../rules/peptides/analyse.ts";
import { armSettings } from "../../rules/peptides/arms.ts";
import { recipe as mergeDraws } from "../../rules/peptides/generate/merge.recipe.ts";
import { recipe as ngram } from "../../rules/peptides/generate/ngram.recipe.ts";
import { recipe as splitDraws } from "../../rules/peptides/generate/split.recipe.ts";
import { generateContract } from "../../rules/peptides/generate.ts";
import { recipe as descriptors } from "../../rules/peptides/judge/descriptors.recipe.ts";
import { recipe as mergeScores } from "../../rules/peptides/judge/merge.recipe.ts";
import { recipe as novelty } from "../../rules/peptides/judge/novelty.recipe.ts";
import { recipe as splitSequences } from "../../rules/peptides/judge/split.recipe.ts";
import { judgeContract } from "../../rules/peptides/judge.ts";
import { recipe as prepare } from "../../rules/peptides/prepare/prepare.recipe.ts";
import { prepareContract } from "../../rules/peptides/prepare.ts";
import { resolveArms } from "../../src/planning/config/arms.ts";
import { loadConfig, type ConfigDocument } from "../../src/planning/config/load.ts";
import { validateSection } from "../../src/planning/config/section.ts";
import { valueOf } from "../config/rig.ts";
import { Handle, outputsOf, runFanOut, runRecipe, type Told } from "./fake-context.ts";

export const root = join(import.meta.dirname, "../..");
const sections = ["by-hand", "prepare", "generate", "judge", "enough-novelty", "analyse"];

/** A config of the repository. */
export function configOf(file: string, overrides: readonly string[] = []): ConfigDocument {
  const options = { root, file, overrides, readFile: (path: string) => readFileSync(path), listFolder: readdirSync };
  return valueOf(loadConfig({ ...options, sections: new Map(sections.map((name) => [name, []])) }));
}

export function sectionOf<Z extends z.ZodType>(document: ConfigDocument, name: string, schema: Z): z.output<Z> {
  return valueOf(validateSection(document, name, schema, `target "${name}"`)) as z.output<Z>;
}

/** Arms, control, labels and the run's seed. */
export function experimentOf(document: ConfigDocument): Omit<Told, "config"> {
  const { arms, control, labels } = valueOf(resolveArms(document, armSettings, 'target "generate"'));
  return { arms, control, labels, notes: document.header.notes, seed: document.header.seed };
}

/** Every stage of the config, from its sources to its report. */
export async function runExperiment(document: ConfigDocument) {
  const experiment = experimentOf(document);
  const prepared = await runPrepare(sectionOf(document, "prepare", prepareContract.config));
  const generated = await runFanOut(
    generateContract,
    { split: splitDraws, recipes: { ngram }, merge: mergeDraws },
    { config: sectionOf(document, "generate", generateContract.config), ...experiment },
    { slices: prepared.slices },
  );
  const { peptides, arms } = generated.outputs;
  const judged = await runFanOut(
    judgeContract,
    { split: splitSequences, recipes: { descriptors, novelty }, merge: mergeScores },
    { config: sectionOf(document, "judge", judgeContract.config) },
    { peptides, reference: prepared.sequences },
  );
  const analysed = await runFanOut(
    analyseContract,
    { split: splitMetrics, recipes: { estimate }, merge: render },
    { config: sectionOf(document, "analyse", analyseContract.config), ...experiment },
    { peptides, arms, scores: judged.outputs.scores, reference: prepared.sequences, prepared: prepared.summary },
  );
  return { prepared, generated, judged, analysed };
}

type PrepareConfig = z.output<typeof prepareContract.config>;

/** Sources with paths from the repository's root, and a folder of files that were handed over. */
export async function runPrepare(config: PrepareConfig, handed?: string) {
  const outputs = outputsOf(prepareContract.outputs);
  const sources = config.sources.flatMap(({ path }) => (path === undefined ? [] : [[new Handle(join(root, path))]]));
  await runRecipe(prepare, { config, inputs: { sources, handed: handed && new Handle(handed) }, outputs });
  return outputs;
}
