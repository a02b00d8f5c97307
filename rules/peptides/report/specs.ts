/** Vega-Lite specs from plain numbers. Drawn about 400 units wide, so that a phone shows them at full size. */
import type { TopLevelSpec } from "vega-lite";
import { PALETTE } from "./palette.ts";

export type Group = { readonly label: string; readonly control: boolean; readonly values: readonly number[] };
export type SpreadGroup = Group & { readonly seedMeans: readonly number[] };
type Quantiles = readonly [number, number, number, number, number];

export type DifferencePanel = {
  readonly title: string;
  readonly rows: readonly { label: string; difference: number; low: number; high: number; shown: boolean }[];
};

const WIDTH = 250;
const ROW = 30;

const color = (name: keyof typeof PALETTE): string => PALETTE[name].light;
const rowsAxis = { field: "label", type: "nominal", sort: null, title: null, axis: { domain: false, ticks: false, labelPadding: 8 } } as const; // prettier-ignore
const byControl = (arm: string, control: string) => ({
  condition: { test: "datum.control", value: control },
  value: arm,
});

export function differencesSpec(panels: readonly DifferencePanel[]): TopLevelSpec {
  return {
    spacing: 22,
    vconcat: panels.map(({ title, rows }) => ({
      title,
      width: WIDTH,
      height: { step: ROW - 4 },
      data: { values: rows.map((row) => ({ ...row })) },
      encoding: { y: rowsAxis },
      layer: [
        {
          mark: { type: "rule", color: color("zero"), strokeDash: [4, 3] },
          encoding: { x: { datum: 0, type: "quantitative" }, y: {} },
        },
        {
          mark: { type: "rule", strokeWidth: 2.5, strokeCap: "round" },
          encoding: {
            x: {
              field: "low",
              type: "quantitative",
              title: "difference from control",
              axis: { tickCount: 5, grid: true },
              scale: { zero: true },
            },
            x2: { field: "high" },
            color: { condition: { test: "datum.shown", value: color("signal") }, value: color("control") },
          },
        },
        {
          mark: { type: "point", size: 70, strokeWidth: 2, opacity: 1 },
          encoding: {
            x: { field: "difference", type: "quantitative" },
            stroke: { condition: { test: "datum.shown", value: color("signal") }, value: color("control") },
            fill: { condition: { test: "datum.shown", value: color("signal") }, value: color("paper") },
          },
        },
      ],
    })),
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
    ({ field, type: "quantitative", title: axis, scale: { zero: false }, axis: { tickCount: 5 } }) as const;
  return {
    width: WIDTH,
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
  const rows = groups.flatMap(({ label, control, values }) =>
    shares(values, edges).map((bin, index) => ({ label, control, ...bin, reference: behind[index]?.share ?? 0 })),
  );
  const x = { field: "x", type: "quantitative", title: axis, scale: { nice: false, zero: false }, axis: { tickCount: 6, grid: false } } as const; // prettier-ignore
  const noAxis = { axis: null, scale: { zero: true, nice: false } } as const;
  return {
    data: { values: rows },
    facet: {
      row: {
        field: "label",
        type: "nominal",
        sort: null,
        title: null,
        header: { labelAngle: 0, labelOrient: "top", labelAnchor: "start", labelPadding: 2 },
      },
    },
    spacing: 4,
    spec: {
      width: 370,
      height: 44,
      layer: [
        {
          mark: { type: "area", interpolate: "step-after", color: color("controlSoft"), opacity: 1 },
          encoding: { x, y: { field: "reference", type: "quantitative", ...noAxis } },
        },
        {
          mark: { type: "line", interpolate: "step-after", strokeWidth: 1.75, color: color("accent") },
          encoding: { x, y: { field: "share", type: "quantitative", ...noAxis } },
        },
      ],
    },
  };
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
