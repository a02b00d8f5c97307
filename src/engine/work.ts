// One target at work: what performing its stages shares.

import type { ActionResult } from "../model/action.ts";
import { relative } from "node:path";
import type { Digest } from "../model/digest.ts";
import type { Failure } from "../model/failure.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { Result } from "../util/result.ts";
import type { BuildSession } from "./session.ts";
import { changeOf, type SourceFile } from "./sources.ts";

/** What a target has come to so far in this build. */
export interface Tally {
  computed: number;
  cached: number;
  fresh: number;
  tookMs: number;
  savedMs: number;
  costUsd: number;
  /** Of a fan-out: how many items failed. */
  failedItems: number;
  /** What the build may not spend any more money on, if that is why it stopped. */
  unpaid: Unpaid | undefined;
  /** Outputs were put back at their places. Said apart, because a fan-out's counts are of its items. */
  restored: boolean;
}

export interface Unpaid {
  /** In words: what it would have cost, and what is left. */
  readonly why: string;
  /** Items of the fan-out that there are, and that remain. */
  readonly items?: number;
  readonly remaining?: number;
}

/** Where whoever was to run it did not say more. */
export const costsTooMuch = "what it may cost is more than what is left of what the build may spend";

export interface Work {
  readonly session: BuildSession;
  readonly target: GraphTarget;
  readonly priority: number;
  readonly tally: Tally;
  readonly signal: AbortSignal;
  /** Aborted when nobody waits for the build any more: with `signal`, or when an error has ended it. */
  readonly ending: AbortSignal;
  /** Keys of actions that were run again because their sources had been touched. */
  readonly touched: Set<Digest>;
  /** What was deleted under the last round, if that is why there is another. */
  vanished: string | undefined;
}

/** Somebody deleted or edited what an action was working with: that is said, and the target is prepared anew. */
export function noteVanished(work: Work, path: string, isEdited = false): void {
  const { session, target } = work;
  if (work.vanished === undefined) {
    const what = relative(session.root, path);
    const text = isEdited
      ? `${what} was edited while it was read: what rests on it is looked at again`
      : `${what} was deleted while it was under way: what is missing is made again`;
    session.emit({ kind: "target-warned", target: target.name, text });
  }
  work.vanished = path;
}

/**
 * Whether what an action read may not have been what its key says. A source that was edited and put back shows only in its stat; but so does one
 * that the recipe itself linked or touched, so for that the action is run again once, not for ever.
 */
export function mayHaveReadOther(work: Work, key: Digest, files: readonly SourceFile[]): boolean {
  const change = changeOf(files, work.session.digests);
  if (change !== "touched") return change === "edited";
  if (work.touched.has(key)) return false;
  work.touched.add(key);
  return true;
}

/**
 * `again`: assess the target again, something has changed meanwhile. `unaffordable`: `tally.unpaid` says of what. `made`: committed, at its places, and
 * there is nothing more of the target to be assessed.
 */
export type Performed = Result<
  "committed" | "again" | "interrupted" | "unaffordable" | { readonly made: ActionResult },
  readonly Failure[]
>;
