/**
 * Instability index of Guruprasad, Reddy & Pandit, Protein Eng. 4:155-161 (1990): 10/L times the sum of dipeptide
 * weights; above 40 is called unstable. It was fitted on proteins: below about 20 residues read it as a curiosity.
 * Numbers: DIWV of Biopython Bio/SeqUtils/ProtParamData.py (Biopython License / BSD-3-Clause). Other copies of the
 * table hold FY 33.6 and KQ 24.68 where this one holds 33.601 and 24.64.
 */
import { whyUnscorable } from "./alphabet.ts";
import type { Residue } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

/** Weight of the dipeptide first-second; pairs not listed weigh 1. */
// prettier-ignore
const DIPEPTIDE_WEIGHTS: Readonly<Record<Residue, Readonly<Partial<Record<Residue, number>>>>> = {
  A: { C: 44.94, D: -7.49, H: -7.49, P: 20.26 },
  C: { D: 20.26, H: 33.6, L: 20.26, M: 33.6, P: 20.26, Q: -6.54, T: 33.6, V: -6.54, W: 24.68 },
  D: { F: -6.54, K: -7.49, R: -6.54, S: 20.26, T: -14.03 },
  E: { C: 44.94, D: 20.26, E: 33.6, H: -6.54, I: 20.26, P: 20.26, Q: 20.26, S: 20.26, W: -14.03 },
  F: { D: 13.34, K: -14.03, P: 20.26, Y: 33.601 },
  G: { A: -7.49, E: -6.54, G: 13.34, I: -7.49, K: -7.49, N: -7.49, T: -7.49, W: 13.34, Y: -7.49 },
  H: { F: -9.37, G: -9.37, I: 44.94, K: 24.68, N: 24.68, P: -1.88, T: -6.54, W: -1.88, Y: 44.94 },
  I: { E: 44.94, H: 13.34, K: -7.49, L: 20.26, P: -1.88, V: -7.49 },
  K: { G: -7.49, I: -7.49, L: -7.49, M: 33.6, P: -6.54, Q: 24.64, R: 33.6, V: -7.49 },
  L: { K: -7.49, P: 20.26, Q: 33.6, R: 20.26, W: 24.68 },
  M: { A: 13.34, H: 58.28, M: -1.88, P: 44.94, Q: -6.54, R: -6.54, S: 44.94, T: -1.88, Y: 24.68 },
  N: { C: -1.88, F: -14.03, G: -14.03, I: 44.94, K: 24.68, P: -1.88, Q: -6.54, T: -7.49, W: -9.37 },
  P: {
    A: 20.26, C: -6.54, D: -6.54, E: 18.38, F: 20.26, M: -6.54, P: 20.26, Q: 20.26, R: -6.54, S: 20.26,
    V: 20.26, W: -1.88,
  },
  Q: { C: -6.54, D: 20.26, E: 20.26, F: -6.54, P: 20.26, Q: 20.26, S: 44.94, V: -6.54, Y: -6.54 },
  R: { G: -7.49, H: 20.26, N: 13.34, P: 20.26, Q: 20.26, R: 58.28, S: 44.94, W: 58.28, Y: -6.54 },
  S: { C: 33.6, E: 20.26, P: 44.94, Q: 20.26, R: 20.26, S: 20.26 },
  T: { E: 20.26, F: 13.34, G: -7.49, N: -14.03, Q: -6.54, W: -14.03 },
  V: { D: -14.03, G: -7.49, K: -1.88, P: 20.26, T: -7.49, Y: -6.54 },
  W: { A: -14.03, G: -9.37, H: 24.68, L: 13.34, M: 24.68, N: 13.34, T: -14.03, V: -7.49 },
  Y: {
    A: 24.68, D: 24.68, E: -6.54, G: -7.49, H: 13.34, M: 44.94, P: 13.34, R: -15.91, T: -7.49, W: -9.37,
    Y: 13.34,
  },
};

/** Needs two residues: one residue has no dipeptide, and 0 would look like a very stable peptide. */
export function instabilityIndex(sequence: string): Descriptor {
  const unscorable = whyUnscorable(sequence, 2);
  if (unscorable !== null) return notApplicable(unscorable);
  let sum = 0;
  for (let i = 1; i < sequence.length; i++) {
    sum += DIPEPTIDE_WEIGHTS[sequence[i - 1] as Residue][sequence[i] as Residue] ?? 1;
  }
  return value((10 / sequence.length) * sum);
}
