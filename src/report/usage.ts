// The text of `exp status --usage`: what the actions behind each target took of their machines, beside what they were given.

import { countOf, formatBytes, formatDuration } from "./amounts.ts";
import { alignRows } from "./columns.ts";
import type { Palette } from "./palette.ts";
import { oneLine, paint, span } from "./text.ts";

/** Of all actions behind a target's present outputs that were measured. */
export interface UsageRow {
  readonly target: string;
  readonly actions: number;
  /** Milliseconds, all of them one after the other. */
  readonly tookMs: number;
  readonly cpuMs: number;
  /** The most that one of them held; null: none ran long enough to be looked at. */
  readonly peakMiB: number | null;
  /** Mean over their time on GPUs; null: none was seen. */
  readonly gpuPercent: number | null;
  readonly gpuMiB: number | null;
  /** What one of them asked for. */
  readonly asked: { readonly cpu?: number; readonly memory?: number; readonly gpu?: number };
}

const mebibyte = 2 ** 20;

export function renderUsage(rows: readonly UsageRow[], palette: Palette): string[] {
  if (rows.length === 0) return ["nothing was measured yet: exp measures what it runs from now on"];
  const cells = rows.map(({ target, actions, tookMs, cpuMs, peakMiB, gpuPercent, gpuMiB, asked }) => [
    oneLine(target),
    countOf(actions, "action"),
    formatDuration(tookMs),
    formatDuration(cpuMs),
    `${(tookMs === 0 ? 0 : cpuMs / tookMs).toFixed(2)} of ${asked.cpu ?? 1}`,
    peakMiB === null ? "" : formatBytes(peakMiB * mebibyte),
    asked.memory === undefined ? "" : formatBytes(asked.memory * mebibyte),
    gpuPercent === null ? "" : `${Math.round(gpuPercent)} % of ${asked.gpu ?? 1}`,
    gpuMiB === null ? "" : formatBytes(gpuMiB * mebibyte),
  ]);
  const head = ["target", "", "took", "processor", "cores", "memory", "given", "GPU", "its memory"];
  // A heading over an empty column would keep it alive.
  const shown = head.map((name, column) => (cells.some((row) => row[column] !== "") ? name : ""));
  const lines = alignRows(
    [shown.map((name) => span(name, "dim")), ...cells.map((row) => row.map((cell) => span(cell)))],
    { right: [1, 2, 3, 4, 5, 6, 7, 8] },
  );
  return lines.map((line) => paint(line, palette));
}
