// The numbers in an output that is JSON or a small table, by where they are. Unaware of what they mean.

import { readFileSync } from "node:fs";
import { statOf } from "../util/stat.ts";
import type { Json } from "../model/json.ts";
import { formatPath, type Path } from "../planning/config/located.ts";
import { identityOf } from "../planning/fingerprint/config-difference.ts";
import { describeTable, TableError } from "../table.ts";
import { scanTable } from "../table/scan.ts";

/** A longer list, or a table of more rows, is data and no summary of any. */
const mostMembers = 50;
/** Bytes. */
const largestText = 8 * 2 ** 20;

/** Empty where there are none, or none that can be read. */
export async function numbersIn(
  format: "json" | "table",
  content: { readonly path: string } | { readonly text: string },
): Promise<ReadonlyMap<string, number>> {
  const numbers = new Map<string, number>();
  const value = format === "json" ? jsonOf(content) : "path" in content ? await rowsOf(content.path) : undefined;
  if (value !== undefined) collect(value, [], numbers);
  return numbers;
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

function collect(value: Json, path: Path, numbers: Map<string, number>): void {
  if (typeof value === "number") {
    if (Number.isFinite(value)) numbers.set(formatPath(path), value);
  } else if (Array.isArray(value)) {
    if (value.length > mostMembers) return;
    const names = namesOf(value as readonly Json[]);
    for (const [i, member] of (value as readonly Json[]).entries())
      collect(member, [...path, names?.[i] ?? i], numbers);
  } else if (typeof value === "object" && value !== null)
    for (const [key, member] of Object.entries(value)) collect(member, [...path, key], numbers);
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
