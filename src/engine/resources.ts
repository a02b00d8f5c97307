// Countable limits: cpu, memory, gpu and named ones. Who waits longest on the critical path goes first. Knows no actions.

import type { Resources } from "../api/rule.ts";
import { actionFailure, type Failure } from "../model/failure.ts";
import { kept } from "../util/kept.ts";
import type { Result } from "../util/result.ts";
import type { Admission } from "./site.ts";

export type Limits = Readonly<Record<string, number>>;

/** What there is of a resource, and how that is known: "as nvidia-smi lists them". */
export interface Counted {
  readonly count: number;
  readonly how: string;
}

/** Counts what is there of a resource: asked once, when one is wanted for the first time. */
export type Count = () => Promise<Counted>;

type Needs = readonly (readonly [name: string, amount: number])[];

interface Waiter {
  readonly needs: Needs;
  readonly priority: number;
  readonly signal: AbortSignal;
  readonly start: () => void;
  readonly giveUp: () => void;
}

export class ResourcePool implements Admission {
  readonly #free: Record<string, number>;
  readonly #limits: Limits;
  /** Of resources of which the limits say nothing. */
  readonly #counts: Readonly<Record<string, Count>>;
  readonly #counted = new Map<string, Promise<Counted>>();
  /** In the order in which they are to be served. */
  #waiting: Waiter[] = [];
  readonly #signals = new WeakSet<AbortSignal>();

  constructor(limits: Limits, counts: Readonly<Record<string, Count>> = {}) {
    // A resource may be called as something that any object has.
    this.#limits = Object.assign(Object.create(null), limits) as Limits;
    this.#counts = counts;
    this.#free = Object.assign(Object.create(null), limits) as Record<string, number>;
  }

  /** What a request comes to, before it is asked for: cpu is cut to what there is (as `make -j` does), anything else that can never be had is a failure. */
  async admit(request: Resources, target: string): Promise<Result<Resources, Failure>> {
    const admitted: Record<string, number> = { cpu: 1 };
    for (const [name, amount] of Object.entries(request)) {
      if (amount === undefined || amount === 0) continue;
      const said = this.#limits[name];
      const counted = said === undefined ? await this.#countOf(name) : undefined;
      const limit = said ?? counted?.count;
      if (limit === undefined) {
        return {
          ok: false,
          error: actionFailure(`the resource "${name}" has no limit here`, {
            neededBy: `target "${target}"`,
            fix: `Say how many there are: --limit ${name}=4`,
          }),
        };
      }
      if (name !== "cpu" && amount > limit) {
        const how = counted === undefined ? "" : ` (${counted.how})`;
        return {
          ok: false,
          error: actionFailure(`needs ${amount} of "${name}", and there are ${limit}${how}`, {
            neededBy: `target "${target}"`,
            fix: `Raise it with --limit ${name}=${amount}, or run it where there is more`,
          }),
        };
      }
      admitted[name] = Math.min(amount, limit);
    }
    return { ok: true, value: admitted };
  }

  /** Waits its turn; the function returned gives everything back. Rejects when `signal` is aborted first. */
  acquire(request: Resources, priority: number, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new AbortedError());
      const needs = Object.entries(request).flatMap(([name, amount]) =>
        amount === undefined ? [] : [[name, amount] as const],
      );
      const start = () => {
        this.#add(needs, -1);
        let released = false;
        resolve(() => {
          if (released) return;
          released = true;
          this.#add(needs, 1);
          this.#startWaiting();
        });
      };
      const giveUp = () => reject(new AbortedError());
      const waiter: Waiter = { needs, priority, signal, start, giveUp };
      // Those who wait already do not fit: nothing has been given back since they were last asked.
      if (this.#fits(needs)) return start();
      this.#listen(signal);
      const after = this.#waiting.findIndex((other) => other.priority < priority);
      this.#waiting.splice(after === -1 ? this.#waiting.length : after, 0, waiter);
    });
  }

  #countOf(name: string): Promise<Counted> | undefined {
    const count = this.#counts[name];
    if (count === undefined) return undefined;
    return kept(this.#counted, name, async () => {
      const counted = await count();
      this.#free[name] = counted.count;
      return counted;
    });
  }

  /** Once: one signal stops thousands who wait, and a listener for each would be looked for among all the others. */
  #listen(signal: AbortSignal): void {
    if (this.#signals.has(signal)) return;
    this.#signals.add(signal);
    const giveUp = () => {
      const gone = this.#waiting.filter((waiter) => waiter.signal === signal);
      this.#waiting = this.#waiting.filter((waiter) => waiter.signal !== signal);
      for (const waiter of gone) waiter.giveUp();
    };
    signal.addEventListener("abort", giveUp, { once: true });
  }

  #fits(needs: Needs): boolean {
    for (const [name, amount] of needs) if (this.#free[name]! < amount - 1e-9) return false;
    return true;
  }

  #add(needs: Needs, sign: 1 | -1): void {
    for (const [name, amount] of needs) this.#free[name]! += sign * amount;
  }

  /** In order of priority; what does not fit yet lets smaller ones pass, so that a scarce GPU does not idle the processors. */
  #startWaiting(): void {
    for (let i = 0; i < this.#waiting.length;) {
      const waiter = this.#waiting[i]!;
      if (!this.#fits(waiter.needs)) {
        i++;
        continue;
      }
      this.#waiting.splice(i, 1);
      waiter.start();
    }
  }
}

export class AbortedError extends Error {
  constructor() {
    super("aborted");
  }
}
