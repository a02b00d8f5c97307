/** CSV (RFC 4180: quoted fields may hold commas and line ends), also with another delimiter, and TSV (quotes mean nothing), with a header line. */
import { CsvError, parse } from "csv-parse/sync";
import { countOf, listNames, shown } from "../suggest.ts";
import { cell, sourceError, type RawTable, type SourceFile } from "./raw-table.ts";
import { readText } from "./read-text.ts";

/** How the fields of a file are told apart. */
export interface Dialect {
  readonly format: "csv" | "tsv";
  readonly delimiter: "," | ";" | "\t" | "|";
}

export function readDelimited(file: SourceFile, dialect: Dialect): RawTable {
  const [header, ...records] = recordsOf(file, readText(file), dialect);
  if (header === undefined)
    throw sourceError(file, undefined, `it is empty. Begin it with a header line that names ${listNames(file.wanted)}`);
  const columns = header.fields.map((name) => name.trim());
  // Spreadsheets leave columns without a name at the end; nobody can ask for those.
  const twice = columns.find((name, i) => name !== "" && columns.indexOf(name) !== i);
  if (twice !== undefined)
    throw sourceError(file, header.line, `two columns are called ${shown(twice)}. Give each a name of its own`);
  for (const { line, fields } of records)
    if (fields.length !== columns.length) throw sourceError(file, line, wordRagged(header, fields, dialect));
  return { columns, rows: records.map(({ line, fields }) => ({ row: line, cells: fields.map(cell) })) };
}

interface DelimitedRecord {
  /** Where it begins. */
  readonly line: number;
  readonly fields: readonly string[];
}

function recordsOf(file: SourceFile, text: string, { format, delimiter }: Dialect): DelimitedRecord[] {
  const options = format === "csv" ? { delimiter } : { delimiter, quote: false as const };
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
    const line = error.code === "CSV_QUOTE_NOT_CLOSED" ? lineOfOpenQuote(text, delimiter) : error.lines;
    throw sourceError(file, typeof line === "number" ? line : undefined, wordQuotes(error, delimiter));
  }
}

function wordRagged(header: DelimitedRecord, fields: readonly string[], dialect: Dialect): string {
  const found = `it has ${countOf(fields.length, "field")}, ${listNames(fields)}, but the header in line ${header.line} names ${countOf(header.fields.length, "column")}, ${listNames(header.fields)}`;
  const other = wordOtherDelimiter(header.fields, dialect);
  if (other !== undefined) return `${found}. ${other}`;
  const separator = nameOf(dialect.delimiter);
  if (fields.length < header.fields.length) return `${found}. Leave a field empty, but write its ${separator}`;
  return dialect.format === "csv"
    ? `${found}. Put a field with a ${separator} in it in double quotes`
    : `${found}. Take the tabs out of the fields`;
}

/** A header that is one name with another delimiter in it: the file is cut at that one, and what to write then. */
export function wordOtherDelimiter(header: readonly string[], { format, delimiter }: Dialect): string | undefined {
  const [only = ""] = header;
  const delimiters = [";", "\t", ",", "|"] as const;
  const other = header.length === 1 ? delimiters.find((one) => one !== delimiter && only.includes(one)) : undefined;
  if (other === undefined) return undefined;
  const told = `Its fields are separated by ${nameOf(other)}s`;
  if (format === "csv" && delimiter === "," && other === "\t") return `${told}: say format: tsv`;
  if (format === "csv") return `${told}: say delimiter: ${JSON.stringify(other)}`;
  return other === ","
    ? `${told}: say format: csv`
    : `${told}: say format: csv and delimiter: ${JSON.stringify(other)}`;
}

function nameOf(delimiter: Dialect["delimiter"]): string {
  return { ",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar" }[delimiter];
}

function wordQuotes({ code, message }: CsvError, delimiter: Dialect["delimiter"]): string {
  switch (code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return 'a field begins with " here and is never closed. Close it with ", or double a quote that belongs to the text: ""';
    case "INVALID_OPENING_QUOTE":
      return 'a quote stands inside a field that does not begin with one. Put the whole field in quotes and double those in it: "5"" long"';
    case "CSV_INVALID_CLOSING_QUOTE":
      return `a quoted field ended, and something other than a ${nameOf(delimiter)} follows. Double a quote that belongs to the text: "5"" long"`;
    default:
      return message;
  }
}

/** The line of the quote that is still open at the end of the text. */
function lineOfOpenQuote(text: string, delimiter: string): number {
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
    isFieldStart = character === delimiter || character === "\n";
    if (character === "\n") line++;
  }
  return opened ?? line;
}
