// Decides: fresh, cached or stale, with reasons. `build`, `plan`, `status`, `why` and `graph` all ask here. Knows no order and runs nothing.

import type { ActionCache } from "../backends/store/action-cache.ts";
import type { ActionResult } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { Reason } from "../model/reason.ts";
import type { ActionRecord } from "../planning/fingerprint/action-key.ts";
import { explain } from "../planning/fingerprint/explain.ts";
import type { Part, Trace } from "../backends/store/trace.ts";

export type Decision =
  /** The run's own result. */
  | { readonly kind: "fresh"; readonly result: ActionResult }
  /** Somebody's result for the same key. */
  | { readonly kind: "cached"; readonly result: ActionResult }
  | { readonly kind: "stale"; readonly reasons: readonly Reason[] };

export interface Asked {
  readonly target: string;
  /** The target's section of the config, for paths in reasons. */
  readonly section: string;
  readonly part: Part;
  /** The name of an item recipe. */
  readonly recipe?: string;
  readonly core: Digest;
  readonly key: Digest;
  /** Of items: the template's; explanations compare it. */
  readonly record: ActionRecord;
}

export class Rebuilder {
  readonly #trace: Trace;
  readonly #cache: ActionCache;
  readonly #isComplete: (result: ActionResult) => boolean;

  /** `isComplete` says whether the content of a cached result is at hand: a hit whose blob is missing is a miss. */
  constructor(trace: Trace, cache: ActionCache, isComplete: (result: ActionResult) => boolean) {
    this.#trace = trace;
    this.#cache = cache;
    this.#isComplete = isComplete;
  }

  decide(asked: Asked): Decision {
    const own = this.#trace.find(asked.core);
    if (own !== undefined) return { kind: "fresh", result: own.result };
    const cleaned = this.#trace.cleanedAt(asked.core);
    // What was cleaned is to be computed, not fetched back.
    if (cleaned !== undefined)
      return { kind: "stale", reasons: [{ kind: "cleaned", when: new Date(cleaned).toISOString() }] };
    const cached = this.#cache.get(asked.key);
    if (cached !== undefined && this.#isComplete(cached)) return { kind: "cached", result: cached };
    return { kind: "stale", reasons: this.explain(asked) };
  }

  /** Whether the run or the cache has come to hold a result since a decision was made, which may then be made again. */
  hasNews({ core, key }: { readonly core: Digest; readonly key: Digest }, reasons: readonly Reason[]): boolean {
    const [first] = reasons;
    if (first?.kind === "content-lost") return false;
    // An equal target of this build was first.
    if (this.#trace.find(core) !== undefined) return true;
    if (first?.kind === "cleaned") return false;
    const cached = this.#cache.get(key);
    return cached !== undefined && this.#isComplete(cached);
  }

  /** The difference to the last record of the same part in this run, whether or not it made the action stale. */
  explain(asked: Asked): readonly Reason[] {
    const before = this.#trace.lastRecord(asked.target, asked.part, asked.recipe, asked.core);
    return explain(before, asked.record, asked.section);
  }
}
