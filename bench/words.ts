// Numbers as the pages write them.

import type { Part } from "./figures.ts";

export function wordNumber(value: number): string {
  if (value === 0) return "0";
  // From here on two digits would need an exponent.
  return Math.abs(value) >= 99.5 ? Math.round(value).toLocaleString("en") : value.toPrecision(2);
}

/** A count, whole. */
export function wordCount(value: number): string {
  return Math.round(value).toLocaleString("en");
}

export function wordSeconds(seconds: number): string {
  return seconds < 1
    ? `${Math.round(seconds * 1000)} ms`
    : seconds < 10
      ? `${seconds.toFixed(1)} s`
      : `${Math.round(seconds).toLocaleString("en")} s`;
}

/** Seconds that may be millionths: `4.2 µs`. */
export function wordShortTime(seconds: number): string {
  const us = seconds * 1e6;
  if (Math.abs(us) < 1000) return `${wordNumber(us)} µs`;
  return Math.abs(us) < 1e6 ? `${wordNumber(us / 1000)} ms` : `${wordNumber(seconds)} s`;
}

export function wordMinutes(seconds: number): string {
  return seconds < 7200 ? `${wordNumber(seconds / 60)} min` : `${wordNumber(seconds / 3600)} h`;
}

export function wordBytes(bytes: number): string {
  const kib = bytes / 1024;
  if (Math.abs(kib) < 1) return `${Math.round(bytes)} B`;
  if (Math.abs(kib) < 1024) return `${wordNumber(kib)} KiB`;
  return kib < 1024 ** 2 ? `${wordNumber(kib / 1024)} MiB` : `${wordNumber(kib / 1024 ** 2)} GiB`;
}

/** Where and when, below each table. */
export function wordPart({ machine, date, commit, load, minutes }: Part): string {
  return `${machine}, ${date}, commit ${commit}, load ${load.toFixed(1)} at the start, ${minutes.toFixed(1)} minutes.`;
}

export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map((_, i) => (i === 0 ? " --- |" : " ---: |")).join("")}`, ...rows.map(line)].join(
    "\n",
  );
}
