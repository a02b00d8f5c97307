// Where actions run: an executor, what may be taken of it, how much of a fan-out goes there at once. Knows no actions.

import type { Resources } from "../api/rule.ts";
import type { Executor } from "../backends/executors/executor.ts";
import type { Failure } from "../model/failure.ts";
import type { Result } from "../util/result.ts";

export interface Admission {
  /** What a request comes to here, or why it can never be had. */
  admit(request: Resources, target: string): Promise<Result<Resources, Failure>>;
  /** Waits its turn; the function returned gives everything back. Rejects with `AbortedError` when `signal` is aborted first. */
  acquire(request: Resources, priority: number, signal: AbortSignal): Promise<() => void>;
}

export interface Site {
  readonly executor: Executor;
  readonly pool: Admission;
  /** How many orders of one fan-out may wait or be under way here. */
  readonly lanes: number;
  /** How many items travel together, where the rule does not say. */
  readonly batchSize: (items: Pace) => number;
  /** Batches cannot be made larger as they go: how long items took in earlier builds is asked for. */
  readonly asksForPastPace: boolean;
}

/** A fan-out under way. */
export interface Pace {
  /** Items that were due when it began. */
  readonly total: number;
  /** Items that nobody has taken yet. */
  readonly left: number;
  /** Milliseconds an item, as far as it is known; otherwise 0. */
  readonly paceMs: number;
}

/** Lanes wait at the pool for their turn; more of them than could ever run at once would only wait. */
const localLanes = 64;

export function localSite(executor: Executor, pool: Admission): Site {
  return { executor, pool, lanes: localLanes, batchSize: sizeForPace, asksForPastPace: false };
}

/** Batches of about 50 ms: small items share a message, long ones travel alone, and the last ones are spread over the lanes. */
function sizeForPace({ left, paceMs }: Pace): number {
  if (paceMs === 0) return Math.min(8, Math.max(1, Math.floor(left / 8)));
  return Math.max(1, Math.min(256, Math.round(50 / Math.max(paceMs, 0.05)), Math.ceil(left / 4)));
}

/** A batch costs a place in a queue and a start there. Of items that never ran nothing is known: they are spread over so many. */
const remoteBatches = 100;
/** Others travel in batches of about this length: long to the queue, short for whoever loses one. */
const remoteBatchMs = 60_000;
const mostItems = 10_000;

export function remoteSite(executor: Executor, pool: Admission): Site {
  return {
    executor,
    pool: new Elsewhere(pool),
    lanes: 10_000,
    batchSize: ({ total, paceMs }) =>
      Math.min(mostItems, Math.ceil(paceMs === 0 ? total / remoteBatches : remoteBatchMs / paceMs)),
    asksForPastPace: true,
  };
}

const ofMachine: ReadonlySet<string> = new Set(["cpu", "memory", "gpu"]);

/** Processors, memory and GPUs are not this machine's; everything else is limited as always. */
class Elsewhere implements Admission {
  readonly #pool: Admission;

  constructor(pool: Admission) {
    this.#pool = pool;
  }

  async admit(request: Resources, target: string): Promise<Result<Resources, Failure>> {
    const admitted = await this.#pool.admit(named(request), target);
    return admitted.ok ? { ok: true, value: { ...request, ...named(admitted.value) } } : admitted;
  }

  acquire(request: Resources, priority: number, signal: AbortSignal): Promise<() => void> {
    return this.#pool.acquire(named(request), priority, signal);
  }
}

function named(resources: Resources): Resources {
  return Object.fromEntries(Object.entries(resources).filter(([name]) => !ofMachine.has(name)));
}
