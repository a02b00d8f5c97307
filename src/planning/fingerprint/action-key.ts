// The action key: the digest of the one record that decides an action's result. What is not in this file does not count.

import type { Digest } from "../../model/digest.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { encode, hashRecord } from "./encode.ts";
import { digestOfBytes } from "../../model/digest.ts";

export const recordFormat = 1;

/**
 * Not in the record: names of targets, rules, arms and files (a recipe sees neutral paths in an empty folder), resources,
 * executor, retries, timeouts, batches, parallelism, paths, machine, run and time. The same action has the same key everywhere.
 */
export interface ActionRecord {
  /** So that a later exp can compute an old key from an old record. */
  readonly format: typeof recordFormat;
  /** A recipe may serve as split, item or merge: it is given different things, so its results differ. */
  readonly part: "recipe" | "split" | "item" | "merge" | "gate" | "handoff" | "splice";
  /** The code that the recipe reaches, by content: what else could decide its result? */
  readonly code: CodeRecord;
  /** Raised by the rule's author to say "results before this are wrong", where code alone would not show it. */
  readonly version: number;
  /** The fields that this recipe declares that it reads, validated, defaults applied: other fields cannot reach it. */
  readonly config: JsonObject;
  /** The content of every input, not how it was made: equal bytes stop the ripple. */
  readonly inputs: Readonly<Record<string, InputRecord>>;
  /** Slots with format and extension: an output that is asked for is part of what is done. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Declared variables by value; undeclared ones are not there when the recipe runs. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** Declared tools and versions, verified where the action runs. */
  readonly tools: Readonly<Record<string, string>>;
  /** Of a merge: the digest of its items in order, each with its outputs. */
  readonly items: Digest | null;
}

export type CodeRecord =
  | {
      readonly kind: "module";
      readonly digest: Digest;
      readonly externals: Readonly<Record<string, string>>;
      readonly vectorised: boolean;
    }
  | { readonly kind: "command"; readonly argv: readonly string[]; readonly files: Readonly<Record<string, Digest>> }
  /** Built into exp: nothing of it can change a result (a handoff's files, say). */
  | { readonly kind: "builtin"; readonly name: string };

export type InputRecord =
  /** `format` decides what `read()` of the handle gives. */
  | { readonly kind: "file"; readonly digest: Digest; readonly ext: string; readonly format: string }
  | { readonly kind: "tree"; readonly digest: Digest }
  | { readonly kind: "list"; readonly members: readonly InputRecord[] }
  | { readonly kind: "absent" };

/** What an item adds to its fan-out's record (whose `part` is "item"). */
export interface ItemRecord {
  readonly settings: Json;
  readonly item: Json;
  readonly inputs: Readonly<Record<string, InputRecord>>;
}

/** The digest of the record without Node's version: by it a run finds its own results. */
export function coreKey(record: ActionRecord): Digest {
  return hashRecord("action", record as unknown as Json);
}

/** `template` is the core key of the fan-out's item record; hashed once for all its items. */
export function itemCoreKey(template: Digest, item: ItemRecord): Digest {
  return digestOfBytes(`item ${template}${encode(item as unknown as Json)}`);
}

/**
 * The key in the action cache. Node's major separates entries of TypeScript recipes, because `10 ** x` and sort order differ between
 * majors; it is not in the core key, because a newer Node by itself makes no result of a run wrong.
 */
export function actionKey(core: Digest, code: CodeRecord["kind"], nodeMajor: number): Digest {
  return code === "module" ? digestOfBytes(`node ${nodeMajor} ${core}`) : digestOfBytes(`any ${core}`);
}
