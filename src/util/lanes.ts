// So many at once: work that waits for something, a disk or a server, and not for a core.

/** In the order in which they were asked for. */
export class Lanes {
  readonly #width: number;
  readonly #waiting: (() => void)[] = [];
  readonly #onIdle: (() => void)[] = [];
  #busy = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** Under way or waiting. */
  get size(): number {
    return this.#busy + this.#waiting.length;
  }

  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#busy === this.#width) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy++;
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next !== undefined) next();
      else if (--this.#busy === 0) for (const tell of this.#onIdle.splice(0)) tell();
    }
  }

  /** When one fails no more are begun; it fails with the first error, when those under way have ended. */
  async each<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
    let next = 0;
    let failed: { readonly error: unknown } | undefined;
    const lane = async () => {
      while (failed === undefined && next < all.length) {
        const one = all[next++]!;
        await this.run(() => act(one)).catch((error: unknown) => (failed ??= { error }));
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#width, all.length) }, lane));
    if (failed !== undefined) throw failed.error;
  }

  idle(): Promise<void> {
    return this.#busy === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }
}
