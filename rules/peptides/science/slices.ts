/**
 * Slices of a training set for experiments: the first n, a random n, and a control whose residues are shuffled within
 * each sequence (same lengths and composition, no order left to learn). Same seed, same slice, on every platform.
 */
import { createRandom, shuffle } from "./random.ts";

export function firstSlice<T>(items: readonly T[], count: number): T[] {
  return items.slice(0, count);
}

/** `count` items without repeats, in their original order; all of them when there are not more. */
export function randomSlice<T>(items: readonly T[], count: number, seed: string): T[] {
  const order = shuffle(
    items.map((_, index) => index),
    createRandom(seed),
  );
  return order
    .slice(0, count)
    .sort((a, b) => a - b)
    .map((index) => items[index]!);
}

/** Each sequence with its own residues in random order. */
export function shuffledResidues(sequences: readonly string[], seed: string): string[] {
  const random = createRandom(seed);
  return sequences.map((sequence) => shuffle([...sequence], random).join(""));
}
