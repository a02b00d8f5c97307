// The text of `exp why`: every reason of a target or item at full length, old and new side by side where they fit,
// beneath each other where they do not, long texts as the lines that differ.

import type { TargetState } from "../model/plan.ts";
import type { CodeChange, FileChange, Reason } from "../model/reason.ts";
import { unreachable } from "../util/result.ts";
import { countOf, formatAgo, formatDateTime } from "./amounts.ts";
import { alignRows } from "./columns.ts";
import { styleOfState } from "./palette.ts";
import type { DrawOptions } from "./plan.ts";
import { describeReason, wordFileChange } from "./reasons.ts";
import { wordLeft } from "./shared.ts";
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
  /** Who computed it, and where, if it was fetched from a cache. */
  readonly fetched?: { readonly by: string; readonly executor: string };
  /** Outputs that were left in the cache that a team shares. */
  readonly left?: readonly string[];
  /** What the last build did not pay for, in words: money was why it stopped. */
  readonly unpaid?: string;
  /** Why the present result is kept although its key changed, as people said, oldest first. */
  readonly accepted?: readonly Accepted[];
  /** Asked of a past build: what that one did. */
  readonly build?: PastBuild;
}

export interface Accepted {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly by: string;
  readonly because: string;
  /** What had changed then. */
  readonly reasons: readonly Reason[];
}

export interface PastBuild {
  readonly number: number;
  readonly at: number;
  /** How the whole build ended. */
  readonly outcome: string;
  /** What it did for the target. */
  readonly did: "computed" | "cached" | "failed" | "unaffordable" | "nothing";
  /** Where it did nothing: the build whose result the target had. */
  readonly kept?: number;
  readonly failure?: string;
  /** Why, in words, where the reasons are not kept by their parts. */
  readonly because?: string;
}

export interface WhyOptions extends DrawOptions {
  readonly now: number;
}

export const COMFORTABLE_WIDTH = 100;
const CONTEXT_LINES = 1;
const MOST_LINES = 12;

export function renderWhy(why: Why, { palette, width = COMFORTABLE_WIDTH, now }: WhyOptions): string[] {
  const lines = [
    ...headOf(why, now),
    ...why.reasons.flatMap((reason) => linesOf(reason, width)),
    ...(why.accepted ?? []).flatMap((accepted) => linesOfAccepted(accepted, now, width)),
    ...linesOfWarnings(why, width),
  ];
  return lines.map((line) => paint(line, palette));
}

function headOf(
  { target, label, state, since, fetched, unpaid, left = [], reasons, accepted = [], build }: Why,
  now: number,
): Line[] {
  const name = span(oneLine(target) + (label === undefined ? "" : `[${oneLine(label)}]`), "bold");
  if (build !== undefined) return headOfPast(name, build, now);
  const when = since === undefined ? "" : wordSince(state, since, now);
  const lines: Line[] = [[name, span(" is "), span(wordState(state), styleOfState[state]), span(when)]];
  if (reasons.length === 0 && state === "fresh" && accepted.length === 0) {
    lines.push([span("  its code, config, inputs and environment are those of its result", "dim")]);
  }
  if (fetched !== undefined)
    lines.push([
      span(`  computed by ${oneLine(fetched.by)}, ${oneLine(fetched.executor)}, and fetched from the cache`, "dim"),
    ]);
  if (unpaid !== undefined) lines.push([span(`  ${oneLine(unpaid)}`, "yellow")]);
  if (left.length > 0) lines.push([span(`  ${wordLeft(left)}`, "dim")]);
  return lines;
}

/** `accepted 2026-11-20 08:41 (2 h ago) by anna@lab: only a refactoring`, and what had changed. */
function linesOfAccepted({ at, by, because, reasons }: Accepted, now: number, width: number): Line[] {
  return [
    ...fold(`accepted ${wordWhen(at, now)} by ${oneLine(by)}: ${oneLine(because)}`, width - 2, "  ").map(
      (line): Line => [span(`  ${line}`, "yellow")],
    ),
    ...reasons.flatMap((reason) => linesOf(reason, width - 2)).map((line): Line => [span("  "), ...line]),
  ];
}

