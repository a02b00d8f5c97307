/**
 * Greedy clustering by identity, longest sequence first, after CD-HIT (Li & Godzik, Bioinformatics 22:1658-1659,
 * 2006): a sequence joins the first representative it is identical enough with, else it founds a cluster.
 * Identity = identical residues of the alignment (end gaps free) / length of the shorter sequence.
 *
 * CD-HIT compares only sequences that share enough words of n letters, a rule of thumb made for proteins: on short
 * peptides it leaves apart pairs that are identical enough (10 % more clusters at 0.9). Give `wordLength` to count
 * as CD-HIT 4.8.1 does; on four peptide sets of 413 to 1104 sequences the counts then agreed within 6 %.
 */
import { encode, isCanonical, RESIDUE_COUNT } from "./alphabet.ts";
import { BLAST_GAPS } from "./align.ts";
import { overlapIdentities } from "./align-score.ts";
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

export interface ClusterOptions {
  /** Least identity, 0 to 1, CD-HIT's -c. */
  readonly identity: number;
  /** CD-HIT's -n: 5 for identities from 0.7, 4 from 0.6, 3 from 0.5, 2 below. Without it, every pair is aligned. */
  readonly wordLength?: number;
  /** Sequences of this length or shorter are left out, CD-HIT's -l. */
  readonly dropUpToLength?: number;
}

export interface Clusters {
  readonly count: number;
  /** Cluster of each sequence in input order, or -1 for one that was left out. */
  readonly clusterOf: Int32Array;
  /** Input position of each cluster's founder. */
  readonly representatives: readonly number[];
}

export function cluster(sequences: readonly string[], options: ClusterOptions): Descriptor<Clusters> {
  const { identity, wordLength, dropUpToLength = 0 } = options;
  if (sequences.length === 0) return notApplicable("there are no sequences");
  const strange = sequences.find((sequence) => !isCanonical(sequence));
  if (strange !== undefined) return notApplicable(`unknown residue in ${strange}`);

  const encoded = sequences.map(encode);
  const order = sequences.map((_, index) => index).filter((index) => encoded[index]!.length > dropUpToLength);
  // Ties stay in input order: sort is stable.
  order.sort((a, b) => encoded[b]!.length - encoded[a]!.length);

  const words = wordLength === undefined ? null : encoded.map((sequence) => sortedWords(sequence, wordLength));
  const isSimilar = (founder: number, index: number): boolean => {
    // Sorted by length: the founder is never the shorter one.
    const length = encoded[index]!.length;
    if (words !== null) {
      const needed = Math.max(1, Math.ceil(length * sharedWordsNeeded(identity)));
      if (countCommon(words[founder]!, words[index]!) < needed) return false;
    }
    return overlapIdentities(encoded[founder]!, encoded[index]!, BLAST_GAPS) >= identity * length - 1e-9;
  };

  const clusterOf = new Int32Array(sequences.length).fill(-1);
  const representatives: number[] = [];
  for (const index of order) {
    let home = representatives.findIndex((founder) => isSimilar(founder, index));
    if (home < 0) home = representatives.push(index) - 1;
    clusterOf[index] = home;
  }
  return value({ count: representatives.length, clusterOf, representatives });
}

/**
 * Shared words per residue of the shorter sequence that CD-HIT 4.8.1 behaves as if it asked for, measured by
 * comparing cluster counts: about 0.43 at identity 0.9, 0.2 at 0.8, none from 0.7 to 0.5, 0.15 with 2-letter words.
 */
function sharedWordsNeeded(identity: number): number {
  if (identity < 0.45) return 0.15;
  if (identity < 0.7) return 0;
  return identity < 0.8 ? 2 * (identity - 0.7) : 0.2 + 2.3 * (identity - 0.8);
}

/** Every word as one integer, ascending, repeats kept. */
function sortedWords(sequence: Uint8Array, wordLength: number): Float64Array {
  const words = new Float64Array(Math.max(0, sequence.length - wordLength + 1));
  for (let start = 0; start < words.length; start++) {
    let word = 0;
    for (let i = start; i < start + wordLength; i++) word = word * RESIDUE_COUNT + sequence[i]!;
    words[start] = word;
  }
  return words.sort();
}

function countCommon(a: Float64Array, b: Float64Array): number {
  let common = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const difference = a[i]! - b[j]!;
    if (difference === 0) common++;
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  return common;
}
