import { expect } from "vitest";
import { valueOrNull, type Descriptor } from "../../rules/peptides/science/descriptor.ts";

/** The number that a descriptor must have here. */
export function numberOf(descriptor: Descriptor): number {
  expect(descriptor).toMatchObject({ kind: "value" });
  return valueOrNull(descriptor)!;
}
