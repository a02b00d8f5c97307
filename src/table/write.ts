/**
 * Writes a table. Equal columns, rows and metadata give equal bytes: no clock, a fixed writer name, fixed row groups,
 * sorted metadata and JSON keys. Every value is checked before it is stored.
 */
import { open, rename, rm } from "node:fs/promises";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { SchemaElement } from "hyparquet-writer";
import { columnList } from "./columns.ts";
import type { Column, ColumnKind, Columns, RowToWrite, TableFile } from "./columns.ts";
import { TableError } from "./error.ts";
import { preview, toStored, valueProblem } from "./values.ts";

export type WriteTableOptions = {
  /** Kept in the file's footer as text, readable without the rows (DuckDB: `parquet_kv_metadata`). */
  readonly metadata?: Readonly<Record<string, string>>;
};

// Rows in memory at once. DuckDB and Arrow like groups of about 100,000 rows.
const ROWS_PER_GROUP = 65_536;

/**
 * Writes rows, in their order, as one Parquet file; it appears whole under its name or not at all.
 * @returns the number of rows
 * @throws TableError naming row (from 0), column and value when a row does not fit the columns
 */
export async function writeTable<const C extends Columns>(
  file: TableFile,
  columns: C,
  rows: Iterable<RowToWrite<C>> | AsyncIterable<RowToWrite<C>>,
  options: WriteTableOptions = {},
): Promise<number> {
  const list = columnList(columns);
  const partial = `${file.path}.partial`;
  const handle = await open(partial, "w");
  try {
    const writer = new ByteWriter();
    const flush = async (): Promise<void> => {
      await handle.writeFile(writer.getBytes());
      writer.index = 0;
    };
    const parquet = new ParquetWriter({
      writer: Object.assign(writer, { flush, finish: flush }),
      schema: schemaOf(list),
      codec: "SNAPPY",
      createdBy: "expfile table 1",
      kvMetadata: metadataOf(file.path, options.metadata ?? {}),
    });
    const group = new RowBuffer(file.path, list);
    for await (const row of rows) {
      group.add(row);
      if (group.size === ROWS_PER_GROUP) await parquet.write(group.take());
    }
    if (group.size > 0) await parquet.write(group.take());
    await parquet.finish();
    await handle.close();
    await rename(partial, file.path);
    return group.total;
  } catch (error) {
    await handle.close();
    await rm(partial, { force: true });
    throw error;
  }
}

/** Rows turned into columns until a group is full. */
class RowBuffer {
  total = 0;
  readonly #path: string;
  readonly #columns: readonly Column[];
  readonly #names: ReadonlySet<string>;
  #values: unknown[][];

  constructor(path: string, columns: readonly Column[]) {
    this.#path = path;
    this.#columns = columns;
    this.#names = new Set(columns.map((column) => column.name));
    this.#values = columns.map(() => []);
  }

  get size(): number {
    return this.#values[0]!.length;
  }

  add(row: unknown): void {
    const problems = this.#problemsOf(row);
    if (problems.length > 0) throw new TableError(this.#path, problems);
    this.#columns.forEach(({ name, kind }, index) => {
      const value = (row as Record<string, unknown>)[name] ?? null;
      this.#values[index]!.push(value === null ? null : toStored(kind, value));
    });
    this.total += 1;
  }

  take(): { columnData: { name: string; data: unknown[] }[]; rowGroupSize: number } {
    const columnData = this.#columns.map(({ name }, index) => ({ name, data: this.#values[index]! }));
    this.#values = this.#columns.map(() => []);
    return { columnData, rowGroupSize: ROWS_PER_GROUP };
  }

  #problemsOf(row: unknown): string[] {
    if (typeof row !== "object" || row === null) return [`row ${this.total}: expected an object, got ${preview(row)}`];
    const record = row as Record<string, unknown>;
    const problems: string[] = [];
    for (const { name, kind, nullable } of this.#columns) {
      const value = record[name] ?? null;
      if (value === null && nullable) continue;
      const problem = value === null ? `expected ${kind}, got ${preview(record[name])}` : valueProblem(kind, value);
      if (problem !== null) problems.push(`row ${this.total}, column "${name}": ${problem}`);
    }
    for (const name in record) {
      // A value that nobody declared would be lost without a word.
      if (!this.#names.has(name)) problems.push(`row ${this.total}: "${name}" is not a declared column`);
    }
    return problems;
  }
}

function schemaOf(columns: readonly Column[]): SchemaElement[] {
  return [
    { name: "table", num_children: columns.length },
    ...columns.map(({ name, kind, nullable }): SchemaElement => ({
      name,
      ...PARQUET_TYPE[kind],
      repetition_type: nullable ? "OPTIONAL" : "REQUIRED",
    })),
  ];
}

const PARQUET_TYPE: Record<ColumnKind, Pick<SchemaElement, "type" | "converted_type">> = {
  string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  boolean: { type: "BOOLEAN" },
  int32: { type: "INT32" },
  int64: { type: "INT64" },
  double: { type: "DOUBLE" },
  json: { type: "BYTE_ARRAY", converted_type: "JSON" },
};

function metadataOf(path: string, metadata: Readonly<Record<string, unknown>>): { key: string; value: string }[] {
  const pairs = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([key, value]) => {
    const problem = valueProblem("string", value);
    if (problem !== null) throw new TableError(path, [`metadata "${key}": ${problem}`]);
    return { key, value: value as string };
  });
}
