// Threads that hash, so that several files, or the parts of a large one, use several cores. Knows no memory of digests.

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Digest } from "../../model/digest.ts";
import type { StatText } from "../../util/stat.ts";

export type HashOrder =
  /** Each read by one thread; `at` and `device` are of the clock by which a file is racy. */
  | { readonly kind: "files"; readonly paths: readonly string[]; readonly at: bigint; readonly device: bigint }
  | { readonly kind: "digest"; readonly path: string }
  | { readonly kind: "quick"; readonly path: string; readonly size: number; readonly piece: number };

export interface HashedFile {
  readonly seen: StatText;
  readonly size: number;
  readonly digest: Digest;
  readonly quick?: string | undefined;
  readonly isRacy: boolean;
}

export type HashAnswer =
  | { readonly kind: "files"; readonly files: readonly (HashedFile | undefined)[] }
  | { readonly kind: "digest"; readonly digest: Digest }
  | { readonly kind: "quick"; readonly hash: string };

type AnswerTo<Kind extends HashOrder["kind"]> = Extract<HashAnswer, { kind: Kind }>;

interface Waiting {
  readonly order: HashOrder;
  readonly take: (answer: HashAnswer | undefined) => void;
}

interface Thread {
  readonly worker: Worker;
  /** Who waits for its answer. */
  take: Waiting["take"] | undefined;
}

/** More would wait for memory and disk, not for a core. */
const mostThreads = 8;

export class HashPool {
  readonly #file: string;
  readonly #waiting: Waiting[] = [];
  readonly #threads = new Set<Thread>();
  #isClosed = false;

  /** `file`: the bundled hash-thread.ts. */
  constructor(file: string) {
    this.#file = file;
  }

  /** How many orders are carried out at once. */
  get width(): number {
    return Math.min(availableParallelism(), mostThreads);
  }

  /** Undefined: it could not be done, for whatever reason; nothing is lost but time. */
  run<Kind extends HashOrder["kind"]>(order: Extract<HashOrder, { kind: Kind }>): Promise<AnswerTo<Kind> | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting.push({ order, take: (answer) => resolve(answer as AnswerTo<Kind> | undefined) });
      this.#next();
    });
  }

  /** What was not done is not done any more. */
  close(): void {
    this.#isClosed = true;
    for (const { take } of this.#waiting.splice(0)) take(undefined);
    for (const { worker } of this.#threads) void worker.terminate();
  }

  #next(): void {
    const free = [...this.#threads].find(({ take }) => take === undefined);
    if (this.#waiting.length === 0 || (free === undefined && this.#threads.size >= this.width)) return;
    const thread = free ?? this.#start();
    const { order, take } = this.#waiting.shift()!;
    thread.take = take;
    thread.worker.ref();
    thread.worker.postMessage(order);
  }

  #start(): Thread {
    const thread: Thread = { worker: new Worker(this.#file, { execArgv: [] }), take: undefined };
    const end = (answer: HashAnswer | undefined) => {
      const { take } = thread;
      thread.take = undefined;
      // A thread with nothing to do keeps no process alive.
      thread.worker.unref();
      take?.(answer);
      this.#next();
    };
    const lost = () => {
      this.#threads.delete(thread);
      end(undefined);
    };
    thread.worker.on("message", end).on("error", lost).on("exit", lost);
    this.#threads.add(thread);
    return thread;
  }
}
