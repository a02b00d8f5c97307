// What an Expfile exports: experiments by name, each a function that returns its targets by name.

import { limitsProblem, type CacheLimits } from "./cache-limits.ts";
import type { ContractSpec } from "./contract.ts";
import { aFunction, anObject, aText, checkFields, checkShape, DeclarationError, type Shape } from "./declared.ts";
import type { Target, TargetDeclaration } from "./rule.ts";
import type { SharedCacheSettings } from "./shared-cache.ts";
import { checkModalSettings, modalOptions, type ModalSettings } from "./modal.ts";
import { checkSlurmSettings, slurmOptions, type SlurmSettings } from "./slurm.ts";

/** Targets by the names that people use on the command line. The order is the order of reports. */
export type Targets = Readonly<Record<string, { readonly $target: TargetDeclaration }>>;

export interface Experiments {
  readonly kind: "experiments";
  readonly byName: Readonly<Record<string, () => Targets>>;
  readonly settings?: ProjectSettings;
}

/** What holds for the project, whichever experiment is built. */
export interface ProjectSettings {
  /** Without it: 50 GB, and 90 days for what no run stands on. */
  readonly cache?: CacheLimits & {
    /** A cache that others share: what they have computed is fetched from there, and what is computed here published. */
    readonly shared?: string | SharedCacheSettings;
  };
  /** For `--executor slurm`. What differs from person to person belongs into exp.local.yaml, which counts over this. */
  readonly slurm?: SlurmSettings;
  /** For `--executor modal`, in the same way. */
  readonly modal?: ModalSettings;
}

/** Declares the experiments of an Expfile. The first is the default; a config chooses another by `experiment: NAME`. */
export function experiments<const E extends Readonly<Record<string, () => Targets>>>(
  byName: E,
  settings: ProjectSettings = {},
): Experiments {
  checkShape("what `experiments` is given", byName, someExperiments);
  for (const [name, declare] of Object.entries(byName)) checkShape(`the experiment "${name}"`, declare, anExperiment);
  checkFields(
    "the settings of `experiments`",
    settings,
    {},
    { cache: anObject, slurm: slurmOptions, modal: modalOptions },
  );
  checkFields("the settings of `experiments`: `cache`", settings.cache ?? {}, {}, { maxSize, maxAge: aText, shared });
  if (typeof settings.cache?.shared === "object")
    checkFields(
      "the settings of `experiments`: `cache.shared`",
      settings.cache.shared,
      { at: aText },
      { publish: aBoolean, outputs: someOutputs },
    );
  if (settings.slurm !== undefined) checkSlurmSettings("the settings of `experiments`: `slurm`", settings.slurm);
  if (settings.modal !== undefined) checkModalSettings("the settings of `experiments`: `modal`", settings.modal);
  const problem = limitsProblem(settings.cache ?? {});
  if (problem !== undefined) throw new DeclarationError(problem);
  return { kind: "experiments", byName, settings };
}

const someExperiments: Shape = {
  isMet: (value) => anObject.isMet(value) && Object.keys(value as object).length > 0,
  what: "an object of functions by the names of the experiments: experiments({ main: () => ({ … }) })",
};
const anExperiment: Shape = { isMet: aFunction.isMet, what: "a function that returns targets by name: () => ({ … })" };
const maxSize: Shape = {
  isMet: (value) => ["string", "number"].includes(typeof value),
  what: 'a size: "50 GB", bytes as a number, or "none"',
};

const shared: Shape = {
  isMet: (value) => ["string", "object"].includes(typeof value) && value !== null && !Array.isArray(value),
  what: 'a place: "/mnt/team/exp-cache", "https://…", or { at, publish }',
};
const someOutputs: Shape = { isMet: (value) => value === "all" || value === "asked", what: '"all" or "asked"' };
const aBoolean: Shape = { isMet: (value) => typeof value === "boolean", what: "true or false" };

export type { ContractSpec, Target };
