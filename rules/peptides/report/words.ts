/** Numbers in words. Fixed rules instead of locales, so that equal numbers give equal text. */
import type { Arm, PairedDifference, Summary } from "./summary.ts";

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

/**
 * A value and its interval with equal decimals, as many as give the half width two digits: `0.520` and `[0.490, 0.550]`.
 * "–" and "no interval" for what is null.
 */
export function range({ value, low, high }: Range): { value: string; interval: string } {
  if (low === null || high === null) return { value: number(value), interval: "no interval" };
  const half = (high - low) / 2;
  const decimals = half > 0 ? Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(half)))) : 3;
  return {
    value: value === null ? "–" : fixed(value, decimals),
    interval: `[${fixed(low, decimals)},\u00a0${fixed(high, decimals)}]`,
  };
}

type Range = { readonly value: number | null; readonly low: number | null; readonly high: number | null };

/** As many decimals as asked, a true minus sign, thin spaces between thousands. */
export function fixed(value: number, decimals: number): string {
  const [whole, rest] = Math.abs(value).toFixed(decimals).split(".");
  const text = groupThousands(whole!) + (rest === undefined ? "" : `.${rest}`);
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
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

export function controlOf(summary: Summary): Arm {
  const control = summary.arms.find((arm) => arm.control);
  if (control === undefined) throw new Error("a summary needs a control arm");
  return control;
}

export function labelOf(summary: Summary, arm: string): string {
  return summary.arms.find(({ id }) => id === arm)?.label ?? arm;
}

function groupThousands(digits: string): string {
  return digits.length < 5 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, "\u202f");
}
