// What an Expfile exports: experiments by name, each a function that returns its targets by name.

import { limitsProblem, type CacheLimits } from "./cache-limits.ts";
import type { ContractSpec } from "./contract.ts";
import type { Target, TargetDeclaration } from "./rule.ts";

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
  readonly cache?: CacheLimits;
}

/** Declares the experiments of an Expfile. The first is the default; a config chooses another by `experiment: NAME`. */
export function experiments<const E extends Readonly<Record<string, () => Targets>>>(
  byName: E,
  settings: ProjectSettings = {},
): Experiments {
  const problem = limitsProblem(settings.cache ?? {});
  if (problem !== undefined) throw new Error(problem);
  return { kind: "experiments", byName, settings };
}

export type { ContractSpec, Target };
