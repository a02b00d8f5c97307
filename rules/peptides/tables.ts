/**
 * The tables that the stages of the peptide experiment hand on to each other. Plain data, so that a rule and its recipes
 * share one declaration and a recipe carries only the tables that it uses.
 */
import type { Columns, RowOf } from "expfile/table";

/** What samplers and judges may see: letters, and nothing that a correction of a name or a class would change. */
export const sequenceColumns = {
  /** Digest of the sequence. */
  peptide_id: "string",
  sequence: "string",
} as const satisfies Columns;

/** Peptides that passed `prepare`, each once. */
export const peptideColumns = {
  peptide_id: "string",
  /** The 20 canonical residues only, N-terminus first. */
  sequence: "string",
  name: "string?",
  origin: "string?",
  class: "string?",
  /** The name that the config gives the source. */
  source: "string",
  source_id: "string?",
  /** Which file of the source, from 1, in the order of their paths. */
  source_file: "int32",
  /** The line where the row begins, from 1; in Parquet the row, from 1. */
  source_row: "int32",
} as const satisfies Columns;

/** Rows that did not pass, none left out. */
export const rejectColumns = {
  source: "string",
  source_file: "int32",
  source_row: "int32",
  /** As the source has it. */
  sequence: "string?",
  reason: "string",
  detail: "string",
} as const satisfies Columns;

/** What the samplers drew. */
export const generatedColumns = {
  /** Digest of arm, seed and index. */
  peptide_id: "string",
  /** The arm's id. Its name is a label that only the report reads. */
  arm: "string",
  /** The replicate, 1 to the number of seeds: the unit of analysis. */
  seed: "int32",
  index: "int32",
  sequence: "string",
  /** ln P of the chain under the sampler's model, in nats. */
  logprob: "double",
  sampler: "string",
  /** Digest of the sampler's settings, the training data and the random seed. */
  provenance: "string",
} as const satisfies Columns;

/** What the judges found, one row for each peptide and metric. */
export const scoreColumns = {
  peptide_id: "string",
  judge: "string",
  metric: "string",
  /** Null where the metric does not apply; never 0 in its place. */
  value: "double?",
  /** "" for a plain number. */
  unit: "string",
  /** Why there is no value, or what to know about it. */
  note: "string?",
} as const satisfies Columns;

export type SequenceRow = RowOf<typeof sequenceColumns>;
export type PeptideRow = RowOf<typeof peptideColumns>;
export type RejectRow = RowOf<typeof rejectColumns>;
export type GeneratedRow = RowOf<typeof generatedColumns>;
export type ScoreRow = RowOf<typeof scoreColumns>;
