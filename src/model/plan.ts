// What a build would do: the answer of `plan`, `status`, `why` and `graph`. Plain data; JSON as documented in docs/json.md.

import type { Reason } from "./reason.ts";

export type TargetState = "fresh" | "cached" | "stale" | "unknown" | "waiting" | "failed";

export interface PlannedTarget {
  readonly name: string;
  readonly rule: string;
  readonly kind: "recipe" | "command" | "fan-out" | "gate" | "handoff";
  readonly dependsOn: readonly string[];
  readonly description: string | undefined;
  /** `unknown`: depends on something that has to run first and may come out the same. */
  readonly state: TargetState;
  readonly reasons: readonly Reason[];
  /** Of what is up to date: it is, because somebody accepted a change. */
  readonly accepted?: true;
  /** Outputs that were left in the cache that a team shares: `exp fetch` brings them. */
  readonly left?: readonly string[];
  /** What may be meant so, and may be a slip: a glob that matches nothing. */
  readonly warnings?: readonly string[];
  /** Of a fan-out, as far as its split is known. */
  readonly items: { readonly fresh: number; readonly cached: number; readonly stale: number } | undefined;
  /** By past traces; undefined where there is none. */
  readonly expectedMs: number | undefined;
  readonly expectedUsd: number | undefined;
}

export interface Plan {
  readonly run: string;
  readonly experiment: string;
  /** What the command line and the run's memory set over the config. */
  readonly overrides: readonly string[];
  /** The executor whose time is part of the money that is expected. */
  readonly pricesOf?: string;
  readonly targets: readonly PlannedTarget[];
  /** What a build may spend, if it was said; and what is to be said about that. */
  readonly maxUsd?: number;
  readonly warnings?: readonly string[];
}
