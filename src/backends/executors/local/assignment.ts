// One order in the hands of a worker: which of its items are open, its limit of time, and how those end that a dead worker leaves open.

import { performance } from "node:perf_hooks";
import type { Order, Outcome } from "../executor.ts";
import type { Grant } from "./devices.ts";
import { vanished } from "./vanished.ts";
import type { WorkerExit } from "./worker-process.ts";

export type Settle = (index: number, outcome: Outcome) => void;

/** Why its worker was ended by us. */
export type Ended = { readonly why: "timeout" | "memory"; readonly message: string } | "aborted";

interface Seen {
  readonly since: number;
  peakMiB: number;
  gpuLooks: number;
  gpuPercents: number;
  gpuMiB: number;
}

function noneSeen(): Seen {
  return { since: performance.now(), peakMiB: 0, gpuLooks: 0, gpuPercents: 0, gpuMiB: 0 };
}

/** Of a timer of Node; 25 days. */
const longestTimerMs = 2 ** 31 - 1;

export class Assignment {
  readonly id: number;
  readonly order: Order;
  /** Resolves when every item has been settled. */
  readonly finished: Promise<void>;
  readonly #settle: Settle;
  readonly #grant: Grant | undefined;
  readonly #open: Set<number>;
  readonly #finish: () => void;
  /** Of the action that is at work; those before it have had theirs. */
  #seen: Seen = noneSeen();
  #timer: NodeJS.Timeout | undefined;
  #onTimeout: (() => void) | undefined;
  /** Of its limit, when its timer was started last. */
  #leftMs = 0;
  #startedAt = 0;
  #isPaused = false;
  #ended: Ended | undefined;

  /** `grant`: given back when it has ended, before its worker is another's. */
  constructor(id: number, order: Order, settle: Settle, grant?: Grant) {
    this.id = id;
    this.#grant = grant;
    this.order = order;
    this.#settle = settle;
    this.#open = new Set(indicesOf(order));
    let finish!: () => void;
    this.finished = new Promise((resolve) => (finish = resolve));
    this.#finish = finish;
  }

  /** Of each item: armed again whenever one has ended. */
  armTimer(onTimeout: () => void): void {
    const { timeoutMs } = this.order;
    if (timeoutMs === undefined) return;
    this.#onTimeout = () => {
      this.end({ why: "timeout", message: `ran longer than its timeout of ${timeoutMs} ms and was ended` });
      onTimeout();
    };
    this.#leftMs = timeoutMs;
    this.#startTimer();
  }

  /** Time that passes while it waits for others is not its own. */
  pauseTimer(isPaused: boolean): void {
    if (isPaused) this.#leftMs -= performance.now() - this.#startedAt;
    this.#isPaused = isPaused;
    this.#startTimer();
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    this.#startedAt = performance.now();
    if (this.#isPaused || this.#onTimeout === undefined) return;
    const waitMs = Math.min(Math.max(0, this.#leftMs), longestTimerMs);
    const goOn = () => {
      this.#leftMs -= waitMs;
      this.#startTimer();
    };
    this.#timer = setTimeout(waitMs === longestTimerMs ? goOn : this.#onTimeout, waitMs);
  }

  /** To be said before its worker is ended. */
  end(ended: Ended): void {
    this.#ended = ended;
  }

  settle(index: number, outcome: Outcome): void {
    if (this.#open.delete(index)) this.#settle(index, this.#withSeen(outcome));
  }

  /** What was reported together was short: the looks since then are of what comes next. */
  forgetSeen(): void {
    this.#seen = noneSeen();
  }

  get sinceMs(): number {
    return performance.now() - this.#seen.since;
  }

  /** A look at what it takes just now. */
  see({ memoryMiB, gpu }: { readonly memoryMiB?: number; readonly gpu?: { percent: number; usedMiB: number } }): void {
    if (memoryMiB !== undefined) this.#seen.peakMiB = Math.max(this.#seen.peakMiB, memoryMiB);
    if (gpu === undefined) return;
    this.#seen.gpuLooks += 1;
    this.#seen.gpuPercents += gpu.percent;
    this.#seen.gpuMiB = Math.max(this.#seen.gpuMiB, gpu.usedMiB);
  }

  #withSeen(outcome: Outcome): Outcome {
    if (outcome.kind !== "done" || outcome.usage === undefined) return outcome;
    const { peakMiB, gpuLooks, gpuPercents, gpuMiB } = this.#seen;
    const memory = peakMiB > 0 ? { peakMiB: Math.round(peakMiB) } : {};
    const gpu = gpuLooks > 0 ? { gpuPercent: Math.round(gpuPercents / gpuLooks), gpuMiB: Math.round(gpuMiB) } : {};
    return { ...outcome, usage: { ...outcome.usage, ...memory, ...gpu } };
  }

  finish(): void {
    this.#onTimeout = undefined;
    clearTimeout(this.#timer);
    this.#grant?.release();
    this.#finish();
  }

  /** Items run in turn, so one was at work. Those before it may have ended and not have been reported: they are ordered again like those after it. */
  lose(itemAtWork: number | undefined, exit: WorkerExit, gone: string | undefined): void {
    const atWork = itemAtWork ?? Math.min(...this.#open);
    for (const index of this.#open) {
      const isConcerned = index === atWork || isVectorised(this.order);
      this.#settle(index, isConcerned ? howItEnded(this.#ended, exit, gone) : { kind: "not-begun" });
    }
    this.finish();
  }
}

export function settleNotBegun(order: Order, settle: Settle): void {
  settleAll(order, settle, { kind: "not-begun" });
}

export function settleAll(order: Order, settle: Settle, outcome: Outcome): void {
  for (const index of indicesOf(order)) settle(index, outcome);
}

function indicesOf(order: Order): readonly number[] {
  return Array.from({ length: order.items?.length ?? 1 }, (_, i) => i);
}

function isVectorised(order: Order): boolean {
  return order.code.kind === "module" && order.code.vectorised;
}

function howItEnded(
  ended: Ended | undefined,
  { status, killedBy, lastWords }: WorkerExit,
  gone: string | undefined,
): Outcome {
  const unknown = { tookMs: 0, costUsd: 0 };
  if (ended === "aborted") return { kind: "not-begun" };
  if (ended !== undefined) return { kind: "failed", ...ended, retryable: true, ...unknown };
  if (gone !== undefined) return vanished(gone, unknown);
  if (/JavaScript heap out of memory/.test(lastWords)) {
    return { kind: "failed", why: "memory", message: "ran out of JavaScript heap memory", retryable: true, ...unknown };
  }
  const how = killedBy === null ? `exit code ${status}` : killedBy;
  return {
    kind: "failed",
    why: "lost",
    message: `its worker process ended by itself (${how})`,
    ...(lastWords !== "" && { stack: lastWords.trim() }),
    retryable: killedBy !== null,
    ...unknown,
  };
}
