// Everything that can happen in a build, as one union. The engine emits; reporters show. Events carry names, digests and numbers only.

import type { Failure } from "./failure.ts";
import type { Reason } from "./reason.ts";

/** Where a result came from. */
export type Origin = "computed" | "cached" | "fresh";

export interface Counts {
  readonly computed: number;
  readonly cached: number;
  readonly fresh: number;
}

export type Event =
  | {
      readonly kind: "build-started";
      readonly run: string;
      readonly experiment: string;
      readonly targets: readonly string[];
      readonly config: string;
      readonly overrides: readonly string[];
      /** Milliseconds since 1970. */
      readonly at: number;
    }
  /** Another build holds this run; this one waits for it. */
  | { readonly kind: "waiting-for-lock"; readonly run: string; readonly holder: string }
  /** Another run computes the same action; this one waits for its result. */
  | { readonly kind: "waiting-for-action"; readonly target: string; readonly holder: string }
  /** The target has something to do. `items` counts its fan-out as far as it is known, `due` what of it must run. */
  | {
      readonly kind: "target-started";
      readonly target: string;
      readonly reasons: readonly Reason[];
      readonly items: number | undefined;
      readonly due: number | undefined;
      /** Expected milliseconds by past traces. */
      readonly expectedMs: number | undefined;
    }
  /** `split` has run: the fan-out's size is known. */
  | { readonly kind: "items-known"; readonly target: string; readonly items: number; readonly due: number }
  | {
      readonly kind: "item-finished";
      readonly target: string;
      readonly origin: Origin;
      readonly tookMs: number;
      readonly costUsd: number;
    }
  /** Of the target's batches on a cluster: how many wait for their turn there, how many run. Told when it has changed. */
  | {
      readonly kind: "elsewhere";
      readonly target: string;
      readonly executor: string;
      readonly waiting: number;
      readonly running: number;
    }
  | {
      readonly kind: "action-retried";
      readonly target: string;
      readonly label: string | undefined;
      readonly attempt: number;
      readonly waitMs: number;
      readonly why: string;
    }
  | { readonly kind: "log"; readonly target: string; readonly label: string | undefined; readonly text: string }
  | {
      readonly kind: "target-finished";
      readonly target: string;
      readonly origin: Origin;
      readonly reasons: readonly Reason[];
      readonly counts: Counts;
      readonly tookMs: number;
      readonly savedMs: number;
      readonly costUsd: number;
      /** Its outputs are the same bytes as before, so nothing downstream re-runs for its sake. */
      readonly sameOutput: boolean;
    }
  | {
      readonly kind: "target-failed";
      readonly target: string;
      /** Those of items that failed alike are one. */
      readonly failures: readonly Failure[];
      readonly failedItems: number;
    }
  | {
      readonly kind: "target-waits";
      readonly target: string;
      readonly requests: readonly { path: string; what: string; how: string }[];
    }
  /** The build may not spend what the rest would cost. What is finished is kept; a build that may spend more goes on from there. */
  | {
      readonly kind: "target-unaffordable";
      readonly target: string;
      /** In words: what it would have cost, and what is left. */
      readonly why: string;
      /** Of a fan-out: its items, and how many of them are not finished. */
      readonly items: number | undefined;
      readonly remaining: number | undefined;
      readonly tookMs: number;
      readonly costUsd: number;
    }
  /** What the build has spent so far, by its own count. Told now and then, when it has changed. */
  | { readonly kind: "spent"; readonly spentUsd: number; readonly maxUsd: number | undefined }
  /** Not tried, because something upstream failed or waits. */
  | { readonly kind: "target-skipped"; readonly target: string; readonly because: string }
  /** An output that somebody edited was set aside before the right one was restored. */
  | { readonly kind: "output-set-aside"; readonly target: string; readonly file: string; readonly to: string }
  /** Something about the target that may be meant so, and may be a slip. It is told once: no reason to look again at what is up to date. */
  | { readonly kind: "target-warned"; readonly target: string; readonly text: string }
  | { readonly kind: "warning"; readonly text: string }
  /** `exp watch` waits for an edit. */
  | {
      readonly kind: "watching";
      readonly files: number;
      /** Of the build before; undefined: it could not begin. */
      readonly outcome: "done" | "up-to-date" | "failed" | "unaffordable" | "waiting" | undefined;
      /** Why it could not begin. */
      readonly failures: readonly Failure[];
    }
  | {
      readonly kind: "build-finished";
      readonly outcome: "done" | "up-to-date" | "failed" | "unaffordable" | "waiting" | "interrupted";
      readonly run: string;
      readonly counts: Counts;
      readonly tookMs: number;
      readonly savedMs: number;
      readonly costUsd: number;
      /** What it has spent by its own count: paid calls, containers with their start. What is paid on a cluster counts as far as it is told. */
      readonly spentUsd?: number | undefined;
      /** What it might spend; undefined: there was no limit. */
      readonly maxUsd?: number | undefined;
      /** Outputs of the requested targets that a person would open first, relative to the working folder. */
      readonly reports: readonly string[];
      /** What came from the cache that a team shares, and went there; undefined: nothing, or there is none. */
      readonly shared?: SharedTraffic | undefined;
    };

export interface SharedTraffic {
  /** Where it is, without secrets. */
  readonly place: string;
  /** Results that were taken from there, and bytes of content that came. */
  readonly taken: number;
  readonly fetchedBytes: number;
  /** Results that this build gives, how many of them are there by now, and bytes of them. The rest is published when the build has ended. */
  readonly given: number;
  readonly published: number;
  readonly publishedBytes: number;
  /** Outputs that were left there. */
  readonly left: number;
}

export type Emit = (event: Event) => void;
