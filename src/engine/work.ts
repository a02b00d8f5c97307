// One target at work: what performing its stages shares.

import type { Failure } from "../model/failure.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { Result } from "../util/result.ts";
import type { BuildSession } from "./session.ts";

/** What a target has come to so far in this build. */
export interface Tally {
  computed: number;
  cached: number;
  fresh: number;
  tookMs: number;
  savedMs: number;
  costUsd: number;
  /** Outputs were put back at their places. Said apart, because a fan-out's counts are of its items. */
  restored: boolean;
}

export interface Work {
  readonly session: BuildSession;
  readonly target: GraphTarget;
  readonly priority: number;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/** `again`: assess the target again, something has changed meanwhile. */
export type Performed = Result<"committed" | "again" | "interrupted", readonly Failure[]>;
