/**
 * Molecular weight (Da) and m/z of a peptide, in three conventions that differ by up to 0.1 Da:
 *   expasy        ExPASy's average residue masses, two to four decimals (ProtParam, "Compute pI/Mw")
 *   monoisotopic  the lightest isotope of every element (mass spectrometry of peptides)
 *   average       isotope-weighted, as pyteomics calculates it
 */
import { countAmong, sumOver, whyUnscorable } from "./alphabet.ts";
import type { ResidueTable } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";
import { elementCounts } from "./formula.ts";
import type { ElementCounts } from "./formula.ts";
import type { Termini } from "./termini.ts";

export type MassKind = "expasy" | "monoisotopic" | "average";

/** Average residue masses in Da, https://web.expasy.org/findmod/findmod_masses.html. */
// prettier-ignore
const EXPASY_RESIDUES: ResidueTable = {
  A: 71.0788, C: 103.1388, D: 115.0886, E: 129.1155, F: 147.1766, G: 57.0519, H: 137.1411, I: 113.1594,
  K: 128.1741, L: 113.1594, M: 131.1926, N: 114.1038, P: 97.1167, Q: 128.1307, R: 156.1875, S: 87.0782,
  T: 101.1051, V: 99.1326, W: 186.2132, Y: 163.176,
};
const EXPASY_WATER = 18.01524;

/** Da; NIST isotope masses as in pyteomics auxiliary/constants.py (Apache-2.0). */
const MONOISOTOPIC: ElementCounts = {
  C: 12,
  H: 1.00782503207,
  N: 14.0030740048,
  O: 15.99491461956,
  S: 31.972071,
};

/** Da; the same isotopes weighted by their natural abundance (Σ mass × abundance). */
const AVERAGE: ElementCounts = {
  C: 12 * 0.9893 + 13.0033548378 * 0.0107,
  H: 1.00782503207 * 0.999885 + 2.0141017778 * 0.000115,
  N: 14.0030740048 * 0.99636 + 15.0001088982 * 0.00364,
  O: 15.99491461956 * 0.99757 + 16.9991317 * 0.00038 + 17.999161 * 0.00205,
  S: 31.972071 * 0.9499 + 32.97145876 * 0.0075 + 33.9678669 * 0.0425 + 35.96708076 * 0.0001,
};

/** Mass of a proton in Da (pyteomics nist_mass "H+"). */
const PROTON = 1.00727646677;

export function molecularWeight(sequence: string, kind: MassKind = "average", termini: Termini = {}): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  switch (kind) {
    case "expasy":
      return value(sumOver(sequence, EXPASY_RESIDUES) + EXPASY_WATER + capMass(termini), "Da");
    case "monoisotopic":
      return value(weigh(elementCounts(sequence, termini), MONOISOTOPIC), "Da");
    case "average":
      return value(weigh(elementCounts(sequence, termini), AVERAGE), "Da");
  }
}

export interface MzOptions extends Termini {
  /** Protons added, at least 1. */
  readonly charge: number;
  /** Da added on every cysteine: 57.021464 carbamidomethyl, 58.005479 carboxymethyl (Unimod 4 and 6). */
  readonly cysteineShift?: number;
}

/** Monoisotopic m/z of the protonated peptide, in Da per charge. */
export function mz(sequence: string, options: MzOptions): Descriptor {
  const { charge, cysteineShift = 0 } = options;
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  if (!Number.isInteger(charge) || charge < 1) return notApplicable("the charge must be a whole number above 0");
  const neutral = weigh(elementCounts(sequence, options), MONOISOTOPIC) + cysteineShift * countAmong(sequence, "C");
  return value((neutral + charge * PROTON) / charge, "m/z");
}

/** Average mass (Da) that the caps add to a chain with free ends. */
function capMass(termini: Termini): number {
  const acetyl = 2 * AVERAGE.C + 2 * AVERAGE.H + AVERAGE.O;
  const amide = AVERAGE.N + AVERAGE.H - AVERAGE.O;
  return (termini.nTerm === "acetyl" ? acetyl : 0) + (termini.cTerm === "amide" ? amide : 0);
}

function weigh(atoms: ElementCounts, masses: ElementCounts): number {
  return atoms.C * masses.C + atoms.H * masses.H + atoms.N * masses.N + atoms.O * masses.O + atoms.S * masses.S;
}
