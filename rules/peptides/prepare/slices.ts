/** The slices that samplers are trained on, from the accepted sequences in the order of the sources. */
import type { ConfigOf } from "expfile";
import { deriveSeed } from "expfile/seed";
import { shortDigest } from "../digest.ts";
import type { prepareContract } from "../prepare.ts";
import { firstSlice, randomSlice, shuffledResidues } from "../science/slices.ts";
import type { SequenceRow } from "../tables.ts";

type Slice = ConfigOf<typeof prepareContract>["slices"][string];

export function cutSlice(slice: Slice, sequences: readonly string[]): SequenceRow[] {
  return rowsOf(chosen(slice, sequences));
}

export function rowsOf(sequences: readonly string[]): SequenceRow[] {
  return sequences.map((sequence) => ({ peptide_id: shortDigest(sequence), sequence }));
}

function chosen(slice: Slice, sequences: readonly string[]): readonly string[] {
  switch (slice.kind) {
    case "all":
      return sequences;
    case "first":
      return firstSlice(sequences, slice.n);
    case "random":
      return randomSlice(sequences, slice.n, deriveSeed("random slice", slice.seed));
    case "shuffled":
      return shuffledResidues(sequences, deriveSeed("shuffled slice", slice.seed));
  }
}
