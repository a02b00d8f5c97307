import { expect, test } from "vitest";
import { noColours } from "../../src/report/palette.ts";
import { cellText, csvLine, TableLayout, type ShownColumn } from "../../src/report/table.ts";

const columns: readonly ShownColumn[] = [
  { name: "sequence", kind: "string" },
  { name: "length", kind: "int32" },
  { name: "charge", kind: "double" },
];
const rows = [
  ["GIGKFLHSAKKF", 12, 4.912345678],
  ["KLAKL", 5, -1],
].map((row) => row.map(cellText));

function draw(width: number | undefined): string {
  const layout = new TableLayout(columns);
  for (const row of rows) layout.measure(row);
  const shown = layout.fitting(width);
  const lines = [layout.heading(shown, noColours), ...rows.map((row) => layout.line(row, shown))];
  return `\n${[...lines, layout.hidden(shown) ?? ""].join("\n")}`;
}

test("numbers are aligned to the right, everything fits where the width is not known", () => {
  expect(draw(undefined)).toBe(`
sequence      length   charge
GIGKFLHSAKKF      12  4.91235
KLAKL              5       -1
`);
  expect(draw(29)).toBe(draw(undefined));
});

test("columns that do not fit are named below; the first is always there", () => {
  expect(draw(28)).toBe(`
sequence      length
GIGKFLHSAKKF      12
KLAKL              5
… 1 more column: charge`);
  expect(draw(5)).toMatch(/^\nsequence\nGIGKFLHSAKKF\nKLAKL\n… 2 more columns: length, charge$/);
});

test("cells are one line, cut when long, and obey no terminal", () => {
  expect(cellText("a\nb\u001b[31m")).toBe("a\\nb\\u001b[31m");
  expect(cellText("x".repeat(1_000_000))).toBe(`${"x".repeat(39)}…`);
  expect([null, true, 0.1 + 0.2, 1e-12, 2 ** 40, { a: [1] }].map(cellText)).toEqual([
    "null",
    "true",
    "0.3",
    "1e-12",
    "1099511627776",
    '{"a":[1]}',
  ]);
});

test("CSV quotes what it must, and tells an empty text from a null", () => {
  expect(csvLine(["a", 'say "x", y', "two\nlines", "", null, 0.1, { b: 1 }])).toBe(
    'a,"say ""x"", y","two\nlines","",,0.1,"{""b"":1}"\n',
  );
});
