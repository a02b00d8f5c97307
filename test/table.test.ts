/** `expfile/table`: what is written comes back, equal content gives equal bytes, and damaged or lying files are refused. */
import { DuckDBInstance } from "@duckdb/node-api";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import fc from "fast-check";
import { parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { ColumnSource } from "hyparquet-writer";
import { afterAll, describe, expect, expectTypeOf, it } from "vitest";
import { checkTable, describeTable, readTable, TableError, writeTable } from "../src/table.ts";
import type { Columns, JsonValue, RowOf } from "../src/table.ts";

const folder = mkdtempSync(join(tmpdir(), "table-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
let files = 0;
const newFile = () => ({ path: join(folder, `${files++}.parquet`) });

const peptides = {
  peptide_id: "string",
  arm: "string",
  seed: "int32",
  index: "int64",
  logprob: "double",
  valid: "boolean",
  note: "string?",
  score: "double?",
  details: "json?",
} as const satisfies Columns;
type Peptide = RowOf<typeof peptides>;

const row = (changes: Partial<Peptide> = {}): Peptide => ({
  peptide_id: "p1",
  arm: "control",
  seed: 1,
  index: 0,
  logprob: -3.25,
  valid: true,
  note: null,
  score: null,
  details: null,
  ...changes,
});

const problemOf = async (work: Promise<unknown>): Promise<TableError> => {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TableError);
  return error as TableError;
};

describe("round trip", () => {
  it("gives rows the type of their declaration", () => {
    expectTypeOf<Peptide["note"]>().toEqualTypeOf<string | null>();
    expectTypeOf<Peptide["seed"]>().toEqualTypeOf<number>();
    expectTypeOf<Peptide["details"]>().toEqualTypeOf<Exclude<JsonValue, null> | null>();
    // @ts-expect-error a required column is missing
    void (() => writeTable(newFile(), { a: "string" }, [{}]));
    // @ts-expect-error the value has the wrong type
    void (() => writeTable(newFile(), { a: "string" }, [{ a: 1 }]));
  });

  it("keeps any text, number, null and JSON", async () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("", "\ufeffbom", "µ🧬\0", "ACDEFGHIKLMNPQRSTVWY"),
    );
    const double = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      fc.constantFrom(0, Number.MAX_VALUE, Number.MIN_VALUE, -Number.MAX_VALUE),
    );
    const json = fc.jsonValue().filter((value) => value !== null && !JSON.stringify(value).includes("__proto__"));
    const anyRow: fc.Arbitrary<Peptide> = fc.record({
      peptide_id: text,
      arm: fc.constantFrom("control", "k3"),
      seed: fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1)),
      index: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
      logprob: double,
      valid: fc.boolean(),
      note: fc.option(text),
      score: fc.option(double),
      details: fc.option(json.map((value) => JSON.parse(JSON.stringify(value)) as Exclude<JsonValue, null>)),
    });
    const file = newFile();
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { maxLength: 60 }), async (rows) => {
        expect(await writeTable(file, peptides, rows)).toBe(rows.length);
        expect(await readTable(file, peptides)).toEqual(rows);
        expect(await checkTable(file, { columns: peptides })).toEqual([]);
        expect((await describeTable(file)).rows).toBe(rows.length);
      }),
      { numRuns: 150 },
    );
  });

  it("takes iterables and async iterables, and rows that leave optional columns out", async () => {
    const file = newFile();
    const spec = { n: "int32", note: "string?" } as const;
    await writeTable(file, spec, new Set([{ n: 1 }, { n: 2, note: undefined }]));
    expect(await readTable(file, spec)).toEqual([
      { n: 1, note: null },
      { n: 2, note: null },
    ]);
    async function* generate() {
      yield { n: 3, note: "x" };
    }
    await writeTable(file, spec, generate());
    expect(await readTable(file, spec)).toEqual([{ n: 3, note: "x" }]);
  });

  it("writes 150,000 rows in row groups and reads them back", async () => {
    const file = newFile();
    const rows = Array.from({ length: 150_000 }, (_, i) =>
      row({
        peptide_id: `peptide-${i}`,
        index: i,
        logprob: i / 7,
        score: i % 3 ? i : null,
        note: i % 5 ? null : `n${i % 11}`,
      }),
    );
    await writeTable(file, peptides, rows);
    expect((await describeTable(file)).rowGroups).toBe(3);
    const back = await readTable(file, peptides);
    expect(back.length).toBe(rows.length);
    for (const at of [0, 65_535, 65_536, 149_999]) expect(back[at]).toEqual(rows[at]);
    expect(await checkTable(file, { columns: peptides, minRows: 150_001, maxRows: 149_999 })).toEqual([
      "150000 rows, more than the 149999 allowed",
      "150000 rows, fewer than the 150001 required",
    ]);
  });
});

