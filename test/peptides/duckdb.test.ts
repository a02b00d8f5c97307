// Tables of the peptide experiment, as another program reads them: rows, types and the metadata of the file.

import { DuckDBInstance } from "@duckdb/node-api";
import { readTable } from "expfile/table";
import { expect, test } from "vitest";
import { prepareContract } from "../../rules/peptides/prepare.ts";
import { peptideColumns } from "../../rules/peptides/tables.ts";
import { writeTable } from "../../src/table.ts";
import { configOf, runPrepare, sectionOf } from "./experiment.ts";

const outputs = runPrepare(sectionOf(configOf("configs/default.yaml"), "prepare", prepareContract.config));

async function query(sql: string): Promise<readonly (readonly unknown[])[]> {
  const connection = await (await DuckDBInstance.create()).connect();
  return (await connection.runAndReadAll(sql)).getRowsJson();
}

test("DuckDB reads the prepared peptides: every row, in order, and the types of the columns", async () => {
  const { peptides } = await outputs;
  const rows = await readTable(peptides, peptideColumns);
  const names = Object.keys(peptideColumns);
  expect(await query(`select * from '${peptides.path}'`)).toEqual(
    rows.map((row) => names.map((name) => row[name as keyof typeof row])),
  );
  const types = { string: "VARCHAR", "string?": "VARCHAR", int32: "INTEGER" };
  expect((await query(`describe select * from '${peptides.path}'`)).map(([name, type]) => [name, type])).toEqual(
    Object.entries(peptideColumns).map(([name, kind]) => [name, types[kind]]),
  );
  const optional = await query(`select name, repetition_type from parquet_schema('${peptides.path}') offset 1`);
  expect(optional).toEqual(
    Object.entries(peptideColumns).map(([name, kind]) => [name, kind.endsWith("?") ? "OPTIONAL" : "REQUIRED"]),
  );
});

test("DuckDB reads what a recipe writes beside the rows", async () => {
  const { peptides } = await outputs;
  const rows = await readTable(peptides, peptideColumns);
  const metadata = { licence: "MIT", cite: "Naïve peptides, µ-scale" };
  const copy = { path: peptides.path.replace(/\.parquet$/, "-with-metadata.parquet") };
  await writeTable(copy, peptideColumns, rows, { metadata });
  const kept = await query(`select decode(key), decode(value) from parquet_kv_metadata('${copy.path}') order by all`);
  expect(Object.fromEntries(kept as [string, string][])).toMatchObject(metadata);
});
