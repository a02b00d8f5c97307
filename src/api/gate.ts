// Gates: a target that fails when a research condition does not hold, with the number and the threshold in its message.

import { aNumber, anObject, aSchema, aText, aZodObject, checkFields, functions, type Shape } from "./declared.ts";
import { contract, type ConfigKeysOf, type ContractSpec, type ReadsOf } from "./contract.ts";
import type { Context } from "./context.ts";
import { makeRule, partOf, type Lazy, type Rule, type RunOptions } from "./rule.ts";
import { json, type JsonFile, type Slot } from "./slot.ts";

/** What a gate found. It passes when every condition holds. */
export interface Condition {
  /** What was measured: "share of novel peptides". */
  readonly name: string;
  readonly value: number;
  readonly operator: ">=" | ">" | "<=" | "<" | "==";
  readonly threshold: number;
  /** What to think or do when it fails. */
  readonly note?: string;
}

type GateSpec = Omit<ContractSpec, "outputs" | "items">;
type Whole<C extends GateSpec> = C & { readonly outputs: Record<never, never> };

export type GateRecipe<C extends GateSpec, R extends ReadsOf<Whole<C>> = ConfigKeysOf<Whole<C>>> = (
  context: Omit<Context<Whole<C>, R>, "outputs">,
) => Promise<readonly Condition[]> | readonly Condition[];

type WithVerdict<C> = C & { readonly outputs: { readonly verdict: Slot<JsonFile<readonly Condition[]>, false> } };

/** A rule whose recipe returns conditions. They are kept as the output `verdict`; one that does not hold fails the target. */
export function gate<const C extends GateSpec, const R extends ReadsOf<Whole<C>> = never>(
  spec: C,
  recipe:
    | Lazy<GateRecipe<C>>
    | (RunOptions & { readonly recipe: Lazy<GateRecipe<C>>; readonly reads?: never })
    | (RunOptions & { readonly recipe: Lazy<GateRecipe<C, NoInfer<R>>>; readonly reads: readonly R[] }),
): Rule<WithVerdict<C>> {
  checkFields("a gate", spec, { name: aText }, gateFields);
  const whole = contract({ ...spec, outputs: { verdict: json<readonly Condition[]>() } });
  const part = partOf(`rule ${spec.name}: its recipe`, whole, recipe, undefined);
  return makeRule(whole as unknown as WithVerdict<C>, { kind: "gate", part });
}

/** What is no number (NaN, or infinite, which a verdict keeps as null) fulfils no condition. */
export function holds(condition: Condition): boolean {
  const { value, threshold } = condition;
  if (!Number.isFinite(value) || !Number.isFinite(threshold)) return false;
  switch (condition.operator) {
    case ">=":
      return value >= threshold;
    case ">":
      return value > threshold;
    case "<=":
      return value <= threshold;
    case "<":
      return value < threshold;
    case "==":
      return value === threshold;
  }
}

// A contract that was declared for its type says that it has none.
const noOutputs: Shape = {
  isMet: (value) => anObject.isMet(value) && Object.keys(value as object).length === 0,
  what: "empty: what a gate makes is its verdict",
};
const gateFields = {
  version: aNumber,
  config: aZodObject,
  migrations: functions,
  arms: aSchema,
  inputs: anObject,
  outputs: noOutputs,
};
