/** Reads a table whose columns are declared, and holds the file to the declaration before and while it reads. */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { columnList } from "./columns.ts";
import type { Column, ColumnKind, Columns, RowOf, TableFile } from "./columns.ts";
import { readProblem, TableError } from "./error.ts";
import { readBytes, readFooter } from "./footer.ts";
import type { Footer, RowGroup, StoredColumn } from "./footer.ts";
import { decodeChunk } from "./pages.ts";
import { preview } from "./values.ts";

export type ReadTableOptions = {
  /** A file that claims more rows is refused before memory is spent on it. Default 20,000,000. */
  readonly maxRows?: number;
};

/** One row group, decoded: `values[c][r]` is the value of declared column c in row `firstRow + r`. */
export type DecodedGroup = { readonly firstRow: number; readonly rows: number; readonly values: readonly unknown[][] };

/** A value that breaks the declaration. `row` counts from 0. */
export type ValueProblem = { readonly row: number; readonly column: Column; readonly problem: string };

const MAX_ROWS = 20_000_000;

/**
 * All rows, in the order of the file.
 * @throws TableError naming the file, and column, expected and found (or row and value) for each problem
 */
export async function readTable<const C extends Columns>(
  file: TableFile,
  columns: C,
  options: ReadTableOptions = {},
): Promise<RowOf<C>[]> {
  const list = columnList(columns);
  return withTable(file, async (handle) => {
    const footer = await readFooter(handle);
    const problems = footerProblems(footer, list, options.maxRows ?? MAX_ROWS);
    if (problems.length > 0) throw new TableError(file.path, problems);
    const rows: RowOf<C>[] = [];
    for await (const group of readGroups(handle, footer, list)) {
      for (const { row, column, problem } of valueProblems(group, list)) {
        throw new TableError(file.path, [`row ${row}, column "${column.name}": ${problem}`]);
      }
      for (let index = 0; index < group.rows; index += 1) rows.push(rowAt(group, list, index) as RowOf<C>);
    }
    return rows;
  });
}

/** Opens the file for `use`; what is wrong with the file becomes a TableError that names it. */
export async function withTable<T>(file: TableFile, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file.path, "r");
    return await use(handle);
  } catch (error) {
    if (error instanceof TableError) throw error;
    throw new TableError(file.path, [readProblem(error)]);
  } finally {
    await handle?.close();
  }
}

/** What the footer alone shows: columns that are missing, unknown, twice there or of another kind, and too many rows. */
export function footerProblems(footer: Footer, columns: readonly Column[], maxRows: number = MAX_ROWS): string[] {
  const found = new Map<string, StoredColumn>();
  const problems: string[] = [];
  for (const column of footer.columns) {
    if (found.has(column.name)) problems.push(`column "${column.name}" is there twice`);
    found.set(column.name, column);
  }
  for (const { name, kind } of columns) {
    const stored = found.get(name);
    if (stored === undefined) problems.push(`column "${name}" (${kind}) is missing`);
    else if (stored.kind !== kind) problems.push(`column "${name}": expected ${kind}, found ${kindName(stored)}`);
    found.delete(name);
  }
  for (const stored of found.values()) problems.push(`column "${stored.name}" (${kindName(stored)}) is not declared`);
  if (footer.rows > maxRows) problems.push(`${footer.rows} rows, more than the ${maxRows} allowed`);
  return problems;
}

/** Decodes group after group. The footer has passed `footerProblems`. */
export async function* readGroups(
  handle: FileHandle,
  footer: Footer,
  columns: readonly Column[],
): AsyncGenerator<DecodedGroup> {
  const stored = columns.map(({ name }) => footer.columns.find((column) => column.name === name)!);
  let firstRow = 0;
  for (const group of footer.rowGroups) {
    const values: unknown[][] = [];
    for (const column of stored) values.push(await readColumn(handle, group, column));
    yield { firstRow, rows: group.rows, values };
    firstRow += group.rows;
  }
}

/** Nulls where none may be, and numbers that a table may not hold. Our writer lets none through; others' may. */
export function* valueProblems(group: DecodedGroup, columns: readonly Column[]): Generator<ValueProblem> {
  for (const [index, column] of columns.entries()) {
    const values = group.values[index]!;
    for (let offset = 0; offset < values.length; offset += 1) {
      const problem = storedValueProblem(column, values[offset]);
      if (problem !== null) yield { row: group.firstRow + offset, column, problem };
    }
  }
}

async function readColumn(handle: FileHandle, group: RowGroup, column: StoredColumn): Promise<unknown[]> {
  const { codec, offset, sizeBytes } = group.chunks[column.chunk]!;
  const bytes = await readBytes(handle, offset, sizeBytes);
  return decodeChunk(bytes, codec, { kind: column.kind as ColumnKind, nullable: column.nullable }, group.rows);
}

function storedValueProblem({ kind, nullable }: Column, value: unknown): string | null {
  if (value === null) return nullable ? null : `expected ${kind}, got null`;
  if (kind === "double") return Number.isFinite(value) ? null : `expected a finite number, got ${preview(value)}`;
  if (kind === "int64") return Number.isSafeInteger(value) ? null : `integer beyond 2^53: about ${preview(value)}`;
  return null;
}

function rowAt(group: DecodedGroup, columns: readonly Column[], index: number): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (let column = 0; column < columns.length; column += 1) {
    row[columns[column]!.name] = group.values[column]![index];
  }
  return row;
}

function kindName(column: StoredColumn): string {
  return column.kind === "other" ? column.parquetType : column.kind;
}
