// Rules: typed functions that make targets of one kind. What they return is plain data; nothing is read and no recipe is loaded here.

import type { Json } from "../model/json.ts";
import { experimentFields, type ConfigOf, type ContractSpec, type ReadsOf } from "./contract.ts";
import type { ItemRecipe, Merge, Recipe, Split, VectorisedRecipe } from "./context.ts";
import {
  aCount,
  aFlag,
  aFunction,
  anObject,
  aText,
  checkFields,
  checkShape,
  DeclarationError,
  describe,
  texts,
  type Shapes,
} from "./declared.ts";
import { codeFiles, itemRecipes, lazily, partShape, runOptions, targetOptions } from "./rule-shapes.ts";
import {
  anOutputSlot,
  type Content,
  type ContentOfSlot,
  type InputSlot,
  type ListSlot,
  type Slot,
  type SourcesSlot,
} from "./slot.ts";
import { checkModalOptions, type ModalOptions } from "./modal.ts";
import { checkSlurmOptions, type SlurmOptions } from "./slurm.ts";

/** What an action takes from the countable limits while it runs: `cpu`, `memory` (MiB), `gpu` and any named one, `"api:anthropic"`. */
export type Resources = { readonly cpu?: number; readonly memory?: number; readonly gpu?: number } & {
  readonly [name: string]: number | undefined;
};

/** Tries after the first one, for failures that may pass by themselves. */
export interface Retries {
  readonly times: number;
  /** Wait before the first retry; doubled each time, with jitter. Default 1 s. */
  readonly backoffMs?: number;
  /** More of something each time: `(attempt) => ({ memory: 2048 * attempt })`. */
  readonly resources?: (attempt: number) => Resources;
}

/** How an action runs. Nothing here is part of a key, except `env`, `tools` and `externals`. */
export interface RunOptions {
  readonly resources?: Resources;
  readonly timeoutMs?: number;
  readonly retries?: Retries | number;
  /** Environment variables that the recipe may read; their values are part of the key. */
  readonly env?: readonly string[];
  /** Environment variables that are passed on and masked; never part of a key, a log or the cache. */
  readonly secrets?: readonly string[];
  /** Tools and their versions, verified where the action runs: `{ python3: "3.11", "python:torch": "2.4" }`. */
  readonly tools?: Readonly<Record<string, string>>;
  /** npm packages that are loaded when the recipe runs instead of being bundled (native addons); counted by name and version. */
  readonly externals?: readonly string[];
  /** `local`: on this machine, whatever executor the build was told. Split, merge and gates run here anyway. */
  readonly executor?: "local";
  /** How it runs on a Slurm cluster. */
  readonly slurm?: SlurmOptions;
  /** How it runs in Modal containers. */
  readonly modal?: ModalOptions;
  /** Why two runs of it on the same inputs may give different bytes ("sums on a GPU, in any order"): `reproduce` and `verify` then tell, and do not fail. */
  readonly varies?: string;
}

/** `() => import("./judge.ts")` (its export `recipe`), or `() => import("./judges.ts").then((m) => m.novelty)`. */
export type Lazy<T> = () => Promise<T | { readonly recipe: T }>;

export type RecipeOptions<T> = RunOptions & { readonly recipe: Lazy<T> };

/** A program as a recipe: it runs in an empty folder that holds `in/<slot>`, `out/` and its code files under their own relative names. */
export interface CommandSpec<C extends ContractSpec = never> extends RunOptions {
  readonly kind: "command";
  /** Files and globs from the folder of the Expfile: the program's code, its version. A folder prefix shared by all is kept. */
  readonly code: readonly string[];
  /** The command line. What it does not say, the program cannot see: it stands for the config in the key. */
  readonly argv: (context: CommandContext<C>) => readonly (string | number)[];
}
export interface CommandContext<C extends ContractSpec> {
  readonly config: ConfigOf<C>;
  readonly seed: number;
  /** Paths relative to the folder in which the command runs. */
  readonly inputs: { readonly [K in keyof C["inputs"]]: C["inputs"][K] extends Slot ? string : readonly string[] };
  readonly outputs: { readonly [K in keyof C["outputs"]]: string };
}

// ---------------------------------------------------------------------------------------------------------------
// Targets

declare const contentOf: unique symbol;

