// A contract: what a rule is told (config, arms), what it reads and what it makes. Recipes are typed by it; no code runs here.

import type { z } from "zod";
import type { JsonObject } from "../model/json.ts";
import {
  aNumber,
  anObject,
  anything,
  aSchema,
  aText,
  aZodObject,
  checkFields,
  checkShape,
  DeclarationError,
  functions,
  type Shape,
} from "./declared.ts";
import { anInputSlot, anOutputSlot, fileNameOf, type InputSlot, type Slot, type Type } from "./slot.ts";

export interface ContractSpec {
  /** `package/rule`, for messages; never part of a key. */
  readonly name: string;
  /** Raise it to make every result of the rule stale. Part of the key. */
  readonly version?: number;
  /** The target's section of the config: a zod object, strict about unknown keys. */
  readonly config?: z.ZodObject;
  /**
   * Brings the section from version n of the config, the key, to version n + 1, before anything is validated or merged: it may see
   * a part of the section, as a file that others extend has it. A config's current version is one more than the highest key of all rules.
   */
  readonly migrations?: Readonly<Record<number, (section: JsonObject) => JsonObject>>;
  /** The settings of an ablation arm, where the rule works by arms. */
  readonly arms?: z.ZodType;
  readonly inputs?: Readonly<Record<string, InputSlot>>;
  readonly outputs: Readonly<Record<string, Slot>>;
  /** For fan-outs: what one item is told, reads and makes. */
  readonly items?: ItemSpec;
}

export interface ItemSpec {
  /** What many items share, an arm's settings say: `setup()` sees it. */
  readonly settings?: Type<unknown>;
  /** What tells this item from the others. */
  readonly item: Type<unknown>;
  /** Files of the target's own inputs that an item reads, chosen by `split`. */
  readonly inputs?: Readonly<Record<string, Slot>>;
  readonly outputs: Readonly<Record<string, Slot>>;
}

/** What a recipe may be told beside its config section. */
export type ExperimentField = "arms" | "control" | "labels" | "notes" | "seed";
export const experimentFields: readonly ExperimentField[] = ["arms", "control", "labels", "notes", "seed"];

/** States a rule's contract once, so that the rule and its recipes are typed by the same words. */
export function contract<const C extends ContractSpec>(spec: C): C {
  checkContract(spec);
  for (const field of experimentFields) {
    if (spec.config && field in spec.config.shape) {
      throw new DeclarationError(
        `rule ${spec.name}: the config field "${field}" is reserved for the experiment; choose another name`,
      );
    }
  }
  const fileNames = Object.entries(spec.outputs).map(([slot, shape]) => fileNameOf(slot, shape));
  const twice = fileNames.find((name, i) => fileNames.indexOf(name) !== i);
  if (twice !== undefined)
    throw new DeclarationError(
      `rule ${spec.name}: two outputs would both be the file "${twice}"; name one of them otherwise, or its file: named("other", slot)`,
    );
  return spec;
}

const required = { name: aText, outputs: anObject };
const rest = {
  version: aNumber,
  config: aZodObject,
  migrations: functions,
  arms: aSchema,
  inputs: anObject,
  items: anObject,
};

/** Throws where the spec is not what its type says. */
function checkContract(spec: ContractSpec): void {
  const name: unknown = (spec as ContractSpec | undefined)?.name;
  const who = typeof name === "string" ? `the contract ${name}` : "a contract";
  checkFields(who, spec, required, rest);
  const { inputs = {}, outputs, items } = spec;
  checkSlots(`${who}: input`, inputs, anInputSlot);
  checkSlots(`${who}: output`, outputs, anOutputSlot);
  if (items === undefined) return;
  checkFields(
    `${who}: \`items\``,
    items,
    { outputs: anObject },
    { item: anything, settings: anything, inputs: anObject },
  );
  checkSlots(`${who}: input of its items`, items.inputs ?? {}, anOutputSlot);
  checkSlots(`${who}: output of its items`, items.outputs, anOutputSlot);
}

function checkSlots(who: string, slots: Readonly<Record<string, unknown>>, shape: Shape): void {
  for (const [name, slot] of Object.entries(slots)) {
    // They are names of files, and fields of the target beside its own.
    if (name === "$target" || name.startsWith(".") || name.includes("/"))
      throw new DeclarationError(
        `${who} "${name}" cannot be called so`,
        "Use letters, digits, - and _, beginning with a letter.",
      );
    checkShape(`${who} "${name}"`, slot, shape);
  }
}

export type ConfigOf<C extends ContractSpec> = C["config"] extends z.ZodObject
  ? z.output<C["config"]>
  : Record<never, never>;
export type ArmSettingsOf<C extends ContractSpec> = C["arms"] extends z.ZodType ? z.output<C["arms"]> : never;

/** An arm is its settings; `id` is their digest, its name is a label and no part of any key. */
export interface Arm<Settings> {
  readonly id: string;
  readonly settings: Settings;
}
export interface ArmLabel {
  readonly id: string;
  readonly name: string;
}

export interface ExperimentValues<C extends ContractSpec> {
  /** Sorted by id, so that order and names in the config count for nothing. */
  readonly arms: readonly Arm<ArmSettingsOf<C>>[];
  /** The id of the control arm, where the config names one. */
  readonly control: string | undefined;
  /** Names in the order of the config. */
  readonly labels: readonly ArmLabel[];
  /** What the config says of the run, for reports. */
  readonly notes: Notes;
  readonly seed: number;
}

export interface Notes {
  readonly what?: string;
  readonly why?: string;
  readonly hypothesis?: string;
}

/** Every field of the config section: what a recipe reads that does not say less. */
export type ConfigKeysOf<C extends ContractSpec> = keyof ConfigOf<C> & string;
/** The names that `reads` may hold: fields of the config section, and the experiment's own. */
export type ReadsOf<C extends ContractSpec> = ConfigKeysOf<C> | ExperimentField;
