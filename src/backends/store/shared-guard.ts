// Asks somebody who may be slow, down or full, so that it never costs more than patience: a deadline for each request, a rest after several failures, and
// one warning for each kind of trouble. Knows nothing of what is asked.

import type { Breaker } from "./breaker.ts";

export interface GuardOptions {
  /** Who is asked, for people. */
  readonly who: string;
  /** Who may not write may read all the same. */
  readonly breakers: { readonly reading: Breaker; readonly writing: Breaker };
  readonly warn: (text: string) => void;
}

export interface Request<T> {
  readonly way: "reading" | "writing";
  /** As a warning says it: "asked for results". */
  readonly what: string;
  /** How long it may say nothing, milliseconds. */
  readonly patienceMs: number;
  /** `alive` puts the deadline off. */
  readonly act: (signal: AbortSignal, alive: () => void) => Promise<T>;
  /** Whether an attempt that broke off brought so much that it was none in vain. */
  readonly isGettingOn?: () => boolean;
}

export class Guard {
  readonly #options: GuardOptions;
  readonly #told = new Set<string>();
  readonly #underWay = new Set<AbortController>();
  isClosed = false;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Undefined: it failed, which is told once, or is not even tried. */
  async ask<T>({ way, what, patienceMs, act, isGettingOn = () => false }: Request<T>): Promise<T | undefined> {
    const breaker = this.#options.breakers[way];
    if (this.isClosed || !breaker.mayAsk()) return undefined;
    const request = new AbortController();
    this.#underWay.add(request);
    const { signal } = request;
    const isLate = () => request.abort(new Error(`it said nothing for ${Math.round(patienceMs / 1000)} s`));
    let timer = setTimeout(isLate, patienceMs);
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(isLate, patienceMs);
    };
    try {
      // A folder whose server is gone answers no call at all, and heeds no signal.
      const value = await Promise.race([act(signal, alive), whenAborted(signal)]);
      breaker.succeeded();
      return value;
    } catch (error) {
      if (this.isClosed) return undefined;
      if (isGettingOn()) {
        breaker.succeeded();
        return undefined;
      }
      breaker.failed();
      const why = signal.aborted ? (signal.reason as Error) : error;
      this.tell(what, `the shared cache ${this.#options.who}, ${what}: ${wordError(why)}; this goes on without it`);
      return undefined;
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(request);
    }
  }

  /** Whether there was any trouble. */
  get hasFailed(): boolean {
    return this.#told.size > 0;
  }

  /** Once for each kind of trouble. */
  tell(kind: string, text: string): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#options.warn(text);
  }

  /** Ends what is under way. */
  close(): void {
    this.isClosed = true;
    for (const request of this.#underWay) request.abort(new Error("it is no longer wanted"));
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

function wordError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined || message.includes(code) ? message : `${code} ${message}`;
}
