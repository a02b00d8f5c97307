// Which worker takes the next order: one that is idle, or else the first to be free or ready. Knows no orders, and of workers no more than it is told.

interface CrewOptions<Worker> {
  /** Resolves when it is ready for an order, or has ended on the way; undefined: there was no place for it. */
  readonly start: () => Promise<Worker | undefined>;
  readonly hasEnded: (worker: Worker) => boolean;
  /** Whether it has a place to work in. Whoever deletes that does not ask. */
  readonly isFit: (worker: Worker) => boolean;
  readonly dismiss: (worker: Worker) => void;
  /** Calls back in a moment, with whether this process has been at work itself nearly all of the time since. */
  readonly soon: (look: (wasBusy: boolean) => void) => void;
}

interface Waiting<Worker> {
  /** How often it was found waiting. */
  looks: number;
  readonly take: (worker: Worker | undefined) => void;
  readonly fail: (error: Error) => void;
}

/** Who has waited through so many moments waits for no small order. */
const mostLooks = 5;

/**
 * To start a worker takes as long as a hundred small orders: who waits for a new one is not bound to it, but has the first that is free. While one is
 * at work, another is started only when somebody has waited for a moment in which this process was not busy itself: else the orders are so small
 * that they wait for this process, and another worker would take a core from it. There are never more workers than there were orders at one time.
 */
export class Crew<Worker> {
  readonly #options: CrewOptions<Worker>;
  readonly #idle: Worker[] = [];
  readonly #waiting: Waiting<Worker>[] = [];
  readonly #starting = new Set<Promise<void>>();
  readonly #atWork = new Set<Worker>();
  #hasBegun = false;
  #looksSoon = false;
  #isClosed = false;

  constructor(options: CrewOptions<Worker>) {
    this.#options = options;
  }

  /** An order is to be expected: the first worker gets ready for it. */
  expect(): void {
    if (!this.#hasBegun) this.#start();
  }

  /** Undefined: there was no place for it, `signal` came first, or the crew was closed. It may have ended on its way. Rejects with what the system says when it starts no process. */
  take(signal: AbortSignal): Promise<Worker | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    for (let worker = this.#idle.pop(); worker !== undefined; worker = this.#idle.pop()) {
      if (this.#options.isFit(worker)) {
        this.#atWork.add(worker);
        return Promise.resolve(worker);
      }
      this.#options.dismiss(worker);
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        resolve(undefined);
      };
      const waiting: Waiting<Worker> = {
        looks: 0,
        take: (worker) => {
          signal.removeEventListener("abort", leave);
          if (worker !== undefined && !this.#options.hasEnded(worker)) this.#atWork.add(worker);
          resolve(worker);
        },
        fail: (error) => {
          signal.removeEventListener("abort", leave);
          reject(error);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiting);
      this.#startWhereNeeded();
    });
  }

  /** It is ready, or has done its order. */
  free(worker: Worker): void {
    this.#atWork.delete(worker);
    if (this.#waiting.length === 0) this.#idle.push(worker);
    else if (this.#options.isFit(worker)) this.#waiting.shift()!.take(worker);
    else {
      this.#options.dismiss(worker);
      this.#startWhereNeeded();
    }
  }

  /** It has ended. */
  lose(worker: Worker): void {
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#atWork.delete(worker);
    this.#startWhereNeeded();
  }

  /** No more orders: who waits has no worker. */
  close(): void {
    this.#isClosed = true;
    for (const { take } of this.#waiting.splice(0)) take(undefined);
  }

  /** Resolves when none is being started. */
  async settled(): Promise<void> {
    await Promise.all(this.#starting);
  }

  #startWhereNeeded(): void {
    if (this.#atWork.size === 0) this.#startForAll();
    else if (this.#waiting.length > this.#starting.size && !this.#looksSoon) {
      this.#looksSoon = true;
      this.#options.soon((wasBusy) => {
        this.#looksSoon = false;
        const [first] = this.#waiting;
        if (first === undefined) return;
        first.looks++;
        if (this.#atWork.size > 0 && wasBusy && first.looks < mostLooks) this.#startWhereNeeded();
        else this.#startForAll();
      });
    }
  }

  #startForAll(): void {
    while (this.#starting.size < this.#waiting.length) this.#start();
  }

  #start(): void {
    this.#hasBegun = true;
    const end = (settle: () => void) => {
      this.#starting.delete(start);
      settle();
      this.#startWhereNeeded();
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
