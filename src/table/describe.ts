/** What a Parquet file says about itself, from its footer alone: for row counts in messages, and for looking around. */
import type { ColumnKind, TableFile } from "./columns.ts";
import { readFooter } from "./footer.ts";
import { withTable } from "./read.ts";

export type TableDescription = {
  readonly rows: number;
  /** `kind` is "other" for what no declaration can mean; `parquetType` says what it is. */
  readonly columns: readonly {
    readonly name: string;
    readonly kind: ColumnKind | "other";
    readonly nullable: boolean;
    readonly parquetType: string;
  }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly rowGroups: number;
};

/**
 * Reads only the footer, whatever the size of the file. Any Parquet file will do, declared or not.
 * @throws TableError naming the file when it cannot be read or its footer contradicts the file
 */
export async function describeTable(file: TableFile): Promise<TableDescription> {
  const footer = await withTable(file, readFooter);
  return {
    rows: footer.rows,
    columns: footer.columns.map(({ name, kind, nullable, parquetType }) => ({ name, kind, nullable, parquetType })),
    metadata: footer.metadata,
    rowGroups: footer.rowGroups.length,
  };
}