describe("equal bytes", () => {
  it("equal content gives equal bytes, whatever the order of keys and the kind of iterable", async () => {
    const [a, b] = [newFile(), newFile()];
    await writeTable(a, peptides, [row({ details: { a: 1, b: [0] } })], { metadata: { x: "1", y: "µ" } });
    const shuffled = Object.fromEntries(Object.entries(row({ details: { b: [-0], a: 1 } })).reverse()) as Peptide;
    await writeTable(b, peptides, new Set([shuffled]), { metadata: { y: "µ", x: "1" } });
    expect(readFileSync(a.path).equals(readFileSync(b.path))).toBe(true);
  });

  it("0 and -0 are one number", async () => {
    const [a, b] = [newFile(), newFile()];
    const spec = { x: "double" } as const;
    await writeTable(a, spec, [{ x: 0 }, { x: -0 }]);
    await writeTable(b, spec, [{ x: -0 }, { x: 0 }]);
    expect(readFileSync(a.path).equals(readFileSync(b.path))).toBe(true);
    expect(await readTable(a, spec)).toEqual([{ x: 0 }, { x: 0 }]);
  });

  it("the bytes do not change from version to version unnoticed", async () => {
    const file = newFile();
    await writeTable(file, { a: "string", n: "int32?" }, [{ a: "x" }], { metadata: { k: "v" } });
    const bytes = readFileSync(file.path);
    expect(bytes.toString("latin1")).toContain("expfile table 1");
    expect(bytes.length).toBeLessThan(400);
  });
});

describe("rows that do not fit", () => {
  const cases: [string, Record<string, unknown>, string][] = [
    ["NaN", { logprob: NaN }, `row 1, column "logprob": expected double (a finite number), got NaN`],
    [
      "Infinity in an optional column",
      { score: -Infinity },
      `row 1, column "score": expected double (a finite number), got -Infinity`,
    ],
    ["a missing value", { arm: undefined }, `row 1, column "arm": expected string, got undefined`],
    ["text for a number", { seed: "1" }, `row 1, column "seed": expected int32, got "1"`],
    ["a number beyond int32", { seed: 2 ** 31 }, `row 1, column "seed": expected int32, got 2147483648`],
    ["a fraction", { index: 0.5 }, `row 1, column "index": expected int64 (a safe integer), got 0.5`],
    ["half a character", { arm: "\ud800" }, `row 1, column "arm": expected string, got "\\ud800"`],
    ["NaN inside JSON", { details: { a: [1, NaN] } }, `row 1, column "details": expected json, got NaN at .a[1]`],
    [
      "a Date inside JSON",
      { details: [new Date(0)] },
      `row 1, column "details": expected json, got [object Date] at [0]`,
    ],
    ["an undeclared column", { sequnce: "AC" }, `row 1: "sequnce" is not a declared column`],
    [
      "two at once",
      { seed: null, valid: 1 },
      `row 1, column "seed": expected int32, got null; row 1, column "valid": expected boolean, got 1`,
    ],
  ];
  it.each(cases)("%s is refused with row, column and value", async (_, changes, problem) => {
    const file = newFile();
    const rows = [row(), { ...row(), ...changes } as Peptide];
    expect((await problemOf(writeTable(file, peptides, rows))).message).toBe(`${file.path}: ${problem}`);
    expect(readdirSync(folder).filter((name) => file.path === join(folder, name) || name.endsWith(".partial"))).toEqual(
      [],
    );
  });

  it("an earlier table stays when its successor is refused", async () => {
    const file = newFile();
    await writeTable(file, peptides, [row()]);
    await problemOf(writeTable(file, peptides, [row({ logprob: NaN })]));
    expect(await readTable(file, peptides)).toEqual([row()]);
  });

  it("declarations that cannot work are refused", async () => {
    for (const name of ["1", "", "_x"]) {
      await expect(writeTable(newFile(), { [name]: "string" }, [])).rejects.toThrow(/must begin with a letter/);
    }
    await expect(writeTable(newFile(), {}, [])).rejects.toThrow(/at least one column/);
    await expect(readTable(newFile(), { a: "text" } as never)).rejects.toThrow(`column "a": unknown kind "text"`);
  });
});

