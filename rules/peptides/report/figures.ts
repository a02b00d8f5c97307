/** The figures of the report: each from plain numbers, with a title, a caption that says how to read it, and alt text. */
import { differencesSpec, histogramSpec, spreadSpec } from "./specs.ts";
import type { Group, SpreadGroup } from "./specs.ts";
import { svgOf } from "./svg.ts";
import type { Metric, Summary } from "./summary.ts";
import {
  controlOf,
  decimalsOf,
  fixed,
  labelOf,
  number,
  percent,
  range,
  reading,
  READING_WORDS,
  withUnit,
} from "./words.ts";

export type Figure = {
  /** Letters, digits and dashes; names the file and the place in the page. */
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  /** What the figure shows, for who cannot see it. */
  readonly alt: string;
  readonly svg: string;
};

/** Values of one arm, for a figure. */
export type ArmValues = { readonly arm: string; readonly values: readonly number[] };

/** Forest plot of the paired differences: one panel a metric, each with its own scale. Null when nothing can be compared. */
export async function differencesFigure(summary: Summary, metrics: readonly Metric[]): Promise<Figure | null> {
  const panels = metrics
    .map((metric) => ({
      title: withUnit(metric.label, metric.unit === "" ? "" : `(${metric.unit})`),
      decimals: decimalsOf(metric),
      rows: metric.paired.flatMap(({ arm, difference, low, high, ...paired }) => {
        if (difference === null || low === null || high === null) return [];
        const read = reading({ arm, difference, low, high, ...paired }, summary.level);
        return [
          { label: labelOf(summary, arm), difference, low, high, shown: read === "higher" || read === "lower", read },
        ];
      }),
    }))
    .filter((panel) => panel.rows.length > 0);
  if (panels.length === 0) return null;
  const title = "Differences from the control";
  const control = controlOf(summary).label;
  const alt = panels
    .map(({ title, rows, decimals }) => {
      const said = rows.map(
        (row) =>
          `${row.label} ${Object.values(range({ value: row.difference, low: row.low, high: row.high }, decimals)).join(" ")}, ${READING_WORDS[row.read]}`,
      );
      return `${title}: ${said.join("; ")}.`;
    })
    .join(" ");
  return {
    id: "differences",
    title,
    caption: `Arm minus control (${control}), paired by seed. Lines are ${percent(summary.level)} intervals; the dashed line is no difference. Filled points: a difference is shown after correction. Open points: none is shown.`,
    alt,
    svg: await svgOf("differences", differencesSpec(panels), { title, description: alt }),
  };
}

/** How a metric spreads over the peptides of each arm, and where the seeds' means lie. */
export async function spreadFigure(
  summary: Summary,
  metric: Metric,
  arms: readonly (ArmValues & { readonly seedMeans: readonly number[] })[],
): Promise<Figure | null> {
  const groups = arms
    .filter(({ values }) => values.length > 0)
    .map(({ arm, values, seedMeans }): SpreadGroup => ({
      label: labelOf(summary, arm),
      control: isControl(summary, arm),
      values,
      seedMeans,
    }));
  if (groups.length === 0) return null;
  const id = `spread-${slug(metric.id)}`;
  const title = `${metric.label}: spread over peptides`;
  const decimals = decimalsOf(metric);
  const alt = `${groups
    .map(({ label, values }) => {
      const [q05, , q50, , q95] = quantiles(values).map((value) => fixed(value, decimals));
      return `${label}: median ${q50!}, 90 % of peptides from ${q05!} to ${q95!}`;
    })
    .join("; ")}.`;
  const spec = spreadSpec(withUnit(metric.label, metric.unit === "" ? "" : `(${metric.unit})`), groups.map((group) => ({ ...group, quantiles: quantiles(group.values) }))); // prettier-ignore
  return {
    id,
    title,
    caption:
      "Thin line: the middle 90 % of peptides; thick line: the middle half; tick: median. Points: the mean of each seed, which is what the comparisons use.",
    alt,
    svg: await svgOf(id, spec, { title, description: alt }),
  };
}

/** A property of the peptides, arm by arm, over the same property of the reference peptides. */
export async function histogramFigure(
  summary: Summary,
  about: { readonly id: string; readonly title: string; readonly axis: string; readonly wholeNumbers?: boolean },
  arms: readonly ArmValues[],
  reference: { readonly label: string; readonly values: readonly number[] } | null,
): Promise<Figure | null> {
  const groups = arms
    .filter(({ values }) => values.length > 0)
    .map(({ arm, values }): Group => ({ label: labelOf(summary, arm), control: isControl(summary, arm), values }));
  if (groups.length === 0) return null;
  const behind = reference === null || reference.values.length === 0 ? null : reference;
  const medians = groups.map(({ label, values }) => `${label} ${number(quantiles(values)[2])}`);
  if (behind !== null) medians.push(`${behind.label} ${number(quantiles(behind.values)[2])}`);
  const alt = `Medians: ${medians.join("; ")}.`;
  return {
    id: slug(about.id),
    title: about.title,
    caption: `Share of peptides in each bin, on one scale for all rows.${behind === null ? "" : ` Shaded: ${behind.label}.`}`,
    alt,
    svg: await svgOf(
      slug(about.id),
      histogramSpec(about.axis, about.wholeNumbers ?? false, groups, behind?.values ?? null),
      {
        title: about.title,
        description: alt,
      },
    ),
  };
}

/** The 5, 25, 50, 75 and 95 % points, by linear interpolation (type 7 of Hyndman and Fan 1996). */
function quantiles(values: readonly number[]): [number, number, number, number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (fraction: number): number => {
    const place = fraction * (sorted.length - 1);
    const below = Math.floor(place);
    const next = sorted[Math.min(below + 1, sorted.length - 1)]!;
    return sorted[below]! + (place - below) * (next - sorted[below]!);
  };
  return [at(0.05), at(0.25), at(0.5), at(0.75), at(0.95)];
}

function isControl(summary: Summary, arm: string): boolean {
  return controlOf(summary).id === arm;
}

function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
