// The targets that run at this moment and how far they are, added up from events. Shows nothing itself.

import type { Event } from "../model/event.ts";
import type { Reason } from "../model/reason.ts";

export interface Running {
  readonly target: string;
  readonly startedAt: number;
  readonly reasons: readonly Reason[];
  readonly expectedMs: number | undefined;
  /** Of a fan-out: its size, how much of it must run, how much is ready. */
  items: number | undefined;
  due: number | undefined;
  ready: number;
  computed: number;
  costUsd: number;
  /** Batches on a cluster, where there are any. */
  elsewhere: { readonly waiting: number; readonly running: number } | undefined;
  /** Its start has been shown, with its reasons. */
  isAnnounced: boolean;
}

export interface RunningTargets {
  /** In the order in which they started. */
  readonly all: ReadonlyMap<string, Running>;
  note(event: Event, now: number): void;
}

export function followRunningTargets(): RunningTargets {
  const all = new Map<string, Running>();
  return { all, note: (event, now) => note(all, event, now) };
}

/** Items that are ready: those that never had to run, and those that have. */
export function countReady({ items, due, computed, ready }: Running): number {
  const started = items === undefined || due === undefined ? 0 : items - due;
  return Math.min(items ?? Infinity, Math.max(ready, started + computed));
}

/** Computed items a second, once two seconds give it meaning. */
export function rateOf({ computed, startedAt }: Running, now: number): number | undefined {
  const seconds = (now - startedAt) / 1000;
  return computed === 0 || seconds < 2 ? undefined : computed / seconds;
}

/** Milliseconds to go: by its own rate, before there is one by past traces. */
export function remainingMs(running: Running, now: number): number | undefined {
  const rate = rateOf(running, now);
  if (rate !== undefined && running.due !== undefined)
    return (Math.max(0, running.due - running.computed) / rate) * 1000;
  if (running.expectedMs === undefined) return undefined;
  const left = running.expectedMs - (now - running.startedAt);
  // Past its expected time nobody knows any more.
  return left > 0 ? left : undefined;
}

function note(all: Map<string, Running>, event: Event, now: number): void {
  switch (event.kind) {
    case "target-started": {
      const { target, reasons, items, due, expectedMs } = event;
      const zero = { ready: 0, computed: 0, costUsd: 0, elsewhere: undefined, isAnnounced: false };
      all.set(target, { target, startedAt: now, reasons, items, due, expectedMs, ...zero });
      return;
    }
    case "items-known": {
      const running = all.get(event.target);
      if (running !== undefined) [running.items, running.due] = [event.items, event.due];
      return;
    }
    case "elsewhere": {
      const { target, waiting, running: atWork } = event;
      const running = all.get(target);
      if (running !== undefined) running.elsewhere = waiting + atWork === 0 ? undefined : { waiting, running: atWork };
      return;
    }
    case "item-finished": {
      const running = all.get(event.target);
      if (running === undefined) return;
      running.ready += 1;
      running.computed += event.origin === "computed" ? 1 : 0;
      running.costUsd += event.costUsd;
      return;
    }
    case "target-finished":
    case "target-failed":
    case "target-waits":
    case "target-unaffordable":
    case "target-skipped":
      all.delete(event.target);
      return;
    case "build-finished":
      all.clear();
      return;
    default:
      return;
  }
}
