// The text of `exp runs diff`: config, versions, targets and numbers of two points of runs, each section as far as something differs.

import type { Comparison, MetricDifference, PointName, ResultNote, TargetComparison } from "../model/comparison.ts";
import { unreachable } from "../util/result.ts";
import { countOf, formatDateTime } from "./amounts.ts";
import { alignRows } from "./columns.ts";
import type { DrawOptions } from "./plan.ts";
import { oneLine, paint, span, type Line, type Span } from "./text.ts";
import { COMFORTABLE_WIDTH, linesOf } from "./why.ts";

/** Numbers that are shown when not all of them are asked for. */
const mostNumbers = 20;

export interface ComparisonOptions extends DrawOptions {
  readonly all: boolean;
}

export function renderComparison(comparison: Comparison, options: ComparisonOptions): string[] {
  const { palette, width = COMFORTABLE_WIDTH } = options;
  const { before, after, config, versions, targets, metrics } = comparison;
  const names = [before, after].map(wordPoint) as [string, string];
  const sections: Line[][] = [
    config === undefined
      ? [[span("config", "bold")], [span("  one of the two was built by an exp that kept no config of past builds")]]
      : section("config", config.flatMap((reason) => linesOf(reason, width)).map(withoutConfig)),
    section(
      "versions",
      alignRows(versions.map(({ what, before: was, after: is }) => [span(`  ${what}`), ...sides(was, is)])),
    ),
    section("targets", linesOfTargets(targets, names, width)),
    section("numbers", linesOfMetrics(metrics, options.all)),
  ].filter((lines) => lines.length > 0);
  const same = targets.filter((target) => target.kind === "same" && !hasNote(target)).length;
  const rest: Line[] =
    same === 0
      ? []
      : [
          [
            span(
              same === targets.length
                ? `${countOf(same, "target")}, the same in both`
                : `${countOf(same, "more target")} the same in both`,
              "dim",
            ),
          ],
        ];
  const head: Line = [span(names[0], "bold"), when(before), span(" → "), span(names[1], "bold"), when(after)];
  const nothing: Line[] = sections.length === 0 ? [[span("nothing differs")]] : [];
  return [
    head,
    ...nothing,
    ...sections.flatMap((lines): Line[] => [[], ...lines]),
    ...(rest.length > 0 ? [[], ...rest] : []),
  ].map((line) => paint(line, palette).trimEnd());
}

export function wordPoint({ run, build }: PointName): string {
  return build === undefined ? run : `${run}@${build}`;
}

function when({ at }: PointName): Span {
  return span(at === undefined ? "" : ` (${formatDateTime(Date.parse(at))})`, "dim");
}

function section(title: string, lines: readonly Line[]): Line[] {
  return lines.length === 0 ? [] : [[span(title, "bold")], ...lines];
}

/** The heading says it already. */
function withoutConfig([first, ...more]: Line): Line {
  return first === undefined ? [] : [{ ...first, text: first.text.replace(/^ {2}config /, "  ") }, ...more];
}

function sides(before: string, after: string): Span[] {
  return [
    span(before === "" ? "(none)" : oneLine(before), "red"),
    span("→"),
    span(after === "" ? "(none)" : oneLine(after), "green"),
  ];
}

function linesOfTargets(targets: readonly TargetComparison[], names: readonly [string, string], width: number): Line[] {
  const told = targets.filter((target) => target.kind !== "same" || hasNote(target));
  const heads = alignRows(
    told.map((target) => [
      span(`  ${oneLine(target.target)}`),
      span(wordKind(target, names)),
      span(wordItems(target, names), "dim"),
    ]),
  );
  return told.flatMap((target, i) => [
    heads[i]!,
    ...(["before", "after"] as const).flatMap((which, side) => {
      const note = target[which];
      return note === undefined ? [] : [[span(`    ${names[side]!}: ${wordNote(note)}`, "yellow")] as Line];
    }),
    ...target.reasons.flatMap((reason) => linesOf(reason, width - 2)).map((line): Line => [span("  "), ...line]),
  ]);
}

function hasNote({ before, after }: TargetComparison): boolean {
  return before !== undefined || after !== undefined;
}

function wordKind({ kind, outputs }: TargetComparison, [before, after]: readonly [string, string]): string {
  const content = outputs.length === 0 ? "equal outputs" : `other ${outputs.map(oneLine).join(", ")}`;
  switch (kind) {
    case "only-before":
      return `only in ${before}`;
    case "only-after":
      return `only in ${after}`;
    case "same":
      return "the same";
    case "other-key":
      return `other key, ${content}`;
    case "other-output":
      return `same key, ${content}`;
    default:
      return unreachable(kind);
  }
}

function wordItems({ items }: TargetComparison, [before, after]: readonly [string, string]): string {
  if (items === undefined) return "";
  const { common, otherOutput, onlyBefore, onlyAfter } = items;
  const parts = [
    `${countOf(common, "item")} in common`,
    otherOutput > 0 ? `${countOf(otherOutput, "of them", "of them")} with other outputs` : "",
    onlyBefore > 0 ? `${countOf(onlyBefore, "only", "only")} in ${before}` : "",
    onlyAfter > 0 ? `${countOf(onlyAfter, "only", "only")} in ${after}` : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function wordNote({ accepted, from }: ResultNote): string {
  if (from !== undefined) return `given, taken from ${oneLine(from)}`;
  if (accepted === undefined) return "";
  return `accepted by ${oneLine(accepted.by)}, ${formatDateTime(Date.parse(accepted.at))}: ${oneLine(accepted.because)}`;
}

function linesOfMetrics(metrics: readonly MetricDifference[], all: boolean): Line[] {
  const shown = all ? metrics : metrics.slice(0, mostNumbers);
  const rows = shown.map(({ target, output, path, before, after }): Span[] => [
    span(`  ${oneLine(`${target}.${output}`)}`, "dim"),
    span(oneLine(path)),
    span(formatNumber(before), "red"),
    span("→"),
    span(formatNumber(after), "green"),
    span(signed(formatNumber(after - before))),
    span(before === 0 ? "" : signed(`${formatPercent((after - before) / Math.abs(before))}`), "dim"),
  ]);
  const more = metrics.length - shown.length;
  const rest: Line[] =
    more > 0 ? [[span(`  … ${countOf(more, "more number")}, less changed: --all shows them`, "dim")]] : [];
  const places: Line[] = shown.some(({ byPlace }) => byPlace === true)
    ? [[span("  rows without a name or an id are compared by their place, [0] is the first", "dim")]]
    : [];
  return [...alignRows(rows, { right: [2, 4, 5, 6] }), ...rest, ...places];
}

/** Six digits that count; what is exact stays so. */
function formatNumber(value: number): string {
  return (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)))).replace("-", "−");
}

function formatPercent(part: number): string {
  const percent = part * 100;
  return `${Math.abs(percent) >= 10 ? percent.toFixed(0) : percent.toPrecision(2)} %`.replace("-", "−");
}

function signed(text: string): string {
  return text.startsWith("−") ? text : `+${text}`;
}
