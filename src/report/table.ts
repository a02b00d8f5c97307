// Rows of a table as lines of text for a person, and as CSV. Pure; unaware of files.
//
//   sequence      length  charge
//   GIGKFLHSAKKF      12     4.9
//   … 3 more columns: source, source_row, note

import { countOf } from "./amounts.ts";
import { clip, oneLine, padEnd, padStart, widthOf } from "./text.ts";
import type { Palette } from "./palette.ts";

export interface ShownColumn {
  readonly name: string;
  /** As the file has it: `string`, `double`; what cannot be read by its type in the file. */
  readonly kind: string;
}

const WIDEST_CELL = 40;
const GAP = 2;
const NUMBERS: readonly string[] = ["int32", "int64", "double"];

/** One value on one line, in at most 40 cells. Numbers have six digits: the whole ones are in the CSV. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number") return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  // Of a long text only what can be seen is looked at.
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return clip(oneLine(text.slice(0, 4 * WIDEST_CELL)), WIDEST_CELL);
}

/** Takes in the widths of all rows first, then lays them out. */
export class TableLayout {
  readonly #columns: readonly ShownColumn[];
  readonly #widths: number[];

  constructor(columns: readonly ShownColumn[]) {
    this.#columns = columns;
    this.#widths = columns.map(({ name }) => widthOf(headingOf(name)));
  }

  measure(cells: readonly string[]): void {
    for (const [column, text] of cells.entries()) this.#widths[column] = Math.max(this.#widths[column]!, widthOf(text));
  }

  /** How many columns, from the first, fit into `width` cells; the first is shown however narrow the screen. */
  fitting(width: number | undefined): number {
    if (width === undefined) return this.#columns.length;
    let used = -GAP;
    const tooWide = this.#widths.findIndex((one) => (used += one + GAP) > width);
    return tooWide < 0 ? this.#columns.length : Math.max(1, tooWide);
  }

  heading(shown: number, palette: Palette): string {
    return palette.bold(
      this.#align(
        this.#columns.map(({ name }) => headingOf(name)),
        shown,
      ),
    );
  }

  line(cells: readonly string[], shown: number): string {
    return this.#align(cells, shown);
  }

  /** What did not fit, by name; undefined when everything did. */
  hidden(shown: number): string | undefined {
    const names = this.#columns.slice(shown).map(({ name }) => oneLine(name));
    return names.length === 0 ? undefined : `… ${countOf(names.length, "more column")}: ${names.join(", ")}`;
  }

  #align(cells: readonly string[], shown: number): string {
    return cells
      .slice(0, shown)
      .map((text, column) => {
        const pad = NUMBERS.includes(this.#columns[column]!.kind) ? padStart : padEnd;
        return pad(text, this.#widths[column]!);
      })
      .join(" ".repeat(GAP))
      .trimEnd();
  }
}

function headingOf(name: string): string {
  return clip(oneLine(name), WIDEST_CELL);
}

/** A line of CSV (RFC 4180, with plain line feeds). A null is an empty field, an empty text is `""`. */
export function csvLine(values: readonly unknown[]): string {
  return `${values.map(csvField).join(",")}\n`;
}

function csvField(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
