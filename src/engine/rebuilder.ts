// Decides: fresh, cached or stale, with reasons. `build`, `plan`, `status`, `why` and `graph` all ask here. Knows no order and runs nothing.

import type { ActionCache } from "../backends/store/action-cache.ts";
import type { ActionResult } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { Reason } from "../model/reason.ts";
import type { ActionRecord } from "../planning/fingerprint/action-key.ts";
import { explain, type Words } from "../planning/fingerprint/explain.ts";
import type { NameOfArm } from "../planning/fingerprint/arm-difference.ts";
import type { Part } from "../backends/store/trace-lines.ts";
import type { Trace } from "../backends/store/trace.ts";

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

export interface RebuilderOptions {
  readonly trace: Trace;
  readonly cache: ActionCache;
  /** Whether the content of a cached result is at hand: a hit whose blob is missing is a miss. */
  readonly isComplete: (result: ActionResult) => boolean;
  /** What the config calls an arm today. */
  readonly armName: NameOfArm;
}

export class Rebuilder {
  readonly #trace: Trace;
  readonly #cache: ActionCache;
  readonly #isComplete: RebuilderOptions["isComplete"];
  readonly #armName: NameOfArm;

  constructor({ trace, cache, isComplete, armName }: RebuilderOptions) {
    this.#trace = trace;
    this.#cache = cache;
    this.#isComplete = isComplete;
    this.#armName = armName;
  }

  /** `reasons` are asked for only if the action is stale. */
  decide(asked: Asked, reasons: () => readonly Reason[] = () => this.explain(asked)): Decision {
    const own = this.#trace.find(asked.core);
    if (own !== undefined) return { kind: "fresh", result: own.result };
    const cleaned = this.#trace.cleanedAt(asked.core);
    // What was cleaned is to be computed, not fetched back.
    if (cleaned !== undefined)
      return { kind: "stale", reasons: [{ kind: "cleaned", when: new Date(cleaned).toISOString() }] };
    const cached = this.#cache.get(asked.key);
    if (cached !== undefined && this.#isComplete(cached)) return { kind: "cached", result: cached };
    return { kind: "stale", reasons: reasons() };
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

  /**
   * The difference to what the target stands on, whether or not it made the action stale. Where it stands on nothing yet, to what was tried last:
   * of a thousand items that were made before one failed, the code that changed since tells more than that the target is new.
   */
  explain(asked: Asked): readonly Reason[] {
    const { target, part, recipe, core, record } = asked;
    const standing = this.#trace.standingRecord(target, part, recipe);
    return explain(standing ?? this.#trace.lastRecord(target, part, recipe, core), record, this.words(asked.section));
  }

  words(section: string): Words {
    return { section, armName: (id) => this.#armName(id) ?? this.#trace.armName(id) };
  }
}
