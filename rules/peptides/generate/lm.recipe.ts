/**
 * Draws many peptides at once from a protein language model. The model lives in a program in Python, which `setup` starts and
 * which answers in JSON lines: a recipe of items is TypeScript, and so the engine's batches, keys and limits hold for it.
 */
import type { FileIn, VectorisedRecipe } from "expfile";
import type { LmSettings } from "../arms.ts";
import { shortDigest } from "../digest.ts";
import type { generateContract } from "../generate.ts";
import { LmProgram, type LmDraw, type LmManifest, type LmRequest } from "./lm-program.ts";

type Generate = typeof generateContract;

export const recipe: VectorisedRecipe<Generate, never, LmProgram> = {
  /** Loads the model, so that what is wrong with it is told before anything is drawn. */
  async setup({ settings, inputs }) {
    const program = new LmProgram();
    await program.ask(requestFor(settings as LmSettings, inputs.weights, []));
    return program;
  },

  async run({ settings: all, inputs, items, setup: program, log }) {
    const settings = all as LmSettings;
    const asked = items.map(({ item }) => ({ id: item.rngSeed, seed: item.rngSeed, index: item.index }));
    const { draws, manifest } = await program.ask(requestFor(settings, inputs.weights, asked));
    log(
      `${draws.length} draws in ${Math.round(manifest.wall_ms)} ms, the model loaded in ${Math.round(manifest.load_ms)} ms`,
    );
    const byId = new Map(draws.map((draw) => [draw.id, draw]));
    await Promise.all(
      items.map(({ item: { rngSeed }, outputs }) => outputs.draw.write(drawOf(settings, byId.get(rngSeed)!, manifest))),
    );
  },
};

function requestFor(settings: LmSettings, weights: FileIn | undefined, items: LmRequest["items"]): LmRequest {
  const { length, temperature, topK, topP, on } = settings;
  return {
    family: settings.family,
    model: settings.model,
    length: [length.min, length.max],
    temperature,
    ...(topK !== undefined && { top_k: topK }),
    ...(topP !== undefined && { top_p: topP }),
    ...("revision" in settings && { revision: settings.revision }),
    ...("procedure" in settings && { procedure: settings.procedure }),
    ...("repetitionPenalty" in settings && { repetition_penalty: settings.repetitionPenalty }),
    ...("sweeps" in settings && { sweeps: settings.sweeps, mask_fraction: settings.maskFraction }),
    ...("target" in settings && { target_sequence: settings.target }),
    ...(weights !== undefined && { weights: weights.path }),
    ...(on !== undefined && { on }),
    items,
  };
}

function drawOf(settings: LmSettings, draw: LmDraw, manifest: LmManifest) {
  const { sequence, logprob, truncated, excluded, ppl, seed: rngSeed } = draw;
  const { model, revision, device, gpu, python, torch, transformers, image } = manifest;
  return {
    sequence,
    logprob,
    provenance: shortDigest(settings, revision, rngSeed),
    how: {
      settings,
      rngSeed,
      truncated,
      perplexity: ppl,
      excluded,
      ran: { model, revision, device, gpu, python, torch, transformers, image },
    },
  };
}
