/** CSV (RFC 4180: quoted fields may hold commas and line ends) and TSV (quotes mean nothing), with a header line. */
import { CsvError, parse } from "csv-parse/sync";
import { countOf, listNames, shown } from "../suggest.ts";
import { cell, sourceError, type RawTable, type SourceFile } from "./raw-table.ts";
import { readText } from "./read-text.ts";

export function readDelimited(file: SourceFile, format: "csv" | "tsv"): RawTable {
  const [header, ...records] = recordsOf(file, readText(file), format);
  if (header === undefined)
    throw sourceError(file, undefined, `it is empty. Begin it with a header line that names ${listNames(file.wanted)}`);
  const columns = header.fields.map((name) => name.trim());
  // Spreadsheets leave columns without a name at the end; nobody can ask for those.
  const twice = columns.find((name, i) => name !== "" && columns.indexOf(name) !== i);
  if (twice !== undefined)
    throw sourceError(file, header.line, `two columns are called ${shown(twice)}. Give each a name of its own`);
  for (const { line, fields } of records)
    if (fields.length !== columns.length) throw sourceError(file, line, wordRagged(header, fields, format));
  return { columns, rows: records.map(({ line, fields }) => ({ row: line, cells: fields.map(cell) })) };
}

interface DelimitedRecord {
  /** Where it begins. */
  readonly line: number;
  readonly fields: readonly string[];
}

function recordsOf(file: SourceFile, text: string, format: "csv" | "tsv"): DelimitedRecord[] {
  const options = format === "csv" ? { delimiter: "," } : { delimiter: "\t", quote: false as const };
  try {
    const parsed = parse(text, {
      ...options,
      info: true,
      record_delimiter: "\n",
      skip_empty_lines: true,
      relax_column_count: true,
    });
    return (parsed as unknown as { record: string[]; info: { lines: number } }[]).map(({ record, info }) => ({
      // The parser counts to the record's end.
      line: info.lines - record.reduce((lines, field) => lines + field.split("\n").length - 1, 0),
      fields: record,
    }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = error.code === "CSV_QUOTE_NOT_CLOSED" ? lineOfOpenQuote(text) : error.lines;
    throw sourceError(file, typeof line === "number" ? line : undefined, wordQuotes(error));
  }
}

function wordRagged(header: DelimitedRecord, fields: readonly string[], format: "csv" | "tsv"): string {
  const found = `it has ${countOf(fields.length, "field")}, ${listNames(fields)}, but the header in line ${header.line} names ${countOf(header.fields.length, "column")}, ${listNames(header.fields)}`;
  const separator = format === "csv" ? "comma" : "tab";
  if (fields.length < header.fields.length) return `${found}. Leave a field empty, but write its ${separator}`;
  return format === "csv"
    ? `${found}. Put a field with a comma in it in double quotes`
    : `${found}. Take the tabs out of the fields`;
}

function wordQuotes({ code, message }: CsvError): string {
  switch (code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return 'a field begins with " here and is never closed. Close it with ", or double a quote that belongs to the text: ""';
    case "INVALID_OPENING_QUOTE":
      return 'a quote stands inside a field that does not begin with one. Put the whole field in quotes and double those in it: "5"" long"';
    case "CSV_INVALID_CLOSING_QUOTE":
      return 'a quoted field ended, and something other than a comma follows. Double a quote that belongs to the text: "5"" long"';
    default:
      return message;
  }
}

/** The line of the quote that is still open at the end of the text. */
function lineOfOpenQuote(text: string): number {
  let line = 1;
  let opened: number | undefined;
  let isFieldStart = true;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"' && opened === undefined && isFieldStart) opened = line;
    else if (character === '"' && opened !== undefined) {
      // Doubled, it belongs to the text.
      if (text[at + 1] === '"') at++;
      else opened = undefined;
    }
    isFieldStart = character === "," || character === "\n";
    if (character === "\n") line++;
  }
  return opened ?? line;
}
