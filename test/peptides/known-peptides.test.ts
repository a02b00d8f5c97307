import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { isCanonical } from "../../rules/peptides/science/alphabet.ts";

const FILE = new URL("../../rules/peptides/data/known-peptides.csv", import.meta.url);
const [header, ...lines] = readFileSync(FILE, "utf8").trimEnd().split("\n");
const rows = lines.map((line) => line.split(",") as [name: string, sequence: string, origin: string, kind: string]);

test("the table has its four columns, without quotes or empty cells", () => {
  expect(header).toBe("name,sequence,origin,class");
  for (const row of rows) expect(row.map((cell) => cell.length > 0)).toEqual([true, true, true, true]);
});

test("every peptide is canonical, and none occurs twice", () => {
  expect(rows.filter(([, sequence]) => !isCanonical(sequence))).toEqual([]);
  expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length);
  expect(new Set(rows.map(([, sequence]) => sequence)).size).toBe(rows.length);
});

test("the README's count is the file's", () => {
  const readme = readFileSync(new URL("../../rules/peptides/data/README.md", import.meta.url), "utf8");
  expect(readme).toContain(`${rows.length} well-known natural and therapeutic peptides`);
});

test("rows are sorted by class, then name", () => {
  const keys = rows.map(([name, , , kind]) => `${kind}\t${name.toLowerCase()}`);
  expect(keys).toEqual([...keys].sort());
});
