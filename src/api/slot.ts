// Slots: what kind of file an action reads or writes under a name, and what must hold for it.
// Types only travel; at run time a slot is a small plain object.

import type { ZodType } from "zod";
import type { Columns, RowOf } from "../table.ts";
import { columnList } from "../table/columns.ts";
import { aFunction, aSchema, aText, checkShape, DeclarationError, describe, type Shape } from "./declared.ts";

/** The content of a slot, as a type. Invariant, so that a table of other rows is never "near enough". */
export interface Table<Row> {
  readonly format: "table";
  readonly row: (row: Row) => Row;
}
export interface JsonFile<T> {
  readonly format: "json";
  readonly value: (value: T) => T;
}
export interface YamlFile<T> {
  readonly format: "yaml";
  readonly value: (value: T) => T;
}
export interface TextFile<Ext extends string> {
  readonly format: "text";
  readonly ext: Ext;
}
export interface AnyFile<Ext extends string> {
  readonly format: "file";
  readonly ext: Ext;
}
export interface Tree {
  readonly format: "tree";
}
export type Content = Table<never> | JsonFile<never> | YamlFile<never> | TextFile<string> | AnyFile<string> | Tree;

export type SlotFormat = "table" | "json" | "yaml" | "text" | "file" | "tree";

declare const contentOf: unique symbol;

/** One named file (or tree) of an action. `C` is its content, `Optional` whether it may be absent. */
export interface Slot<C = unknown, Optional extends boolean = boolean> {
  readonly kind: "slot";
  readonly format: SlotFormat;
  /** File extension with its dot, as the recipe sees it; "" for trees. */
  readonly ext: string;
  readonly optional: Optional;
  /** The base name in the run's folder; the slot's name if not said. */
  readonly fileName?: string;
  readonly columns?: Columns;
  readonly schema?: ZodType;
  readonly minRows?: number;
  readonly maxRows?: number;
  readonly [contentOf]?: C;
}

/** Rows of one schema as Parquet. `minRows` and `maxRows` are checked after the action, as are types, nulls and NaN. */
export function table<const C extends Columns>(
  columns: C,
  checks: { readonly minRows?: number; readonly maxRows?: number } = {},
): Slot<Table<RowOf<C>>, false> {
  checkColumns(columns);
  return { kind: "slot", format: "table", ext: ".parquet", optional: false, columns, ...checks };
}

/** A JSON value. With a zod schema it is checked after the action; without one the type is the author's word. */
export function json<T>(schema?: ZodType<T>): Slot<JsonFile<T>, false> {
  if (schema !== undefined) checkShape("what `json` is given", schema, aSchema);
  return { kind: "slot", format: "json", ext: ".json", optional: false, ...(schema && { schema }) };
}

export function yaml<T>(schema?: ZodType<T>): Slot<YamlFile<T>, false> {
  if (schema !== undefined) checkShape("what `yaml` is given", schema, aSchema);
  return { kind: "slot", format: "yaml", ext: ".yaml", optional: false, ...(schema && { schema }) };
}

/** UTF-8 text: `text(".md")`, `text(".svg")`. */
export function text<const Ext extends `.${string}` = ".txt">(ext?: Ext): Slot<TextFile<Ext>, false> {
  if (ext !== undefined) checkShape("what `text` is given", ext, anExtension);
  return { kind: "slot", format: "text", ext: ext ?? ".txt", optional: false };
}

/** Bytes of any kind: `file(".pt")`. */
export function file<const Ext extends `.${string}`>(ext: Ext): Slot<AnyFile<Ext>, false> {
  checkShape("what `file` is given", ext, anExtension);
  return { kind: "slot", format: "file", ext, optional: false };
}

/** A folder; its file names are part of its content. */
export function tree(): Slot<Tree, false> {
  return { kind: "slot", format: "tree", ext: "", optional: false };
}

/** An output that may be absent after a successful action, or an input that takes such an output. */
export function optional<C>(slot: Slot<C>): Slot<C, true> {
  checkShape("what `optional` is given", slot, anOutputSlot);
  return { ...slot, optional: true };
}

/**
 * An output that lies in the run's folder under another name than its slot's: `markdown: named("report", text(".md"))` is
 * `report.md`. For people only: recipes see the slot's name, and no key holds either.
 */
export function named<S extends Slot>(name: string, slot: S): S {
  checkShape("the name that `named` is given", name, aFileName);
  checkShape("the slot that `named` is given", slot, anOutputSlot);
  return { ...slot, fileName: name };
}

/** The name of an output's file or folder in the run. */
export function fileNameOf(slot: string, { ext, fileName }: Pick<Slot, "ext" | "fileName">): string {
  return (fileName ?? slot) + ext;
}

/** Several artifacts of one kind, in the order in which they are wired. */
export interface ListSlot<C = unknown> {
  readonly kind: "list";
  readonly slot: Slot<C>;
}
export function list<C>(slot: Slot<C>): ListSlot<C> {
  checkShape("what `list` is given", slot, anOutputSlot);
  return { kind: "list", slot };
}

/**
 * Files that the config names: for each pattern (a path or a glob, from the project's root) a list of files.
 * A file that comes to match counts as a change; a plain path that is missing is an error that names it.
 */
export interface SourcesSlot {
  readonly kind: "sources";
  // The parameter is checked by the author's annotation against the contract's config.
  readonly patterns: (config: never) => readonly string[];
}
export function sourceFiles<Config>(patterns: (config: Config) => readonly string[]): SourcesSlot {
  checkShape("what `sourceFiles` is given", patterns, aFunction);
  return { kind: "sources", patterns: patterns };
}

const kindOf = (value: unknown) => (value as { readonly kind?: unknown } | null | undefined)?.kind;

/** An output, or an input of one file. */
export const anOutputSlot: Shape = {
  isMet: (value) => kindOf(value) === "slot",
  what: 'a slot of one file or folder: json(), text(), table({ … }), file(".pt"), tree()',
};
export const anInputSlot: Shape = {
  isMet: (value) => ["slot", "list", "sources"].includes(kindOf(value) as string),
  what: 'a slot: json(), text(), table({ … }), file(".pt"), tree(), list(…), sourceFiles(…)',
};
const anExtension: Shape = {
  isMet: (value) => typeof value === "string" && /^\.[^/\0]+$/.test(value),
  what: 'the end of a file\'s name with its dot, as in text(".md")',
};
const aFileName: Shape = {
  isMet: (value) => aText.isMet(value) && /^[^/\0.][^/\0]*$/.test(value as string),
  what: "a file's name without folders and without its end",
};

function checkColumns(columns: Columns): void {
  try {
    columnList(columns);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const what = typeof columns === "object" ? error.message : `it is ${describe(columns)}`;
    throw new DeclarationError(
      `the columns that \`table\` is given: ${what}`,
      'As in: table({ id: "string", score: "double?" })',
    );
  }
}

export type InputSlot = Slot | ListSlot | SourcesSlot;
export type ContentOfSlot<S> = S extends Slot<infer C> ? C : never;

/** A type that travels without a value: `items: { item: type<Draw>() }`. */
export interface Type<T> {
  readonly kind: "type";
  readonly [contentOf]?: T;
}
export function type<T>(): Type<T> {
  return { kind: "type" };
}
export type TypeOf<T> = T extends Type<infer V> ? V : never;
