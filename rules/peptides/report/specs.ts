/** Vega-Lite specs from plain numbers. Drawn about 390 units wide, so that a phone shows them at full size. */
import type { TopLevelSpec } from "vega-lite";
import { PALETTE } from "./palette.ts";
import { LABEL_LIMIT, LABEL_SIZE } from "./svg.ts";
import { textWidth } from "./text-width.ts";

export type Group = { readonly label: string; readonly control: boolean; readonly values: readonly number[] };
export type SpreadGroup = Group & { readonly seedMeans: readonly number[] };
type Quantiles = readonly [number, number, number, number, number];

export type DifferencePanel = {
  readonly title: string;
  readonly rows: readonly { label: string; difference: number; low: number; high: number; shown: boolean }[];
};

/** Of a whole figure, labels included: so text has one size in all of them. */
const FIGURE_WIDTH = 370;
const LABEL_PADDING = 8;
const ROW = 30;

/** What the labels of rows leave for the plot. */
function plotWidth(labels: readonly string[]): number {
  const widest = Math.max(...labels.map((label) => textWidth(label, LABEL_SIZE)));
  return Math.floor(FIGURE_WIDTH - LABEL_PADDING - Math.min(widest, LABEL_LIMIT));
}

const color = (name: keyof typeof PALETTE): string => PALETTE[name].light;
const rowsAxis = { field: "label", type: "nominal", sort: null, title: null, axis: { domain: false, ticks: false, labelPadding: LABEL_PADDING } } as const; // prettier-ignore
const byControl = (arm: string, control: string) => ({
  condition: { test: "datum.control", value: control },
  value: arm,
});

export function differencesSpec(panels: readonly DifferencePanel[]): TopLevelSpec {
  const byShown = (shown: string, other: string) => ({
    condition: { test: "datum.shown", value: shown },
    value: other,
  });
  const width = plotWidth(panels.flatMap(({ rows }) => rows.map(({ label }) => label)));
  return {
    spacing: 18,
    vconcat: panels.map(({ title, rows }, panel) => {
      const xTitle = panel === panels.length - 1 ? "difference from the control" : null;
      const x = (field: string) => ({ field, type: "quantitative", title: xTitle, axis: { tickCount: 4 } }) as const;
      return {
        title,
        width,
        height: { step: ROW - 4 },
        data: { values: rows.map((row) => ({ ...row })) },
        layer: [
          { mark: { type: "rule", color: color("zero"), strokeDash: [4, 3] }, encoding: { x: { datum: 0 } } },
          {
            mark: { type: "rule", strokeWidth: 2.5, strokeCap: "round" },
            encoding: {
              y: rowsAxis,
              x: x("low"),
              x2: { field: "high" },
              color: byShown(color("signal"), color("control")),
            },
          },
          {
            mark: { type: "point", size: 70, strokeWidth: 2, opacity: 1 },
            encoding: {
              y: rowsAxis,
              x: x("difference"),
              stroke: byShown(color("signal"), color("control")),
              fill: byShown(color("signal"), color("paper")),
            },
          },
        ],
      };
    }),
  };
}

export function spreadSpec(
  axis: string,
  groups: readonly (SpreadGroup & { readonly quantiles: Quantiles })[],
): TopLevelSpec {
  const bands = groups.map(({ label, control, quantiles: [q05, q25, q50, q75, q95] }) => ({
    label,
    control,
    q05,
    q25,
    q50,
    q75,
    q95,
  }));
  const seeds = groups.flatMap(({ label, control, seedMeans }) => seedMeans.map((mean) => ({ label, control, mean })));
  const x = (field: string) =>
    ({ field, type: "quantitative", title: axis, scale: { zero: false }, axis: { tickCount: 4 } }) as const;
  return {
    width: plotWidth(groups.map(({ label }) => label)),
    height: { step: ROW + 4 },
    data: { values: bands },
    encoding: { y: rowsAxis },
    layer: [
      {
        mark: { type: "rule", strokeWidth: 1.5, yOffset: -6 },
        encoding: { x: x("q05"), x2: { field: "q95" }, color: byControl(color("accent"), color("control")) },
      },
      {
        mark: { type: "rule", strokeWidth: 8, yOffset: -6 },
        encoding: { x: x("q25"), x2: { field: "q75" }, color: byControl(color("accentSoft"), color("controlSoft")) },
      },
      {
        mark: { type: "tick", thickness: 2.5, size: 14, yOffset: -6 },
        encoding: { x: x("q50"), color: byControl(color("accent"), color("control")) },
      },
      {
        data: { values: seeds },
        mark: { type: "point", filled: true, size: 26, opacity: 0.85, yOffset: 8 },
        encoding: { x: x("mean"), color: byControl(color("accent"), color("control")) },
      },
    ],
  };
}

