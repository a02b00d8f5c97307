// What an Expfile exports: experiments by name, each a function that returns its targets by name.

import type { ContractSpec } from "./contract.ts";
import type { Target, TargetDeclaration } from "./rule.ts";

/** Targets by the names that people use on the command line. The order is the order of reports. */
export type Targets = Readonly<Record<string, { readonly $target: TargetDeclaration }>>;

export interface Experiments {
  readonly kind: "experiments";
  readonly byName: Readonly<Record<string, () => Targets>>;
}

/** Declares the experiments of an Expfile. The first is the default; a config chooses another by `experiment: NAME`. */
export function experiments<const E extends Readonly<Record<string, () => Targets>>>(byName: E): Experiments {
  return { kind: "experiments", byName };
}

export type { ContractSpec, Target };
