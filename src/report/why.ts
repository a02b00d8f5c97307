// The text of `exp why`: every reason of a target or item at full length, old and new side by side where they fit,
// beneath each other where they do not, long texts as the lines that differ.

import type { TargetState } from "../model/plan.ts";
import type { CodeChange, Reason } from "../model/reason.ts";
import { unreachable } from "../util/result.ts";
import { countOf, formatAgo, formatDateTime } from "./amounts.ts";
import { alignRows } from "./columns.ts";
import { styleOfState } from "./palette.ts";
import type { DrawOptions } from "./plan.ts";
import { describeReason } from "./reasons.ts";
import { fold, oneLine, paint, span, widthOf, type Line, type Span } from "./text.ts";

export interface Why {
  readonly target: string;
  /** Of an item of a fan-out: its label. */
  readonly label?: string;
  readonly state: TargetState;
  readonly reasons: readonly Reason[];
  readonly warnings?: readonly string[];
  /** Milliseconds since 1970: when the run's present result was made. */
  readonly since?: number;
  /** Who declared the present result good although its key differs. */
  readonly acceptedBy?: string;
}

export interface WhyOptions extends DrawOptions {
  readonly now: number;
}

const COMFORTABLE_WIDTH = 100;
const CONTEXT_LINES = 1;
const MOST_LINES = 12;

export function renderWhy(why: Why, { palette, width = COMFORTABLE_WIDTH, now }: WhyOptions): string[] {
  const lines = [
    ...headOf(why, now),
    ...why.reasons.flatMap((reason) => linesOf(reason, width)),
    ...linesOfWarnings(why, width),
  ];
  return lines.map((line) => paint(line, palette));
}

function headOf({ target, label, state, since, reasons, acceptedBy }: Why, now: number): Line[] {
  const name = span(oneLine(target) + (label === undefined ? "" : `[${oneLine(label)}]`), "bold");
  const when = since === undefined ? "" : wordSince(state, since, now);
  const lines: Line[] = [[name, span(" is "), span(wordState(state), styleOfState[state]), span(when)]];
  if (acceptedBy !== undefined) lines.push([span(`  accepted as it is by ${oneLine(acceptedBy)}`)]);
  if (reasons.length === 0 && state === "fresh" && acceptedBy === undefined) {
    lines.push([span("  its code, config, inputs and environment are those of its result", "dim")]);
  }
  return lines;
}

function linesOfWarnings({ warnings = [] }: Why, width: number): Line[] {
  return warnings
    .flatMap((text) => fold(`warning: ${oneLine(text)}`, width - 2, "  "))
    .map((line): Line => [span(`  ${line}`, "yellow")]);
}

function wordState(state: TargetState): string {
  switch (state) {
    case "cached":
      return "in the cache";
    case "unknown":
      return "not known yet";
    case "fresh":
    case "stale":
    case "waiting":
    case "failed":
      return state;
    default:
      return unreachable(state);
  }
}

function wordSince(state: TargetState, since: number, now: number): string {
  const ago = formatAgo(since, now);
  const time = formatDateTime(since);
  // Far back, "ago" is the date itself.
  const when = time.startsWith(ago) ? time : `${time} (${ago})`;
  return state === "fresh" ? ` since ${when}` : `; its result is of ${when}`;
}

function linesOf(reason: Reason, width: number): Line[] {
  if (reason.kind === "code" && reason.changes.length > 0) return linesOfCode(reason.changes);
  if (reason.kind === "config" && typeof reason.before === "string" && typeof reason.after === "string") {
    if (`${reason.before}${reason.after}`.includes("\n")) {
      return [[span(`  ${describeReason(reason).what}`)], ...linesOfText(reason.before, reason.after)];
    }
  }
  const { what, before, after } = describeReason(reason);
  if (before === undefined || after === undefined)
    return fold(what, width - 2, "  ").map((line) => [span(`  ${line}`)]);
  const sides: Line = [span(before, "red"), span(" → "), span(after, "green")];
  if (widthOf(`  ${what}: ${before} → ${after}`) <= width) return [[span(`  ${what}: `), ...sides]];
  return [
    [span(`  ${what}`)],
    ...fold(before, width - 6).map((line, index): Line => [
      span(`    ${index === 0 ? "− " : "  "}`, "red"),
      span(line, "red"),
    ]),
    ...fold(after, width - 6).map((line, index): Line => [
      span(`    ${index === 0 ? "+ " : "  "}`, "green"),
      span(line, "green"),
    ]),
  ];
}

/** By file, in the order of the lines. */
function linesOfCode(changes: readonly CodeChange[]): Line[] {
  const files = [...new Set(changes.map(({ file }) => file))].sort();
  const sign = { changed: span("~", "yellow"), added: span("+", "green"), removed: span("−", "red") };
  const lines: Line[] = [[span(`  code: ${countOf(changes.length, "place")} in ${countOf(files.length, "file")}`)]];
  for (const file of files) {
    const ofFile = changes.filter((change) => change.file === file).sort((a, b) => lineOf(a) - lineOf(b));
    const rows = ofFile.map(({ change, name, lines: range }): Span[] => [
      sign[change],
      span(range === undefined ? "" : range.from === range.to ? `${range.from}` : `${range.from}–${range.to}`, "dim"),
      span(name === "module" ? "what runs when it is loaded" : name === "text" ? "the text" : oneLine(name)),
      span(change === "changed" ? "" : change, "dim"),
    ]);
    lines.push(
      [span(`    ${oneLine(file)}`)],
      ...alignRows(rows, { right: [1] }).map((row) => [span("      "), ...row]),
    );
  }
  return lines;
}

function lineOf({ lines }: CodeChange): number {
  return lines?.from ?? 0;
}

/** What is alike at both ends is left out, except for a line of context. */
function linesOfText(before: string, after: string): Line[] {
  const [left, right] = [before.split("\n"), after.split("\n")];
  const shorter = Math.min(left.length, right.length);
  let head = 0;
  while (head < shorter && left[head] === right[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && left.at(-1 - tail) === right.at(-1 - tail)) tail += 1;
  const from = Math.max(0, head - CONTEXT_LINES);
  return [
    ...(from > 0 ? [dim(`… ${countOf(from, "line")}`)] : []),
    ...left.slice(from, head).map((line) => dim(`  ${oneLine(line)}`)),
    ...cutLines(left.slice(head, left.length - tail)).map((line): Line => [span(`    − ${oneLine(line)}`, "red")]),
    ...cutLines(right.slice(head, right.length - tail)).map((line): Line => [span(`    + ${oneLine(line)}`, "green")]),
    ...right.slice(right.length - tail, right.length - tail + CONTEXT_LINES).map((line) => dim(`  ${oneLine(line)}`)),
    ...(tail > CONTEXT_LINES ? [dim(`… ${countOf(tail - CONTEXT_LINES, "line")}`)] : []),
  ];
}

function cutLines(lines: readonly string[]): readonly string[] {
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES - 1), `… ${countOf(lines.length - MOST_LINES + 1, "more line")}`];
}

function dim(text: string): Line {
  return [span(`    ${text}`, "dim")];
}
