/** One source of the config: its files read, its mapped columns found. */
import { extname } from "node:path";
import type { ConfigOf } from "expfile";
import type { prepareContract } from "../prepare.ts";
import { didYouMean, listNames, sentences } from "../suggest.ts";
import { readDelimited } from "./delimited.ts";
import { readFasta } from "./fasta.ts";
import { readJsonLines } from "./json-lines.ts";
import { readParquet } from "./parquet.ts";
import { sourceError, type RawTable, type SourceFile } from "./raw-table.ts";

export type SourceConfig = ConfigOf<typeof prepareContract>["sources"][number];
type Format = NonNullable<SourceConfig["format"]>;

/** A row of a source as the config maps it; nothing is judged yet. */
export interface MappedRow {
  /** Which file of the source, from 1. */
  readonly file: number;
  readonly row: number;
  readonly sequence: string | null;
  readonly id: string | null;
  readonly name: string | null;
  readonly origin: string | null;
  readonly class: string | null;
}

export async function readSource(source: SourceConfig, paths: readonly string[]): Promise<MappedRow[]> {
  const all: MappedRow[] = [];
  for (const [index, path] of paths.entries()) {
    const where = `source "${source.name}"${paths.length === 1 ? "" : `, file ${index + 1} of ${paths.length}`}`;
    const file: SourceFile = { path, where };
    const format = source.format ?? formatOf(file);
    const table = await readTableOf(file, format);
    all.push(...mapRows(file, index + 1, table, source, format));
  }
  return all;
}

const FORMAT_BY_EXTENSION: Readonly<Record<string, Format>> = {
  ".csv": "csv",
  ".tsv": "tsv",
  ".tab": "tsv",
  ".fasta": "fasta",
  ".fa": "fasta",
  ".faa": "fasta",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".parquet": "parquet",
};

function formatOf(file: SourceFile): Format {
  const extension = extname(file.path).toLowerCase();
  const format = FORMAT_BY_EXTENSION[extension];
  if (format !== undefined) return format;
  throw sourceError(
    file,
    undefined,
    `the extension "${extension}" does not tell the format; say format: csv, tsv, fasta, jsonl or parquet`,
  );
}

async function readTableOf(file: SourceFile, format: Format): Promise<RawTable> {
  switch (format) {
    case "csv":
    case "tsv":
      return readDelimited(file, format);
    case "fasta":
      return readFasta(file);
    case "jsonl":
      return readJsonLines(file);
    case "parquet":
      return readParquet(file);
  }
}

function mapRows(file: SourceFile, number: number, table: RawTable, source: SourceConfig, format: Format): MappedRow[] {
  const mapping = { ...(format === "fasta" ? { id: "id", name: "description" } : {}), ...source.columns };
  const missing = Object.entries(mapping).filter(([, column]) => !table.columns.includes(column));
  // A file of JSON lines without a line has no columns either.
  if (missing.length > 0 && (table.rows.length > 0 || format !== "jsonl")) {
    const problems = missing.map(([field, column]) =>
      sentences(`there is no column "${column}" for the ${field}.`, didYouMean(column, table.columns)),
    );
    throw sourceError(file, undefined, `${problems.join(" ")} The file has the columns ${listNames(table.columns)}.`);
  }
  const place = (field: keyof typeof mapping): number =>
    mapping[field] === undefined ? -1 : table.columns.indexOf(mapping[field]);
  const [sequence, id, name, origin, kind] = [
    place("sequence"),
    place("id"),
    place("name"),
    place("origin"),
    place("class"),
  ];
  return table.rows.map(({ row, cells }) => ({
    file: number,
    row,
    sequence: cells[sequence] ?? null,
    id: cells[id] ?? null,
    name: cells[name] ?? null,
    origin: cells[origin] ?? source.constants.origin ?? null,
    class: cells[kind] ?? source.constants.class ?? null,
  }));
}
