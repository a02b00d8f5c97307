/**
 * Boman index: minus the mean free energy of transfer of the side chains from cyclohexane to water; above 2.48 is
 * read as a high potential to bind proteins. Boman, J. Intern. Med. 254:197-215 (2003).
 * Numbers: Radzicka & Wolfenden, Biochemistry 27:1664-1670 (1988), as in modlAMP modlamp/descriptors.py
 * (BSD-3-Clause). Proline has no value in the original and counts 0 in every implementation compared.
 */
import { sumOver, whyUnscorable } from "./alphabet.ts";
import type { ResidueTable } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

/** kcal/mol, cyclohexane to water. */
// prettier-ignore
const TRANSFER_ENERGY: ResidueTable = {
  A: 1.81, C: 1.28, D: -8.72, E: -6.81, F: 2.98, G: 0.94, H: -4.66, I: 4.92, K: -5.55, L: 4.92,
  M: 2.35, N: -6.64, P: 0, Q: -5.54, R: -14.92, S: -3.4, T: -2.57, V: 4.04, W: 2.33, Y: -0.14,
};

export function bomanIndex(sequence: string): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  return value(-sumOver(sequence, TRANSFER_ENERGY) / sequence.length, "kcal/mol");
}
