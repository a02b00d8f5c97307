// One batch and the container that it is in, or is to be in: what it is given, what it costs, how it ended. And what of it is written down beside its
// submission, so that a later driver finds the container.

import { join } from "node:path";
import { AppendLog, readLog } from "../../../util/append-log.ts";
import type { Reservation } from "../budget.ts";
import type { Batch } from "../remote/batches.ts";
import type { SubmissionFolder } from "../remote/submission.ts";
import type { Allotment } from "./allotment.ts";
import type { Over } from "./cloud.ts";

export interface Vessel {
  readonly batch: Batch;
  /** Of the container. */
  readonly name: string;
  allotment: Allotment;
  readonly usdPerSecond: number;
  /** Undefined: it has not begun. */
  id: string | undefined;
  /** Monotonic milliseconds. */
  startedAt: number | undefined;
  reservation: Reservation | undefined;
  /** It is to be ended when it has cost so much. */
  readonly mostUsd?: number;
  over: Over | "unknown" | undefined;
  /** Told when nobody waits for it any more, or when it is over. */
  readonly gone: AbortController;
}

/** What is about to be begun, and then what has been. */
export interface ContainerNote extends Readonly<Pick<Vessel, "name" | "allotment" | "usdPerSecond">> {
  readonly batch: number;
  readonly id?: string;
}

const file = (folder: SubmissionFolder) => join(folder.path, "containers.jsonl");

/** Durable: it costs money. */
export async function noteContainer(folder: SubmissionFolder, note: ContainerNote): Promise<void> {
  const log = new AppendLog<ContainerNote>(file(folder));
  log.append(note);
  await log.commit();
  log.close();
}

/** By the number of the batch, the last word on each. */
export function notedContainers(folder: SubmissionFolder): ReadonlyMap<number, ContainerNote> {
  return new Map(readLog<ContainerNote>(file(folder)).lines.map((note) => [note.batch, note]));
}

/** What it has cost until now. */
export function costUntil(
  { startedAt, usdPerSecond, allotment }: Pick<Vessel, "startedAt" | "usdPerSecond" | "allotment">,
  now: number,
): number {
  if (startedAt === undefined) return 0;
  return Math.min(allotment.lifetimeSeconds, (now - startedAt) / 1000) * usdPerSecond;
}
