/**
 * The letters of a peptide: the 20 canonical residues, the ambiguous codes B J Z X, the non-canonical U O,
 * and everything else (digits, "*", "-", lower case: often D-residues or modifications), which is invalid.
 * Sequences are strings of one-letter codes, N-terminus first; every fast path works on residue indices 0-19.
 * Source of the codes: IUPAC-IUB JCBN, Eur. J. Biochem. 138, 9-37 (1984); J, U and O as in UniProt.
 */
export const RESIDUES = "ACDEFGHIKLMNPQRSTVWY";
export const RESIDUE_COUNT = 20;

// prettier-ignore
export type Residue =
  | "A" | "C" | "D" | "E" | "F" | "G" | "H" | "I" | "K" | "L"
  | "M" | "N" | "P" | "Q" | "R" | "S" | "T" | "V" | "W" | "Y";

/** One number for each canonical residue. */
export type ResidueTable = Readonly<Record<Residue, number>>;

export type LetterClass = "canonical" | "ambiguous" | "noncanonical" | "invalid";

const NOT_A_RESIDUE = 255;
const INDEX_BY_CODE = /* @__PURE__ */ indexByCode();

export function classifyLetter(letter: string): LetterClass {
  if (letter.length !== 1) return "invalid";
  if (RESIDUES.includes(letter)) return "canonical";
  if ("BJZX".includes(letter)) return "ambiguous";
  if ("UO".includes(letter)) return "noncanonical";
  return "invalid";
}

export interface SequenceClass {
  /** The worst class among the letters; "canonical" also for the empty sequence. */
  readonly worst: LetterClass;
  /** How many letters of each class. */
  readonly counts: Readonly<Record<LetterClass, number>>;
}

export function classifySequence(sequence: string): SequenceClass {
  const counts: Record<LetterClass, number> = { canonical: 0, ambiguous: 0, noncanonical: 0, invalid: 0 };
  for (const letter of sequence) counts[classifyLetter(letter)]++;
  const worst: LetterClass =
    counts.invalid > 0
      ? "invalid"
      : counts.noncanonical > 0
        ? "noncanonical"
        : counts.ambiguous > 0
          ? "ambiguous"
          : "canonical";
  return { worst, counts };
}

export function isCanonical(sequence: string): boolean {
  for (let i = 0; i < sequence.length; i++) {
    const code = sequence.charCodeAt(i);
    if (code >= 128 || INDEX_BY_CODE[code] === NOT_A_RESIDUE) return false;
  }
  return true;
}

/** Why no descriptor can be computed from this sequence, or null if one can. */
export function whyUnscorable(sequence: string, minimumLength = 1): string | null {
  if (sequence.length === 0) return "the sequence is empty";
  if (!isCanonical(sequence)) {
    const strange = [...new Set(sequence)].filter((letter) => classifyLetter(letter) !== "canonical");
    return `unknown residue ${strange.join(", ")}`;
  }
  if (sequence.length < minimumLength) {
    return `needs at least ${minimumLength} residues, has ${sequence.length}`;
  }
  return null;
}

/** Residue indices (0-19 in the order of RESIDUES), one byte a residue. Throws on a non-canonical letter. */
export function encode(sequence: string): Uint8Array {
  const indices = new Uint8Array(sequence.length);
  for (let i = 0; i < sequence.length; i++) indices[i] = residueIndex(sequence.charCodeAt(i));
  return indices;
}

/** How often each residue occurs, in the order of RESIDUES. Throws on a non-canonical letter. */
export function countResidues(sequence: string): Int32Array {
  const counts = new Int32Array(RESIDUE_COUNT);
  for (let i = 0; i < sequence.length; i++) counts[residueIndex(sequence.charCodeAt(i))]!++;
  return counts;
}

/** How many letters of the sequence are among `letters`, e.g. countAmong("KLAK", "KR") = 2. */
export function countAmong(sequence: string, letters: string): number {
  let count = 0;
  for (let i = 0; i < sequence.length; i++) if (letters.includes(sequence[i]!)) count++;
  return count;
}

/** Σ table[residue] over a canonical sequence. */
export function sumOver(sequence: string, table: ResidueTable): number {
  let sum = 0;
  for (let i = 0; i < sequence.length; i++) sum += table[sequence[i] as Residue];
  return sum;
}

function residueIndex(code: number): number {
  const index = code < 128 ? INDEX_BY_CODE[code]! : NOT_A_RESIDUE;
  if (index === NOT_A_RESIDUE) throw new RangeError(`not a canonical residue: ${String.fromCharCode(code)}`);
  return index;
}

function indexByCode(): Uint8Array {
  const table = new Uint8Array(128).fill(NOT_A_RESIDUE);
  for (let i = 0; i < RESIDUES.length; i++) table[RESIDUES.charCodeAt(i)] = i;
  return table;
}
