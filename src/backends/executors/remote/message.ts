// What a driver and its batches tell each other through a place: the manifest of a submission, and the chunks in which a batch says, bit by bit, what it has
// come to.

import type { Json } from "../../../model/json.ts";
import type { BlobRef, Digest } from "../../../model/digest.ts";
import type { ResultLine } from "./batch.ts";
import type { BatchSetup, StoredOrder } from "./submission.ts";

export const messageFormat = 1;

/** The root of all that was sent; whoever starts a batch is told its digest. */
export interface Manifest {
  readonly v: number;
  readonly setup: Pick<BatchSetup, "callsNotBefore" | "mayPay" | "maxUsd" | "nodeMajor" | "what">;
  /** What runs actions, by the names of its files. */
  readonly programs: readonly (readonly [name: string, blob: BlobRef])[];
  /** Logs of paid calls that are remembered. */
  readonly calls: readonly BlobRef[];
  /** Values of secrets, hidden. */
  readonly secrets: string;
  /** Of each batch its `SentOrder`. */
  readonly orders: readonly BlobRef[];
}

export interface SentOrder {
  readonly order: StoredOrder;
  /** What the paths in it stand for. */
  readonly files: readonly (readonly [path: string, digest: Digest, size: number])[];
}

/** An answer that was paid for. */
export interface PaidCall {
  readonly request: Json;
  readonly draw: number;
  readonly response: Json;
  readonly costUsd: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export type SentLine =
  /** With what the action printed. */
  | { readonly result: ResultLine; readonly log?: SentLog }
  | { readonly call: PaidCall }
  /** What the batch printed beside its actions. */
  | { readonly words: string };

export type SentLog = { readonly text: string } | { readonly blob: BlobRef };

/** Longer logs travel as content. */
export const longestInlineLog = 4096;

export interface Chunk {
  readonly v: number;
  readonly lines: readonly SentLine[];
}

/** The words of which the name of a chunk is made. */
export function chunkWords(batch: number, start: number, number: number): readonly (string | number)[] {
  return ["chunk", batch, start, number];
}

export const givenUpWords = ["given up"] as const;
