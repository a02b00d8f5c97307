// A batch where it runs, away from its driver: takes the actions that have not ended yet, has them run, and writes down how each ended. Knows no queue.

import { setImmediate as nextTurn } from "node:timers/promises";
import { sleep } from "../../../util/clock.ts";
import { isStill } from "../../../util/stat.ts";
import type { CallDesk, Executor, GuardedFile, Order, Outcome } from "../executor.ts";
import { deskWith } from "./payments.ts";

type Ended = Exclude<Outcome, { kind: "not-begun" }>;

/**
 * A queue that ends a batch tells all of its processes at once, and a recipe may fail of that before this process has heard of it:
 * as long is waited before a failure is believed.
 */
const doubtMs = 1000;

/** A line of a batch's results. What ended counts once its line is there, whole. */
export type ResultLine =
  /** How an action ended: its place in the order's items (0 where there are none). */
  | { readonly i: number; readonly outcome: Ended }
  /** This machine is not fit for the batch. */
  | { readonly refused: string }
  /** Something that it was sent is not there, or is not what it was: it is to be sent again. */
  | { readonly lacking: string }
  /** The kernel has killed for want of memory what the batch was at. It is no fault of the action: it was given too little. */
  | { readonly tooLittleMemory: true }
  /** Calls were paid for: what they cost, in dollars. */
  | { readonly paid: number }
  /** All has been tried. */
  | { readonly end: true }
  /** Of who fetches what a batch tells, chunk by chunk: so far he has come. */
  | { readonly fetched: number };

/** Takes lines in; what was taken is safe with the driver's side when `commit` returns. */
export interface ResultLog {
  append(line: ResultLine): void;
  commit(): Promise<unknown>;
}

export interface Batch {
  readonly order: Order;
  /** Places of actions that ended in an earlier start of this batch. */
  readonly ended: ReadonlySet<number>;
  readonly executor: Executor;
  readonly log: ResultLog;
  /** `user@host`. */
  readonly by: string;
  readonly isAsSeen: (file: GuardedFile) => boolean;
  /** How often the kernel has killed a process of the batch for want of memory. */
  readonly memoryKills: () => number;
}

/** Resolves when everything has ended and is written down durably; what `signal` cut off is not. */
export async function runBatch(batch: Batch, signal: AbortSignal): Promise<void> {
  const { log } = batch;
  const writer = new Writer(batch, signal);
  const ended = await runInRounds(batch, writer, signal);
  await writer.idle();
  if (signal.aborted || ended === "cut off") return;
  log.append(ended === "killed" ? { tooLittleMemory: true } : { end: true });
  await log.commit();
}

async function runInRounds(
  { order, ended, executor, memoryKills }: Batch,
  writer: Writer,
  signal: AbortSignal,
): Promise<"all" | "killed" | "cut off"> {
  let open = (order.items === undefined ? [0] : [...order.items.keys()]).filter((place) => !ended.has(place));
  while (open.length > 0) {
    const notBegun: number[] = [];
    const places = open;
    const kills = memoryKills();
    let isKilled = false;
    const settle = (index: number, outcome: Outcome) => {
      const place = places[index]!;
      isKilled ||= outcome.kind === "failed" && outcome.why === "lost" && memoryKills() > kills;
      if (isKilled) return;
      if (outcome.kind === "not-begun") notBegun.push(place);
      else writer.take(place, outcome);
    };
    const { items } = order;
    const rest = items === undefined ? order : { ...order, items: places.map((place) => items[place]!) };
    await executor.run(rest, settle, { stop: AbortSignal.any([signal, writer.broken]) });
    if (isKilled) return "killed";
    open = notBegun.sort((a, b) => a - b);
    // One item took its worker with it, and the others have another turn. With none that ended there is nothing to hope for.
    if (signal.aborted || writer.broken.aborted || open.length === places.length) return "cut off";
  }
  return "all";
}

/** What is paid here its driver counts as it is paid, and not only when an action has ended. */
export function toldCalls(desk: CallDesk, log: ResultLog): CallDesk {
  return deskWith(desk, async (payment, call) => {
    await payment.remember(call);
    log.append({ paid: call.costUsd });
    await log.commit();
  });
}

/** Writes down what has ended, as many together as come while it writes. */
class Writer {
  readonly #batch: Batch;
  readonly #signal: AbortSignal;
  readonly #doubts = new Set<Promise<void>>();
  readonly #broken = new AbortController();
  #pending: { readonly i: number; readonly outcome: Ended }[] = [];
  #writing = Promise.resolve();

  constructor(batch: Batch, signal: AbortSignal) {
    this.#batch = batch;
    this.#signal = signal;
  }

  /** Nothing can be written down any more: nothing is to be begun. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  take(i: number, outcome: Ended): void {
    if (outcome.kind !== "failed") return this.#believe(i, outcome);
    const doubt = this.#isOver().then((isOver) => {
      this.#doubts.delete(doubt);
      if (!isOver) this.#believe(i, outcome);
    });
    this.#doubts.add(doubt);
  }

  /** Throws what kept it from writing. */
  async idle(): Promise<void> {
    await Promise.all(this.#doubts);
    await this.#writing;
    this.broken.throwIfAborted();
  }

  async #isOver(): Promise<boolean> {
    await sleep(doubtMs, this.#signal);
    // A signal that came while this process was busy is heard of after the timer.
    await nextTurn();
    return this.#signal.aborted;
  }

  #believe(i: number, outcome: Ended): void {
    this.#pending.push({ i, outcome: outcome.kind === "done" ? { ...outcome, by: this.#batch.by } : outcome });
    this.#writing = this.#writing.then(() => this.#write()).catch((error: unknown) => this.#broken.abort(error));
  }

  async #write(): Promise<void> {
    const { order, log, isAsSeen } = this.#batch;
    const lines = this.#pending;
    this.#pending = [];
    if (lines.length === 0) return;
    // Looked at after they ended, once for all of them: then what they read was what the order says.
    const edited = order.guarded.find((file) => !isAsSeen(file));
    for (const { i, outcome } of lines)
      log.append({ i, outcome: edited === undefined ? outcome : editedUnder(outcome, edited.path) });
    await log.commit();
  }
}

function editedUnder(outcome: Ended, path: string): Ended {
  return { kind: "vanished", path, isEdited: true, tookMs: outcome.tookMs, costUsd: outcome.costUsd };
}

/** By its stat; and where that has moved, by its content. */
export function isAsSeen({ path, seen, digest }: GuardedFile, digestOf: (path: string) => string | undefined): boolean {
  return isStill(path, seen) || digestOf(path) === digest;
}
