/**
 * Named sets of pK values of the ionisable groups of a peptide. Net charges differ by more than half a unit between
 * sets, so a charge without the name of its set says little.
 * Numbers: Peptide property literature as listed by the R package Peptides (values only) and, where said, Biopython
 * Bio/SeqUtils/IsoelectricPoint.py (BSD-3-Clause) and modlAMP modlamp/descriptors.py (BSD-3-Clause).
 */
import type { Residue } from "./alphabet.ts";

export interface PkaSet {
  readonly C: number;
  readonly D: number;
  readonly E: number;
  readonly H: number;
  readonly K: number;
  readonly R: number;
  readonly Y: number;
  readonly cTerm: number;
  readonly nTerm: number;
  /** pK of a C-terminal amide where the tool gives it one; without it, an amide simply has no acidic group. */
  readonly amide?: number;
  /** pK of the amine when this residue is first (Bjellqvist 1994). */
  readonly nTermByResidue?: Readonly<Partial<Record<Residue, number>>>;
  /** pK of the carboxyl when this residue is last (Bjellqvist 1994). */
  readonly cTermByResidue?: Readonly<Partial<Record<Residue, number>>>;
}

// prettier-ignore
export const PKA_SETS = {
  /** Bjellqvist et al., Electrophoresis 14:1023-1031 (1993), one value for every terminus. */
  Bjellqvist: { C: 9.0, D: 4.05, E: 4.45, H: 5.98, K: 10.0, R: 12.0, Y: 10.0, cTerm: 3.55, nTerm: 7.5 },
  /** The same with termini by residue (Electrophoresis 15:529-539, 1994): what Biopython and ExPASy calculate. */
  "Bjellqvist terminal-specific": {
    C: 9.0, D: 4.05, E: 4.45, H: 5.98, K: 10.0, R: 12.0, Y: 10.0, cTerm: 3.55, nTerm: 7.5,
    nTermByResidue: { A: 7.59, M: 7.0, S: 6.93, P: 8.36, T: 6.82, V: 7.44, E: 7.7 },
    cTermByResidue: { D: 4.55, E: 4.75 },
  },
  Dawson: { C: 8.3, D: 3.9, E: 4.3, H: 6.0, K: 10.5, R: 12.0, Y: 10.1, cTerm: 3.2, nTerm: 8.2 },
  /** As libraries call "EMBOSS": an amine of 8.6. EMBOSS 6.6.0 itself ships 7.5, see the next set. */
  EMBOSS: { C: 8.5, D: 3.9, E: 4.1, H: 6.5, K: 10.8, R: 12.5, Y: 10.1, cTerm: 3.6, nTerm: 8.6 },
  "EMBOSS8.6": { C: 8.5, D: 3.9, E: 4.1, H: 6.5, K: 10.8, R: 12.5, Y: 10.1, cTerm: 3.6, nTerm: 8.6 },
  "EMBOSS7.5": { C: 8.5, D: 3.9, E: 4.1, H: 6.5, K: 10.8, R: 12.5, Y: 10.1, cTerm: 3.6, nTerm: 7.5 },
  Lehninger: { C: 8.18, D: 3.65, E: 4.25, H: 6.0, K: 10.53, R: 12.48, Y: 10.07, cTerm: 2.34, nTerm: 9.69 },
  Murray: { C: 8.33, D: 3.68, E: 4.25, H: 6.0, K: 11.5, R: 11.5, Y: 10.07, cTerm: 2.15, nTerm: 9.52 },
  Rodwell: { C: 8.33, D: 3.86, E: 4.25, H: 6.0, K: 11.5, R: 11.5, Y: 10.7, cTerm: 3.1, nTerm: 8.0 },
  Sillero: { C: 9.0, D: 4.0, E: 4.5, H: 6.4, K: 10.4, R: 12.0, Y: 10.0, cTerm: 3.2, nTerm: 8.2 },
  Solomon: { C: 8.3, D: 3.9, E: 4.3, H: 6.0, K: 10.5, R: 12.5, Y: 10.1, cTerm: 3.2, nTerm: 8.2 },
  Stryer: { C: 8.5, D: 4.4, E: 4.4, H: 6.5, K: 10.0, R: 12.0, Y: 10.0, cTerm: 3.2, nTerm: 8.2 },
  /** CRC Handbook, 96th ed., as modlAMP uses it; its amide is a carboxyl of pK 15. */
  "modlAMP(CRC)": {
    C: 8.14, D: 3.71, E: 4.15, H: 6.04, K: 10.67, R: 12.1, Y: 10.1, cTerm: 2.15, nTerm: 9.38, amide: 15,
  },
} as const satisfies Readonly<Record<string, PkaSet>>;

export type PkaName = keyof typeof PKA_SETS;
