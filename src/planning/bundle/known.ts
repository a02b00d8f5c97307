// Modules that were collected before, for this recipe or another: where one of four hundred was edited, the others are neither read nor parsed again.

import type { Digest } from "../../model/digest.ts";
import type { Closure, Loader } from "./closure.ts";
import { isFoundAsBefore, type DigestOf, type WatchedRecord } from "./watched.ts";

/** Where an import leads: to the module of that path, or to what is left to the run. */
export type Edge = string | { readonly external: string };

export interface CollectedModule {
  readonly text: string;
  readonly digest: Digest;
  readonly loader: Loader;
  /** By `edgeKey`, in the order of the imports. */
  readonly edges: ReadonlyMap<string, Edge>;
  readonly sideEffects: boolean;
}

/** What decides, beside a module itself, what becomes of it. */
export type Terms = Pick<Closure, "tsconfig" | "externals">;

/** What was collected for one recipe, with what was looked at for it. */
export interface Collection {
  /** By path, absolute. */
  readonly modules: ReadonlyMap<string, CollectedModule>;
  readonly watched: WatchedRecord;
}

/** What is known for one collection. */
export interface Known {
  /** Undefined: it was edited, or it would have to be found anew what it imports. */
  module(path: string): CollectedModule | undefined;
  /** Of a module that may have been edited since; undefined of one that nothing is known of. */
  sideEffects(path: string): boolean | undefined;
}

export class KnownModules {
  readonly #digestOf: DigestOf;
  /** By the terms, and by the path of a module: the collection that was added last. */
  readonly #collections = new Map<string, Map<string, Collection>>();

  constructor(digestOf: DigestOf) {
    this.#digestOf = digestOf;
  }

  add(terms: Terms, { modules, watched }: Collection): void {
    const collection = { modules, watched };
    const key = keyOf(terms);
    const collections = this.#collections.get(key) ?? new Map<string, Collection>();
    this.#collections.set(key, collections);
    for (const path of modules.keys()) collections.set(path, collection);
  }

  /** As of now. Each collection that is asked for is looked at once. */
  now(terms: Terms): Known {
    const collections = this.#collections.get(keyOf(terms));
    const looks = new Map<Collection, ReadonlySet<string> | undefined>();
    const unedited = (collection: Collection): ReadonlySet<string> | undefined => {
      if (!looks.has(collection)) looks.set(collection, uneditedOf(collection, this.#digestOf));
      return looks.get(collection);
    };
    return {
      module(path) {
        const collection = collections?.get(path);
        return collection !== undefined && unedited(collection)?.has(path) ? collection.modules.get(path) : undefined;
      },
      sideEffects(path) {
        const collection = collections?.get(path);
        // Where its package may say something else now, nothing is known.
        const isFound = collection !== undefined && unedited(collection) !== undefined;
        return isFound ? collection.modules.get(path)?.sideEffects : undefined;
      },
    };
  }
}

function keyOf({ tsconfig, externals }: Terms): string {
  return JSON.stringify([tsconfig, externals]);
}

/** The modules of a closure that was kept, by their `paths`. */
export function modulesOf({ modules }: Closure, paths: readonly string[]): Map<string, CollectedModule> {
  const known = new Map<string, CollectedModule>();
  for (const [index, { text, digest, loader, edges, sideEffects }] of modules.entries()) {
    // Of the first it does not say whether it is free of side effects: it is asked for something.
    if (index === 0) continue;
    const edge = (to: number | string): Edge => (typeof to === "string" ? { external: to } : paths[to]!);
    const byPath = new Map(Object.entries(edges).map(([key, to]) => [key, edge(to)]));
    known.set(paths[index]!, { text, digest, loader, edges: byPath, sideEffects });
  }
  return known;
}

/** The paths of its modules that hold what they held; undefined where anything else is other than it was: what they import may be found elsewhere then. */
function uneditedOf({ modules, watched }: Collection, digestOf: DigestOf): ReadonlySet<string> | undefined {
  if (!isFoundAsBefore(watched)) return undefined;
  const unedited = new Set(modules.keys());
  const links = new Map(watched.links);
  for (const [path, digest] of watched.files) {
    const found = digestOf(path);
    if (found?.digest === digest) continue;
    const module = links.get(path) ?? path;
    // What is gone is found elsewhere, if at all. A JSON file may be a package's or a tsconfig, too.
    if (found === undefined || module.endsWith(".json") || !modules.has(module)) return undefined;
    unedited.delete(module);
  }
  return unedited;
}
