/**
 * How close a sequence comes to a reference set: the best Levenshtein similarity, and the best Smith-Waterman score.
 * The lower, the more novel. Encode a reference once and use it for many sequences.
 */
import { encode, whyUnscorable } from "./alphabet.ts";
import { BLAST_GAPS } from "./align.ts";
import type { GapCosts } from "./align.ts";
import { selfScore, smithWatermanScore } from "./align-score.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";
import { levenshtein } from "./levenshtein.ts";

/** Greatest 1 - distance / longer length over the reference: 1 means the sequence is in it. */
export function bestLevenshteinSimilarity(sequence: string, reference: readonly string[]): Descriptor {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  if (reference.length === 0) return notApplicable("the reference is empty");
  let best = 0;
  for (const known of reference) {
    const longer = Math.max(sequence.length, known.length);
    // The distance is at least the difference of the lengths.
    if (1 - Math.abs(sequence.length - known.length) / longer <= best) continue;
    best = Math.max(best, 1 - levenshtein(sequence, known) / longer);
  }
  return value(best);
}

export interface EncodedReference {
  readonly sequences: readonly Uint8Array[];
  readonly selfScores: Float64Array;
}

/** Throws on a non-canonical letter: clean a reference before judging by it. */
export function encodeReference(reference: readonly string[]): EncodedReference {
  const sequences = reference.map(encode);
  return { sequences, selfScores: Float64Array.from(sequences, selfScore) };
}

export interface BestMatch {
  /** Half-bits of BLOSUM62. */
  readonly bestScore: number;
  /** Score of the sequence with itself: the most any reference could give. */
  readonly selfScore: number;
  /** bestScore / selfScore, 0 to 1. */
  readonly normalised: number;
  /** Position (from 0) of the first reference with that score; -1 when every score is 0. */
  readonly index: number;
}

export function bestSmithWaterman(
  sequence: string,
  reference: EncodedReference,
  gaps: GapCosts = BLAST_GAPS,
): Descriptor<BestMatch> {
  const unscorable = whyUnscorable(sequence);
  if (unscorable !== null) return notApplicable(unscorable);
  if (reference.sequences.length === 0) return notApplicable("the reference is empty");
  const query = encode(sequence);
  const self = selfScore(query);
  let best = 0;
  let index = -1;
  for (const [position, known] of reference.sequences.entries()) {
    // No local alignment scores more than either sequence with itself.
    if (Math.min(self, reference.selfScores[position]!) <= best) continue;
    const score = smithWatermanScore(query, known, gaps);
    if (score > best) [best, index] = [score, position];
  }
  return value({ bestScore: best, selfScore: self, normalised: best / self, index });
}
