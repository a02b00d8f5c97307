/** Sets of k-letter words of a sequence, and their Jaccard similarity: |common| / |either|. */
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";

/** Distinct words as integers (base 128), sorted: comparing two sorted arrays is the fast part. */
export function kmerSet(sequence: string, k: number): Float64Array {
  const words = new Set<number>();
  for (let start = 0; start + k <= sequence.length; start++) {
    let word = 0;
    for (let i = start; i < start + k; i++) word = word * 128 + sequence.charCodeAt(i);
    words.add(word);
  }
  return Float64Array.from(words).sort();
}

/** 0 to 1. Two empty sets have no words in common: 0. */
export function jaccard(a: Float64Array, b: Float64Array): number {
  let common = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const difference = a[i]! - b[j]!;
    if (difference === 0) common++;
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  const either = a.length + b.length - common;
  return either === 0 ? 0 : common / either;
}

/** k is at most 7 (a word must fit 53 bits). Not applicable when neither sequence has a word of k letters. */
export function kmerJaccard(a: string, b: string, k = 3): Descriptor {
  if (!Number.isInteger(k) || k < 1 || k > 7) return notApplicable("k must be a whole number from 1 to 7");
  if (Math.max(a.length, b.length) < k) return notApplicable(`both sequences are shorter than ${k} residues`);
  return value(jaccard(kmerSet(a, k), kmerSet(b, k)));
}