function linesOfWarnings({ warnings = [] }: Why, width: number): Line[] {
  return warnings
    .flatMap((text) => fold(`warning: ${oneLine(text)}`, width - 2, "  "))
    .map((line): Line => [span(`  ${line}`, "yellow")]);
}

/** `judge was computed in build 3, 2026-11-20 08:41 (2 h ago)`. */
function headOfPast(name: Span, { number, at, outcome, did, kept, failure, because }: PastBuild, now: number): Line[] {
  const when = span(`, ${wordWhen(at, now)}`);
  const tried = failure === undefined || because === undefined ? because : `tried for ${because}`;
  const told = [failure, tried].flatMap((text) => (text === undefined ? [] : [[span(`  ${oneLine(text)}`)]]));
  switch (did) {
    case "computed":
      return [[name, span(` was computed in build ${number}`), when], ...told];
    case "cached":
      return [[name, span(` was fetched, not computed, in build ${number}`), when], ...told];
    case "failed":
      return [[name, span(" "), span("failed", styleOfState.failed), span(` in build ${number}`), when], ...told];
    case "unaffordable":
      return [[name, span(" "), span("was not paid for", "yellow"), span(` in build ${number}`), when], ...told];
    case "nothing": {
      const end = wordOutcome(outcome);
      const result = kept === undefined ? "it had no result yet" : `it kept its result of build ${kept}`;
      return [[name, span(` was not made in build ${number}`), when, span(end)], [span(`  ${result}`)]];
    }
    default:
      return unreachable(did);
  }
}

function wordOutcome(outcome: string): string {
  if (outcome === "unaffordable") return ", which stopped for want of money";
  return outcome === "failed" ? ", which failed" : outcome === "interrupted" ? ", which was interrupted" : "";
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
  const when = wordWhen(since, now);
  return state === "fresh" ? ` since ${when}` : `; its result is of ${when}`;
}

/** `2026-11-20 08:12 (2 h ago)`. */
function wordWhen(at: number, now: number): string {
  const ago = formatAgo(at, now);
  const time = formatDateTime(at);
  // Far back, "ago" is the date itself.
  return time.startsWith(ago) ? time : `${time} (${ago})`;
}

/** One reason in full, indented by two. */
export function linesOf(reason: Reason, width: number): Line[] {
  if (reason.kind === "code" && reason.changes.length > 0) return linesOfCode(reason.changes);
  if (reason.kind === "config" && typeof reason.before === "string" && typeof reason.after === "string") {
    if (`${reason.before}${reason.after}`.includes("\n")) {
      return [[span(`  ${describeReason(reason).what}`)], ...linesOfText(reason.before, reason.after)];
    }
  }
  const { what, before, after } = describeReason(reason);
  if (reason.kind === "input" && reason.files !== undefined && reason.files.length > 0)
    return [[span(`  ${what}`)], ...linesOfFiles(reason.files)];
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

const sign = { changed: span("~", "yellow"), added: span("+", "green"), removed: span("−", "red") };

function linesOfFiles(files: readonly FileChange[]): Line[] {
  const shown = files.length > MOST_LINES ? files.slice(0, MOST_LINES - 1) : files;
  const rows = shown.map((file): Span[] => [
    sign[file.change],
    span(oneLine(file.file)),
    span(wordFileChange(file), "dim"),
  ]);
  const more = files.length - shown.length;
  return [
    ...alignRows(rows).map((row) => [span("    "), ...row]),
    ...(more > 0 ? [dim(`… ${countOf(more, "more file")}`)] : []),
  ];
}

/** By file, in the order of the lines. */
function linesOfCode(changes: readonly CodeChange[]): Line[] {
  const files = [...new Set(changes.map(({ file }) => file))].sort();
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
