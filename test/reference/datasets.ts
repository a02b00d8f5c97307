/**
 * Finds the sequences that a reference case names in words, such as
 * "data/anticancer_modlamp_cancppd_vs_tm.csv, rows anticancer=1 (413 sequences, file order)" or "hemolytic=1".
 * The files are not part of the project: they are looked for in EXP_DATA, then in data/ and shared/data/ of
 * this folder and the ones above it. Reads the disk; used by tests only.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { NotOffered } from "./not-offered.ts";

/** The named sequences, in file order. Throws NotOffered when no such file is here or the words are not understood. */
export function loadDataset(description: string): string[] {
  const file = /([\w.-]+\.csv)/.exec(description)?.[1];
  const filter = /([A-Za-z_]\w*)\s*=\s*([\w.]+)/.exec(description);
  const column = filter?.[1];
  if (file === undefined && column === undefined) throw new NotOffered(`no data set in "${description}"`);
  const rows = file === undefined ? rowsWithColumn(column!) : rowsOfFile(file);
  const kept = filter === null ? rows : rows.filter((row) => row[filter[1]!] === filter[2]);
  const first = Number(/\bfirst (\d+)/.exec(description)?.[1] ?? Infinity);
  const sequences = kept.slice(0, first).map((row) => row["sequence"] ?? "");
  if (sequences.length === 0) throw new NotOffered(`no rows for "${description}"`);
  return sequences;
}

type Row = Record<string, string>;

function rowsOfFile(file: string): Row[] {
  const path = csvFiles().find((each) => basename(each) === file);
  if (path === undefined) throw new NotOffered(`the data file ${file} is not here`);
  return readRows(path);
}

function rowsWithColumn(column: string): Row[] {
  for (const path of csvFiles()) {
    const rows = readRows(path);
    if (rows[0] !== undefined && column in rows[0] && "sequence" in rows[0]) return rows;
  }
  throw new NotOffered(`no data file has a column ${column}`);
}

/** These files hold no quotes and no commas inside fields. */
function readRows(path: string): Row[] {
  const [header, ...lines] = readFileSync(path, "utf8").trim().split(/\r?\n/);
  const columns = header!.split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ""]));
  });
}

/** Nearest folder first, by name within a folder. */
function csvFiles(): string[] {
  const folders = [process.env["EXP_DATA"] ?? ""];
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    folders.push(join(at, "data"), join(at, "shared", "data"));
    if (dirname(at) === at) break;
  }
  return folders
    .filter((folder) => folder !== "" && existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .sort()
        .filter((file) => file.endsWith(".csv"))
        .map((file) => join(folder, file)),
    );
}
