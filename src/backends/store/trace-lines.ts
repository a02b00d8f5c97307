// The lines of a run's trace, as they lie on the disk: the format that docs/formats.md describes. Unaware of what they mean together.

import type { ActionResult } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import type { Reason } from "../../model/reason.ts";
import type { ActionRecord } from "../../planning/fingerprint/action-key.ts";

export const traceFormat = 1;

export type Part = ActionRecord["part"];

/** Lines of the log. Short names: there is one line an item. `b` is the number of the build. */
export type TraceLine =
  | { readonly v: number }
  /** A result. `c` core key, `k` action key, `m` the core key of an item's template, `l` its label. */
  | {
      readonly t: string;
      readonly p: Part;
      readonly b: number;
      readonly c: Digest;
      readonly k: Digest;
      readonly r: ActionResult;
      readonly how: "computed" | "cached";
      readonly m?: Digest;
      readonly l?: string;
    }
  /** The record behind a key, for explanations and to run it again: one an action, and one a template for all its items. `n` names the item recipe. */
  | {
      readonly t: string;
      readonly b: number;
      readonly rec: ActionRecord;
      readonly c: Digest;
      readonly n?: string;
      readonly o?: RecordedOptions;
    }
  /** The result of key `as` counts for key `c` too, because somebody accepted what had changed. Letters as in a result's line. */
  | {
      readonly t: string;
      readonly p: Part;
      readonly b: number;
      readonly c: Digest;
      readonly k: Digest;
      readonly as: Digest;
      readonly m?: Digest;
      readonly l?: string;
    }
  | { readonly t: string; readonly accepted: Acceptance }
  /** The result of key `c` is another run's, taken as given. `by`: `user@host`. */
  | { readonly t: string; readonly spliced: string; readonly c: Digest; readonly at: number; readonly by: string }
  /** Where the target stands since build `b`: on the result of key `now`, the split `s`, and items of the templates `m`. */
  | {
      readonly t: string;
      readonly b: number;
      readonly at: number;
      readonly now: Digest;
      readonly s?: Digest;
      readonly m?: readonly Digest[];
    }
  /** What was put at a path of the run's folder. */
  | { readonly out: string; readonly d: Digest }
  /** What belongs there and was left with others: content `left`, which lies at `at`. `d` is for readers that do not know this. */
  | { readonly out: string; readonly d: "absent"; readonly left: Digest; readonly at: string }
  /** Source files that a record's inputs were. Paths and sizes are in no key; `why` names them. */
  | { readonly src: readonly SourceSeen[] }
  /** What arms are called: names are in no key either. */
  | { readonly arms: readonly ArmNamed[] }
  /** Everything on which the target stood before this line is to be computed anew. `calls`: remembered calls are hidden too. */
  | { readonly t: string; readonly clean: number; readonly calls?: true };

/** What it takes to run an action again and is in no key. Secrets by name only. */
export interface RecordedOptions {
  readonly secrets?: readonly string[];
  readonly resources?: Readonly<Record<string, number>>;
  readonly timeoutMs?: number;
  /** Why its bytes may differ from one time to the next, as its rule declares. */
  readonly varies?: string;
}

/** Content of a file of the project, and where it was: a path from the root. */
export type SourceSeen = readonly [digest: Digest, size: number, path: string];

/** "This changed, and it does not matter": kept for ever, because results rest on it. */
export interface Acceptance {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `user@host`. */
  readonly by: string;
  readonly because: string;
  /** What had changed, as it was told then. */
  readonly reasons: readonly Reason[];
  /** How many results were kept. */
  readonly results: number;
  /** The key on which the target's outputs stood then. */
  readonly of: Digest;
}
export type ArmNamed = readonly [id: string, name: string];
