// What keeps a worker alive: its channel to the driver, while somebody waits for what comes through it. While a recipe is under way it is let go:
// then Node itself tells when nothing is left that could settle what the recipe awaits, by exactly the rule by which a program would end there.

/** A recipe awaits a promise that nothing can settle any more. */
export class UnsettledError extends Error {
  constructor() {
    super(
      "it awaits a promise that was never settled: no timer, file, connection, process or thread is left that could settle it",
    );
  }
}

export class Lifeline {
  #holders = 1;

  /** Something is expected through the channel: an order, the answer to a question. */
  hold(): void {
    if (this.#holders++ === 0) process.channel?.ref();
  }

  release(): void {
    if (--this.#holders === 0) process.channel?.unref();
  }

  /** `onDry` is told when the process would end now. */
  watch(onDry: () => void): void {
    process.on("beforeExit", () => {
      process.channel?.ref();
      // Not here and now: what the rejection sets off must find a process that lives.
      setImmediate(onDry);
    });
  }
}
