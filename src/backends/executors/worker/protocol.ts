// Messages between the driver and a local worker process.

import type { Json } from "../../../model/json.ts";
import type { Order, Outcome } from "../executor.ts";

export type ToWorker =
  /** The first: where its place is. By then its driver holds the stores against collections. */
  | { readonly kind: "begin"; readonly blobsFolder: string; readonly scratch: string }
  | { readonly kind: "run"; readonly id: number; readonly order: Order }
  | {
      readonly kind: "answer";
      readonly call: number;
      readonly found: { readonly response: Json } | undefined;
      /** Nothing may be paid, or the answer could not be remembered: the disk is full, say. */
      readonly error?: string;
      /** It may cost more than may be spent. */
      readonly isUnaffordable?: true;
    }
  | { readonly kind: "abort"; readonly id: number };

export type FromWorker =
  | { readonly kind: "ready" }
  | {
      readonly kind: "settled";
      readonly id: number;
      readonly outcomes: readonly (readonly [index: number, outcome: Outcome])[];
    }
  /** `outcomes`: those that were not sent before. `hasChildren`: processes that the recipe started are still running. */
  | {
      readonly kind: "finished";
      readonly id: number;
      readonly outcomes: readonly (readonly [index: number, outcome: Outcome])[];
      readonly hasChildren: boolean;
    }
  | {
      readonly kind: "find";
      readonly call: number;
      readonly request: Json;
      readonly draw: number;
      /** As of `CallTerms`. */
      readonly maxUsd?: number | undefined;
      readonly isWithin?: boolean | undefined;
    }
  | {
      readonly kind: "remember";
      readonly call: number;
      /** The `call` by which it was asked for, here and below. */
      readonly of: number;
      readonly response: Json;
      readonly costUsd: number;
    }
  | { readonly kind: "abandon"; readonly of: number }
  /** The recipe that asks or pays for it has ended without it. */
  | { readonly kind: "leave"; readonly of: number };

/** How many threads Node waits for files in. */
export const threadsVariable = "UV_THREADPOOL_SIZE";

/**
 * The file of a worker's folder in which it notes which item it is at, as `order index `: a worker that dies in the middle of a batch has had no
 * chance to say so, and a message for each item would cost more than a small item.
 */
export const progressFile = "at";
/** The folder that is every action's working folder. */
export const homeFolder = "home";
