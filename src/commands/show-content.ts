// Shows one content to a person, or writes it for a program: a table, a text, the listing of a folder. Large ones go through in pieces.

import { closeSync, createReadStream, openSync, readFileSync, readSync } from "node:fs";
import { isUtf8 } from "node:buffer";
import { parse } from "yaml";
import type { SlotFormat } from "../api/slot.ts";
import { countOf, formatBytes, formatCount } from "../report/amounts.ts";
import { alignRows } from "../report/columns.ts";
import { cellText, csvLine, TableLayout } from "../report/table.ts";
import { oneLine, paint, span, type Line } from "../report/text.ts";
import { scanTable } from "../table/scan.ts";
import { describeTable, type TableDescription } from "../table.ts";
import { paletteOf, writeLines, type Screen } from "./screen.ts";
import type { Content } from "./show-outputs.ts";

/** `table` and `text` by what is in the file where the slot does not say. */
export type Look = "table" | "json" | "yaml" | "text" | "binary" | "tree" | "absent";

export interface Shown {
  /** The first line: name, path, build. */
  readonly title: Line;
  readonly content: Content;
  readonly look: Look;
  /** What is known of it before it is looked into, for `--json`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What of a table is shown. */
export interface Extent {
  readonly rows: number;
  readonly as: "text" | "csv" | "meta" | "json";
}

/** Rows that are kept while their widths are found; of more the file is read twice. */
const mostKept = 10_000;
const pageRows = 1_000;
const sniffedBytes = 8_192;

export function lookOf(format: SlotFormat | undefined, content: Content, name: string): Look {
  if (content.kind !== "file") return content.kind;
  if (format !== undefined && format !== "file" && format !== "tree") return format;
  if (name.endsWith(".parquet")) return "table";
  if (name.endsWith(".json")) return "json";
  if (/\.ya?ml$/.test(name)) return "yaml";
  return content.path !== undefined && isBinary(content.path) ? "binary" : "text";
}

/** Throws `TableError` when a table cannot be read. */
export async function showContent(shown: Shown, extent: Extent, screen: Screen): Promise<void> {
  const { content, look } = shown;
  if (content.kind === "file" && look === "table") return showTable(shown, content.path!, extent, screen);
  if (extent.as === "json") return writeJsonPieces(shown.facts, restOf(shown), screen);
  if (content.kind === "tree") return showTree(shown, content.files, extent, screen);
  if (content.kind === "file" && look !== "binary") return showText(shown, content, screen);
  writeTitle(shown, screen);
}

function writeTitle({ title }: Shown, screen: Screen): void {
  // Never clipped: the path is there to be copied.
  writeLines(screen, [paint(title, paletteOf(screen))]);
}

function writeNote(text: string, screen: Screen): void {
  writeLines(screen, [paletteOf(screen).dim(text)]);
}

// --- tables -----------------------------------------------------------------------------------------------------

async function showTable(shown: Shown, path: string, extent: Extent, screen: Screen): Promise<void> {
  const about = await describeTable({ path });
  switch (extent.as) {
    case "meta":
      return showMeta(shown, about, screen);
    case "csv":
      return writeCsv(path, about, extent.rows, screen);
    case "json": {
      const { rows, columns, metadata } = about;
      const readable = readableOf(about);
      const objects = mapRows(rowsOf(path, about, extent.rows), (row) =>
        Object.fromEntries(readable.map(({ name }, index) => [name, row[index]])),
      );
      return writeJsonPieces({ ...shown.facts, rows, columns, metadata }, { data: objects }, screen);
    }
    case "text":
      return showRows(shown, path, about, extent.rows, screen);
  }
}

async function showRows(
  shown: Shown,
  path: string,
  about: TableDescription,
  most: number,
  screen: Screen,
): Promise<void> {
  const layout = new TableLayout(readableOf(about));
  const asked = Math.min(most, about.rows);
  const kept: string[][] = [];
  for await (const page of rowsOf(path, about, most)) {
    if (screen.signal.aborted) return;
    for (const row of page) {
      const cells = row.map(cellText);
      layout.measure(cells);
      if (asked <= mostKept) kept.push(cells);
    }
  }
  const fitting = layout.fitting(screen.width);
  writeTitle(shown, screen);
  writeLines(screen, [layout.heading(fitting, paletteOf(screen))]);
  writeLines(
    screen,
    kept.map((cells) => layout.line(cells, fitting)),
  );
  if (asked > mostKept)
    for await (const page of rowsOf(path, about, most)) {
      if (screen.signal.aborted) return;
      writeLines(
        screen,
        page.map((row) => layout.line(row.map(cellText), fitting)),
      );
      await screen.drained();
    }
  const hidden = layout.hidden(fitting);
  if (hidden !== undefined) writeNote(hidden, screen);
  writeUnreadable(about, screen);
  writeNote(
    asked === about.rows
      ? countOf(about.rows, "row")
      : `${formatCount(asked)} of ${countOf(about.rows, "row")}: --all shows them, --csv writes them out`,
    screen,
  );
}

function showMeta(shown: Shown, about: TableDescription, screen: Screen): void {
  const columns = about.columns.map(({ name, kind, nullable, parquetType }) => [
    span(`  ${oneLine(name)}`),
    span(kind === "other" ? parquetType : `${kind}${nullable ? "?" : ""}`),
  ]);
  const metadata = Object.entries(about.metadata).map(([key, value]) => [
    span(`  ${oneLine(key)}`),
    span(oneLine(value)),
  ]);
  const palette = paletteOf(screen);
  const lines = (rows: Parameters<typeof alignRows>[0]) => alignRows(rows).map((line) => paint(line, palette));
  writeTitle(shown, screen);
  writeLines(screen, [
    `${countOf(about.rows, "row")}, ${countOf(about.columns.length, "column")}`,
    ...lines(columns),
    metadata.length === 0 ? "no metadata" : "metadata",
    ...lines(metadata),
  ]);
}

async function writeCsv(path: string, about: TableDescription, most: number, screen: Screen): Promise<void> {
  screen.write(csvLine(readableOf(about).map(({ name }) => name)));
  for await (const page of rowsOf(path, about, most)) {
    if (screen.signal.aborted) return;
    screen.write(page.map(csvLine).join(""));
    await screen.drained();
  }
}

function readableOf({ columns }: TableDescription): TableDescription["columns"] {
  return columns.filter(({ kind }) => kind !== "other");
}

function writeUnreadable({ columns }: TableDescription, screen: Screen): void {
  const others = columns.filter(({ kind }) => kind === "other");
  if (others.length === 0) return;
  const names = others.map(({ name, parquetType }) => `${oneLine(name)} (${parquetType})`);
  writeNote(`cannot be shown: ${names.join(", ")}`, screen);
}

/** Rows of the columns that can be read, some hundreds at a time. */
async function* rowsOf(path: string, about: TableDescription, most: number): AsyncGenerator<unknown[][]> {
  const readable = about.columns.flatMap(({ kind }, index) => (kind === "other" ? [] : [index]));
  for await (const { rows, values } of scanTable({ path }, most))
    for (let from = 0; from < rows; from += pageRows) {
      const count = Math.min(pageRows, rows - from);
      yield Array.from({ length: count }, (_, offset) => readable.map((column) => values[column]![from + offset]));
    }
}

async function* mapRows<T>(pages: AsyncIterable<unknown[][]>, map: (row: unknown[]) => T): AsyncGenerator<T[]> {
  for await (const page of pages) yield page.map(map);
}

// --- folders and texts ------------------------------------------------------------------------------------------

function showTree(
  shown: Shown,
  files: readonly (readonly [name: string, size: number])[],
  { rows }: Extent,
  screen: Screen,
): void {
  const listed = files.slice(0, rows).map(([name, size]) => [span(formatBytes(size)), span(oneLine(name))]);
  writeTitle(shown, screen);
  writeLines(
    screen,
    alignRows(listed, { right: [0] }).map((line) => paint(line, paletteOf(screen))),
  );
  const total = countOf(files.length, "file");
  writeNote(
    listed.length === files.length ? total : `${formatCount(listed.length)} of ${total}: --all shows them`,
    screen,
  );
}

/** As it is: nothing is added, except on a terminal, which is told what it looks at and is not to be ordered about. */
async function showText(
  shown: Shown,
  { path, text }: Extract<Content, { kind: "file" }>,
  screen: Screen,
): Promise<void> {
  if (screen.isTerminal) writeTitle(shown, screen);
  if (path === undefined) {
    screen.write(screen.isTerminal ? harmless(text ?? "") : (text ?? ""));
    return;
  }
  for await (const piece of createReadStream(path, { encoding: "utf8" })) {
    if (screen.signal.aborted) return;
    screen.write(screen.isTerminal ? harmless(piece as string) : (piece as string));
    await screen.drained();
  }
}

function harmless(text: string): string {
  return text.replace(/[^\n\r\t]+/g, oneLine);
}

function isBinary(path: string): boolean {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(sniffedBytes);
    const found = bytes.subarray(0, readSync(fd, bytes, 0, sniffedBytes, 0));
    // A character may be cut in two at the end of what was read.
    const isText = found.length < sniffedBytes ? isUtf8(found) : [0, 1, 2, 3].some((cut) => isUtf8(found.subarray(0, sniffedBytes - cut))); // prettier-ignore
    return found.includes(0) || !isText;
  } finally {
    closeSync(fd);
  }
}

