/** The results: one table a metric, estimates beside paired differences. Metrics that were not primary stand folded. */
import { html, table } from "./markup.ts";
import type { Cell, Html } from "./markup.ts";
import type { Metric, PairedDifference, Summary } from "./summary.ts";
import { count, decimalsOf, fixed, labelOf, pValue, range, READING_WORDS, reading, withUnit } from "./words.ts";

export function comparisons(summary: Summary): Html {
  const primary = summary.metrics.filter((metric) => metric.primary);
  const others = summary.metrics.filter((metric) => !metric.primary);
  return html`${primary.map((metric) => metricHtml(summary, metric))}${
    others.length === 0
      ? null
      : html`<details>
          <summary>${others.length} more metrics, for exploration</summary>
          <p>These were not declared as primary. With this many comparisons some look different by chance.</p>
          ${others.map((metric) => metricHtml(summary, metric))}
        </details>`
  }`;
}

function metricHtml(summary: Summary, metric: Metric): Html {
  const decimals = decimalsOf(metric);
  const rows = metric.perArm.map((estimate) => {
    const paired = metric.paired.find(({ arm }) => arm === estimate.arm);
    const { mean, low, high, nSeeds, nPeptides } = estimate;
    return [
      labelOf(summary, estimate.arm),
      rangeCell({ value: mean, low, high }, decimals),
      ...differenceCells(summary, paired, decimals),
      { n: count(nSeeds) },
      { n: count(nPeptides) },
    ];
  });
  const wanted = { higher: "Higher is wanted.", lower: "Lower is wanted.", neither: "" }[metric.better];
  const caption = `${withUnit(metric.label, metric.unit === "" ? "" : `(${metric.unit})`)} by arm, judged by ${metric.judge}`;
  const headings = [
    "Arm",
    { n: "Mean" },
    { n: "Difference from control" },
    { n: "adjusted p" },
    "Reading",
    { n: "effect" },
    { n: "seeds" },
    { n: "peptides" },
  ];
  return html`<h3>${metric.label}</h3>
    <p>${metric.description} ${wanted}</p>
    ${table(caption, headings, rows, "results")}`;
}

function differenceCells(summary: Summary, paired: PairedDifference | undefined, decimals: number): Cell[] {
  if (paired === undefined) return [{ n: html`<span class="tag">control</span>` }, { n: "" }, "", { n: "" }];
  const { difference, low, high, pAdjusted, effect } = paired;
  const read = reading(paired, summary.level);
  const words = READING_WORDS[read];
  return [
    rangeCell({ value: difference, low, high }, decimals),
    { n: pValue(pAdjusted) },
    read === "higher" || read === "lower" ? html`<span class="shown">${words}</span>` : words,
    { n: effect === null ? "–" : fixed(effect, 2) },
  ];
}

function rangeCell(numbers: Parameters<typeof range>[0], decimals: number): Cell {
  const { value, interval } = range(numbers, decimals);
  return { n: html`${value} <span class="range">${interval}</span>` };
}
