// Threads that hash, so that several files, or the parts of a large one, use several cores. Knows no memory of digests.

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Digest } from "../../model/digest.ts";
import type { HashedFile, HashTerms } from "./hash-file.ts";

export type HashOrder =
  /** Each read by one thread. */
  | FilesOrder
  | { readonly kind: "digest"; readonly path: string }
  | { readonly kind: "quick"; readonly path: string; readonly size: number; readonly piece: number };

interface FilesOrder extends HashTerms {
  readonly kind: "files";
  readonly paths: readonly string[];
}

export type HashAnswer =
  | { readonly kind: "files"; readonly files: HashedFiles }
  | { readonly kind: "digest"; readonly digest: Digest }
  | { readonly kind: "quick"; readonly hash: string };

type HashedFiles = readonly (HashedFile | undefined)[];
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
  /** How many orders are carried out at once. */
  readonly width = Math.min(availableParallelism(), mostThreads);
  readonly #file: string;
  readonly #waiting: Waiting[] = [];
  readonly #threads = new Set<Thread>();
  #isClosed = false;

  /** `file`: the bundled hash-thread.ts. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Undefined: it could not be done, for whatever reason; nothing is lost but time. */
  run<Kind extends HashOrder["kind"]>(order: Extract<HashOrder, { kind: Kind }>): Promise<AnswerTo<Kind> | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting.push({ order, take: (answer) => resolve(answer as AnswerTo<Kind> | undefined) });
      this.#next();
    });
  }

  /**
   * Files that no thread has begun with, to be hashed by who would only wait otherwise: a thread that has yet to start takes as long as a thousand
   * of them. `tell` is for what they hold.
   */
  takeBack(): { readonly order: FilesOrder; readonly tell: (files: HashedFiles) => void } | undefined {
    const index = this.#waiting.findLastIndex(({ order }) => order.kind === "files");
    if (index === -1) return undefined;
    const [{ order, take }] = this.#waiting.splice(index, 1) as [Waiting];
    return { order: order as FilesOrder, tell: (files) => take({ kind: "files", files }) };
  }

  /** What was not done is not done any more. */
  close(): void {
    this.#isClosed = true;
    for (const { take } of this.#waiting.splice(0)) take(undefined);
    for (const { worker } of this.#threads) void worker.terminate();
  }

  #next(): void {
    const free = [...this.#threads].find(({ take }) => take === undefined);
    // Beside threads that hash files works who asked for them.
    const mostFor = ({ kind }: HashOrder) => (kind === "files" ? this.width - 1 : this.width);
    const index = this.#waiting.findIndex(({ order }) => free !== undefined || this.#threads.size < mostFor(order));
    if (index === -1) return;
    const [{ order, take }] = this.#waiting.splice(index, 1) as [Waiting];
    const thread = free ?? this.#start();
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
