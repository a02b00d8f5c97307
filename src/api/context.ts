// What a recipe is given: its config, its inputs, where to write, and memory for paid calls. An interface with a version, outside the key.

import type { ConfigKeysOf, ConfigOf, ContractSpec, ExperimentField, ExperimentValues, ReadsOf } from "./contract.ts";
import type { Json } from "../model/json.ts";
import type {
  AnyFile,
  JsonFile,
  ListSlot,
  Slot,
  SourcesSlot,
  Table,
  TextFile,
  Tree,
  TypeOf,
  YamlFile,
} from "./slot.ts";

/** A file to read. Its path is neutral: nothing in it tells names, machine or run. */
export interface FileIn {
  readonly path: string;
  readonly ext: string;
}
export interface TableIn<Row> extends FileIn {
  readonly row?: (row: Row) => Row;
}
export interface ValueIn<T> extends FileIn {
  /** Reads and parses the file. */
  read(): Promise<T>;
}
export interface TreeIn {
  readonly path: string;
  /** Relative paths with `/`, sorted by code unit. */
  files(): readonly string[];
  /** The absolute path of a file of the tree. */
  file(name: string): string;
}

/** A file to write: at `path`, or by `write` where there is a natural form. */
export interface FileOut {
  readonly path: string;
}
export interface TableOut<Row> extends FileOut {
  readonly row?: (row: Row) => Row;
}
export interface ValueOut<T> extends FileOut {
  /** JSON and YAML: two spaces, keys in the order given; NaN, Infinity and undefined are errors. Text: as it is, UTF-8. */
  write(value: T): Promise<void>;
}
export interface TreeOut {
  readonly path: string;
  /** Makes the parent folders of a file of the tree; returns the file's absolute path. */
  file(name: string): string;
}

type InOf<C> =
  C extends Table<infer Row>
    ? TableIn<Row>
    : C extends JsonFile<infer T>
      ? ValueIn<T>
      : C extends YamlFile<infer T>
        ? ValueIn<T>
        : C extends TextFile<string>
          ? ValueIn<string>
          : C extends AnyFile<string>
            ? FileIn
            : C extends Tree
              ? TreeIn
              : never;
type OutOf<C> =
  C extends Table<infer Row>
    ? TableOut<Row>
    : C extends JsonFile<infer T>
      ? ValueOut<T>
      : C extends YamlFile<infer T>
        ? ValueOut<T>
        : C extends TextFile<string>
          ? ValueOut<string>
          : C extends AnyFile<string>
            ? FileOut
            : C extends Tree
              ? TreeOut
              : never;

export type InputsOf<I> = {
  readonly [K in keyof I]: I[K] extends SourcesSlot
    ? readonly (readonly FileIn[])[]
    : I[K] extends ListSlot<infer C>
      ? readonly InOf<C>[]
      : I[K] extends Slot<infer C, infer Optional>
        ? true extends Optional
          ? InOf<C> | undefined
          : InOf<C>
        : never;
};
export type OutputsOf<O> = { readonly [K in keyof O]: O[K] extends Slot<infer C> ? OutOf<C> : never };

/** A paid request, remembered by the digest of `request` and `draw`. */
export interface CallRequest {
  /** Everything that decides the answer: provider, model, messages, temperature. No secrets. */
  readonly request: Json;
  /** Which draw of the same request; the item allocates it, so that no answer depends on the order of arrival. */
  readonly draw?: number;
  /** What it costs at most, in US dollars: so much is set aside of what the build may spend (`--max-usd`). In no key. */
  readonly maxUsd?: number;
}
export interface CallAnswer<T extends Json> {
  readonly response: T;
  /** US dollars. */
  readonly costUsd?: number;
}

export interface Runtime {
  /** A line in the action's log. */
  readonly log: (line: string) => void;
  /** Aborted on timeout, Ctrl-C and failure elsewhere. */
  readonly signal: AbortSignal;
  /** An empty folder of this action, removed afterwards. */
  readonly scratch: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /**
   * The answer to a paid request: from memory, or by `send`, and then remembered durably before this returns.
   * Answers and refusals are results; what `send` throws is a transport error and is not remembered.
   */
  call<T extends Json>(request: CallRequest, send: (signal: AbortSignal) => Promise<CallAnswer<T>>): Promise<T>;
}

type Told<C extends ContractSpec, R extends string> = {
  readonly config: Pick<ConfigOf<C>, R & keyof ConfigOf<C>>;
} & Pick<ExperimentValues<C>, R & ExperimentField>;

