// Rows of cells as aligned lines. Unaware of what the cells mean.

import { largest } from "../util/largest.ts";
import { span, widthOf, type Line, type Span } from "./text.ts";

/** Less room than this for a detail beside its row, and it is better off beneath it. */
const COMFORTABLE_DETAIL = 40;

export interface Columns {
  /** Indices of columns that are aligned to the right: numbers. */
  readonly right?: readonly number[];
  /** Columns that are empty in every row are left out, unless this is set. */
  readonly keepEmpty?: boolean;
}

/** Cells of a column share its width; two spaces lie between columns; nothing trails the last cell of a row. */
export function alignRows(rows: readonly (readonly Span[])[], { right = [], keepEmpty = false }: Columns = {}): Line[] {
  const count = largest(
    rows.map((row) => row.length),
    0,
  );
  const widths = Array.from({ length: count }, (_, column) =>
    largest(
      rows.map((row) => widthOf(row[column]?.text ?? "")),
      0,
    ),
  );
  const shown = widths.flatMap((width, column) => (width > 0 || keepEmpty ? [column] : []));
  return rows.map((row) => alignRow(row, shown, widths, right));
}

/**
 * Rows whose last cells are `details`, which stand in line where the screen has room for them and beneath their row where it has not.
 */
export function alignDetailedRows(
  rows: readonly { readonly cells: readonly Span[]; readonly details: readonly Span[] }[],
  { width, right = [] }: Columns & { readonly width: number | undefined },
): Line[] {
  const count = largest(
    rows.map(({ cells }) => cells.length),
    0,
  );
  const blank = Array.from({ length: count }, () => span(""));
  const inLine = rows.flatMap(({ cells, details: [first = span(""), ...more] }) => [
    [...cells, ...blank.slice(cells.length), first],
    ...more.map((detail) => [...blank, detail]),
  ]);
  const lines = alignRows(inLine, { right });
  const widest = largest(
    lines.map((line) => widthOf(line.map(({ text }) => text).join(""))),
    0,
  );
  const widestDetail = largest(
    rows.flatMap(({ details }) => details.map(({ text }) => widthOf(text))),
    0,
  );
  if (width === undefined || widest <= width || width - (widest - widestDetail) >= COMFORTABLE_DETAIL) return lines;
  const heads = alignRows(
    rows.map(({ cells }) => cells),
    { right },
  );
  return rows.flatMap(({ details }, index) => [
    heads[index]!,
    ...details.filter(({ text }) => text !== "").map((detail): Line => [span("  "), detail]),
  ]);
}

function alignRow(
  row: readonly Span[],
  shown: readonly number[],
  widths: readonly number[],
  right: readonly number[],
): Line {
  const last = shown.findLast((column) => (row[column]?.text ?? "") !== "");
  const line: Span[] = [];
  for (const column of shown) {
    const { text, style } = row[column] ?? span("");
    if (line.length > 0) line.push(span("  "));
    const pad = " ".repeat(Math.max(0, widths[column]! - widthOf(text)));
    // The padding is a span of its own, so that an underlined or inverse style would not colour it.
    if (right.includes(column)) line.push(span(pad), span(text, style));
    else line.push(span(text, style), span(column === last ? "" : pad));
    if (column === last) break;
  }
  return line.filter(({ text }) => text !== "");
}
