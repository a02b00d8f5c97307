/** Looks through any Parquet file, declared or not, a row group at a time: for people, who are shown what there is. */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { TableFile } from "./columns.ts";
import { readProblem, TableError } from "./error.ts";
import { readBytes, readFooter } from "./footer.ts";
import { decodeChunk } from "./pages.ts";

/** `values[c][r]` is column c of row r; a column that no declaration can mean (`kind` "other") has no values. */
export type ScannedGroup = { readonly rows: number; readonly values: readonly (readonly unknown[])[] };

/**
 * The first `most` rows. Only one column of one row group is decoded beyond what is given out.
 * @throws TableError naming the file when it cannot be read
 */
export async function* scanTable(file: TableFile, most: number = Infinity): AsyncGenerator<ScannedGroup> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file.path, "r");
    const { columns, rowGroups } = await readFooter(handle);
    let left = most;
    for (const group of rowGroups) {
      if (left <= 0) break;
      const values: unknown[][] = [];
      for (const { kind, nullable, chunk } of columns) {
        if (kind === "other") {
          values.push([]);
          continue;
        }
        const { codec, offset, sizeBytes } = group.chunks[chunk]!;
        const bytes = await readBytes(handle, offset, sizeBytes);
        const decoded = decodeChunk(bytes, codec, { kind, nullable }, group.rows);
        values.push(decoded.length > left ? decoded.slice(0, left) : decoded);
      }
      const rows = Math.min(group.rows, left);
      left -= rows;
      yield { rows, values };
    }
  } catch (error) {
    if (error instanceof TableError) throw error;
    throw new TableError(file.path, [readProblem(error)]);
  } finally {
    await handle?.close();
  }
}
