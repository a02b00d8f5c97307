/**
 * Reads peptides from files of several formats, keeps each sequence once, and cuts the slices that samplers are trained
 * on. A row that is not kept is listed with its reason: nothing goes away in silence.
 */
import { contract, json, optional, rule, sourceFiles, table, tree, z } from "expfile";
import { peptideColumns, rejectColumns, sequenceColumns } from "./tables.ts";

const text = z.string().min(1);

const source = z
  .strictObject({
    name: text,
    /** A path or glob from the folder of the Expfile… */
    path: text.optional(),
    /** …or a file that somebody handed over: `{ from: by-hand, file: hemopi.fasta }`. */
    from: z.literal("by-hand").optional(),
    file: text.optional(),
    /** Told by the file's extension when left out. */
    format: z.enum(["csv", "tsv", "fasta", "jsonl", "parquet"]).optional(),
    /** What separates the fields of a CSV: a comma when left out. */
    delimiter: z.enum([",", ";", "\t", "|"]).optional(),
    /** Which column of the file holds what. FASTA has `id`, `description` and `sequence`. */
    columns: z
      .strictObject({
        sequence: text.default("sequence"),
        id: text.optional(),
        name: text.optional(),
        origin: text.optional(),
        class: text.optional(),
      })
      .prefault({}),
    /** For every row, where the file has no such column: `{ class: antimicrobial }`. */
    constants: z.strictObject({ origin: text.optional(), class: text.optional() }).prefault({}),
    licence: text.default("not stated"),
    /** Where it is from: repository and commit, paper, address. */
    cite: text.default("not stated"),
  })
  .refine(
    (one) =>
      (one.path === undefined) !== (one.from === undefined) && (one.from === undefined) === (one.file === undefined),
    "must have either a path, or from: by-hand with a file",
  )
  .refine(
    ({ format, delimiter }) => delimiter === undefined || format === undefined || format === "csv",
    "must not have a delimiter with a format other than csv",
  );

const count = z.int().min(1);
const seed = z.int().default(1);
const slice = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("all") }),
  z.strictObject({ kind: z.literal("first"), n: count }),
  z.strictObject({ kind: z.literal("random"), n: count, seed }),
  // A control: the residues of each sequence in random order. Same lengths and composition, no order left to learn.
  z.strictObject({ kind: z.literal("shuffled"), seed }),
]);

export const prepareContract = contract({
  name: "peptides/prepare",
  config: z.strictObject({
    sources: z
      .array(source)
      .min(1)
      .refine(
        (all) => new Set(all.map(({ name }) => name)).size === all.length,
        "must not hold two sources of one name",
      ),
    /** Residues, both ends included. */
    length: z
      .strictObject({ min: count.default(5), max: count.default(60) })
      .refine(({ min, max }) => min <= max, "must not have min above max")
      .prefault({}),
    /** A sequence is kept when it holds the 20 canonical residues and nothing else; "strip-caps" takes Ac- and -NH2 off first. */
    letters: z.enum(["reject", "strip-caps"]).default("reject"),
    /** What may pass; anything, where it is left out. */
    only: z.strictObject({ class: z.array(text).optional(), origin: z.array(text).optional() }).prefault({}),
    /** Parts of the peptides by name, for arms to be trained on. */
    slices: z
      .record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/), slice)
      .default({ all: { kind: "all" }, shuffled: { kind: "shuffled", seed: 1 } }),
  }),
  inputs: {
    /** For each source with a path, its files. */
    sources: sourceFiles((config: { sources: readonly { path?: string | undefined }[] }) =>
      config.sources.flatMap(({ path }) => path ?? []),
    ),
    handed: optional(tree()),
  },
  outputs: {
    peptides: table(peptideColumns, { minRows: 1 }),
    /** Ids and letters alone, sorted: what judges compare with. */
    sequences: table(sequenceColumns, { minRows: 1 }),
    /** Every row that was turned away, and why. */
    rejects: table(rejectColumns),
    /** `<slice>.parquet`, each a table of ids and letters. */
    slices: tree(),
    summary: json<PrepareSummary>(),
  },
});

export interface PrepareSummary {
  readonly sources: readonly SourceSummary[];
  /** In the order of the config. */
  readonly slices: readonly { readonly name: string; readonly peptides: number }[];
}

export interface SourceSummary {
  readonly name: string;
  /** The path or glob, or the name of the file that was handed over. */
  readonly file: string;
  readonly files: number;
  readonly rows: number;
  readonly accepted: number;
  /** Accepted after a cap was taken off. */
  readonly stripped: number;
  readonly rejected: readonly { readonly reason: string; readonly count: number }[];
  readonly licence: string;
  readonly cite: string;
}

export const prepare = rule(prepareContract, () => import("./prepare/prepare.recipe.ts"));
