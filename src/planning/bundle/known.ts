// Modules that were collected before, for this recipe or another: where one of four hundred was edited, the others are neither read nor parsed again.

import type { Digest } from "../../model/digest.ts";
import type { JsonObject } from "../../model/json.ts";
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

/** A closure, with where its modules lie and what was looked at to find them. */
export interface Collection {
  readonly closure: Closure;
  /** Of each module, absolute. */
  readonly paths: readonly string[];
  readonly watched: WatchedRecord;
}

/** What is known for one collection. */
export interface Known {
  /** Undefined: it was edited, or it would have to be found anew what it imports. */
  module(path: string): CollectedModule | undefined;
  /** Of a module that may have been edited since; undefined of one that nothing is known of. */
  sideEffects(path: string): boolean | undefined;
}

interface Place {
  readonly collection: Collection;
  readonly index: number;
}

export class KnownModules {
  readonly #digestOf: DigestOf;
  /** By what else decides what becomes of a module, and by its path: in the collection that was added last. */
  readonly #places = new Map<string, Map<string, Place>>();

  constructor(digestOf: DigestOf) {
    this.#digestOf = digestOf;
  }

  add(collection: Collection): void {
    const { tsconfig, externals } = collection.closure;
    const key = JSON.stringify([tsconfig, externals]);
    const places = this.#places.get(key) ?? new Map<string, Place>();
    this.#places.set(key, places);
    // Of the first it does not say whether it is free of side effects: it is asked for something.
    for (const [index, path] of collection.paths.entries()) if (index > 0) places.set(path, { collection, index });
  }

  /** As of now. Each collection that is asked for is looked at once. */
  now(tsconfig: JsonObject, externals: readonly string[]): Known {
    const places = this.#places.get(JSON.stringify([tsconfig, externals]));
    const looks = new Map<Collection, ReadonlySet<string> | undefined>();
    const unedited = (collection: Collection): ReadonlySet<string> | undefined => {
      if (!looks.has(collection)) looks.set(collection, uneditedOf(collection, this.#digestOf));
      return looks.get(collection);
    };
    /** Undefined also where it would be found in another place now, or its package may say something else. */
    const placeOf = (path: string) => {
      const place = places?.get(path);
      return place !== undefined && unedited(place.collection) !== undefined ? place : undefined;
    };
    return {
      module(path) {
        const place = placeOf(path);
        return place !== undefined && unedited(place.collection)!.has(path) ? moduleAt(place) : undefined;
      },
      sideEffects(path) {
        const place = placeOf(path);
        return place?.collection.closure.modules[place.index]!.sideEffects;
      },
    };
  }
}

/** The paths of its modules that hold what they held; undefined where anything else is other than it was: what they import may be found elsewhere then. */
function uneditedOf({ paths, watched }: Collection, digestOf: DigestOf): ReadonlySet<string> | undefined {
  if (!isFoundAsBefore(watched)) return undefined;
  const modules = new Set(paths);
  const unedited = new Set(paths);
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

function moduleAt({ collection: { closure, paths }, index }: Place): CollectedModule {
  const { text, digest, loader, edges, sideEffects } = closure.modules[index]!;
  const edge = (to: number | string): Edge => (typeof to === "string" ? { external: to } : paths[to]!);
  return {
    text,
    digest,
    loader,
    sideEffects,
    edges: new Map(Object.entries(edges).map(([key, to]) => [key, edge(to)])),
  };
}
