/** A descriptor as a score. */
import type { Score } from "../judge.ts";
import type { Descriptor } from "../science/descriptor.ts";

export function scoreOf(metric: string, descriptor: Descriptor, note: string | null = null): Score {
  return descriptor.kind === "value"
    ? { metric, value: descriptor.value, unit: descriptor.unit, note }
    : { metric, value: null, unit: "", note: descriptor.reason };
}
