/**
 * Counts and fractions of groups of residues: classes as EMBOSS pepstats names them, charged residues, aromaticity,
 * hydrophobic ratio, aliphatic index.
 */
import { countAmong, whyUnscorable } from "./alphabet.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

/** The canonical members of the classes of EMBOSS pepstats. They overlap: K is polar, charged and basic. */
export const RESIDUE_CLASSES = {
  tiny: "ACGST",
  small: "ACDGNPSTV",
  aliphatic: "AILV",
  aromatic: "FHWY",
  nonpolar: "ACFGILMPVWY",
  polar: "DEHKNQRST",
  charged: "DEHKR",
  basic: "HKR",
  acidic: "DE",
} as const;

export type ResidueClass = keyof typeof RESIDUE_CLASSES;

export function classCount(sequence: string, residueClass: ResidueClass): Descriptor {
  return count(sequence, RESIDUE_CLASSES[residueClass]);
}

/** Asp + Glu, as ProtParam counts negatively charged residues. */
export function negativeCount(sequence: string): Descriptor {
  return count(sequence, "DE");
}

/** Arg + Lys, as ProtParam counts positively charged residues: histidine is not among them. */
export function positiveCount(sequence: string): Descriptor {
  return count(sequence, "KR");
}

/** Residues in the chain. Ambiguous and non-canonical residues have no side chain we know, but they have a length. */
export function chainLength(sequence: string): Descriptor {
  if (sequence.length === 0) return notApplicable("the sequence is empty");
  if (!/^[A-Z]+$/.test(sequence)) return notApplicable("the sequence holds something that is no residue");
  return value(sequence.length, "residues");
}

/** (F+W+Y)/length, Lobry & Gautier, Nucleic Acids Res. 22:3174-3180 (1994). */
export function aromaticity(sequence: string): Descriptor {
  return fraction(sequence, "FWY");
}

/** Fraction of hydrophobic residues; modlAMP counts A C F I L M V. */
export function hydrophobicRatio(sequence: string, residues = "ACFILMV"): Descriptor {
  return fraction(sequence, residues);
}

/** 100 (A + 2.9 V + 3.9 (I + L)) as mole fractions, Ikai, J. Biochem. 88:1895-1898 (1980). */
export function aliphaticIndex(sequence: string): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  const sum = countAmong(sequence, "A") + 2.9 * countAmong(sequence, "V") + 3.9 * countAmong(sequence, "IL");
  return value((100 * sum) / sequence.length);
}

function count(sequence: string, residues: string): Descriptor {
  const unscorable = whyUnscorable(sequence);
  return unscorable === null ? value(countAmong(sequence, residues), "residues") : notApplicable(unscorable);
}

function fraction(sequence: string, residues: string): Descriptor {
  const unscorable = whyUnscorable(sequence);
  return unscorable === null ? value(countAmong(sequence, residues) / sequence.length) : notApplicable(unscorable);
}
