/** One source of the config: its files read, its mapped columns found. */
import { extname } from "node:path";
import type { ConfigOf } from "expfile";
import type { prepareContract } from "../prepare.ts";
import { isCanonical } from "../science/alphabet.ts";
import { listNames, nearest, sentences, shown } from "../suggest.ts";
import { readDelimited, wordOtherDelimiter, type Dialect } from "./delimited.ts";
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
    const named = source.path ?? source.file!;
    const which = paths.length === 1 ? named : `file ${index + 1} of ${paths.length} of ${named}`;
    const file: SourceFile = {
      path,
      where: `source "${source.name}" (${which})`,
      wanted: Object.values(source.columns),
    };
    const format = source.format ?? (source.delimiter === undefined ? formatOf(file) : "csv");
    const table = await readTableOf(file, format, source);
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
    OTHER_BY_EXTENSION[extension] ??
      `the extension "${extension}" does not tell the format. Say format: csv, tsv, fasta, jsonl or parquet`,
  );
}

const OTHER_BY_EXTENSION: Readonly<Record<string, string>> = {
  ".gz": "it is compressed. Unpack it: gunzip FILE.gz",
  ".zip": "it is an archive. Unpack it",
  ".xlsx": "a spreadsheet is not read. Save the sheet as CSV",
  ".xls": "a spreadsheet is not read. Save the sheet as CSV",
  ".json":
    "a JSON file is not read as it is. Write its elements on lines of their own and say format: jsonl: jq -c '.[]' OLD > NEW.jsonl",
};

async function readTableOf(file: SourceFile, format: Format, source: SourceConfig): Promise<RawTable> {
  switch (format) {
    case "csv":
    case "tsv":
      return readDelimited(file, dialectOf(format, source));
    case "fasta":
      return readFasta(file);
    case "jsonl":
      return readJsonLines(file);
    case "parquet":
      return readParquet(file);
  }
}

function dialectOf(format: Dialect["format"], { delimiter }: SourceConfig): Dialect {
  return { format, delimiter: format === "tsv" ? "\t" : (delimiter ?? ",") };
}

function mapRows(file: SourceFile, number: number, table: RawTable, source: SourceConfig, format: Format): MappedRow[] {
  const mapping = { ...(format === "fasta" ? { id: "id", name: "description" } : {}), ...source.columns };
  const missing = Object.entries(mapping).filter(([, column]) => !table.columns.includes(column));
  // A file of JSON lines without a line has no columns either.
  if (missing.length > 0 && (table.rows.length > 0 || format !== "jsonl")) {
    throw sourceError(file, undefined, wordMissing(missing, table, source, format));
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

/** Which columns the mapping asks for in vain, which there are, and what to write. */
function wordMissing(
  missing: readonly (readonly [string, string])[],
  table: RawTable,
  source: SourceConfig,
  format: Format,
): string {
  const { columns } = table;
  const header = wordHeader(columns, source, format);
  const lacking = missing.map(([field, column]) => `no column ${shown(column)} for the ${field}`).join(", and ");
  const meant = missing.flatMap(([field, column]): [string, string][] => {
    const near = nearest(column, columns) ?? (field === "sequence" ? columnOfSequences(table) : undefined);
    return near === undefined ? [] : [[field, near]];
  });
  const fix = `Did you mean columns: { ${meant.map(([field, near]) => `${field}: ${yamlText(near)}`).join(", ")} }?`;
  return sentences(
    `there is ${lacking}.`,
    `The file has the columns ${listNames(columns)}.`,
    header !== "" ? header : meant.length > 0 ? fix : "Say which hold what: columns: { sequence: … }.",
  );
}

/** A header that is none, or is cut at another character than the format has. */
function wordHeader(columns: readonly string[], source: SourceConfig, format: Format): string {
  if (format !== "csv" && format !== "tsv") return "";
  const other = wordOtherDelimiter(columns, dialectOf(format, source));
  if (other !== undefined) return `${other}.`;
  return columns.some(looksLikeSequence)
    ? "The first line looks like a row: write a header line with the names of the columns above it."
    : "";
}

const SAMPLE = 100;

/** The one column that holds letters of peptides in nearly every row. */
function columnOfSequences({ columns, rows }: RawTable): string | undefined {
  const some = rows.slice(0, SAMPLE);
  const found = columns.filter(
    (_, i) =>
      some.length > 0 && some.filter(({ cells }) => looksLikeSequence(cells[i] ?? "")).length > 0.8 * some.length,
  );
  return found.length === 1 ? found[0] : undefined;
}

function looksLikeSequence(text: string): boolean {
  return text.length >= 5 && isCanonical(text);
}

function yamlText(name: string): string {
  return /^[A-Za-z][\w -]*\w$/.test(name) && !/^(null|true|false)$/i.test(name) ? name : JSON.stringify(name);
}
