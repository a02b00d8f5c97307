// The closure of a recipe: every module that its bundle is made of, and everything that decided which ones.
// It is kept with the bundle, so that a later bundler can print the same code again (upgrades never invalidate results).

import type { Digest } from "../../model/digest.ts";
import type { JsonObject } from "../../model/json.ts";

export const closureFormat = 1;

/** How Node reads a `.js` or `.ts` file: by its extension, or by the nearest package.json's `type`. It decides CommonJS interop. */
export type ModuleType = "module" | "commonjs" | "unknown";
export type Loader = "ts" | "tsx" | "js" | "jsx" | "json" | "text";

export interface ClosureModule {
  /** For people only: path from the project's root, or `package@version/path`. Never part of a key. */
  readonly label: string;
  readonly loader: Loader;
  readonly type: ModuleType;
  readonly sideEffects: boolean;
  /** SHA-256 of the text; the text itself is a blob of the archive. */
  readonly digest: Digest;
  readonly text: string;
  /** `kind specifier` → index of the module, or the name of an external (a Node module, a declared external). */
  readonly edges: Readonly<Record<string, number | string>>;
}

export interface Closure {
  readonly format: typeof closureFormat;
  /** The export that is the recipe, of module 0. */
  readonly exportName: string;
  /** In depth-first order of imports from the entry, so that numbers tell nothing about names. */
  readonly modules: readonly ClosureModule[];
  /** The compiler options that change what is printed. */
  readonly tsconfig: JsonObject;
  readonly externals: readonly string[];
}

export function edgeKey(kind: string, specifier: string): string {
  return `${kind} ${specifier}`;
}

/** Names of modules in the print begin with it; unlikely in anybody's own code, because `print.ts` numbers them anew. */
export const modulePrefix = "expmodule";

/** The neutral path of a module in the print: a number, and the extension that keeps its meaning. */
export function neutralPath(module: ClosureModule, index: number): string {
  const number = String(index).padStart(4, "0");
  const prefix = module.type === "module" ? "m" : module.type === "commonjs" ? "c" : "";
  switch (module.loader) {
    case "ts":
      return `/exp/${modulePrefix}${number}.${prefix}ts`;
    case "js":
      return `/exp/${modulePrefix}${number}.${prefix}js`;
    case "tsx":
    case "jsx":
    case "json":
      return `/exp/${modulePrefix}${number}.${module.loader}`;
    case "text":
      return `/exp/${modulePrefix}${number}.txt`;
  }
}

export function indexOfNeutralPath(path: string): number {
  return Number(/(\d+)\.[a-z]+$/.exec(path)?.[1] ?? Number.NaN);
}

/** A text that names modules by their neutral paths, with their labels instead. */
export function withLabels(text: string, { modules }: Closure): string {
  const path = new RegExp(String.raw`/?exp/${modulePrefix}(\d+)\.[a-z]+`, "g");
  return text.replace(path, (named, number: string) => modules[Number(number)]?.label ?? named);
}
