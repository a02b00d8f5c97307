// Messages between the driver and a local worker process.

import type { Json } from "../../../model/json.ts";
import type { Order, Outcome } from "../executor.ts";

export type ToWorker =
  | { readonly kind: "run"; readonly id: number; readonly order: Order }
  | { readonly kind: "answer"; readonly call: number; readonly found: { readonly response: Json } | undefined }
  | { readonly kind: "abort"; readonly id: number };

export type FromWorker =
  | { readonly kind: "ready" }
  | {
      readonly kind: "settled";
      readonly id: number;
      readonly outcomes: readonly (readonly [index: number, outcome: Outcome])[];
    }
  | { readonly kind: "finished"; readonly id: number }
  | { readonly kind: "find"; readonly call: number; readonly request: Json; readonly draw: number }
  | {
      readonly kind: "remember";
      readonly call: number;
      readonly request: Json;
      readonly draw: number;
      readonly response: Json;
      readonly costUsd: number;
    };
