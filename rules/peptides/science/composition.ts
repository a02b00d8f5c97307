/**
 * Residue composition of a set of sequences, and how far two compositions are apart, in nats.
 * A composition is 20 fractions in the order of RESIDUES that sum to 1. 0 · ln 0 counts as 0.
 */
import { countResidues, RESIDUE_COUNT, RESIDUES, whyUnscorable } from "./alphabet.ts";
import type { Residue, ResidueTable } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

/** Pooled over all residues of all sequences: long sequences weigh more. */
export function composition(sequences: readonly string[]): Descriptor<Float64Array> {
  const counts = new Float64Array(RESIDUE_COUNT);
  let total = 0;
  for (const sequence of sequences) {
    const unscorable = whyUnscorable(sequence);
    if (unscorable !== null) return notApplicable(unscorable);
    const own = countResidues(sequence);
    for (let i = 0; i < RESIDUE_COUNT; i++) counts[i]! += own[i]!;
    total += sequence.length;
  }
  if (total === 0) return notApplicable("there are no sequences");
  return value(counts.map((count) => count / total));
}

/** A table of weights (frequencies in percent, say), rescaled to sum to 1 over the 20 residues. */
export function compositionOfTable(table: ResidueTable): Float64Array {
  const weights = Float64Array.from(RESIDUES, (residue) => table[residue as Residue]);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** KL(p‖q) = Σ p ln(p/q) in nats; not applicable where q lacks a residue that p has (it would be infinite). */
export function kullbackLeibler(p: Float64Array, q: Float64Array): Descriptor {
  let nats = 0;
  for (let i = 0; i < p.length; i++) {
    if (p[i]! === 0) continue;
    if (q[i]! === 0) return notApplicable(`the reference has no ${RESIDUES[i] ?? "such entry"}`);
    nats += p[i]! * Math.log(p[i]! / q[i]!);
  }
  return value(nats, "nats");
}

/** Jensen-Shannon divergence in nats: symmetric, 0 (equal) to ln 2 (nothing in common). Not its square root. */
export function jensenShannon(p: Float64Array, q: Float64Array): Descriptor {
  let nats = 0;
  for (let i = 0; i < p.length; i++) {
    const middle = (p[i]! + q[i]!) / 2;
    if (p[i]! > 0) nats += (p[i]! / 2) * Math.log(p[i]! / middle);
    if (q[i]! > 0) nats += (q[i]! / 2) * Math.log(q[i]! / middle);
  }
  return value(nats, "nats");
}
