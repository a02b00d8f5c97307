// What a recipe is told: the fields that it declares that it reads, and no other. This object is in the key as it is given.

import { experimentFields } from "../api/contract.ts";
import type { Json, JsonObject } from "../model/json.ts";

/** The experiment's own values, as a config resolves them. */
export interface ExperimentTold {
  readonly arms: readonly { readonly id: string; readonly settings: Json }[];
  readonly control: string | undefined;
  readonly labels: readonly { readonly id: string; readonly name: string }[];
  readonly notes: JsonObject;
  readonly seed: number;
}

/** `reads` undefined: the whole section, and nothing of the experiment. */
export function tell(
  section: JsonObject,
  experiment: ExperimentTold,
  reads: readonly string[] | undefined,
): JsonObject {
  if (reads === undefined) return { config: section };
  const config = Object.fromEntries(Object.entries(section).filter(([name]) => reads.includes(name)));
  const told: Record<string, Json> = { config };
  for (const name of experimentFields) if (reads.includes(name)) told[name] = experiment[name] ?? null;
  return told;
}