/** The end of a wire that gives: `Artifact<"peptides/judge.scores", Table<Score>>`. */
export interface Artifact<Name extends string, C> extends Needs<Name, C> {
  readonly kind: "artifact";
  readonly target: TargetDeclaration;
  readonly slot: string;
}
/** The end of a wire that takes. Only the content decides whether they fit; the names make the error readable. */
export interface Needs<_Name extends string, C> {
  readonly [contentOf]?: C;
}
/** A file or glob of the project, wired directly: `source("data/words.txt", text())`. */
export interface Source<C> extends Needs<"source", C> {
  readonly kind: "source";
  readonly path: string;
  readonly slot: Slot<C>;
}

export function source<C>(path: string, slot: Slot<C>): Source<C> {
  checkShape("the path that `source` is given", path, aText);
  checkShape(`what source("${path}", …) is given`, slot, anOutputSlot);
  return { kind: "source", path, slot };
}

/** What an optional output may turn out to be; only an optional input takes it. */
export interface Absent {
  readonly format: "absent";
}
type ContentOrAbsent<S> = OptionalInput<S> extends true ? ContentOfSlot<S> | Absent : ContentOfSlot<S>;

type WiredInputs<I> = { [K in keyof I as I[K] extends SourcesSlot ? never : K]: I[K] };
type WireOf<Name extends string, K extends string, S> =
  S extends ListSlot<infer C> ? readonly Needs<`${Name}.${K}`, C>[] : Needs<`${Name}.${K}`, ContentOrAbsent<S>>;
type OptionalInput<S> = S extends Slot<unknown, infer O> ? (true extends O ? true : false) : false;
/** What a target of the contract must be handed, by input slot. */
export type Wiring<C extends ContractSpec> = {
  readonly [
    K in keyof WiredInputs<C["inputs"]> & string as OptionalInput<NonNullable<C["inputs"]>[K]> extends true ? never : K
  ]: WireOf<C["name"], K, NonNullable<C["inputs"]>[K]>;
} & {
  readonly [
    K in keyof WiredInputs<C["inputs"]> & string as OptionalInput<NonNullable<C["inputs"]>[K]> extends true ? K : never
  ]?: WireOf<C["name"], K, NonNullable<C["inputs"]>[K]>;
};

/** A target's outputs by slot, to be wired on. */
export type Target<C extends ContractSpec> = {
  readonly [K in keyof C["outputs"] & string]: Artifact<`${C["name"]}.${K}`, ContentOrAbsent<C["outputs"][K]>>;
} & { readonly $target: TargetDeclaration };

export interface TargetOptions extends RunOptions {
  /** The section of the config that this target reads; the target's own name if not said. */
  readonly config?: string;
  /** Shown by `exp graph` and completion. */
  readonly description?: string;
}

export interface Rule<C extends ContractSpec> {
  (
    ...args: object extends Wiring<C>
      ? [inputs?: Wiring<C>, options?: TargetOptions]
      : [inputs: Wiring<C>, options?: TargetOptions]
  ): Target<C>;
  readonly contract: C;
}

// ---------------------------------------------------------------------------------------------------------------
// Declarations: what the engine reads. Untyped on purpose; the functions below are where types are checked.

export type Wire =
  | { readonly kind: "artifact"; readonly target: TargetDeclaration; readonly slot: string }
  | { readonly kind: "source"; readonly path: string; readonly slot: Slot };

export interface PartDeclaration extends RunOptions {
  readonly load: Lazy<unknown>;
  /** Undefined: the whole config section, and no field of the experiment. */
  readonly reads: readonly string[] | undefined;
  readonly vectorised?: boolean;
}
export type Work =
  | { readonly kind: "recipe"; readonly part: PartDeclaration }
  | { readonly kind: "command"; readonly command: CommandSpec }
  | {
      readonly kind: "fan-out";
      readonly split: PartDeclaration;
      readonly recipes: Readonly<Record<string, PartDeclaration>>;
      readonly merge: PartDeclaration;
      readonly batch?: number;
    }
  | { readonly kind: "gate"; readonly part: PartDeclaration }
  | { readonly kind: "handoff"; readonly handoff: HandoffDeclaration };