/** What a recipe of the contract `C` is given, when it reads the fields `R`. */
export type Context<C extends ContractSpec, R extends ReadsOf<C> = ConfigKeysOf<C>> = Told<C, R> & {
  readonly inputs: InputsOf<NonNullable<C["inputs"]>>;
  readonly outputs: OutputsOf<C["outputs"]>;
} & Runtime;

/** The work of a rule: reads `inputs`, writes every output. */
export type Recipe<C extends ContractSpec, R extends ReadsOf<C> = ConfigKeysOf<C>> = (
  context: Context<C, R>,
) => Promise<void> | void;

type Items<C extends ContractSpec> = NonNullable<C["items"]>;
type SettingsOf<C extends ContractSpec> = Items<C>["settings"] extends infer S
  ? undefined extends S
    ? undefined
    : TypeOf<S>
  : never;
type ItemOf<C extends ContractSpec> = TypeOf<Items<C>["item"]>;

/** One item that `split` asks for. Equal items (recipe, settings, item, inputs) are an error. */
export interface ItemRequest<C extends ContractSpec> {
  /** The name of one of the rule's item recipes; may be left out where there is only one. */
  readonly recipe?: string;
  readonly settings?: SettingsOf<C>;
  readonly item: ItemOf<C>;
  /** For people, as in `generate[base/3]`; no part of the key. */
  readonly label?: string;
  /** Which file each input slot of the item reads: a handle from `inputs`, or a file of a tree of `inputs`. */
  readonly inputs?: HandedInputs<NonNullable<Items<C>["inputs"]>>;
}
/** One for each slot; those of optional slots may be left out. */
type HandedInputs<I> = {
  readonly [K in keyof I as I[K] extends Slot<unknown, infer O> ? (true extends O ? never : K) : K]: ItemInput;
} & {
  readonly [K in keyof I as I[K] extends Slot<unknown, infer O> ? (true extends O ? K : never) : never]?: ItemInput;
};
/** A handle from the split's own `inputs`, or `{ tree: inputs.slices, file: "all.parquet" }`. */
export type ItemInput = FileIn | { readonly tree: TreeIn; readonly file: string };

/** Decides the items of a fan-out, in their order. */
export type Split<C extends ContractSpec, R extends ReadsOf<C> = ConfigKeysOf<C>> = (
  context: Told<C, R> & { readonly inputs: InputsOf<NonNullable<C["inputs"]>> } & Runtime,
) => Promise<readonly ItemRequest<C>[]> | readonly ItemRequest<C>[];

export type SetupContext<C extends ContractSpec, R extends ReadsOf<C> = never> = Told<C, R> & {
  readonly settings: SettingsOf<C>;
  readonly inputs: InputsOf<NonNullable<Items<C>["inputs"]>>;
};
export type ItemContext<C extends ContractSpec, R extends ReadsOf<C> = never, S = undefined> = SetupContext<C, R> & {
  readonly item: ItemOf<C>;
  readonly outputs: OutputsOf<Items<C>["outputs"]>;
  /** What `setup` returned. Shared by the items of a worker: to be read, never written. */
  readonly setup: S;
} & Runtime;

/** The work of one item: a function, or one with a `setup` that runs once a worker for equal settings and inputs. */
export type ItemRecipe<C extends ContractSpec, R extends ReadsOf<C> = never, S = undefined> =
  | ((context: ItemContext<C, R, S>) => Promise<void> | void)
  | {
      setup(context: SetupContext<C, R>): Promise<S> | S;
      run(context: ItemContext<C, R, S>): Promise<void> | void;
    };

/**
 * Many items of equal settings and inputs at once, as on a GPU: results may depend on the batch and are not claimed to be reproducible by byte.
 * Declared in the rule by `vectorised: true` beside the recipe.
 */
export interface VectorisedRecipe<C extends ContractSpec, R extends ReadsOf<C> = never, S = undefined> {
  setup?(context: SetupContext<C, R>): Promise<S> | S;
  run(
    context: SetupContext<C, R> & {
      readonly setup: S;
      readonly items: readonly { readonly item: ItemOf<C>; readonly outputs: OutputsOf<Items<C>["outputs"]> }[];
    } & Runtime,
  ): Promise<void> | void;
}

/** A finished item, as `merge` sees it: in the order of `split`. */
export interface ItemResult<C extends ContractSpec> {
  readonly recipe: string;
  readonly settings: SettingsOf<C>;
  readonly item: ItemOf<C>;
  readonly outputs: InputsOf<Items<C>["outputs"]>;
}

/** Makes the target's outputs from those of its items. */
export type Merge<C extends ContractSpec, R extends ReadsOf<C> = never> = (
  context: Context<C, R> & { readonly items: readonly ItemResult<C>[] },
) => Promise<void> | void;
