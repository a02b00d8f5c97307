/** What every reader of a format gives: named columns and rows of text that remember where they stood. */

export interface RawTable {
  readonly columns: readonly string[];
  readonly rows: readonly RawRow[];
}

export interface RawRow {
  /** The line where the row begins, from 1; in Parquet the row, from 1. */
  readonly row: number;
  /** In the order of the columns; null for a cell that is empty or not there. */
  readonly cells: readonly (string | null)[];
}

/** One file of a source. Its path is neutral, so messages name it by this. */
export interface SourceFile {
  readonly path: string;
  /** `source "amp" (data/amp.csv)`, or `source "amp" (file 2 of 3 of data/*.csv)`. */
  readonly where: string;
  /** The columns that the config maps, for messages about a file that has none of them. */
  readonly wanted: readonly string[];
}

/** An error that says where in which source: `source "amp" (data/amp.csv), line 17: …`. */
export function sourceError(file: SourceFile, row: number | undefined, problem: string, unit = "line"): Error {
  return new Error(`${file.where}${row === undefined ? "" : `, ${unit} ${row}`}: ${problem}`);
}

/** A cell's text without the space around it; null when nothing is left. */
export function cell(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? "";
  return trimmed === "" ? null : trimmed;
}
