/** JSON Lines: one object a line. Its columns are all keys that occur. */
import { shown } from "../suggest.ts";
import { cell, sourceError, type RawTable, type SourceFile } from "./raw-table.ts";
import { readText } from "./read-text.ts";

export function readJsonLines(file: SourceFile): RawTable {
  const objects = readText(file)
    .split("\n")
    .flatMap((line, index) =>
      line.trim() === "" ? [] : [{ row: index + 1, values: parseLine(file, index + 1, line) }],
    );
  const columns = [...new Set(objects.flatMap(({ values }) => [...values.keys()]))];
  return {
    columns,
    rows: objects.map(({ row, values }) => ({
      row,
      cells: columns.map((name) => textOf(file, row, name, values.get(name))),
    })),
  };
}

function parseLine(file: SourceFile, row: number, line: string): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw sourceError(file, row, wordBroken(line, (error as Error).message));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw sourceError(
      file,
      row,
      `each line is an object, such as {"${file.wanted[0]}": "KLAKLAK"}; this one is ${shown(line)}. ${asLines}`,
    );
  return new Map(Object.entries(value));
}

const asLines = "If the file is one list, write its elements on lines of their own: jq -c '.[]' OLD > NEW";

function wordBroken(line: string, problem: string): string {
  const what = `it is not JSON: ${problem}`;
  // A document that was printed over several lines.
  if (/^\s*[[{]\s*$/.test(line)) return `${what}. JSON Lines has a whole object on each line. ${asLines}`;
  return `${what}. Each line is an object by itself, with names and text in double quotes`;
}

function textOf(file: SourceFile, row: number, name: string, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return JSON.stringify(value);
  // JSON can spell halves of characters, which no table can hold.
  if (/\p{Surrogate}/u.test(value))
    throw sourceError(
      file,
      row,
      `${shown(name)} has half a character in it (\\ud800 to \\udfff without its other half). Write the character itself`,
    );
  return cell(value);
}
