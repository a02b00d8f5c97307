/**
 * Hydropathy scales by name, and the mean of one over a sequence ("GRAVY" when the scale is Kyte-Doolittle).
 * Numbers: Biopython Bio/SeqUtils/ProtParamData.py (Biopython License / BSD-3-Clause), except the modlAMP one.
 * The scales differ in sign and size: values of two scales must never be compared with each other.
 */
import { sumOver, whyUnscorable } from "./alphabet.ts";
import type { ResidueTable } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

// prettier-ignore
export const HYDROPATHY_SCALES = {
  /** Kyte & Doolittle, J. Mol. Biol. 157:105-132 (1982). */
  KyteDoolittle: {
    A: 1.8, C: 2.5, D: -3.5, E: -3.5, F: 2.8, G: -0.4, H: -3.2, I: 4.5, K: -3.9, L: 3.8, M: 1.9, N: -3.5,
    P: -1.6, Q: -3.5, R: -4.5, S: -0.8, T: -0.7, V: 4.2, W: -0.9, Y: -1.3,
  },
  /** Eisenberg normalised consensus, J. Mol. Biol. 179:125-142 (1984). */
  Eisenberg: {
    A: 0.62, C: 0.29, D: -0.9, E: -0.74, F: 1.19, G: 0.48, H: -0.4, I: 1.38, K: -1.5, L: 1.06, M: 0.64,
    N: -0.78, P: 0.12, Q: -0.85, R: -2.53, S: -0.18, T: -0.05, V: 1.08, W: 0.81, Y: 0.26,
  },
  /** Fauchere & Pliska, Eur. J. Med. Chem. 18:369-375 (1983). */
  Fauchere: {
    A: 0.31, C: 1.54, D: -0.77, E: -0.64, F: 1.79, G: 0, H: 0.13, I: 1.8, K: -0.99, L: 1.7, M: 1.23, N: -0.6,
    P: 0.72, Q: -0.22, R: -1.01, S: -0.04, T: 0.26, V: 1.22, W: 2.25, Y: 0.96,
  },
  /** Engelman, Steitz & Goldman (GES), Annu. Rev. Biophys. 15:321-353 (1986); transfer free energy, kcal/mol. */
  Engelman: {
    A: -1.6, C: -2, D: 9.2, E: 8.2, F: -3.7, G: -1, H: 3, I: -3.1, K: 8.8, L: -2.8, M: -3.4, N: 4.8, P: 0.2,
    Q: 4.1, R: 12.3, S: -0.6, T: -1.2, V: -2.6, W: -1.9, Y: 0.7,
  },
  /** Parker, Guo & Hodges, Biochemistry 25:5425-5431 (1986); HPLC retention, hydrophilic is positive. */
  Parker: {
    A: 2.1, C: 1.4, D: 10, E: 7.8, F: -9.2, G: 5.7, H: 2.1, I: -8, K: 5.7, L: -9.2, M: -4.2, N: 7, P: 2.1,
    Q: 6, R: 4.2, S: 6.5, T: 5.2, V: -3.7, W: -10, Y: -1.9,
  },
  /** Wilson et al., Biochem. J. 199:31-41 (1981); HPLC retention. */
  Wilson: {
    A: -0.3, C: 6.3, D: -1.4, E: 0, F: 7.5, G: 1.2, H: -1.3, I: 4.3, K: -3.6, L: 6.6, M: 2.5, N: -0.2, P: 2.2,
    Q: -0.2, R: -1.1, S: -0.6, T: -2.2, V: 5.9, W: 7.9, Y: 7.1,
  },
  /** Miyazawa & Jernigan, Macromolecules 18:534-552 (1985); contact energy. */
  Miyazawa: {
    A: 5.33, C: 7.93, D: 3.59, E: 3.65, F: 9.03, G: 4.48, H: 5.1, I: 8.83, K: 2.95, L: 8.47, M: 8.95, N: 3.71,
    P: 3.87, Q: 3.87, R: 4.18, S: 4.09, T: 4.49, V: 7.63, W: 7.66, Y: 5.89,
  },
  /** Kidera et al., J. Protein Chem. 4:23-55 (1985); hydrophobicity factor, hydrophilic is positive. */
  Kidera: {
    A: -0.27, C: -1.05, D: 0.81, E: 1.17, F: -1.43, G: -0.16, H: 0.28, I: -0.77, K: 1.7, L: -1.1, M: -0.73,
    N: 0.81, P: -0.75, Q: 1.1, R: 1.87, S: 0.42, T: 0.63, V: -0.4, W: -1.57, Y: -0.56,
  },
  /** Roseman, J. Mol. Biol. 200:513-522 (1988). */
  Roseman: {
    A: 0.39, C: 0.25, D: -3.81, E: -2.91, F: 2.27, G: 0, H: -0.64, I: 1.82, K: -2.77, L: 1.82, M: 0.96,
    N: -1.91, P: 0.99, Q: -1.3, R: -3.95, S: -1.24, T: -1, V: 1.3, W: 2.13, Y: 1.47,
  },
  /**
   * The "eisenberg" scale of modlAMP (modlamp/core.py, BSD-3-Clause): R, I, L, F and V rounded to one decimal.
   * Only for comparing with modlAMP: magainin-2 has a moment of 0.6888 here, 0.6862 on the scale as published.
   */
  "modlAMP eisenberg": {
    A: 0.62, C: 0.29, D: -0.9, E: -0.74, F: 1.2, G: 0.48, H: -0.4, I: 1.4, K: -1.5, L: 1.1, M: 0.64, N: -0.78,
    P: 0.12, Q: -0.85, R: -2.5, S: -0.18, T: -0.05, V: 1.1, W: 0.81, Y: 0.26,
  },
} as const satisfies Readonly<Record<string, ResidueTable>>;

export type HydropathyScale = keyof typeof HYDROPATHY_SCALES;

/** Mean of the scale over the residues; needs one residue. Kyte-Doolittle: -4.5 (R) to 4.5 (I). */
export function gravy(sequence: string, scale: HydropathyScale = "KyteDoolittle"): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  return value(sumOver(sequence, HYDROPATHY_SCALES[scale]) / sequence.length);
}
