// One action or batch on an executor, with the tries that its rule allows. Knows no keys and no caches.

import type { Resources, RunOptions } from "../api/rule.ts";
import type { Order, Outcome } from "../backends/executors/executor.ts";
import type { Failure } from "../model/failure.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { AbortedError } from "./resources.ts";
import { amountsOf } from "./declared.ts";
import type { Admission, Site } from "./site.ts";

export interface AttemptContext {
  readonly site: Pick<Site, "executor" | "pool">;
  readonly signal: AbortSignal;
  /** Ends its waiting: with `signal`, or before. */
  readonly ending: AbortSignal;
  readonly priority: number;
  /** Milliseconds to wait; a test's clock may not wait at all. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** In [0, 1), for the jitter of waits. */
  readonly random: () => number;
  readonly onRetry: (attempt: number, waitMs: number, why: string) => void;
}

/** Runs an order of one action (no items) until it is done, fails for good, or is not begun because of `signal`. A failure: what it wants can never be had. */
export async function attemptAction(
  order: Omit<Order, "attempt" | keyof Limited>,
  options: RunOptions,
  context: AttemptContext,
): Promise<Result<{ readonly outcome: Outcome; readonly attempts: number }, Failure>> {
  let again: { readonly waitMs: number; readonly why: string } | undefined;
  for (let attempt = 1; ; attempt++) {
    const admitted = await admitTry(context.site.pool, options, attempt, order.target);
    // What was counted while the build is ended may have been ended with it.
    if (context.ending.aborted) throw new AbortedError();
    if (!admitted.ok)
      return again === undefined
        ? admitted
        : fail({ ...admitted.error, details: [`the try before failed: ${again.why}`] });
    if (again !== undefined) {
      context.onRetry(attempt, again.waitMs, again.why);
      await context.sleep(again.waitMs, context.ending);
    }
    const resources = admitted.value;
    const release = await context.site.pool.acquire(resources, context.priority, context.ending);
    const settled: Outcome[] = [];
    try {
      await context.site.executor.run(
        { ...order, ...limitsOf(options, resources), attempt },
        (_, outcome) => settled.push(outcome),
        { stop: context.signal },
      );
    } finally {
      release();
    }
    const outcome = settled[0] ?? { kind: "not-begun" };
    const waitMs = waitBefore(outcome, attempt, options, context.random);
    if (waitMs === undefined || context.signal.aborted) return ok({ outcome, attempts: attempt });
    again = { waitMs, why: outcome.kind === "failed" ? outcome.message : "" };
  }
}

/** What a try comes to there, or why it can never be had. */
export async function admitTry(
  pool: Admission,
  options: RunOptions,
  attempt: number,
  target: string,
): Promise<Result<Resources, Failure>> {
  const { retries } = options;
  const another = attempt > 1 && typeof retries === "object" ? retries.resources : undefined;
  const more =
    another === undefined ? ok({}) : amountsOf({ what: "`retries.resources`", target }, () => another(attempt));
  return more.ok ? pool.admit({ cpu: 1, ...options.resources, ...more.value }, target) : more;
}

/** What one try may take. */
export type Limited = Pick<Order, "timeoutMs" | "memoryMiB" | "resources">;

export function limitsOf(options: RunOptions, resources: Resources): Limited {
  return { timeoutMs: options.timeoutMs, memoryMiB: resources.memory, resources };
}

/** How long to wait before trying again; undefined when there is nothing to try again, or no try left. */
export function waitBefore(
  outcome: Outcome,
  attempt: number,
  options: RunOptions,
  random: () => number,
): number | undefined {
  if (outcome.kind !== "failed" || !outcome.retryable) return undefined;
  const retries = typeof options.retries === "number" ? { times: options.retries } : options.retries;
  if (retries === undefined || attempt > retries.times) return undefined;
  // Full jitter over the upper half, so that a hundred items that failed together do not come back together.
  const ceiling = Math.min((retries.backoffMs ?? 1000) * 2 ** (attempt - 1), 60_000);
  return Math.round(ceiling * (0.5 + random() / 2));
}
