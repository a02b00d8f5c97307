// The text of `exp status`: a row a target, columns only where some row has something to say. Pure; the rows are given.

import type { TargetState } from "../model/plan.ts";
import { countOf, formatAgo, formatDuration, formatMoney } from "./amounts.ts";
import { alignDetailedRows } from "./columns.ts";
import { wordItemCounts, type ItemCounts } from "./items.ts";
import { styleOfState } from "./palette.ts";
import { wordLeft } from "./shared.ts";
import { wordWarning, type DrawOptions } from "./plan.ts";
import { clipLine, joinSpans, oneLine, paint, span, type Line, type Span } from "./text.ts";

export interface StatusRow {
  readonly target: string;
  readonly state: TargetState;
  /** Milliseconds since 1970: when the run's present result was made. */
  readonly finishedAt?: number;
  readonly tookMs?: number;
  readonly costUsd?: number;
  /** `local`, `modal`, `slurm`. */
  readonly executor?: string;
  readonly items?: ItemCounts;
  /** Of a waiting target: who or what, `runs/default/judge/ratings.csv`. */
  readonly waitsFor?: string;
  /** In words, one line. */
  readonly reason?: string;
  /** What the last build did not pay for, in words: money was why it stopped. */
  readonly unpaid?: string;
  /** Outputs that were left in the cache that a team shares. */
  readonly left?: readonly string[];
  readonly warnings?: readonly string[];
}

export interface StatusOptions extends DrawOptions {
  readonly now: number;
  /** The first line, if any: `run default · peptides · run@3`. */
  readonly title?: readonly string[];
}

const HEADER = ["target", "state", "finished", "took", "cost", "on"] as const;

export function renderStatus(rows: readonly StatusRow[], { palette, width, now, title = [] }: StatusOptions): string[] {
  const table = rows.map((row) => ({ cells: cellsOf(row, now), details: detailsOf(row) }));
  // A heading over an empty column would keep it alive.
  const isUsed = (column: number): boolean => table.some(({ cells }) => cells[column]!.text !== "");
  const heading = { cells: HEADER.map((name, column) => span(isUsed(column) ? name : "", "dim")), details: [] };
  const lines: Line[] = [
    ...(title.length === 0 ? [] : [titleLine(title)]),
    ...(rows.length === 0 ? [] : alignDetailedRows([heading, ...table], { width, right: [3, 4] })),
    [span(wordStates(rows), "bold")],
  ];
  return lines.map((line) => paint(width === undefined ? line : clipLine(line, width), palette));
}

/** `up to date: 5 targets fresh`, `3 fresh, 1 stale, 1 waiting`. */
export function wordStates(rows: readonly { readonly state: TargetState }[]): string {
  if (rows.length === 0) return "no targets";
  if (rows.every(({ state }) => state === "fresh")) return `up to date: ${countOf(rows.length, "target")} fresh`;
  const states = Object.keys(styleOfState) as TargetState[];
  return states
    .map((state) => ({ state, count: rows.filter((row) => row.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
    .join(", ");
}

function titleLine(title: readonly string[]): Line {
  const parts = title.map((part, index) => span(oneLine(part), index === 0 ? "bold" : undefined));
  return joinSpans(parts, " · ");
}

function cellsOf(row: StatusRow, now: number): Span[] {
  return [
    span(oneLine(row.target)),
    span(row.state, styleOfState[row.state]),
    span(row.finishedAt === undefined ? "" : formatAgo(row.finishedAt, now)),
    span(row.tookMs === undefined ? "" : formatDuration(row.tookMs)),
    span((row.costUsd ?? 0) > 0 ? formatMoney(row.costUsd!) : ""),
    span(oneLine(row.executor ?? "")),
  ];
}

function detailsOf({ items, waitsFor, reason, unpaid, left = [], warnings = [] }: StatusRow): Span[] {
  return [
    ...(items === undefined ? [] : [span(wordItemCounts(items))]),
    ...(unpaid === undefined ? [] : [span(oneLine(unpaid), "yellow")]),
    ...(waitsFor === undefined ? [] : [span(`waits for ${oneLine(waitsFor)}`, "dim")]),
    ...(reason === undefined || reason === "" ? [] : [span(oneLine(reason), "dim")]),
    ...(left.length === 0 ? [] : [span(wordLeft(left), "dim")]),
    ...warnings.map(wordWarning),
  ];
}
