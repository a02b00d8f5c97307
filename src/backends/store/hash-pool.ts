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

/** What a thread is sent, and what it sends back. Each answer names its order: one may have to wait for what another needs not. */
export interface ToHashThread {
  readonly id: number;
  readonly order: HashOrder;
}
export interface FromHashThread {
  readonly id: number;
  readonly answer: HashAnswer | undefined;
}

type HashedFiles = readonly (HashedFile | undefined)[];
type AnswerTo<Kind extends HashOrder["kind"]> = Extract<HashAnswer, { kind: Kind }>;

interface Waiting {
  readonly order: HashOrder;
  readonly take: (answer: HashAnswer | undefined) => void;
}

interface Thread {
  readonly worker: Worker;
  /** What it was ordered and has not answered. */
  readonly ordered: Map<number, Waiting>;
}

/** More would wait for memory and disk, not for a core. */
const mostThreads = 8;
/** Orders of files are short, and whoever could send the next one may be at work itself: a thread has one more in hand. */
const filesAhead = 1;

export class HashPool {
  /** How many orders are carried out at once. */
  readonly width = Math.min(availableParallelism(), mostThreads);
  readonly #file: string;
  readonly #waiting = { files: [] as Waiting[], other: [] as Waiting[] };
  readonly #threads = new Set<Thread>();
  #orders = 0;
  #isClosed = false;

  /** `file`: the bundled hash-thread.ts. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Undefined: it could not be done, for whatever reason; nothing is lost but time. */
  run<Kind extends HashOrder["kind"]>(order: Extract<HashOrder, { kind: Kind }>): Promise<AnswerTo<Kind> | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const waiting = order.kind === "files" ? this.#waiting.files : this.#waiting.other;
      waiting.push({ order, take: (answer) => resolve(answer as AnswerTo<Kind> | undefined) });
      this.#next();
    });
  }

  /**
   * Files that no thread has begun with, to be hashed by who would only wait otherwise, for a thread that has yet to start, say. `tell` is for what they hold.
   */
  takeBack(): { readonly order: FilesOrder; readonly tell: (files: HashedFiles) => void } | undefined {
    const last = this.#waiting.files.pop();
    return last && { order: last.order as FilesOrder, tell: (files) => last.take({ kind: "files", files }) };
  }

  /** What was not done is not done any more. */
  close(): void {
    this.#isClosed = true;
    const { files, other } = this.#waiting;
    for (const { take } of [...other.splice(0), ...files.splice(0)]) take(undefined);
    for (const { worker } of this.#threads) void worker.terminate();
  }

  #next(): void {
    for (const waiting of [this.#waiting.other, this.#waiting.files]) {
      const [first] = waiting;
      const thread = first && this.#threadFor(first.order);
      if (first === undefined || thread === undefined) continue;
      waiting.shift();
      const message: ToHashThread = { id: this.#orders++, order: first.order };
      thread.ordered.set(message.id, first);
      thread.worker.ref();
      thread.worker.postMessage(message);
    }
  }

  #threadFor({ kind }: HashOrder): Thread | undefined {
    const threads = [...this.#threads];
    const free = threads.find(({ ordered }) => ordered.size === 0);
    if (free !== undefined) return free;
    // Beside threads that hash files works who asked for them.
    if (threads.length < (kind === "files" ? this.width - 1 : this.width)) return this.#start();
    if (kind !== "files") return undefined;
    return threads.find(
      ({ ordered }) => ordered.size <= filesAhead && [...ordered.values()].every(({ order }) => order.kind === "files"),
    );
  }

  #start(): Thread {
    const thread: Thread = { worker: new Worker(this.#file, { execArgv: [] }), ordered: new Map() };
    const end = ({ id, answer }: FromHashThread) => {
      const ended = thread.ordered.get(id);
      thread.ordered.delete(id);
      // A thread with nothing to do keeps no process alive.
      if (thread.ordered.size === 0) thread.worker.unref();
      ended?.take(answer);
      this.#next();
    };
    const lost = () => {
      this.#threads.delete(thread);
      for (const id of [...thread.ordered.keys()]) end({ id, answer: undefined });
    };
    thread.worker.on("message", end).on("error", lost).on("exit", lost);
    this.#threads.add(thread);
    return thread;
  }
}
