// What a build may spend, shared by everything that spends in it. Who is about to spend reserves first: what is reserved is spent at most, also if the
// driver dies and nobody tells what it came to. So what is spent and what is reserved never come to more than was allowed.

/** What was set aside for one spender. */
export interface Reservation {
  readonly usd: number;
  /** What it has come to so far, which gives back nothing yet: for whoever watches. */
  note(usd: number): void;
  /** What it came to: the rest is free again. Once; later calls change nothing. What is no number of dollars counts as all that was reserved. */
  settle(usd: number): void;
}

/** What of several equal spenders can begin now, and what each may spend. */
export interface Share {
  readonly count: number;
  readonly usdEach: number;
}

interface Waiter {
  /** Asked anew each time that something was freed. */
  readonly usd: () => number;
  readonly end: (reservation: Reservation | undefined) => void;
}

export class Budget {
  /** Undefined: there is no limit, and everything is only counted. */
  readonly maxUsd: number | undefined;
  readonly #open = new Set<OpenReservation>();
  #settledUsd = 0;
  /** Of what is open: what it has come to, and what it may come to. */
  #notedUsd = 0;
  #heldUsd = 0;
  #isExhausted = false;
  readonly #onFree = new Set<() => void>();
  readonly #waiting = new Set<Waiter>();
  readonly #onSpent = new Set<() => void>();

  constructor(maxUsd?: number) {
    this.maxUsd = maxUsd;
  }

  /** Settled, and noted so far. */
  get spentUsd(): number {
    return this.#settledUsd + this.#notedUsd;
  }

  /** What is set aside and not spent yet. */
  get reservedUsd(): number {
    return Math.max(0, this.#heldUsd - this.#notedUsd);
  }

  /** What nobody has spent or reserved; never below 0. */
  get leftUsd(): number {
    if (this.maxUsd === undefined) return Infinity;
    return Math.max(0, this.maxUsd - this.#settledUsd - this.#heldUsd);
  }

  /** Somebody was refused for want of money, and nothing that is still open can change it. */
  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  /** How many have something reserved, be it nothing. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Nothing is reserved: nothing will come free. */
  get hasNoneOpen(): boolean {
    return this.#open.size === 0;
  }

  /** Whether there could come to be so much: if all that is reserved came to no more than it has by now. */
  mayComeToHave(usd: number): boolean {
    return this.maxUsd === undefined || usd <= this.maxUsd - this.spentUsd + tolerance;
  }

  /** Somebody has stopped for want of money. */
  exhaust(): void {
    this.#isExhausted = true;
  }

  /** Undefined: there is not so much left now. What is under way may give some back: see `whenReserved` and `whenFreed`. */
  reserve(usd: number): Reservation | undefined {
    // Cents that were given back come as sums of fractions.
    if (usd <= this.leftUsd + tolerance) return this.take(usd);
    if (!this.mayComeToHave(usd)) this.#isExhausted = true;
    return undefined;
  }

  /** Without asking: for what is under way already. Whoever asks after it gets less. */
  take(usd: number): Reservation {
    const reservation = new OpenReservation(usd, {
      hold: (more) => (this.#heldUsd += more),
      note: (more) => {
        this.#notedUsd += more;
        this.#tell();
        this.#serve();
      },
      close: (spentUsd) => this.#close(reservation, spentUsd),
    });
    this.#open.add(reservation);
    this.#heldUsd += usd;
    return reservation;
  }

  /** Without asking: what has been spent already, by whoever had not to ask. */
  add(usd: number): void {
    this.#settledUsd += usd;
    if (usd !== 0) this.#tell();
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

  /**
   * Waits for its turn while what is open may give enough back; smaller ones may pass. Undefined: it is not to be had, or `signal` was aborted.
   * Not for whoever holds a reservation that ends only after this: two of them would wait for each other.
   */
  whenReserved(usd: () => number, signal?: AbortSignal): Promise<Reservation | undefined> {
    const reservation = this.reserve(usd());
    if (reservation !== undefined || !this.mayComeToHave(usd()) || signal?.aborted === true)
      return Promise.resolve(reservation);
    return new Promise((resolve) => {
      const onAbort = () => waiter.end(undefined);
      const waiter: Waiter = {
        usd,
        end: (given) => {
          this.#waiting.delete(waiter);
          signal?.removeEventListener("abort", onAbort);
          resolve(given);
        },
      };
      this.#waiting.add(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
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

  /** `listener` is told whenever something was spent; the function returned takes that back. */
  onSpent(listener: () => void): () => void {
    this.#onSpent.add(listener);
    return () => void this.#onSpent.delete(listener);
  }

  #close(reservation: OpenReservation, spentUsd: number): void {
    this.#open.delete(reservation);
    this.#heldUsd -= reservation.heldUsd;
    this.#notedUsd -= reservation.notedUsd;
    // Nothing is held: what is left of the sums is what fractions lose.
    if (this.#open.size === 0) this.#heldUsd = this.#notedUsd = 0;
    this.#settledUsd += spentUsd;
    if (spentUsd > 0) this.#tell();
    this.#serve();
    for (const wake of [...this.#onFree]) wake();
  }

  #serve(): void {
    for (const waiter of this.#waiting) {
      const reservation = this.reserve(waiter.usd());
      if (reservation !== undefined || !this.mayComeToHave(waiter.usd())) waiter.end(reservation);
    }
  }

  #tell(): void {
    for (const listener of this.#onSpent) listener();
  }
}

const tolerance = 1e-9;

interface Books {
  readonly hold: (moreUsd: number) => void;
  readonly note: (moreUsd: number) => void;
  readonly close: (spentUsd: number) => void;
}

class OpenReservation implements Reservation {
  readonly usd: number;
  notedUsd = 0;
  readonly #books: Books;
  #isSettled = false;

  constructor(usd: number, books: Books) {
    this.usd = usd;
    this.#books = books;
  }

  get heldUsd(): number {
    return Math.max(this.usd, this.notedUsd);
  }

  note(usd: number): void {
    if (this.#isSettled || !(usd > this.notedUsd)) return;
    const [held, noted] = [this.heldUsd, this.notedUsd];
    this.notedUsd = usd;
    this.#books.hold(this.heldUsd - held);
    this.#books.note(usd - noted);
  }

  settle(usd: number): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#books.close(Number.isFinite(usd) && usd >= 0 ? usd : this.usd);
  }
}
