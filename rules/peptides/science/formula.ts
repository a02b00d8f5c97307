/**
 * Elemental composition of a peptide: residues plus one water, with capped ends if asked.
 * Residue compositions: pyteomics mass.std_aa_comp (Apache-2.0). The text form is modlAMP's ("C67 H115 N17 O16",
 * with " S<n>" only when there is sulfur).
 */
import { whyUnscorable } from "./alphabet.ts";
import type { Residue } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Termini } from "./termini.ts";

export interface ElementCounts {
  readonly C: number;
  readonly H: number;
  readonly N: number;
  readonly O: number;
  readonly S: number;
}

/** Atoms of a residue inside a chain (amino acid minus water), in the order C H N O S. */
// prettier-ignore
const RESIDUE_ATOMS: Readonly<Record<Residue, readonly [number, number, number, number, number]>> = {
  A: [3, 5, 1, 1, 0], C: [3, 5, 1, 1, 1], D: [4, 5, 1, 3, 0], E: [5, 7, 1, 3, 0], F: [9, 9, 1, 1, 0],
  G: [2, 3, 1, 1, 0], H: [6, 7, 3, 1, 0], I: [6, 11, 1, 1, 0], K: [6, 12, 2, 1, 0], L: [6, 11, 1, 1, 0],
  M: [5, 9, 1, 1, 1], N: [4, 6, 2, 2, 0], P: [5, 7, 1, 1, 0], Q: [5, 8, 2, 2, 0], R: [6, 12, 4, 1, 0],
  S: [3, 5, 1, 2, 0], T: [4, 7, 1, 2, 0], V: [5, 9, 1, 1, 0], W: [11, 10, 2, 1, 0], Y: [9, 9, 1, 2, 0],
};

/** Atoms of a canonical sequence with its ends. Throws on a non-canonical letter. */
export function elementCounts(sequence: string, termini: Termini = {}): ElementCounts {
  let [C, H, N, O, S] = [0, 2, 0, 1, 0];
  for (const letter of sequence) {
    const atoms = RESIDUE_ATOMS[letter as Residue];
    if (atoms === undefined) throw new RangeError(`not a canonical residue: ${letter}`);
    C += atoms[0];
    H += atoms[1];
    N += atoms[2];
    O += atoms[3];
    S += atoms[4];
  }
  if (termini.nTerm === "acetyl") {
    C += 2;
    H += 2;
    O += 1;
  }
  if (termini.cTerm === "amide") {
    H += 1;
    N += 1;
    O -= 1;
  }
  return { C, H, N, O, S };
}

export function formula(sequence: string, termini: Termini = {}): Descriptor<string> {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  const { C, H, N, O, S } = elementCounts(sequence, termini);
  return value(`C${C} H${H} N${N} O${O}${S === 0 ? "" : ` S${S}`}`);
}
