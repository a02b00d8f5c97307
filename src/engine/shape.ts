// Whether a result that was made elsewhere can be one of an action's.

import type { Slot } from "../api/slot.ts";
import type { Artifacts } from "../model/action.ts";

/** Whether a result from elsewhere can be one of such slots; whether it is right is for its signature to say. */
export function hasShape(slots: Readonly<Record<string, Slot>>, outputs: Artifacts): boolean {
  return Object.entries(slots).every(([slot, { format, optional }]) => {
    const artifact = outputs[slot];
    if (artifact === undefined || artifact.kind === "absent") return optional;
    return (artifact.kind === "tree") === (format === "tree");
  });
}
