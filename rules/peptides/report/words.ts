/** Numbers in words. Fixed rules instead of locales, so that equal numbers give equal text. */
import type { Arm, Metric, PairedDifference, Samplers, Summary } from "./summary.ts";

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

const MOST_DECIMALS = 8;

/**
 * How many decimals every number of a metric has, so that a column can be compared at a glance: as many as give the
 * narrowest interval's half width two digits, but at most one more than the typical interval needs.
 */
export function decimalsOf({ perArm, paired }: Pick<Metric, "perArm" | "paired">): number {
  const needed = [...perArm, ...paired]
    .flatMap(({ low, high }) => (low === null || high === null || high <= low ? [] : [decimals((high - low) / 2, 2)]))
    .sort((a, b) => a - b);
  if (needed.length > 0) return Math.min(needed[needed.length - 1]!, needed[Math.floor((needed.length - 1) / 2)]! + 1);
  return decimals(Math.max(0, ...perArm.map(({ mean }) => Math.abs(mean ?? 0))), 3);
}

/** Decimals that show so many significant digits of a size. */
function decimals(size: number, digits: number): number {
  return size > 0 ? Math.min(MOST_DECIMALS, Math.max(0, digits - 1 - Math.floor(Math.log10(size)))) : digits;
}

/** A value and its interval with equal decimals: `0.520` and `[0.490, 0.550]`. "–" and "no interval" for what is null. */
export function range({ value, low, high }: Range, decimals: number): { value: string; interval: string } {
  return {
    value: value === null ? "–" : fixed(value, decimals),
    interval:
      low === null || high === null ? "no interval" : `[${fixed(low, decimals)},\u00a0${fixed(high, decimals)}]`,
  };
}

type Range = { readonly value: number | null; readonly low: number | null; readonly high: number | null };

/** One setting of all arms: numbers with equal decimals, no more than the config has; null where one is not a number. */
export function numericSettings(arms: readonly Arm[], name: string): string[] | null {
  const values = arms.map(({ settings }) => settings[name]);
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length < values.length) return null;
  const most = Math.max(...numbers.map((value) => (String(value).split(".")[1] ?? "").length));
  return numbers.map((value) => fixed(value, most));
}

/** As many decimals as asked, a true minus sign, thin spaces between thousands. */
export function fixed(value: number, decimals: number): string {
  const [whole, rest] = Math.abs(value).toFixed(decimals).split(".");
  const text = groupThousands(whole!) + (rest === undefined ? "" : `.${rest}`);
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

export function pValue(p: number | null): string {
  if (p === null) return "–";
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
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

/**
 * The smallest adjusted p that a comparison can reach in its family, whatever the data; null without a bound. Holm takes
 * the smallest p of a family times the number of its comparisons.
 */
export function smallestAdjustedP(smallestP: number | null, comparisons: number): number | null {
  return smallestP === null ? null : Math.min(1, smallestP * comparisons);
}

/** The comparisons that are corrected together with the primary ones: those that have a p. */
export function primaryFamily(metrics: readonly Metric[]): readonly PairedDifference[] {
  return metrics.filter(({ primary }) => primary).flatMap(({ paired }) => paired.filter(({ p }) => p !== null));
}

export const READING_WORDS: Record<Reading, string> = {
  higher: "higher",
  lower: "lower",
  hint: "hint only",
  none: "no difference shown",
  unknown: "not comparable",
};

export function controlOf(summary: Summary): Arm {
  const control = summary.arms.find((arm) => arm.control);
  if (control === undefined) throw new Error("a summary needs a control arm");
  return control;
}

export function labelOf(summary: Summary, arm: string): string {
  return summary.arms.find(({ id }) => id === arm)?.label ?? arm;
}

/** `a, b and c`. */
export function list(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]!}`;
}

function groupThousands(digits: string): string {
  return digits.length < 5 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** "2 settings of a baseline sampler". */
export function samplerInWords({ methods: { samplers } }: Summary): string {
  const words: Record<Samplers, string> = {
    baseline: "a baseline sampler",
    "language-models": "language models as they are",
    both: "a baseline sampler and of language models as they are",
  };
  return words[samplers];
}

/** How a report heads the description of the samplers. */
export function samplerLabel({ methods: { samplers } }: Summary): string {
  const words: Record<Samplers, string> = {
    baseline: "Sampler (baseline)",
    "language-models": "Sampler",
    both: "Samplers (the n-gram model is a baseline)",
  };
  return words[samplers];
}
