// The first place at which two contents of an output differ, said in the terms of its format: a line, a cell, a path in JSON, a file of a tree.

import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import type { Json } from "../model/json.ts";
import type { Difference } from "../model/recheck.ts";
import { describeTable, readTable, TableError, type Columns } from "../table.ts";

export interface Side {
  readonly path?: string;
  readonly text?: string;
}
export type Found = Omit<Difference, "slot">;

/** Bytes: beyond them only the first differing byte is looked for. */
const largestParsed = 64 * 2 ** 20;
const longestValue = 120;

export async function firstDifference(format: string, before: Side, after: Side): Promise<Found> {
  const size = Math.max(sizeOf(before), sizeOf(after));
  if (size <= largestParsed) {
    const told = await inTermsOf(format, before, after);
    if (told !== undefined) return told;
  }
  return firstByte(before, after);
}

async function inTermsOf(format: string, before: Side, after: Side): Promise<Found | undefined> {
  switch (format) {
    case "table":
      return before.path === undefined || after.path === undefined
        ? undefined
        : inTables(before.path, after.path).catch((error: unknown) => {
            // Not readable as a table any more: the bytes are compared.
            if (error instanceof TableError) return undefined;
            throw error;
          });
    case "json":
      return inJson(textOf(before), textOf(after));
    default:
      return inTexts(bytesOf(before), bytesOf(after));
  }
}

async function inTables(before: string, after: string): Promise<Found | undefined> {
  const [old, now] = await Promise.all([describeTable({ path: before }), describeTable({ path: after })]);
  const namesOf = ({ columns }: typeof old) => columns.map(({ name, kind }) => `${name} ${kind}`).join(", ");
  if (namesOf(old) !== namesOf(now)) return { where: "columns", before: namesOf(old), after: namesOf(now) };
  const columns: Record<string, Columns[string]> = {};
  for (const { name, kind } of old.columns) {
    if (kind === "other") return undefined;
    columns[name] = `${kind}?`;
  }
  const [oldRows, nowRows] = await Promise.all([
    readTable({ path: before }, columns),
    readTable({ path: after }, columns),
  ]);
  for (let row = 0; row < Math.min(oldRows.length, nowRows.length); row++) {
    for (const name of Object.keys(columns)) {
      const [was, is] = [JSON.stringify(oldRows[row]![name]), JSON.stringify(nowRows[row]![name])];
      if (was !== is) return { where: `row ${row + 1}, column "${name}"`, before: cut(was), after: cut(is) };
    }
  }
  if (old.rows !== now.rows) return { where: "rows", before: String(old.rows), after: String(now.rows) };
  const [oldNotes, nowNotes] = [JSON.stringify(old.metadata), JSON.stringify(now.metadata)];
  return oldNotes === nowNotes
    ? undefined // Equal rows in other bytes: other encodings.
    : { where: "metadata", before: cut(oldNotes), after: cut(nowNotes) };
}

function inJson(before: string, after: string): Found | undefined {
  let values: readonly [Json, Json];
  try {
    values = [JSON.parse(before) as Json, JSON.parse(after) as Json];
  } catch {
    return inTexts(Buffer.from(before), Buffer.from(after));
  }
  return inValues("$", ...values) ?? inTexts(Buffer.from(before), Buffer.from(after));
}

function inValues(path: string, before: Json | undefined, after: Json | undefined): Found | undefined {
  if (isBranch(before) && isBranch(after) && Array.isArray(before) === Array.isArray(after)) {
    const [old, now] = [before as Record<string, Json>, after as Record<string, Json>];
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      const step = Array.isArray(before) ? `[${key}]` : /^[\w$]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
      const found = inValues(path + step, old[key], now[key]);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const [was, is] = [before, after].map((value) => (value === undefined ? "absent" : JSON.stringify(value)));
  return was === is ? undefined : { where: path, before: cut(was!), after: cut(is!) };
}

function isBranch(value: Json | undefined): boolean {
  return typeof value === "object" && value !== null;
}

/** Undefined: not text. */
function inTexts(before: Buffer, after: Buffer): Found | undefined {
  if (before.includes(0) || after.includes(0)) return undefined;
  const [old, now] = [before.toString("utf8").split("\n"), after.toString("utf8").split("\n")];
  for (let line = 0; line < Math.max(old.length, now.length); line++) {
    const [was, is] = [old[line], now[line]];
    if (was !== is)
      return { where: `line ${line + 1}`, before: cut(was ?? "no such line"), after: cut(is ?? "no such line") };
  }
  return undefined;
}

const chunkBytes = 1 << 20;

function firstByte(before: Side, after: Side): Found {
  const [old, now] = [reader(before), reader(after)];
  try {
    for (let at = 0; ; at += chunkBytes) {
      const [was, is] = [old.read(at), now.read(at)];
      const length = Math.min(was.length, is.length);
      for (let i = 0; i < length; i++) {
        if (was[i] !== is[i]) return { where: `byte ${at + i}`, before: hex(was, i), after: hex(is, i) };
      }
      if (was.length !== is.length || was.length < chunkBytes) break;
    }
  } finally {
    old.close();
    now.close();
  }
  return { where: "size", before: `${sizeOf(before)} bytes`, after: `${sizeOf(after)} bytes` };
}

function reader(side: Side): { read(at: number): Buffer; close(): void } {
  if (side.path === undefined) {
    const bytes = bytesOf(side);
    return { read: (at) => bytes.subarray(at, at + chunkBytes), close: () => undefined };
  }
  const fd = openSync(side.path, "r");
  return {
    read(at) {
      const bytes = Buffer.alloc(chunkBytes);
      return bytes.subarray(0, readSync(fd, bytes, 0, chunkBytes, at));
    },
    close: () => closeSync(fd),
  };
}

function hex(bytes: Buffer, at: number): string {
  return bytes.subarray(at, at + 8).toString("hex");
}

function sizeOf({ path, text }: Side): number {
  return path === undefined ? Buffer.byteLength(text ?? "") : statSync(path).size;
}

function bytesOf({ path, text }: Side): Buffer {
  return path === undefined ? Buffer.from(text ?? "") : readFileSync(path);
}

function textOf(side: Side): string {
  return bytesOf(side).toString("utf8");
}

function cut(text: string): string {
  return text.length <= longestValue ? text : `${text.slice(0, longestValue - 1)}…`;
}
