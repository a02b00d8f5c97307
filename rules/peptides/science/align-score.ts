/**
 * Alignment scores without the alignment, for comparing one sequence with thousands: one row of memory, no traceback.
 * Sequences are encoded (see alphabet.ts). Scores are in half-bits of BLOSUM62; gap costs as in align.ts.
 */
import { RESIDUE_COUNT } from "./alphabet.ts";
import type { GapCosts } from "./align.ts";
import { BLOSUM62 } from "./blosum62.ts";

/** Best local score, at least 0; no alignment is kept, so this is the one to use against a reference set. */
export function smithWatermanScore(a: Uint8Array, b: Uint8Array, gaps: GapCosts): number {
  const { gapFirst, gapNext } = gaps;
  const width = b.length;
  const best = new Float64Array(width + 1);
  const gapInB = new Float64Array(width + 1).fill(-Infinity);
  let highest = 0;
  for (let i = 0; i < a.length; i++) {
    const row = a[i]! * RESIDUE_COUNT;
    let diagonal = 0;
    let left = 0;
    let gapInA = -Infinity;
    for (let j = 1; j <= width; j++) {
      const up = best[j]!;
      const fromUp = up - gapFirst;
      const longerUp = gapInB[j]! - gapNext;
      const vertical = fromUp > longerUp ? fromUp : longerUp;
      gapInB[j] = vertical;
      const fromLeft = left - gapFirst;
      const longerLeft = gapInA - gapNext;
      gapInA = fromLeft > longerLeft ? fromLeft : longerLeft;
      let score = diagonal + BLOSUM62[row + b[j - 1]!]!;
      if (vertical > score) score = vertical;
      if (gapInA > score) score = gapInA;
      if (score < 0) score = 0;
      diagonal = up;
      left = score;
      best[j] = score;
      if (score > highest) highest = score;
    }
  }
  return highest;
}

/** Score of a sequence aligned with itself: no local alignment with it can score more. */
export function selfScore(sequence: Uint8Array): number {
  let score = 0;
  for (const residue of sequence) score += BLOSUM62[residue * RESIDUE_COUNT + residue]!;
  return score;
}

/**
 * Identical residues in the best alignment whose end gaps are free (one sequence may overhang or hold the other).
 * The count rides along with the score of each cell.
 */
export function overlapIdentities(a: Uint8Array, b: Uint8Array, gaps: GapCosts): number {
  const { gapFirst, gapNext } = gaps;
  const width = b.length;
  const best = new Float64Array(width + 1);
  const identical = new Int32Array(width + 1);
  const gapInB = new Float64Array(width + 1).fill(-Infinity);
  const gapInBIdentical = new Int32Array(width + 1);
  let highest = -Infinity;
  let highestIdentical = 0;
  for (let i = 1; i <= a.length; i++) {
    const residue = a[i - 1]!;
    let diagonal = 0;
    let diagonalIdentical = 0;
    let gapInA = -Infinity;
    let gapInAIdentical = 0;
    for (let j = 1; j <= width; j++) {
      const fromUp = best[j]! - gapFirst;
      gapInB[j]! -= gapNext;
      if (fromUp >= gapInB[j]!) {
        gapInB[j] = fromUp;
        gapInBIdentical[j] = identical[j]!;
      }
      const fromLeft = best[j - 1]! - gapFirst;
      gapInA -= gapNext;
      if (fromLeft >= gapInA) {
        gapInA = fromLeft;
        gapInAIdentical = identical[j - 1]!;
      }
      let score = diagonal + BLOSUM62[residue * RESIDUE_COUNT + b[j - 1]!]!;
      let count = diagonalIdentical + (residue === b[j - 1] ? 1 : 0);
      if (gapInB[j]! > score) {
        score = gapInB[j]!;
        count = gapInBIdentical[j]!;
      }
      if (gapInA > score) {
        score = gapInA;
        count = gapInAIdentical;
      }
      diagonal = best[j]!;
      diagonalIdentical = identical[j]!;
      best[j] = score;
      identical[j] = count;
      if ((i === a.length || j === width) && score > highest) {
        highest = score;
        highestIdentical = count;
      }
    }
  }
  return highestIdentical;
}
