/**
 * A table's columns, declared once: the declaration is the schema of the file and the type of its rows.
 * Kinds are few, and each means the same in JavaScript, Parquet and DuckDB. There is no timestamp: a table with equal
 * content must have equal bytes, so a time that matters is data, written as an ISO string.
 */

/** Where a table lies: an artifact that a recipe was handed, or any object with a path. */
export type TableFile = { readonly path: string };

/**
 * | kind    | JavaScript                          | Parquet (DuckDB)      |
 * | string  | well-formed string                  | BYTE_ARRAY UTF8 (VARCHAR) |
 * | boolean | boolean                             | BOOLEAN               |
 * | int32   | integer number, -2^31 to 2^31-1     | INT32 (INTEGER)       |
 * | int64   | integer number, -2^53+1 to 2^53-1   | INT64 (BIGINT)        |
 * | double  | finite number, -0 becomes 0         | DOUBLE                |
 * | json    | JSON value other than null          | BYTE_ARRAY JSON (JSON) |
 */
export type ColumnKind = "string" | "boolean" | "int32" | "int64" | "double" | "json";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * A table's columns in the order of the file; `?` after the kind: rows may hold null.
 *
 *     export const peptideColumns = { sequence: "string", logprob: "double", note: "string?" } as const satisfies Columns;
 *     export type Peptide = RowOf<typeof peptideColumns>;
 *
 * Plain data, not a call: a bundler drops a declaration that a recipe does not use, so editing it re-runs nothing else.
 */
export type Columns = { readonly [name: string]: ColumnKind | `${ColumnKind}?` };

type ValueOf<K extends ColumnKind> = {
  string: string;
  boolean: boolean;
  int32: number;
  int64: number;
  double: number;
  json: Exclude<JsonValue, null>;
}[K];

type CellOf<D> = D extends ColumnKind
  ? ValueOf<D>
  : D extends `${infer K extends ColumnKind}?`
    ? ValueOf<K> | null
    : never;

/** A row as `readTable` returns it. */
export type RowOf<C extends Columns> = { readonly [N in keyof C]: CellOf<C[N]> };

/** A row as `writeTable` takes it: nullable columns may be left out. */
export type RowToWrite<C extends Columns> = {
  readonly [N in keyof C as C[N] extends ColumnKind ? N : never]: CellOf<C[N]>;
} & { readonly [N in keyof C as C[N] extends ColumnKind ? never : N]?: CellOf<C[N]> | undefined };

/** One column of a declaration, taken apart. */
export type Column = { readonly name: string; readonly kind: ColumnKind; readonly nullable: boolean };

/**
 * Takes a declaration apart.
 * @throws TypeError on a mistake in the program: an unknown kind, no column, or a name that objects cannot keep in order
 */
export function columnList(columns: Columns): Column[] {
  const list = Object.entries(columns).map(([name, declared]): Column => {
    const kind = KINDS.find((known) => declared === known || declared === `${known}?`);
    if (kind === undefined) throw new TypeError(`column "${name}": unknown kind "${declared}"`);
    if (!COLUMN_NAME.test(name)) throw new TypeError(`column name ${JSON.stringify(name)} must begin with a letter`);
    return { name, kind, nullable: declared.endsWith("?") };
  });
  if (list.length === 0) throw new TypeError("a table needs at least one column");
  return list;
}

const KINDS: readonly ColumnKind[] = ["string", "boolean", "int32", "int64", "double", "json"];

// Names that look like integers would be moved to the front by JavaScript objects, "__proto__" would vanish.
const COLUMN_NAME = /^[a-z][^\x00-\x1f]*$/i;