export interface HandoffDeclaration {
  readonly requests: (config: Json) => readonly HandoffRequest[];
}
/** What people are asked for. */
export interface HandoffRequest {
  /** File or folder, from the project's root. */
  readonly path: string;
  /** What it is: "HemoPI test set, FASTA". */
  readonly what: string;
  /** How to get it: the address, the button, the form to sign. */
  readonly how: string;
}

export interface TargetDeclaration {
  readonly kind: "target";
  readonly contract: ContractSpec;
  readonly work: Work;
  readonly inputs: Readonly<Record<string, Wire | readonly Wire[]>>;
  readonly options: TargetOptions;
}

// ---------------------------------------------------------------------------------------------------------------
// The functions that authors call

/** A rule whose recipe is a program. First, so that the functions of its spec are typed by the contract. */
export function rule<const C extends ContractSpec>(contract: C, command: CommandSpec<C>): Rule<C>;
/** A rule with one recipe. */
export function rule<const C extends ContractSpec>(contract: C, recipe: Lazy<Recipe<C>>): Rule<C>;
/** A rule whose recipe reads only some fields: what it does not read does not make it stale. */
export function rule<const C extends ContractSpec, const R extends ReadsOf<C>>(
  contract: C,
  options: RecipeOptions<Recipe<C, R>> & { readonly reads: readonly R[] },
): Rule<C>;
export function rule<const C extends ContractSpec>(contract: C, options: RecipeOptions<Recipe<C>>): Rule<C>;
export function rule(contract: ContractSpec, how: Lazy<unknown> | CommandSpec | PartOptions): Rule<ContractSpec> {
  const who = whoOf("rule", contract);
  if (typeof how === "object" && how !== null && "kind" in how) {
    checkOptions(`${who}: its command`, how, { kind: aText, code: codeFiles, argv: aFunction }, runOptions);
    return makeRule(contract, { kind: "command", command: how });
  }
  return makeRule(contract, { kind: "recipe", part: partOf(`${who}: its recipe`, contract, how, undefined) });
}

export function command<C extends ContractSpec>(spec: Omit<CommandSpec<C>, "kind">): CommandSpec<C> {
  return { kind: "command", ...spec };
}

export type PartOptions = RunOptions & {
  readonly recipe: Lazy<unknown>;
  readonly reads?: readonly string[];
  readonly vectorised?: boolean;
};
/** A recipe with the fields that it reads; one that uses a field which its part does not declare does not compile. */
interface Reading<T, R extends string> extends RunOptions {
  readonly recipe: Lazy<T>;
  readonly reads: readonly R[];
  readonly vectorised?: never;
}
interface Vectorised<T, R extends string> extends RunOptions {
  readonly recipe: Lazy<T>;
  readonly reads?: readonly R[];
  readonly vectorised: true;
}
type Plain<T> =
  Lazy<T> | (RunOptions & { readonly recipe: Lazy<T>; readonly reads?: never; readonly vectorised?: never });
// What `setup` returns is a matter between the functions of one recipe.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnySetup = any;

interface FanOutParts<
  C extends ContractSpec,
  S extends ReadsOf<C>,
  I extends Readonly<Record<string, ReadsOf<C>>>,
  M extends ReadsOf<C>,
> {
  readonly split: Plain<Split<C>> | Reading<Split<C, NoInfer<S>>, S>;
  readonly recipes: {
    readonly [K in keyof I]:
      | Plain<ItemRecipe<C, never, AnySetup>>
      | Reading<ItemRecipe<C, NoInfer<I[K]>, AnySetup>, I[K]>
      | Vectorised<VectorisedRecipe<C, NoInfer<I[K]>, AnySetup>, I[K]>;
  };
  readonly merge: Plain<Merge<C>> | Reading<Merge<C, NoInfer<M>>, M>;
  /** How many items travel together; chosen by the engine if not said. */
  readonly batch?: number;
}

/**
 * A rule that works item by item: `split` decides the items, a recipe makes each, `merge` puts them together.
 * Each part is bundled and keyed apart. `split` reads the whole config section unless `reads` says otherwise;
 * items and `merge` read nothing unless `reads` says so (what an item needs, `split` hands it).
 */
export function fanOut<
  const C extends ContractSpec,
  const S extends ReadsOf<C> = never,
  const I extends Readonly<Record<string, ReadsOf<C>>> = Readonly<Record<string, never>>,
  const M extends ReadsOf<C> = never,
