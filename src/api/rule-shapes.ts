// What has to be handed to rules, fan-outs and their targets, as messages say it: nobody need have compiled the Expfile.

import { aFunction, amounts, anObject, aText, aTime, namedTexts, texts, type Shape } from "./declared.ts";
import { modalOptions } from "./modal.ts";
import { slurmOptions } from "./slurm.ts";

export const lazily: Shape = {
  isMet: aFunction.isMet,
  what: 'an import that is not made yet: () => import("./recipe.ts")',
};
export const partShape: Shape = {
  isMet: (value) => aFunction.isMet(value) || anObject.isMet(value),
  what: lazily.what,
};
export const itemRecipes: Shape = {
  isMet: (value) => anObject.isMet(value) && Object.keys(value as object).length > 0,
  what: 'at least one recipe by its name: { draw: () => import("./draw.ts") }',
};
export const codeFiles: Shape = {
  isMet: texts.isMet,
  what: 'a list of the program\'s files: ["tools/fold.py"], or [] for a program of the system',
};
const retries: Shape = {
  isMet: (value) => typeof value === "number" || (anObject.isMet(value) && "times" in (value as object)),
  what: "a number, or { times, backoffMs, resources }",
};
/** To have a part of one is no promise that anybody could keep: `--limit gpu=` says that several share one. */
const resources: Shape = {
  isMet: (value) => amounts.isMet(value) && Number.isInteger((value as { readonly gpu?: unknown }).gpu ?? 0),
  what: "an object of numbers from 0, of which GPUs are whole: { cpu: 2, memory: 4000, gpu: 1 }",
};
export const runOptions = {
  resources,
  timeoutMs: aTime,
  retries,
  env: texts,
  secrets: texts,
  tools: namedTexts,
  externals: texts,
  varies: aText,
  executor: { isMet: (value: unknown) => value === "local", what: '"local", or nothing' },
  slurm: slurmOptions,
  modal: modalOptions,
};
export const targetOptions = { config: aText, description: aText, ...runOptions };
