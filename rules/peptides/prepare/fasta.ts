/** FASTA: a line `>id description`, then the sequence on one or more lines. Lines that begin with ";" are comments. */
import { cell, sourceError, type RawRow, type RawTable, type SourceFile } from "./raw-table.ts";
import { readText } from "./read-text.ts";

export function readFasta(file: SourceFile): RawTable {
  const records: { row: number; id: string; description: string; sequence: string }[] = [];
  for (const [index, line] of readText(file).split("\n").entries()) {
    if (line.startsWith(">")) {
      const [, id, description] = /^>\s*(\S*)\s*(.*)$/.exec(line)!;
      records.push({ row: index + 1, id: id!, description: description!, sequence: "" });
    } else if (!line.startsWith(";") && line.trim() !== "") {
      const record = records.at(-1);
      if (record === undefined)
        throw sourceError(file, index + 1, 'a FASTA file begins with a line ">name"; this is something else');
      record.sequence += line.replace(/\s+/g, "");
    }
  }
  return {
    columns: ["id", "description", "sequence"],
    rows: records.map(({ row, id, description, sequence }): RawRow => ({
      row,
      cells: [id, description, sequence].map(cell),
    })),
  };
}
