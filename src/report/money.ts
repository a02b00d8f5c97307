// Money in words: what is spent of what may be, what was not paid for, what is expected.

import { formatMoney } from "../util/money.ts";
import { countOf, formatCount } from "./amounts.ts";

/** `$1.23 of $5.00`; without a limit `$1.23`. */
export function wordSpent(usd: number, maxUsd: number | undefined): string {
  return maxUsd === undefined ? formatMoney(usd) : `${formatMoney(usd)} of ${formatMoney(maxUsd)}`;
}

/** `40 of 100 items finished, 60 remain`; of what has no items nothing is said. */
export function wordRemaining(items: number | undefined, remaining: number | undefined): string {
  if (items === undefined || remaining === undefined) return "";
  if (remaining === 0) return `all of ${countOf(items, "item")} finished, their merge remains`;
  return `${formatCount(items - remaining)} of ${countOf(items, "item")} finished, ${formatCount(remaining)} remain`;
}

export interface Unpaid {
  readonly why: string;
  readonly items?: number | undefined;
  readonly remaining?: number | undefined;
}

/** One line, as the run's record keeps it: `not paid for: 40 of 100 items finished, 60 remain; a call costs up to $0.50, and …`. */
export function wordUnpaid({ why, items, remaining }: Unpaid): string {
  return `not paid for: ${[wordRemaining(items, remaining), why].filter((part) => part !== "").join("; ")}`;
}

/** Undefined: it is expected to be enough. `usd`: of what is due, by past results; `perhapsUsd`: of what may turn out to be due. */
export function warnOfMoney(usd: number, perhapsUsd: number, maxUsd: number): string | undefined {
  const may = `the ${formatMoney(maxUsd)} that it may spend (--max-usd): it would stop on the way, and keep what is finished`;
  if (usd > maxUsd) return `a build is expected to cost ${formatMoney(usd)}, more than ${may}`;
  if (usd + perhapsUsd > maxUsd) return `a build may come to cost ${formatMoney(usd + perhapsUsd)}, more than ${may}`;
  return undefined;
}
