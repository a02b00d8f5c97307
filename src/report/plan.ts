// The text of `exp plan`: what a build would do, why, and what that takes by past traces. Pure; the plan is given.

import { inRun } from "../model/advice.ts";
import type { Plan, PlannedTarget } from "../model/plan.ts";
import { countOf, formatAbout, formatMoney, formatRoughDuration } from "./amounts.ts";
import { warnOfMoney, wordSpent } from "./money.ts";
import { alignDetailedRows } from "./columns.ts";
import { totalOf, wordItemCounts } from "./items.ts";
import { styleOfState, type Palette } from "./palette.ts";
import { wordReason } from "./reasons.ts";
import { clipLine, fold, joinSpans, oneLine, paint, span, type Line, type Span } from "./text.ts";

/** Reasons shown of one target; the rest is for `exp why`. */
const MOST_REASONS = 4;
/** Fresh targets that are listed; more of them are a number. */
const MOST_FRESH = 100;

export interface DrawOptions {
  readonly palette: Palette;
  /** Cells of the terminal; undefined for a pipe, where nothing is cut. */
  readonly width?: number;
}

export function renderPlan(plan: Plan, { palette, width }: DrawOptions): string[] {
  const overrides = span(plan.overrides.map(oneLine).join(" "));
  const header = joinSpans(
    [span(`run ${oneLine(plan.run)}`, "bold"), span(oneLine(plan.experiment)), overrides],
    " · ",
  );
  const all = plan.targets.map((target) => ({ target, details: detailsOf(target, plan.run) }));
  const plain = all.filter(({ target, details }) => target.state === "fresh" && details.length === 0);
  const isListed = plain.length <= MOST_FRESH;
  const listed = isListed ? all : all.filter((one) => one.target.state !== "fresh" || one.details.length > 0);
  const rows = listed.map(({ target, details }) => ({ cells: cellsOf(target), details }));
  const lines: Line[] = [
    header,
    ...alignDetailedRows(rows, { width, right: [2, 3] }),
    ...(isListed ? [] : [[span(`${listed.length > 0 ? "and " : ""}${countOf(plain.length, "target")} fresh`, "dim")]]),
  ];
  const folded = (text: string) => (width === undefined ? [text] : fold(text, width, "  "));
  const warnings = (plan.warnings ?? []).flatMap((text) => folded(wordWarning(text).text));
  return [
    ...lines.map((line) => paint(width === undefined ? line : clipLine(line, width), palette)),
    ...folded(wordTotal(plan.targets, plan)).map((line) => paint([span(line, "bold")], palette)),
    ...warnings.map((line) => paint([span(line, "yellow")], palette)),
  ];
}

/** The plan of a build that may spend so much. */
export function withLimit(plan: Plan, maxUsd: number): Plan {
  const usdOf = (...states: readonly PlannedTarget["state"][]) =>
    sum(plan.targets.filter(({ state }) => states.includes(state)).map(({ expectedUsd }) => expectedUsd));
  const warning = warnOfMoney(usdOf("stale", "failed"), usdOf("unknown"), maxUsd);
  return { ...plan, maxUsd, ...(warning !== undefined && { warnings: [warning] }) };
}

type Money = Pick<Plan, "maxUsd" | "pricesOf">;

/** `due: 2 targets, about 4 min, $1.20 by past traces`, `nothing to do`. */
export function wordTotal(targets: readonly PlannedTarget[], money: Money = {}): string {
  const due = targets.filter(({ state }) => state === "stale" || state === "failed");
  const parts = [
    due.length > 0 ? countOf(due.length, "target") : "",
    wordCount(targets, "unknown", "perhaps", "more"),
    wordCount(targets, "cached", "", "from the cache"),
    wordCount(targets, "waiting", "", "waiting for people"),
  ].filter((part) => part !== "");
  if (parts.length === 0) return "nothing to do";
  return `due: ${[...parts, ...expectation(due, money)].join(", ")}`;
}

function wordCount(
  targets: readonly PlannedTarget[],
  state: PlannedTarget["state"],
  before: string,
  after: string,
): string {
  const count = targets.filter((target) => target.state === state).length;
  return count === 0 ? "" : [before, `${count}`, after].filter((word) => word !== "").join(" ");
}

function expectation(due: readonly PlannedTarget[], { maxUsd, pricesOf }: Money): readonly string[] {
  if (due.length === 0) return [];
  const known = due.filter(({ expectedMs }) => expectedMs !== undefined);
  if (known.length === 0) return [maxUsd === undefined ? "time not known yet" : "time and cost not known yet"];
  const ms = sum(known.map(({ expectedMs }) => expectedMs));
  const usd = sum(due.map(({ expectedUsd }) => expectedUsd));
  const money = usd > 0 || maxUsd !== undefined ? `, ${wordSpent(usd, maxUsd)}` : "";
  const prices = usd > 0 && pricesOf !== undefined ? ` and ${pricesOf}'s prices` : "";
  const amounts = `${formatAbout(ms)}${money} by past traces${prices}`;
  const unknown = due.filter(({ expectedMs }) => expectedMs === undefined).map(({ name }) => oneLine(name));
  return unknown.length === 0 ? [amounts] : [`${amounts} and what ${listOf(unknown)} will take`];
}

function listOf(names: readonly string[]): string {
  if (names.length > 3) return countOf(names.length, "new target");
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(", ")} and ${names.at(-1)!}`;
}

function sum(numbers: readonly (number | undefined)[]): number {
  return numbers.reduce<number>((total, each) => total + (each ?? 0), 0);
}

function cellsOf(target: PlannedTarget): Span[] {
  const isDue = target.state !== "fresh";
  return [
    span(oneLine(target.name)),
    span(target.state, styleOfState[target.state]),
    span(isDue && target.expectedMs !== undefined ? formatRoughDuration(target.expectedMs) : ""),
    span(isDue && (target.expectedUsd ?? 0) > 0 ? formatMoney(target.expectedUsd!) : ""),
  ];
}

export function wordWarning(text: string): Span {
  return span(`warning: ${oneLine(text)}`, "yellow");
}

function detailsOf({ name, items, reasons, state, warnings = [] }: PlannedTarget, run: string): Span[] {
  const details: Span[] = [];
  if (items !== undefined && totalOf(items) > 0) details.push(span(wordItemCounts(items)));
  const shown = reasons.length > MOST_REASONS ? reasons.slice(0, MOST_REASONS - 1) : reasons;
  details.push(...shown.map((reason) => span(wordReason(reason), "dim")));
  const hidden = reasons.length - shown.length;
  const why = inRun(`exp why ${oneLine(name)}`, oneLine(run));
  if (hidden > 0) details.push(span(`and ${countOf(hidden, "more reason")}: ${why}`, "dim"));
  if (state === "waiting" && reasons.length === 0) details.push(span("waits for people", "dim"));
  details.push(...warnings.map(wordWarning));
  return details;
}
