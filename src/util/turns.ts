// One at a time, by key, within this process: whoever comes later waits for those before.

export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Resolves when it is the caller's turn; the function returned gives it on. */
  async take(key: string): Promise<() => void> {
    const before = this.#last.get(key);
    let give!: () => void;
    const mine = new Promise<void>((resolve) => (give = resolve));
    this.#last.set(key, mine);
    await before;
    return () => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
      give();
    };
  }
}
