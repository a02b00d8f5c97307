/**
 * `expfile/table`: typed tables as Parquet files, for recipes and for the engine's checks.
 * Lean on purpose: it is bundled into every recipe that uses it, runs nothing when it is loaded, and a recipe that only
 * reads carries no writer. Unaware of targets, caches and runs.
 */
export type { ColumnKind, Columns, JsonValue, RowOf, RowToWrite, TableFile } from "./table/columns.ts";
export { TableError } from "./table/error.ts";
export { writeTable } from "./table/write.ts";
export type { WriteTableOptions } from "./table/write.ts";
export { readTable } from "./table/read.ts";
export type { ReadTableOptions } from "./table/read.ts";
export { describeTable } from "./table/describe.ts";
export type { TableDescription } from "./table/describe.ts";
export { checkTable } from "./table/check.ts";
export type { TableSpec } from "./table/check.ts";