export function histogramSpec(
  axis: string,
  wholeNumbers: boolean,
  groups: readonly Group[],
  reference: readonly number[] | null,
): TopLevelSpec {
  const edges = binEdges([...groups.flatMap(({ values }) => values), ...(reference ?? [])], wholeNumbers);
  const behind = reference === null ? [] : shares(reference, edges);
  const panels = groups.map(({ label, control, values }) => ({ label, control, bins: shares(values, edges) }));
  const highest = Math.max(...[...panels.map(({ bins }) => bins), behind].flat().map(({ share }) => share));
  const y = {
    field: "share",
    type: "quantitative",
    title: null,
    scale: { domain: [0, highest] as number[], nice: false },
    axis: {
      values: shareTicks(highest),
      labelExpr: "format(100 * datum.value, '~g') + ' %'",
      labelOverlap: false,
      labelPadding: 5,
      domain: false,
      ticks: false,
    },
  } as const;
  return {
    spacing: 10,
    vconcat: panels.map(({ label, control, bins }, panel) => {
      const x = {
        field: "x",
        type: "quantitative",
        title: panel === panels.length - 1 ? axis : null,
        scale: { domain: [edges[0]!, edges[edges.length - 1]!] as number[], nice: false },
        axis: { tickCount: 6, grid: false, labels: panel === panels.length - 1, ticks: panel === panels.length - 1 },
      } as const;
      return {
        title: { text: label, fontWeight: "normal", fontSize: 12, offset: 2 },
        width: FIGURE_WIDTH - SHARE_AXIS,
        height: 56,
        layer: [
          {
            data: { values: behind.map((bin) => ({ ...bin })) },
            mark: { type: "area", interpolate: "step-after", color: color("controlSoft"), opacity: 1 },
            encoding: { x, y },
          },
          {
            data: { values: bins.map((bin) => ({ ...bin })) },
            mark: {
              type: "line",
              interpolate: "step-after",
              strokeWidth: 1.75,
              color: color(control ? "control" : "accent"),
            },
            encoding: { x, y },
          },
        ],
      };
    }),
  };
}

/** Room for the labels of the axis of shares. */
const SHARE_AXIS = 36;

/** 0 and one or two round shares below the highest: enough to compare the rows by. */
function shareTicks(highest: number): number[] {
  const step = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01].find((candidate) => candidate <= highest) ?? highest;
  return Array.from({ length: Math.floor(highest / step + 1e-9) + 1 }, (_, i) => i * step);
}

type Bin = { readonly x: number; readonly share: number };

/** The share of values in each bin; the last edge is repeated at 0 so that a step line comes down. */
function shares(values: readonly number[], edges: readonly number[]): Bin[] {
  const counts = edges.map(() => 0);
  const width = edges[1]! - edges[0]!;
  for (const value of values) {
    const bin = Math.floor((value - edges[0]!) / width);
    counts[Math.min(Math.max(bin, 0), edges.length - 2)]! += 1;
  }
  return edges.map((x, index) => ({ x, share: index === edges.length - 1 ? 0 : counts[index]! / values.length }));
}

const MAX_BINS = 40;

/** At most 40 equal bins of a round width that cover all values. */
function binEdges(values: readonly number[], wholeNumbers: boolean): number[] {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const width = roundUp((high - low) / MAX_BINS, wholeNumbers);
  const first = Math.floor(low / width);
  const last = Math.floor(high / width) + 1;
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * width).toPrecision(12)));
}

/** The next 1, 2 or 5 times a power of ten. */
function roundUp(width: number, wholeNumbers: boolean): number {
  if (width <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(width));
  const round = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= width * 0.999999)!;
  return wholeNumbers ? Math.max(1, Math.ceil(round)) : round;
}
