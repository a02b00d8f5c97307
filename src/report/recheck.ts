// The text of `exp reproduce` and `exp verify`: a line a target, and below it what differs, where, and why it may.

import type { Recheck, Verdict } from "../model/recheck.ts";
import { countOf, formatCount, formatDuration } from "./amounts.ts";
import { alignDetailedRows } from "./columns.ts";
import type { Style } from "./palette.ts";
import type { DrawOptions } from "./plan.ts";
import { clipLine, linesOfLog, oneLine, paint, span, type Line, type Span } from "./text.ts";

const mostShown = 3;

export function renderRechecks(rechecks: readonly Recheck[], { palette, width }: DrawOptions): string[] {
  const targets = [...new Set(rechecks.map(({ target }) => target))];
  const rows = targets.map((target) =>
    rowOf(
      target,
      rechecks.filter((one) => one.target === target),
    ),
  );
  const lines: Line[] = [...alignDetailedRows(rows, { width }), [span(wordTotals(rechecks), "bold")]];
  return lines.map((line) => paint(width === undefined ? line : clipLine(line, width), palette));
}

type Kind = "same" | "declared" | "differs" | "failed" | "not-run";
function kindOf(verdict: Verdict): Kind {
  return verdict.kind === "differs" && verdict.isDeclared ? "declared" : verdict.kind;
}
const words: Readonly<Record<Kind, { readonly word: string; readonly style: Style }>> = {
  failed: { word: "failed", style: "red" },
  differs: { word: "differs", style: "red" },
  "not-run": { word: "not run", style: "yellow" },
  declared: { word: "differs, as declared", style: "yellow" },
  same: { word: "same", style: "green" },
};

function rowOf(target: string, rechecks: readonly Recheck[]): { cells: Span[]; details: Span[] } {
  const kinds = new Set(rechecks.map(({ verdict }) => kindOf(verdict)));
  const worst = (Object.keys(words) as Kind[]).find((kind) => kinds.has(kind)) ?? "same";
  const took = rechecks.reduce((sum, one) => sum + one.tookMs, 0);
  const isGiven = rechecks.every(({ part }) => part === "handoff");
  const items = rechecks.filter(({ part }) => part === "item").length;
  const what = isGiven ? "given by people" : items > 0 ? countOf(items, "item") : "";
  const { word, style } = words[worst];
  const cells = [
    span(target, "bold"),
    span(word, style),
    span(what),
    span(took > 0 ? formatDuration(took) : "", "dim"),
  ];
  const told = rechecks.filter(({ verdict }) => verdict.kind !== "same");
  const shown = told.slice(0, mostShown).flatMap(linesOf);
  const more = told.length - mostShown;
  const details = [...shown, ...(more > 0 ? [`… and ${formatCount(more)} more`] : [])];
  return { cells, details: details.map((text) => span(text, "dim")) };
}

function linesOf({ target, part, item, verdict }: Recheck): string[] {
  const name =
    item !== undefined
      ? `${target}[${item}]`
      : part === "split" || part === "merge"
        ? `${target}, its ${part}`
        : target;
  const at = oneLine(name);
  switch (verdict.kind) {
    case "same":
      return [];
    case "not-run":
      return [`${at}: ${oneLine(verdict.why)}`];
    case "failed":
      return [`${at}: ${oneLine(verdict.message)}`, ...verdict.details.flatMap(linesOfLog).map((line) => `  ${line}`)];
    case "differs":
      return [
        ...verdict.differences.map(
          ({ slot, where, before, after }) =>
            `${at}: ${oneLine([slot, where].filter((text) => text !== "").join(", "))}: ${oneLine(before)} → ${oneLine(after)}`,
        ),
        ...verdict.because.map((why) => `  it may differ: ${oneLine(why)}`),
        ...(verdict.kept === undefined ? [] : [`  what came out now: ${verdict.kept}`]),
      ];
  }
}

/** `754 actions run again: 752 same, 2 differ`. */
export function wordTotals(rechecks: readonly Recheck[]): string {
  const count = (kind: Kind) => rechecks.filter(({ verdict }) => kindOf(verdict) === kind).length;
  const said: Readonly<Record<Kind, string>> = {
    same: "same",
    differs: "differ",
    declared: "differ, as declared",
    failed: "failed",
    "not-run": "not run",
  };
  const parts = (["same", "differs", "declared", "failed", "not-run"] as const)
    .map((kind) => ({ kind, number: count(kind) }))
    .filter(({ number }) => number > 0)
    .map(({ kind, number }) => `${formatCount(number)} ${said[kind]}`);
  return rechecks.length === 0 ? "nothing to run again" : `${countOf(rechecks.length, "action")}: ${parts.join(", ")}`;
}
