/** FASTA: a line `>id description`, then the sequence on one or more lines. Lines that begin with ";" are comments. */
import { shown } from "../suggest.ts";
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
      if (record === undefined) throw sourceError(file, index + 1, wordOther(line));
      record.sequence += line.replace(/\s+/g, "");
    }
  }
  if (records.length === 0)
    throw sourceError(file, undefined, 'it holds no sequence. Write a line ">name" and the sequence below it');
  return {
    columns: ["id", "description", "sequence"],
    rows: records.map(({ row, id, description, sequence }): RawRow => ({
      row,
      cells: [id, description, sequence].map(cell),
    })),
  };
}

function wordOther(line: string): string {
  const found = `a FASTA file begins with a line ">name", this one with ${shown(line)}`;
  if (line.startsWith("@")) return `${found}, like FASTQ. Convert it to FASTA first`;
  if (line.includes("\t")) return `${found}. If it is a table, say format: tsv`;
  if (line.includes(",")) return `${found}. If it is a table, say format: csv`;
  return `${found}. Write a line ">name" before each sequence`;
}
