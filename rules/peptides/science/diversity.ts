/**
 * How different the sequences of a set are from each other: unique ratio, mean similarity over all pairs, and the
 * Vendi score. All pairs are compared: n sequences cost n²/2 comparisons (1000 sequences: half a million).
 */
import { notApplicable, value } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";
import { symmetricEigenvalues } from "./eigenvalues.ts";
import { jaccard, kmerSet } from "./kmer.ts";
import { levenshteinSimilarity } from "./levenshtein.ts";

/** Distinct sequences / sequences: 1 when no two are equal. */
export function uniqueRatio(sequences: readonly string[]): Descriptor {
  if (sequences.length === 0) return notApplicable("there are no sequences");
  return value(new Set(sequences).size / sequences.length);
}

/** Mean of 1 - distance / longer length over the pairs i < j. */
export function meanPairwiseLevenshtein(sequences: readonly string[]): Descriptor {
  return meanOverPairs(sequences, levenshteinSimilarity);
}

/** Mean Jaccard similarity of the k-letter words over the pairs i < j. */
export function meanPairwiseJaccard(sequences: readonly string[], k = 3): Descriptor {
  return meanOverPairs(
    sequences.map((sequence) => kmerSet(sequence, k)),
    jaccard,
  );
}

/**
 * exp(-Σ λ ln λ) over the eigenvalues λ of K/n, where K holds the k-mer Jaccard similarities: the effective number
 * of different sequences, 1 (all equal) to n (nothing in common). Friedman & Dieng, TMLR (2023), order q = 1.
 */
export function vendiScore(sequences: readonly string[], k = 3): Descriptor {
  const n = sequences.length;
  if (n === 0) return notApplicable("there are no sequences");
  const words = sequences.map((sequence) => kmerSet(sequence, k));
  const kernel = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    kernel[i * n + i] = 1 / n;
    for (let j = 0; j < i; j++) {
      const similarity = jaccard(words[i]!, words[j]!) / n;
      kernel[i * n + j] = similarity;
      kernel[j * n + i] = similarity;
    }
  }
  let entropy = 0;
  for (const eigenvalue of symmetricEigenvalues(kernel, n)) {
    if (eigenvalue > 0) entropy -= eigenvalue * Math.log(eigenvalue);
  }
  return value(Math.exp(entropy), "sequences");
}

function meanOverPairs<T>(items: readonly T[], similarity: (a: T, b: T) => number): Descriptor {
  if (items.length < 2) return notApplicable("a pair needs two sequences");
  let sum = 0;
  for (let i = 0; i < items.length; i++) {
    for (let j = i + 1; j < items.length; j++) sum += similarity(items[i]!, items[j]!);
  }
  return value(sum / ((items.length * (items.length - 1)) / 2));
}
