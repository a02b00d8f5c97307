// Finds the data that a reference case names in words: a file, a published data set, or the input of another case.
// Reads the disk; used by tests only.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";

import type { ReferenceCase } from "./cases.ts";
import { NotOffered } from "./not-offered.ts";

export type Row = Readonly<Record<string, string>>;

const PUBLISHED = new URL("./data/", import.meta.url).pathname;

/** How cases call the published data sets: the first pattern that fits names the file. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/sleep\s*study|\bReaction\b/i, "sleepstudy"],
  [/penicillin|\bplate\b.*\bsample\b/i, "penicillin"],
  [/dyestuff/i, "dyestuff"],
  [/airquality|ozone/i, "airquality"],
  [/insect\s*sprays/i, "insectsprays"],
  [/plant\s*growth/i, "plantgrowth"],
  [/mucociliary|p\. ?116/i, "mucociliary"],
  [/rounding|p\. ?140/i, "rounding-times"],
  [/warpbreaks/i, "warpbreaks"],
  [/gehan|freireich|6-?MP|remission/i, "gehan"],
  [/\baml\b|maintained|miller/i, "aml"],
  [/baseball|american league/i, "baseball"],
  [/citations|stigler/i, "citations"],
  [/hollander|kruskal\.test/i, "mucociliary"],
  [/leuk/i, "gehan"],
];

/** The rows of the table that `description` names, with its columns in file order. */
export function loadTable(description: string): Row[] {
  const file = /[\w./-]+\.csv/.exec(description)?.[0];
  if (file !== undefined) return readTable(findFile(file));
  const name = NAMES.find(([pattern]) => pattern.test(description))?.[1];
  if (name === undefined) throw new NotOffered(`no data set known as "${description}"`);
  return readTable(join(PUBLISHED, `${name}.csv`));
}

/**
 * The list under `field` of the case that `description` points to: one whose id it names, else the nearest before `id` of
 * the same file that has such a list. Null when there is none.
 */
export function findInput(
  description: string,
  field: string,
  id: string | undefined,
  cases: readonly ReferenceCase[],
): unknown[][] | null {
  const listOf = ({ input }: ReferenceCase): unknown => (input as Readonly<Record<string, unknown>>)[field];
  const named = cases.find((other) => description.includes(other.id) && Array.isArray(listOf(other)));
  if (named !== undefined) return listOf(named) as unknown[][];
  if (!/\b(same|above|as in|previous|see)\b/i.test(description)) return null;
  const own = cases.findIndex((other) => other.id === id);
  const before = cases.slice(0, Math.max(0, own)).findLast((other) => Array.isArray(listOf(other)));
  return before === undefined ? null : (listOf(before) as unknown[][]);
}

function findFile(file: string): string {
  const folder = process.env["EXP_DATA"];
  if (folder === undefined) throw new NotOffered(`${file} (set EXP_DATA to the folder that holds it)`);
  const found = [join(folder, file), join(folder, file.replace(/^data\//, ""))].find((path) => existsSync(path));
  if (found === undefined) throw new NotOffered(`${file} (not in the folder EXP_DATA)`);
  return found;
}

function readTable(path: string): Row[] {
  return parse(readFileSync(path, "utf8"), { columns: true, skip_empty_lines: true, trim: true });
}