// --- JSON -------------------------------------------------------------------------------------------------------

function restOf({ content, look }: Shown): Readonly<Record<string, unknown>> {
  if (content.kind === "tree") return { list: content.files.map(([path, size]) => ({ path, size })) };
  if (content.kind === "absent" || look === "binary") return {};
  const text = content.path === undefined ? (content.text ?? "") : readFileSync(content.path, "utf8");
  switch (look) {
    case "json":
      return { value: JSON.parse(text) as unknown };
    case "yaml":
      return { value: parse(text) as unknown };
    default:
      return { text };
  }
}

/** One JSON object; a field whose value comes in pages of a list is written as they come. */
async function writeJsonPieces(
  facts: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>>,
  screen: Screen,
): Promise<void> {
  const plain = { ...facts, ...more };
  const { data } = more as { data?: AsyncIterable<unknown[]> };
  delete plain.data;
  const text = JSON.stringify(plain, null, 2);
  if (data === undefined) return screen.write(`${text}\n`);
  screen.write(`${text.slice(0, -2)},\n  "data": [`);
  let between = "\n";
  for await (const page of data) {
    if (screen.signal.aborted) return;
    for (const row of page) {
      screen.write(`${between}    ${JSON.stringify(row)}`);
      between = ",\n";
    }
    await screen.drained();
  }
  screen.write(between === "\n" ? "]\n}\n" : "\n  ]\n}\n");
}
