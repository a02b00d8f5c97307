/** Numbers and findings in words. Fixed rules instead of locales, so that equal numbers give equal text. */
import type { Arm, Metric, PairedDifference, Summary } from "./summary.ts";

/** Three significant digits, a true minus sign, no exponent between 0.0001 and 10 million: `−0.0421`, `2467`. */
export function number(value: number | null): string {
  if (value === null) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e7 || size < 1e-4
      ? size.toExponential(2)
      : size >= 100
        ? groupThousands(size.toFixed(0))
        : String(Number(size.toPrecision(3)));
  return value < 0 ? `−${text}` : text;
}

/** A whole number with thin spaces between thousands. */
export function count(value: number): string {
  return groupThousands(String(value));
}

export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

export function percent(fraction: number): string {
  return `${Number((100 * fraction).toPrecision(3))} %`;
}

export function interval(low: number | null, high: number | null): string {
  return low === null || high === null ? "no interval" : `[${number(low)}, ${number(high)}]`;
}

export function pValue(p: number | null): string {
  if (p === null) return "–";
  return p < 0.001 ? "< 0.001" : String(Number(p.toPrecision(2)));
}

/** `0.42 Da`, or the number alone when there is no unit. */
export function withUnit(value: string, unit: string): string {
  return unit === "" ? value : `${value} ${unit}`;
}

/** What one paired comparison shows. "hint": its interval excludes 0, but it does not survive the correction. */
export type Reading = "higher" | "lower" | "hint" | "none" | "unknown";

export function reading(paired: PairedDifference, level: number): Reading {
  const { low, high, pAdjusted } = paired;
  if (low === null || high === null) return "unknown";
  if (low <= 0 && high >= 0) return "none";
  if (pAdjusted !== null && pAdjusted > 1 - level) return "hint";
  return low > 0 ? "higher" : "lower";
}

export const READING_WORDS: Record<Reading, string> = {
  higher: "higher",
  lower: "lower",
  hint: "hint only",
  none: "no difference shown",
  unknown: "not comparable",
};

/** The sentences of the finding, from the numbers alone, no stronger than they are. */
export function findingSentences(summary: Summary): string[] {
  const primary = summary.metrics.filter((metric) => metric.primary);
  const all = primary.flatMap((metric) => metric.paired.map((paired) => ({ metric, paired })));
  const read = all.map((item) => ({ ...item, reading: reading(item.paired, summary.level) }));
  const shown = read.filter((item) => item.reading === "higher" || item.reading === "lower");
  const hints = read.filter((item) => item.reading === "hint");
  const unknown = read.filter((item) => item.reading === "unknown");
  return [
    `${counted(summary.arms.length, "arm")} of a baseline sampler were compared over ${counted(summary.seeds.length, "seed")}, with ${controlOf(summary).label} as control, on ${counted(primary.length, "primary metric")}.`,
    ...verdict(all.length, shown),
    ...(hints.length > 0
      ? [
          `${capital(list(hints.map(({ metric, paired }) => `${metric.label} (${labelOf(summary, paired.arm)})`)))} ${hints.length === 1 ? "has an interval" : "have intervals"} without 0 but ${hints.length === 1 ? "does" : "do"} not pass the correction for several comparisons: a hint to follow, not a finding.`,
        ]
      : []),
    ...shown.slice(0, MAX_NAMED).map(({ metric, paired }) => difference(summary, metric, paired)),
    ...(shown.length > MAX_NAMED ? [`${shown.length - MAX_NAMED} more are in the tables.`] : []),
    ...(unknown.length > 0 ? [`${counted(unknown.length, "comparison")} could not be made for lack of values.`] : []),
    ...fewSeeds(summary, read),
    "The metrics are predictions from sequence; no peptide was made or measured.",
  ];
}

export function controlOf(summary: Summary): Arm {
  const control = summary.arms.find((arm) => arm.control);
  if (control === undefined) throw new Error("a summary needs a control arm");
  return control;
}

export function labelOf(summary: Summary, arm: string): string {
  return summary.arms.find(({ id }) => id === arm)?.label ?? arm;
}

const MAX_NAMED = 4;
// Below this, intervals over seeds are wide and their coverage is uncertain.
const FEW_SEEDS = 10;

function verdict(comparisons: number, shown: readonly unknown[]): string[] {
  if (comparisons === 0) return ["There is no arm to compare with the control."];
  if (shown.length === 0) {
    return [
      `In ${comparisons === 1 ? "the one comparison" : `none of the ${comparisons} comparisons`} ${comparisons === 1 ? "no" : "a"} difference from the control was shown; that is not evidence that there is none.`,
    ];
  }
  return [`${shown.length} of ${counted(comparisons, "comparison")} show a difference from the control.`];
}

function difference(summary: Summary, metric: Metric, paired: PairedDifference): string {
  const direction = (paired.difference ?? 0) > 0 ? "higher" : "lower";
  const wanted =
    metric.better === "neither"
      ? ""
      : direction === metric.better
        ? " (the wanted direction)"
        : " (the unwanted direction)";
  const size = withUnit(number(Math.abs(paired.difference ?? 0)), metric.unit);
  return `${metric.label} is ${direction} by ${size} in ${labelOf(summary, paired.arm)}${wanted}: difference ${number(paired.difference)}, ${percent(summary.level)} interval ${interval(paired.low, paired.high)}, adjusted p ${pEquals(paired.pAdjusted)}.`;
}

function pEquals(p: number | null): string {
  return p === null ? "not available" : p < 0.001 ? "< 0.001" : `= ${pValue(p)}`;
}

function fewSeeds(summary: Summary, read: readonly { paired: PairedDifference }[]): string[] {
  const seeds = summary.seeds.length;
  if (seeds >= FEW_SEEDS) return [];
  const smallest = Math.max(0, ...read.map(({ paired }) => paired.smallestP ?? 0));
  const bound =
    smallest > 1 - summary.level
      ? `, and with so few the test cannot give a p below ${pValue(smallest)} whatever the data`
      : "";
  return [`With ${counted(seeds, "seed")} only large differences can be seen${bound}.`];
}

function list(items: readonly string[]): string {
  const shown = items.slice(0, MAX_NAMED);
  if (items.length > MAX_NAMED) shown.push(`${items.length - MAX_NAMED} more`);
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown[shown.length - 1]!}`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function groupThousands(digits: string): string {
  return digits.length < 5 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, "\u202f");
}