describe("files that do not fit", () => {
  it("names the file and every column that is missing, unknown or of another kind", async () => {
    const file = newFile();
    await writeTable(file, { a: "string", b: "int32", c: "double" }, [{ a: "x", b: 1, c: 2 }]);
    const spec = { a: "string", b: "double", d: "json?" } as const;
    const problems = [
      `column "b": expected double, found int32`,
      `column "d" (json) is missing`,
      `column "c" (double) is not declared`,
    ];
    expect((await problemOf(readTable(file, spec))).message).toBe(`${file.path}: ${problems.join("; ")}`);
    expect(await checkTable(file, { columns: spec })).toEqual(problems);
  });

  it("other writers' nulls, NaN and large integers are found by row", async () => {
    const file = newFile();
    const columnData: ColumnSource[] = [
      { name: "a", data: ["x", null, "y", null], type: "STRING" },
      { name: "b", data: [1, NaN, 3, 4], type: "DOUBLE" },
      { name: "c", data: [1n, 2n, 3n, 2n ** 60n], type: "INT64" },
    ];
    writeFileSync(file.path, new Uint8Array(parquetWriteBuffer({ columnData })));
    const spec = { a: "string", b: "double", c: "int64" } as const;
    expect(await checkTable(file, { columns: spec })).toEqual([
      `row 1, column "a": expected string, got null (and 1 more rows)`,
      `row 1, column "b": expected a finite number, got NaN`,
      `row 3, column "c": integer beyond 2^53: about 1152921504606847000`,
    ]);
    expect((await problemOf(readTable(file, spec))).problems).toEqual([`row 1, column "a": expected string, got null`]);
  });

  it("a file that is missing, empty or no table is a problem, not a crash", async () => {
    const missing = newFile();
    expect(await checkTable(missing, { columns: peptides })).toEqual([expect.stringContaining("ENOENT")]);
    for (const content of ["", "PAR1", "peptide_id,arm\n1,2\n", "PAR1PAR1\xff\xff\xff\x7fPAR1"]) {
      const file = newFile();
      writeFileSync(file.path, content, "latin1");
      expect((await problemOf(describeTable(file))).message).toMatch(`${file.path}: not a readable table:`);
    }
  });

  it("more rows than allowed are refused before they are read, however few bytes they take", async () => {
    const file = newFile();
    await writeTable(
      file,
      { a: "string" },
      Array.from({ length: 5000 }, () => ({ a: "same" })),
    );
    expect((await problemOf(readTable(file, { a: "string" }, { maxRows: 4999 }))).problems).toEqual([
      "5000 rows, more than the 4999 allowed",
    ]);
  });

  it("a footer that claims two thousand million columns costs nothing", async () => {
    const file = newFile();
    // Field 2, a list, of 2^31-1 structs.
    const footer = Buffer.from([0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    writeFileSync(file.path, Buffer.concat([Buffer.from("PAR1"), footer, length, Buffer.from("PAR1")]));
    expect((await problemOf(describeTable(file))).problems).toEqual([
      "not a readable table: a list claims 2147483647 items",
    ]);
  });

  it("no damaged byte makes a crash, a hang or a wrong shape", async () => {
    const file = newFile();
    const rows = Array.from({ length: 40 }, (_, i) =>
      row({ peptide_id: `p${i}`, note: i % 2 ? "odd" : null, details: { i } }),
    );
    await writeTable(file, peptides, rows, { metadata: { k: "v" } });
    const good = readFileSync(file.path);
    const damaged = newFile();
    for (let at = 0; at < good.length; at += 1) {
      for (const flip of [0xff, 0x01, 0x80]) {
        const bytes = Buffer.from(good);
        bytes[at] = bytes[at]! ^ flip;
        writeFileSync(damaged.path, bytes);
        const read = await readTable(damaged, peptides).catch((error: unknown) => error);
        if (read instanceof Error) expect(read, `${at}`).toBeInstanceOf(TableError);
        else expect((read as Peptide[]).length).toBe(40);
      }
    }
  });
});

describe("other programs", () => {
  const many = Array.from({ length: 3000 }, (_, i) => i);
  const columnData: ColumnSource[] = [
    { name: "text", data: many.map((i) => (i % 4 ? `value ${i % 700}` : null)), type: "STRING" },
    { name: "flag", data: many.map((i) => i % 3 === 0), type: "BOOLEAN" },
    { name: "small", data: many.map((i) => i - 1500), type: "INT32", nullable: false },
    { name: "large", data: many.map((i) => BigInt(i % 9) * 2n ** 40n), type: "INT64" },
    { name: "real", data: many.map((i) => i / 8), type: "DOUBLE" },
    { name: "json", data: many.map((i) => ({ i: i % 10 })), type: "JSON" },
  ];
  const spec = {
    text: "string?",
    flag: "boolean",
    small: "int32",
    large: "int64",
    real: "double",
    json: "json",
  } as const;

  it.each(["SNAPPY", "UNCOMPRESSED"] as const)("reads what hyparquet-writer writes by default, %s", async (codec) => {
    const file = newFile();
    writeFileSync(file.path, new Uint8Array(parquetWriteBuffer({ columnData, codec, pageSize: 2000 })));
    const rows = await readTable(file, spec);
    expect(rows.length).toBe(3000);
    for (const i of [0, 1, 999, 1000, 2999]) {
      expect(rows[i]).toEqual({
        text: i % 4 ? `value ${i % 700}` : null,
        flag: i % 3 === 0,
        small: i - 1500,
        large: (i % 9) * 2 ** 40,
        real: i / 8,
        json: { i: i % 10 },
      });
    }
  });

  it("is read by hyparquet's own reader", async () => {
    const file = newFile();
    await writeTable(file, peptides, [row(), row({ note: "é", details: [1], score: 0.5 })]);
    const bytes = readFileSync(file.path);
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const rows = await parquetReadObjects({
      file: { byteLength: buffer.byteLength, slice: (a, b) => buffer.slice(a, b) },
    });
    expect(rows[1]).toMatchObject({ note: "é", details: [1], score: 0.5, index: 0n });
  });

  it("exchanges tables and metadata with DuckDB", async () => {
    const connection = await (await DuckDBInstance.create()).connect();
    const file = newFile();
    const rows = many.map((i) => row({ peptide_id: `p${i}`, index: i, note: i % 2 ? "µ" : null, details: { i } }));
    await writeTable(file, peptides, rows, { metadata: { exp: "é" } });
    const query = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson();
    expect(await query(`select count(*), sum("index"), count(note), max(details->>'$.i') from '${file.path}'`)).toEqual(
      [["3000", "4498500", "1500", "999"]],
    );
    expect(await query(`select decode(value) from parquet_kv_metadata('${file.path}')`)).toEqual([["é"]]);
    const copy = newFile();
    for (const options of ["", ", compression uncompressed", ", row_group_size 2048"]) {
      await query(`copy (select * from '${file.path}') to '${copy.path}' (format parquet${options})`);
      expect(await readTable(copy, peptides)).toEqual(rows);
    }
  });
});

describe("what a recipe bundles", () => {
  const bundle = async (source: string): Promise<string> => {
    const result = await build({
      stdin: { contents: source, resolveDir: join(import.meta.dirname, "../src"), loader: "ts" },
      bundle: true,
      platform: "node",
      format: "esm",
      write: false,
      treeShaking: true,
    });
    return result.outputFiles[0]!.text;
  };

  it("a reader carries no writer, and an unused declaration leaves nothing", async () => {
    expect(await bundle(`import { readTable } from "./table.ts"; export const read = readTable;`)).not.toContain(
      "ParquetWriter",
    );
    const unused = `import { readTable, type Columns } from "./table.ts";
      const unused = { a: "string?" } as const satisfies Columns;
      export const x = 1;`;
    expect(await bundle(unused)).toBe("// <stdin>\nvar x = 1;\nexport {\n  x\n};\n");
  });

  it("stays small", async () => {
    expect((await bundle(`export { readTable } from "./table.ts";`)).length).toBeLessThan(40_000);
    expect((await bundle(`export { readTable, writeTable } from "./table.ts";`)).length).toBeLessThan(170_000);
  });
});

// A declaration can be handed about without its row type.
export const anyColumns: Columns = peptides;
