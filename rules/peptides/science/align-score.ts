/**
 * Alignment scores without the alignment, for comparing one sequence with thousands: one row of memory, no traceback.
 * Sequences are encoded (see alphabet.ts). Scores are in half-bits of BLOSUM62; gap costs as in align.ts.
 */
import { RESIDUE_COUNT } from "./alphabet.ts";
import type { GapCosts } from "./align.ts";
import { BLOSUM62 } from "./blosum62.ts";

/**
 * Best local score, at least 0; no alignment is kept, so this is the one to use against a reference set. A gap that
 * would bring the score to 0 or below can be left out, for an alignment may begin anew there: most cells know no gap.
 */
export function smithWatermanScore(a: Uint8Array, b: Uint8Array, gaps: GapCosts): number {
  const { gapFirst, gapNext } = gaps;
  const width = b.length;
  const best = new Float64Array(width);
  const gapInB = new Float64Array(width);
  let highest = 0;
  for (let i = 0; i < a.length; i++) {
    const row = a[i]! * RESIDUE_COUNT;
    let diagonal = 0;
    let gapInA = 0;
    for (let j = 0; j < width; j++) {
      let score = Math.max(diagonal + BLOSUM62[row + b[j]!]!, 0);
      diagonal = best[j]!;
      const vertical = gapInB[j]!;
      if (vertical > 0 || gapInA > 0 || score > gapFirst) {
        score = Math.max(score, vertical, gapInA);
        const opened = Math.max(score - gapFirst, 0);
        gapInB[j] = Math.max(opened, vertical - gapNext);
        gapInA = Math.max(opened, gapInA - gapNext);
      }
      best[j] = score;
      highest = Math.max(highest, score);
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
