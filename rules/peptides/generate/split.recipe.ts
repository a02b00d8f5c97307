/** The draws that the config asks for: each arm × each seed × each index. */
import type { Context, ItemRequest, Split } from "expfile";
import { deriveSeed } from "expfile/seed";
import type { ArmSettings } from "../arms.ts";
import type { generateContract } from "../generate.ts";
import { didYouMean, listNames, sentences } from "../suggest.ts";
import { modelNames } from "./models.ts";

type Generate = typeof generateContract;
type Told = Pick<Context<Generate>, "config" | "inputs">;

export const recipe: Split<Generate, "samples" | "seeds" | "models" | "arms" | "seed"> = (context) => {
  const { config, arms, seed } = context;
  const seeds = typeof config.seeds === "number" ? upTo(config.seeds) : config.seeds;
  return arms.flatMap(({ id, settings }) => {
    const sampler = samplerOf(settings, context);
    return seeds.flatMap((replicate) =>
      upTo(config.samples).map((index): ItemRequest<Generate> => ({
        ...sampler,
        settings,
        item: { arm: id, seed: replicate, index, rngSeed: deriveSeed(seed, settings, replicate, index) },
        label: `${id}/s${replicate}/${index}`,
      })),
    );
  });
};

/** Which recipe draws for an arm, and what it is handed. */
function samplerOf(settings: ArmSettings, told: Told): Pick<ItemRequest<Generate>, "recipe" | "inputs"> {
  if (settings.sampler === "lm") {
    // A revision says all of a model of the hub.
    if (settings.family !== "file") return { recipe: "lm" };
    return { recipe: "lm-file", inputs: { weights: weightsOf(settings.model, told) } };
  }
  const { slices } = told.inputs;
  return {
    recipe: settings.sampler,
    inputs: { training: { tree: slices, file: sliceFile(settings.slice, slices.files()) } },
  };
}

function sliceFile(slice: string, files: readonly string[]): string {
  const file = `${slice}.parquet`;
  if (files.includes(file)) return file;
  const names = files.map((name) => name.replace(/\.parquet$/, ""));
  throw new Error(
    sentences(
      `an arm is trained on the slice "${slice}", which prepare does not make.`,
      didYouMean(slice, names),
      `The slices are ${listNames(names)}; add one under prepare.slices.`,
    ),
  );
}

function weightsOf(model: string, { config, inputs }: Told) {
  const names = modelNames(config.models);
  const files = inputs.models[names.indexOf(model)];
  if (files === undefined)
    throw new Error(
      sentences(
        `an arm samples from the model "${model}", which generate.models does not name.`,
        didYouMean(model, names),
        `It names ${listNames(names)}; add the path of its TorchScript file there.`,
      ),
    );
  const [file, second] = files;
  if (file === undefined || second !== undefined)
    throw new Error(
      `generate.models.${model} is to be one file: ${files.length} match ${JSON.stringify(config.models[model])}`,
    );
  return file;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
