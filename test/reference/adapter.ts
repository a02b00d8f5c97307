// How a function of the reference vocabulary is called.
import type { ReferenceCase } from "./cases.ts";

/** What surrounds a case: a few name the input of another, or leave open which shape they expect. */
export interface CaseContext {
  readonly id?: string;
  readonly expected?: unknown;
  readonly cases?: readonly ReferenceCase[];
}

export type Call = (input: unknown, context?: CaseContext) => unknown;

/** An adapter for input of the shape that the vocabulary gives the function. */
export const on =
  <Input>(call: (input: Input, context: CaseContext) => unknown): Call =>
  (input, context = {}) =>
    call(input as Input, context);
