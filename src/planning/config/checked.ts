// A value against a schema that somebody else has written: what that throws is a problem of the value or of the schema, and no fault of exp.

import type { z } from "zod";

export type Checked =
  | { readonly success: true; readonly data: unknown }
  | { readonly success: false; readonly issues: readonly z.core.$ZodIssue[] };

/** `error`: words for what the schema itself has none for. */
export function checkedBy(schema: z.ZodType, value: unknown, error?: () => string): Checked {
  try {
    const checked = schema.safeParse(value, error === undefined ? undefined : { error });
    return checked.success ? checked : { success: false, issues: checked.error.issues };
  } catch (thrown) {
    return { success: false, issues: [{ code: "custom", path: [], message: wordThrown(thrown), input: value }] };
  }
}

function wordThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `its schema threw ${String(thrown)}`;
  // The class is another one where the Expfile brings its own zod.
  if (thrown.constructor.name === "$ZodAsyncError") return "its schema is async, and is to be answered at once";
  return `its schema threw: ${thrown.message}`;
}
