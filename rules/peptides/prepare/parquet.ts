/** Parquet with any columns of plain kinds. */
import { describeTable, readTable, TableError, type Columns } from "expfile/table";
import { cell, sourceError, type RawTable, type SourceFile } from "./raw-table.ts";

export async function readParquet(file: SourceFile): Promise<RawTable> {
  try {
    const { columns: stored } = await describeTable(file);
    const strange = stored.find(({ kind }) => kind === "other");
    if (strange !== undefined)
      throw sourceError(
        file,
        undefined,
        `the column "${strange.name}" is of the type ${strange.parquetType}, which is not read here; leave it out of the file`,
      );
    const columns = stored.map(({ name }) => name);
    const declared = Object.fromEntries(
      stored.map(({ name, kind, nullable }) => [name, nullable ? `${kind}?` : kind]),
    ) as Columns;
    const rows = (await readTable(file, declared)) as readonly Readonly<Record<string, unknown>>[];
    return {
      columns,
      rows: rows.map((row, index) => ({ row: index + 1, cells: columns.map((name) => textOf(row[name])) })),
    };
  } catch (error) {
    // A TypeError says that a column's name is none that a table may have.
    if (error instanceof TableError) throw sourceError(file, undefined, error.problems.join("; "));
    if (error instanceof TypeError) throw sourceError(file, undefined, error.message);
    throw error;
  }
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? cell(value) : JSON.stringify(value);
}
