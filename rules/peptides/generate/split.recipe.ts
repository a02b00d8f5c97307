/** The draws that the config asks for: each arm × each seed × each index. */
import type { ItemRequest, Split } from "expfile";
import { deriveSeed } from "expfile/seed";
import type { generateContract } from "../generate.ts";
import { didYouMean, listNames, sentences } from "../suggest.ts";

type Generate = typeof generateContract;

export const recipe: Split<Generate, "samples" | "seeds" | "arms" | "seed"> = ({ config, arms, seed, inputs }) => {
  const seeds = typeof config.seeds === "number" ? upTo(config.seeds) : config.seeds;
  const slices = inputs.slices.files();
  return arms.flatMap(({ id, settings }) => {
    const training = { tree: inputs.slices, file: sliceFile(settings.slice, slices) };
    return seeds.flatMap((replicate) =>
      upTo(config.samples).map((index): ItemRequest<Generate> => ({
        recipe: settings.sampler,
        settings,
        item: { arm: id, seed: replicate, index, rngSeed: deriveSeed(seed, settings, replicate, index) },
        inputs: { training },
        label: `${id}/s${replicate}/${index}`,
      })),
    );
  });
};

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

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