>(contract: C, parts: FanOutParts<C, S, I, M>): Rule<C> {
  const who = whoOf("fanOut", contract);
  if (contract.items === undefined)
    throw new DeclarationError(`${who}: its contract has no \`items\``, "They say what one item is told and makes.");
  checkFields(who, parts, { split: partShape, recipes: itemRecipes, merge: partShape }, { batch: aCount });
  const part = (name: string, given: unknown, reads: readonly string[] | undefined) =>
    partOf(`${who}: ${name}`, contract, given as Lazy<unknown> | PartOptions, reads);
  const recipes = Object.entries(parts.recipes as Readonly<Record<string, Lazy<unknown> | PartOptions>>);
  return makeRule(contract, {
    kind: "fan-out",
    split: part("its split", parts.split, undefined),
    recipes: Object.fromEntries(recipes.map(([name, recipe]) => [name, part(`the recipe "${name}"`, recipe, [])])),
    merge: part("its merge", parts.merge, []),
    ...(parts.batch !== undefined && { batch: parts.batch }),
  });
}

/** "rule lab/judge", for messages. Throws where the first argument is no contract. */
function whoOf(maker: string, contract: ContractSpec): string {
  const given: unknown = contract;
  if (typeof given !== "object" || given === null || !("outputs" in given))
    throw new DeclarationError(
      `${maker}(…) is given ${describe(contract)} where a contract belongs`,
      "Declare it first: contract({ name: …, outputs: { … } })",
    );
  return `rule ${contract.name}`;
}

const noOptions: TargetOptions = {};

/** `who`: "rule lab/judge: its split". `reads`: what it reads unless it says so. */
export function partOf(
  who: string,
  contract: ContractSpec,
  part: Lazy<unknown> | PartOptions,
  reads: readonly string[] | undefined,
): PartDeclaration {
  checkShape(who, part, partShape);
  if (typeof part === "function") return { load: part, reads };
  checkOptions(who, part, { recipe: lazily }, { reads: texts, vectorised: aFlag, ...runOptions });
  const fields = [...Object.keys(contract.config?.shape ?? {}), ...experimentFields];
  const unknown = part.reads?.find((field) => !fields.includes(field));
  if (unknown !== undefined)
    throw new DeclarationError(
      `${who}: it reads "${unknown}", which is no field of its config`,
      `What can be read: ${fields.join(", ")}.`,
    );
  const { recipe, ...options } = part;
  return { ...options, load: recipe, reads: part.reads ?? reads };
}

function checkOptions(who: string, given: RunOptions, required: Shapes, rest: Shapes): void {
  checkFields(who, given, required, rest);
  if (given.slurm !== undefined) checkSlurmOptions(`${who}: \`slurm\``, given.slurm);
  if (given.modal !== undefined) checkModalOptions(`${who}: \`modal\``, given.modal);
}

export function makeRule<C extends ContractSpec>(contract: C, work: Work): Rule<C> {
  const make = (inputs: TargetDeclaration["inputs"] = {}, options: TargetOptions = noOptions) => {
    // Most say none, and an experiment may have ten thousand targets.
    if (options !== noOptions)
      checkOptions(`the options of a target of rule ${contract.name}`, options, {}, targetOptions);
    checkHanded(contract, inputs);
    const declaration: TargetDeclaration = { kind: "target", contract, work, inputs, options };
    const target: Record<string, unknown> = {};
    for (const slot in contract.outputs) target[slot] = { kind: "artifact", target: declaration, slot };
    target.$target = declaration;
    return target;
  };
  return Object.assign(make, { contract }) as unknown as Rule<C>;
}

/** Slot by slot it is looked at with the graph, so that all slips are told together. */
function checkHanded({ name, inputs = {} }: ContractSpec, handed: unknown): void {
  const isWiring = anObject.isMet(handed) && !["artifact", "source"].includes((handed as { kind?: string }).kind!);
  if (isWiring) return;
  const slots = Object.keys(inputs).map((slot) => `${slot}: …`);
  throw new DeclarationError(
    `a target of rule ${name} is handed ${describe(handed)}, where its inputs belong`,
    slots.length === 0 ? "It takes none: hand over {}." : `Hand them over by slot: { ${slots.join(", ")} }`,
  );
}

export type { Content };
export type AnyInputSlot = InputSlot;
