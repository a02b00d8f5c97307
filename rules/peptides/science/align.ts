/**
 * Pairwise alignment with BLOSUM62 and affine gaps: Smith-Waterman (best local) and Needleman-Wunsch (end to end,
 * end gaps penalised), after Gotoh, J. Mol. Biol. 162:705-708 (1982). A gap of n residues costs
 * gapFirst + (n - 1) · gapNext. Two conventions are common, and tools state the same costs differently:
 *   EMBOSS water        gap open 10, extend 0.5                    -> gapFirst 10, gapNext 0.5
 *   Biopython, BLAST    first residue -11, each further -1         -> gapFirst 11, gapNext 1
 * Only canonical residues: encode() throws on others.
 */
import { encode, RESIDUE_COUNT } from "./alphabet.ts";
import { BLOSUM62 } from "./blosum62.ts";

export interface GapCosts {
  readonly gapFirst: number;
  readonly gapNext: number;
}

export const EMBOSS_GAPS: GapCosts = { gapFirst: 10, gapNext: 0.5 };
export const BLAST_GAPS: GapCosts = { gapFirst: 11, gapNext: 1 };

export interface Alignment {
  readonly score: number;
  /** Columns with the same residue in both. */
  readonly identical: number;
  /** Columns of the alignment, gaps included. */
  readonly length: number;
}

/** The best local alignment; among equally good ones a pair of residues is preferred to a gap. */
export function smithWaterman(a: string, b: string, gaps: GapCosts = BLAST_GAPS): Alignment {
  return traceback(fillTable(encode(a), encode(b), gaps, "local"));
}

/** The best alignment of both sequences from end to end, gaps at the ends at full cost. */
export function needlemanWunsch(a: string, b: string, gaps: GapCosts = BLAST_GAPS): Alignment {
  return traceback(fillTable(encode(a), encode(b), gaps, "global"));
}

interface Table {
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  /** Per cell: how the best score arose (PAIR, UP, LEFT, STOP), and whether a gap through it goes on (bits). */
  readonly steps: Uint8Array;
  readonly end: number;
  readonly score: number;
}

const STOP = 0;
const PAIR = 1;
const UP = 2;
const LEFT = 3;
const STEP_MASK = 3;
const UP_GOES_ON = 4;
const LEFT_GOES_ON = 8;

/** (a.length + 1) × (b.length + 1) cells, row by row. */
function fillTable(a: Uint8Array, b: Uint8Array, gaps: GapCosts, mode: "local" | "global"): Table {
  const { gapFirst, gapNext } = gaps;
  const columns = b.length + 1;
  const steps = new Uint8Array((a.length + 1) * columns);
  const best = new Float64Array(columns);
  const gapInB = new Float64Array(columns).fill(-Infinity);
  const isGlobal = mode === "global";
  if (isGlobal) {
    for (let j = 1; j < columns; j++) {
      best[j] = -(gapFirst + (j - 1) * gapNext);
      steps[j] = LEFT | (j > 1 ? LEFT_GOES_ON : 0);
    }
  }
  let end = 0;
  let score = isGlobal ? -Infinity : 0;
  for (let i = 1; i <= a.length; i++) {
    const row = a[i - 1]! * RESIDUE_COUNT;
    let diagonal = best[0]!;
    let gapInA = -Infinity;
    if (isGlobal) {
      best[0] = -(gapFirst + (i - 1) * gapNext);
      steps[i * columns] = UP | (i > 1 ? UP_GOES_ON : 0);
    }
    for (let j = 1; j < columns; j++) {
      let step = 0;
      const longerUp = gapInB[j]! - gapNext;
      gapInB[j] = best[j]! - gapFirst;
      if (longerUp > gapInB[j]!) {
        gapInB[j] = longerUp;
        step |= UP_GOES_ON;
      }
      const longerLeft = gapInA - gapNext;
      gapInA = best[j - 1]! - gapFirst;
      if (longerLeft > gapInA) {
        gapInA = longerLeft;
        step |= LEFT_GOES_ON;
      }
      let cell = diagonal + BLOSUM62[row + b[j - 1]!]!;
      let how = PAIR;
      if (gapInB[j]! > cell) [cell, how] = [gapInB[j]!, UP];
      if (gapInA > cell) [cell, how] = [gapInA, LEFT];
      if (!isGlobal && cell <= 0) [cell, how] = [0, STOP];
      diagonal = best[j]!;
      best[j] = cell;
      steps[i * columns + j] = step | how;
      if (!isGlobal && cell > score) [score, end] = [cell, i * columns + j];
    }
  }
  return isGlobal ? { a, b, steps, end: steps.length - 1, score: best[columns - 1]! } : { a, b, steps, end, score };
}

function traceback({ a, b, steps, end, score }: Table): Alignment {
  const columns = b.length + 1;
  let i = Math.floor(end / columns);
  let j = end % columns;
  let identical = 0;
  let length = 0;
  let how = steps[end]! & STEP_MASK;
  while (how !== STOP) {
    const step = steps[i * columns + j]!;
    length++;
    if (how === PAIR) {
      if (a[i - 1] === b[j - 1]) identical++;
      i--;
      j--;
      how = steps[i * columns + j]! & STEP_MASK;
    } else if (how === UP) {
      i--;
      if ((step & UP_GOES_ON) === 0) how = steps[i * columns + j]! & STEP_MASK;
    } else {
      j--;
      if ((step & LEFT_GOES_ON) === 0) how = steps[i * columns + j]! & STEP_MASK;
    }
  }
  return { score, identical, length };
}
