/** CSV (RFC 4180: quoted fields may hold commas and line ends) and TSV (quotes mean nothing), with a header line. */
import { CsvError, parse } from "csv-parse/sync";
import { cell, sourceError, type RawTable, type SourceFile } from "./raw-table.ts";
import { readText } from "./read-text.ts";

export function readDelimited(file: SourceFile, format: "csv" | "tsv"): RawTable {
  const [header, ...records] = recordsOf(file, format);
  if (header === undefined)
    throw sourceError(file, undefined, "it is empty; a header line with the names of the columns is needed");
  const columns = header.fields.map((name) => name.trim());
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  if (twice !== undefined) throw sourceError(file, header.line, `two columns are called "${twice}"`);
  return { columns, rows: records.map(({ line, fields }) => ({ row: line, cells: fields.map(cell) })) };
}

interface DelimitedRecord {
  /** Where it begins. */
  readonly line: number;
  readonly fields: readonly string[];
}

function recordsOf(file: SourceFile, format: "csv" | "tsv"): DelimitedRecord[] {
  const options = format === "csv" ? { delimiter: "," } : { delimiter: "\t", quote: false as const };
  try {
    const parsed = parse(readText(file), { ...options, info: true, record_delimiter: "\n", skip_empty_lines: true });
    return (parsed as unknown as { record: string[]; info: { lines: number } }[]).map(({ record, info }) => ({
      // The parser counts to the record's end.
      line: info.lines - record.reduce((lines, field) => lines + field.split("\n").length - 1, 0),
      fields: record,
    }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error.lines === "number" ? error.lines : undefined;
    throw sourceError(file, line, error.message);
  }
}
