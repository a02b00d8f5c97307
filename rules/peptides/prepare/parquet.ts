/** Parquet with any columns of plain kinds. */
import { describeTable, readTable, TableError, type Columns } from "expfile/table";
import { readFileSync } from "node:fs";
import { cell, sourceError, type RawTable, type SourceFile } from "./raw-table.ts";

export async function readParquet(file: SourceFile): Promise<RawTable> {
  try {
    const { columns: stored } = await describeTable(file);
    const strange = stored.find(({ kind }) => kind === "other");
    if (strange !== undefined)
      throw sourceError(
        file,
        undefined,
        `the column "${strange.name}" is of the type ${strange.parquetType}, which is not read here. Leave it out of the file, or store it as text`,
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
    if (error instanceof TableError)
      throw sourceError(file, undefined, `${error.problems.join("; ")}${otherFormat(file)}`);
    if (error instanceof TypeError) throw sourceError(file, undefined, error.message);
    throw error;
  }
}

/** What to do about a file that is no Parquet but begins as something else. */
function otherFormat({ path }: SourceFile): string {
  const start = readFileSync(path).subarray(0, 400);
  if (start.length === 0) return ". It is empty: fetch or write it again";
  if (start.subarray(0, 4).toString("latin1") === "PAR1") return ". It was cut off: fetch or write it again";
  const isText = start.every((byte) => byte >= 32 || byte === 9 || byte === 10 || byte === 13);
  return isText ? ". It begins like text: say format: csv, tsv, fasta or jsonl" : "";
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? cell(value) : JSON.stringify(value);
}
