// Which worker takes the next order: one that is idle, or else the first to be free or ready. Knows no orders, and of workers no more than it is told.

interface CrewOptions<Worker> {
  /** Resolves when it is ready for an order, or has ended on the way; undefined: there was no place for it. */
  readonly start: () => Promise<Worker | undefined>;
  readonly hasEnded: (worker: Worker) => boolean;
  /** Whether it has a place to work in. Whoever deletes that does not ask. */
  readonly isFit: (worker: Worker) => boolean;
  readonly dismiss: (worker: Worker) => void;
}

interface Waiting<Worker> {
  readonly take: (worker: Worker | undefined) => void;
  readonly fail: (error: Error) => void;
}

/**
 * To start a worker takes as long as a hundred small orders: who waits for a new one is not bound to it, but has the first that is free. There are
 * never more workers than there were orders at one time.
 */
export class Crew<Worker> {
  readonly #options: CrewOptions<Worker>;
  readonly #idle: Worker[] = [];
  readonly #waiting: Waiting<Worker>[] = [];
  readonly #starting = new Set<Promise<void>>();
  #hasBegun = false;

  constructor(options: CrewOptions<Worker>) {
    this.#options = options;
  }

  /** An order is to be expected: the first worker gets ready for it. */
  expect(): void {
    if (!this.#hasBegun) this.#start();
  }

  /** Undefined: there was no place for it, or `signal` came first. It may have ended on its way. Rejects with what the system says when it starts no process. */
  take(signal: AbortSignal): Promise<Worker | undefined> {
    for (let worker = this.#idle.pop(); worker !== undefined; worker = this.#idle.pop()) {
      if (this.#options.isFit(worker)) return Promise.resolve(worker);
      this.#options.dismiss(worker);
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        resolve(undefined);
      };
      const waiting: Waiting<Worker> = {
        take: (worker) => {
          signal.removeEventListener("abort", leave);
          resolve(worker);
        },
        fail: (error) => {
          signal.removeEventListener("abort", leave);
          reject(error);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiting);
      this.#startForAll();
    });
  }

  /** It is ready, or has done its order. */
  free(worker: Worker): void {
    if (this.#waiting.length === 0) this.#idle.push(worker);
    else if (this.#options.isFit(worker)) this.#waiting.shift()!.take(worker);
    else this.#options.dismiss(worker); // Whoever waits has another that is being started.
  }

  /** It has ended. */
  lose(worker: Worker): void {
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** Resolves when none is being started. */
  async settled(): Promise<void> {
    await Promise.all(this.#starting);
  }

  #startForAll(): void {
    while (this.#starting.size < this.#waiting.length) this.#start();
  }

  #start(): void {
    this.#hasBegun = true;
    const end = (settle: () => void) => {
      this.#starting.delete(start);
      settle();
      this.#startForAll();
    };
    const start = this.#options.start().then(
      (worker) =>
        end(() => {
          if (worker === undefined || this.#options.hasEnded(worker)) this.#waiting.shift()?.take(worker);
          else this.free(worker);
        }),
      // If nobody waits yet, the order that comes finds out why.
      (error: Error) => end(() => this.#waiting.shift()?.fail(error)),
    );
    this.#starting.add(start);
  }
}
