// Whether somebody who does not answer is asked again: after a few failures in a row not for a while, then once to see, and so on. Knows no clock.

export interface BreakerOptions {
  /** Failures in a row before it opens. */
  readonly after: number;
  /** How long it stays open the first time; twice as long each further time, up to a minute. */
  readonly restMs: number;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

const longestRestMs = 60_000;

export class Breaker {
  readonly #options: BreakerOptions;
  #failures = 0;
  #openUntil = -Infinity;
  #restMs: number;
  #isTrying = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#restMs = options.restMs;
  }

  /** Whether to ask now, which then is to be done. After a rest it says yes once; the outcome decides. */
  mayAsk(): boolean {
    if (this.#failures < this.#options.after) return true;
    if (this.#isTrying || this.#options.now() < this.#openUntil) return false;
    this.#isTrying = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#isTrying = false;
    this.#restMs = this.#options.restMs;
  }

  failed(): void {
    this.#failures++;
    if (this.#failures < this.#options.after) return;
    // Several that were under way fail together: that is one failure.
    if (this.#isTrying) this.#restMs = Math.min(2 * this.#restMs, longestRestMs);
    this.#isTrying = false;
    this.#openUntil = this.#options.now() + this.#restMs;
  }
}
