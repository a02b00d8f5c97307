// A batch where it runs, away from its driver: takes the actions that have not ended yet, has them run, and writes down how each ended. Knows no queue.

import type { AppendLog } from "../../../util/append-log.ts";
import { isStill } from "../../../util/stat.ts";
import type { Executor, GuardedFile, Order, Outcome } from "../executor.ts";

type Ended = Exclude<Outcome, { kind: "not-begun" }>;

/** A line of a batch's results. What ended counts once its line is there, whole. */
export type ResultLine =
  /** How an action ended: its place in the order's items (0 where there are none). */
  | { readonly i: number; readonly outcome: Ended }
  /** This machine is not fit for the batch. */
  | { readonly refused: string }
  /** All has been tried. */
  | { readonly end: true };

export interface Batch {
  readonly order: Order;
  /** Places of actions that ended in an earlier start of this batch. */
  readonly ended: ReadonlySet<number>;
  readonly executor: Executor;
  readonly log: AppendLog<ResultLine>;
  /** `user@host`. */
  readonly by: string;
  readonly isAsSeen: (file: GuardedFile) => boolean;
}

/** Resolves when everything has ended and is written down durably; what `signal` cut off is not. */
export async function runBatch(batch: Batch, signal: AbortSignal): Promise<void> {
  const { order, ended, executor, log } = batch;
  const all = order.items === undefined ? [0] : [...order.items.keys()];
  const places = all.filter((place) => !ended.has(place));
  const rest = order.items === undefined ? order : { ...order, items: places.map((place) => order.items![place]!) };
  let pending: { readonly i: number; readonly outcome: Ended }[] = [];
  let writing = Promise.resolve();
  const write = async () => {
    const lines = pending;
    pending = [];
    if (lines.length === 0) return;
    // Looked at after they ended, once for all of them: what was read then was what the order says.
    const edited = order.guarded.find((file) => !batch.isAsSeen(file));
    for (const { i, outcome } of lines)
      log.append({ i, outcome: edited === undefined ? outcome : editedUnder(outcome, edited.path) });
    await log.commit();
  };
  const settle = (index: number, outcome: Outcome) => {
    if (outcome.kind === "not-begun") return;
    pending.push({ i: places[index]!, outcome: outcome.kind === "done" ? { ...outcome, by: batch.by } : outcome });
    writing = writing.then(write);
  };
  if (places.length > 0) await executor.run(rest, settle, signal);
  await writing;
  if (signal.aborted) return;
  log.append({ end: true });
  await log.commit();
}

function editedUnder(outcome: Ended, path: string): Ended {
  return { kind: "vanished", path, tookMs: outcome.tookMs, costUsd: outcome.costUsd };
}

/** By its stat; and where that has moved, by its content. */
export function isAsSeen({ path, seen, digest }: GuardedFile, digestOf: (path: string) => string | undefined): boolean {
  return isStill(path, seen) || digestOf(path) === digest;
}
