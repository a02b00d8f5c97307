// What a build may spend, shared by everything that spends in it. Who is about to spend reserves first: what is reserved is spent at most, also if the
// driver dies and nobody tells what it came to. So what is spent and what is reserved never come to more than was allowed.

/** What was set aside for one spender. */
export interface Reservation {
  readonly usd: number;
  /** What it has come to so far, which gives back nothing yet: for whoever watches. */
  note(usd: number): void;
  /** What it came to: the rest is free again. Once; later calls change nothing. */
  settle(usd: number): void;
}

/** What of several equal spenders can begin now, and what each may spend. */
export interface Share {
  readonly count: number;
  readonly usdEach: number;
}

export class Budget {
  /** Undefined: there is no limit, and everything is only counted. */
  readonly maxUsd: number | undefined;
  readonly #open = new Set<OpenReservation>();
  #settledUsd = 0;
  #isExhausted = false;
  readonly #onFree = new Set<() => void>();

  constructor(maxUsd?: number) {
    this.maxUsd = maxUsd;
  }

  /** Settled, and noted so far. */
  get spentUsd(): number {
    let usd = this.#settledUsd;
    for (const { notedUsd } of this.#open) usd += notedUsd;
    return usd;
  }

  /** What nobody has spent or reserved; never below 0. */
  get leftUsd(): number {
    if (this.maxUsd === undefined) return Infinity;
    let usd = this.maxUsd - this.#settledUsd;
    for (const { usd: reserved, notedUsd } of this.#open) usd -= Math.max(reserved, notedUsd);
    return Math.max(0, usd);
  }

  /** Somebody was refused for want of money, and nothing that is still open can change it. */
  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  /** Nothing is reserved: nothing will come free. */
  get hasNoneOpen(): boolean {
    return this.#open.size === 0;
  }

  /** Somebody has stopped for want of money. */
  exhaust(): void {
    this.#isExhausted = true;
  }

  /** Undefined: there is not so much left now. What is under way may give some back: see `whenFreed`. */
  reserve(usd: number): Reservation | undefined {
    // Cents that were given back come as sums of fractions.
    if (usd > this.leftUsd + tolerance) {
      if (this.#open.size === 0) this.#isExhausted = true;
      return undefined;
    }
    const reservation = new OpenReservation(usd, (spentUsd) => {
      this.#open.delete(reservation);
      this.#settledUsd += spentUsd;
      for (const wake of [...this.#onFree]) wake();
    });
    this.#open.add(reservation);
    return reservation;
  }

  /** Without asking: what has been spent already, by whoever had not to ask. */
  add(usd: number): void {
    this.#settledUsd += usd;
  }

  /**
   * For `count` equal spenders that would like `usdEach` and have no use for less than `leastUsd`: all of them with less each, rather than some of
   * them with all. Count 0: there is not enough for one.
   */
  share(count: number, usdEach: number, leastUsd: number): Share {
    const left = this.leftUsd + tolerance;
    if (left >= count * usdEach) return { count, usdEach };
    const least = Math.min(leastUsd, usdEach);
    const able = least <= 0 ? count : Math.min(count, Math.floor(left / least));
    return able === 0 ? { count: 0, usdEach: 0 } : { count: able, usdEach: Math.min(usdEach, this.leftUsd / able) };
  }

  /** Resolves when something reserved was settled; at once when nothing is open, for then nothing will come free. */
  whenFreed(signal: AbortSignal): Promise<void> {
    if (this.#open.size === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        this.#onFree.delete(end);
        signal.removeEventListener("abort", end);
        resolve();
      };
      this.#onFree.add(end);
      signal.addEventListener("abort", end, { once: true });
    });
  }
}

const tolerance = 1e-9;

class OpenReservation implements Reservation {
  readonly usd: number;
  notedUsd = 0;
  readonly #close: (usd: number) => void;
  #isSettled = false;

  constructor(usd: number, close: (usd: number) => void) {
    this.usd = usd;
    this.#close = close;
  }

  note(usd: number): void {
    this.notedUsd = Math.max(this.notedUsd, usd);
  }

  settle(usd: number): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#close(usd);
  }
}
