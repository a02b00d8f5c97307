// The numbers that differ between two contents that are JSON or small tables, by where they are. Unaware of what they mean.

import { readFileSync } from "node:fs";
import { statOf } from "../util/stat.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { formatPath, type Path } from "../planning/config/located.ts";
import { identityOf } from "../planning/fingerprint/config-difference.ts";
import { describeTable, TableError } from "../table.ts";
import { scanTable } from "../table/scan.ts";

/** A longer list, or a table of more rows, is data and no summary of any. */
const mostMembers = 50;
/** Bytes. */
const largestText = 8 * 2 ** 20;

export interface NumberDifference {
  readonly path: string;
  readonly before: number;
  readonly after: number;
  /** It is in a row that nothing names: compared with the one at its place among the rows that the other does not have. */
  readonly byPlace?: true;
}

/** Undefined where there is nothing that can be read. */
export async function readContent(
  format: "json" | "table",
  content: { readonly path: string } | { readonly text: string },
): Promise<Json | undefined> {
  return format === "json" ? jsonOf(content) : "path" in content ? rowsOf(content.path) : undefined;
}

export function numbersThatDiffer(before: Json, after: Json): readonly NumberDifference[] {
  const found: NumberDifference[] = [];
  compare(before, after, { path: [], byPlace: false }, found);
  return found;
}

function jsonOf(content: { readonly path: string } | { readonly text: string }): Json | undefined {
  if ("path" in content && Number(statOf(content.path)?.size ?? 0n) > largestText) return undefined;
  try {
    return JSON.parse("text" in content ? content.text : readFileSync(content.path, "utf8")) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function rowsOf(path: string): Promise<Json | undefined> {
  try {
    const { rows, columns } = await describeTable({ path });
    if (rows > mostMembers) return undefined;
    const list: Record<string, Json>[] = [];
    for await (const group of scanTable({ path }))
      for (let row = 0; row < group.rows; row++)
        list.push(Object.fromEntries(columns.map(({ name }, i) => [name, cellOf(group.values[i]?.[row])])));
    return list;
  } catch (error) {
    if (error instanceof TableError) return undefined;
    throw error;
  }
}

/** What is neither text, truth nor number tells no rows apart. */
function cellOf(value: unknown): Json {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

interface At {
  readonly path: Path;
  readonly byPlace: boolean;
}

function compare(before: Json, after: Json, at: At, found: NumberDifference[]): void {
  const inside = (key: string | number, byPlace = at.byPlace): At => ({ path: [...at.path, key], byPlace });
  if (typeof before === "number" && typeof after === "number") {
    const isDifferent = Number.isFinite(before) && Number.isFinite(after) && before !== after;
    if (isDifferent) found.push({ path: formatPath(at.path), before, after, ...(at.byPlace && { byPlace: true }) });
  } else if (Array.isArray(before) && Array.isArray(after)) {
    if (before.length > mostMembers || after.length > mostMembers) return;
    for (const [key, was, is, byPlace] of pairsOf(before as readonly Json[], after as readonly Json[]))
      compare(was, is, inside(key, at.byPlace || byPlace), found);
  } else if (isObject(before) && isObject(after))
    for (const [key, is] of Object.entries(after)) {
      const was = Object.hasOwn(before, key) ? before[key] : undefined;
      if (was !== undefined) compare(was, is, inside(key), found);
    }
}

type Pair = readonly [key: string | number, before: Json, after: Json, byPlace: boolean];

/** Which member of one list is which of the other. */
function pairsOf(before: readonly Json[], after: readonly Json[]): readonly Pair[] {
  const [old, now] = [namesOf(before), namesOf(after)];
  if (old !== undefined && now !== undefined)
    return after.flatMap((is, i): Pair[] => {
      const n = old.indexOf(now[i]!);
      return n < 0 ? [] : [[now[i]!, before[n]!, is, false]];
    });
  // Of plain values the place is the name.
  if (![...before, ...after].every(isObject))
    return after.flatMap((is, i): Pair[] => (i < before.length ? [[i, before[i]!, is, false]] : []));
  // Rows: what both have is the same, wherever it stands. Of other rows it is known which became which only if as many went as came.
  const left = before.map((row) => JSON.stringify(row));
  const come = after.flatMap((row, i) => {
    const n = left.indexOf(JSON.stringify(row));
    if (n < 0) return [i];
    left[n] = "";
    return [];
  });
  const gone = before.filter((_, i) => left[i] !== "");
  return gone.length === come.length ? come.map((i, n): Pair => [i, gone[n]!, after[i]!, true]) : [];
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** By a field that identifies them, or else by all that is text in them; undefined: only their places tell them apart. */
function namesOf(list: readonly Json[]): readonly string[] | undefined {
  const identity = identityOf(list);
  const names = list.map((one) => {
    if (typeof one !== "object" || one === null || Array.isArray(one)) return "";
    if (identity !== undefined) return `${(one as Readonly<Record<string, string | number>>)[identity]}`;
    return Object.values(one)
      .filter((value) => typeof value === "string" || typeof value === "boolean")
      .join(", ");
  });
  return new Set(names).size === list.length && !names.includes("") ? names : undefined;
}
