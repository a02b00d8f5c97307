// Why an action must run: the differing parts of its key, or what is missing. Data only; report/messages.ts words it.

import type { Digest } from "./digest.ts";
import type { Json } from "./json.ts";

export type Reason =
  /** No earlier result in this run. */
  | { readonly kind: "new" }
  /** A field of the config that the recipe reads: `path` as in `judge.pH`, values as JSON (undefined: absent). */
  | {
      readonly kind: "config";
      readonly path: string;
      readonly before: Json | undefined;
      readonly after: Json | undefined;
    }
  /** A list or map of the config that has got other members: the arms, the sources, the seeds. */
  | {
      readonly kind: "members";
      readonly path: string;
      readonly added: readonly Member[];
      readonly removed: readonly Member[];
    }
  /** An arm that kept its settings, told to a recipe that reads the labels. */
  | { readonly kind: "arm-name"; readonly before: string; readonly after: string }
  /** Code that the recipe reaches. `changes` is filled by `why` and by a build's one line as far as it is cheap. */
  | {
      readonly kind: "code";
      readonly before: Digest | undefined;
      readonly after: Digest;
      readonly changes: readonly CodeChange[];
    }
  | { readonly kind: "rule-version"; readonly before: number; readonly after: number }
  /** Whether the recipe takes its items together. */
  | { readonly kind: "vectorised"; readonly before: boolean; readonly after: boolean }
  | {
      readonly kind: "input";
      readonly slot: string;
      readonly before: InputContent | undefined;
      readonly after: InputContent | undefined;
      /** Of a tree or a list of files: which of them differ. Undefined: a single file, or not known any more. */
      readonly files?: readonly FileChange[];
    }
  /** There are other items, or (all numbers 0) they came out differently or in another order. */
  | { readonly kind: "items"; readonly added: number; readonly removed: number; readonly changed: number }
  | { readonly kind: "item"; readonly before: Json | undefined; readonly after: Json }
  | { readonly kind: "outputs"; readonly before: readonly string[]; readonly after: readonly string[] }
  | {
      readonly kind: "environment";
      readonly name: string;
      readonly before: string | undefined;
      readonly after: string | undefined;
    }
  | {
      readonly kind: "tool";
      readonly name: string;
      readonly before: string | undefined;
      readonly after: string | undefined;
    }
  | { readonly kind: "command"; readonly before: readonly string[]; readonly after: readonly string[] }
  /** The result is known, its content is in no store. */
  | { readonly kind: "content-lost"; readonly slot: string }
  /** Nothing differs: the run has the result from another target, which does the same work or had another name then. */
  | { readonly kind: "same-work"; readonly target: string }
  /** The outputs were missing, or somebody had edited them. */
  | { readonly kind: "displaced" }
  /** The outputs were left in the cache that a team shares, and are to be here. */
  | { readonly kind: "left" }
  | { readonly kind: "cleaned"; readonly when: string }
  /** Of an item: what items there are is known only when the split has run. */
  | { readonly kind: "split"; readonly target: string }
  /** Another run's result is taken as given: `old@3:generate`. */
  | { readonly kind: "spliced"; readonly from: string }
  /** Known only when an upstream target has run; its output may turn out the same. */
  | { readonly kind: "upstream"; readonly target: string };

/** One top-level declaration of one module. Lines count from 1 in the file as it is now (as it was, if removed). */
export interface CodeChange {
  readonly change: "changed" | "added" | "removed";
  /** Path from the project's root, or `package@version/path`. */
  readonly file: string;
  /** `function scoreCharge`, `const table`, `text` for an imported text, `module` for what runs when it is loaded. */
  readonly name: string;
  readonly lines: { readonly from: number; readonly to: number } | undefined;
}

/** `name` is the member's own (of a map, or by its `name` or `id`); a plain value has none. */
export interface Member {
  readonly name?: string;
  readonly value: Json;
}

/** One file of a tree or of a list of files. */
export interface FileChange {
  readonly change: "changed" | "added" | "removed";
  /** Its path, from the project's root or the tree's; its place in the list (`[2]`) where the path is not known. */
  readonly file: string;
  readonly before?: InputContent;
  readonly after?: InputContent;
}

export interface InputContent {
  /** Undefined: a list of files, which has no digest of its own. */
  readonly digest: Digest | undefined;
  /** Bytes (of a tree, the sum), where known. */
  readonly size?: number;
  /** Of a source: its path from the project's root. */
  readonly file?: string;
  /** Rows of a table, files of a tree, where known. */
  readonly rows?: number;
  readonly files?: number;
  /** As what it is read, where that is what differs: `table .parquet`. */
  readonly readAs?: string;
}
