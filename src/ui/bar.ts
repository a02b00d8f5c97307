// One line for one running target, never wider than the screen: what matters less gives way first. Draws text only.
//
//   generate  ━━━━━━━━╌╌╌╌╌╌╌╌  412/1,000  12.3/s  48 s left  $0.12
//   judge     ━━━━╌╌╌╌╌╌╌╌╌╌╌╌  12 s  40 s left
//   analyse   3.4 s

import { formatCount, formatDuration, formatMoney, formatRoughDuration } from "../report/amounts.ts";
import { clip, clipLine, oneLine, padEnd, span, widthOf, type Line, type Span } from "../report/text.ts";
import { countReady, rateOf, remainingMs, type Running } from "./running.ts";

export interface BarPlace {
  readonly width: number;
  readonly nameWidth: number;
  readonly now: number;
}

const SHORTEST_BAR = 8;
const LONGEST_BAR = 24;

export function barOf(running: Running, { width, nameWidth, now }: BarPlace): Line {
  const name = span(padEnd(clip(oneLine(running.target), nameWidth), nameWidth));
  // The order in which they are given up, last first: money is asked for most, then how much is ready, then when it ends.
  const parts = [
    { order: 1, text: amountOf(running, now), style: undefined },
    { order: 3, text: rateText(running, now), style: "dim" as const },
    { order: 2, text: remainingText(running, now), style: undefined },
    { order: 0, text: running.costUsd > 0 ? formatMoney(running.costUsd) : "", style: "bold" as const },
    { order: 4, text: elsewhereText(running), style: "dim" as const },
  ].filter(({ text }) => text !== "");
  while (parts.length > 1 && nameWidth + sum(parts.map(({ text }) => widthOf(text) + 2)) > width) {
    parts.splice(parts.indexOf(parts.reduce((a, b) => (b.order > a.order ? b : a))), 1);
  }
  const left = width - nameWidth - sum(parts.map(({ text }) => widthOf(text) + 2)) - 2;
  const line: Span[] = [name, ...trackOf(shareOf(running, now), left)];
  for (const { text, style } of parts) line.push(span("  "), span(text, style));
  return clipLine(line, width);
}

/** `8 running, 3 waiting`: batches on a cluster. */
function elsewhereText({ elsewhere }: Running): string {
  if (elsewhere === undefined) return "";
  const { waiting, running } = elsewhere;
  return [running > 0 ? `${running} running` : "", waiting > 0 ? `${waiting} waiting` : ""].filter(Boolean).join(", ");
}

/** Between 0 and 1; undefined where nothing says how much there is. */
function shareOf(running: Running, now: number): number | undefined {
  if (running.items !== undefined) return running.items === 0 ? 1 : countReady(running) / running.items;
  if (running.expectedMs === undefined || running.expectedMs <= 0) return undefined;
  // By time alone a target is never full before it ends.
  return Math.min(0.95, (now - running.startedAt) / running.expectedMs);
}

function trackOf(share: number | undefined, width: number): Span[] {
  if (share === undefined || width < SHORTEST_BAR) return [];
  const length = Math.min(LONGEST_BAR, width);
  const full = Math.floor(share * length);
  return [span("  "), span("━".repeat(full), "green"), span("╌".repeat(length - full), "dim")];
}

function amountOf(running: Running, now: number): string {
  if (running.items !== undefined) return `${formatCount(countReady(running))}/${formatCount(running.items)}`;
  // Whole seconds: tenths would only flicker.
  return formatDuration(Math.max(1000, Math.floor((now - running.startedAt) / 1000) * 1000)).replace(
    /^(\d)\.0 s$/,
    "$1 s",
  );
}

function rateText(running: Running, now: number): string {
  const rate = rateOf(running, now);
  if (rate === undefined) return "";
  if (rate >= 0.95) return `${rate < 9.95 ? rate.toFixed(1) : formatCount(rate)}/s`;
  return rate * 60 >= 0.95 ? `${(rate * 60).toFixed(1)}/min` : `${(rate * 3600).toFixed(1)}/h`;
}

function remainingText(running: Running, now: number): string {
  const left = remainingMs(running, now);
  return left === undefined ? "" : `${formatRoughDuration(left)} left`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
