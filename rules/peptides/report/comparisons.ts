/** The results: one table a metric, estimates beside paired differences. Metrics that were not primary stand folded. */
import { html, table } from "./markup.ts";
import type { Cell, Html } from "./markup.ts";
import type { Estimate, Metric, PairedDifference, Summary } from "./summary.ts";
import { count, fixed, labelOf, pValue, range, READING_WORDS, reading, withUnit } from "./words.ts";

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
  const rows = metric.perArm.map((estimate) => {
    const paired = metric.paired.find(({ arm }) => arm === estimate.arm);
    return [labelOf(summary, estimate.arm), ...estimateCells(estimate), ...differenceCells(summary, paired)];
  });
  const wanted = { higher: "Higher is wanted.", lower: "Lower is wanted.", neither: "" }[metric.better];
  const caption = `${withUnit(metric.label, metric.unit === "" ? "" : `(${metric.unit})`)} by arm, judged by ${metric.judge}`;
  const headings = [
    "Arm",
    "Mean",
    "Difference from control",
    { n: "adjusted p" },
    "Reading",
    { n: "effect" },
    { n: "seeds" },
    { n: "peptides" },
  ];
  const reordered = rows.map(([arm, mean, seeds, peptides, ...rest]) => [arm!, mean!, ...rest, seeds!, peptides!]);
  return html`<h3>${metric.label}</h3>
    <p>${metric.description} ${wanted}</p>
    ${table(caption, headings, reordered, "results")}`;
}

function estimateCells({ mean, low, high, nSeeds, nPeptides }: Estimate): Cell[] {
  return [rangeHtml(mean, low, high), { n: count(nSeeds) }, { n: count(nPeptides) }];
}

function differenceCells(summary: Summary, paired: PairedDifference | undefined): Cell[] {
  if (paired === undefined) return [html`<span class="tag">control</span>`, { n: "" }, "", { n: "" }];
  const { difference, low, high, pAdjusted, effect } = paired;
  const read = reading(paired, summary.level);
  const words = READING_WORDS[read];
  return [
    rangeHtml(difference, low, high),
    { n: pValue(pAdjusted) },
    read === "higher" || read === "lower" ? html`<span class="shown">${words}</span>` : words,
    { n: effect === null ? "–" : fixed(effect, 2) },
  ];
}

function rangeHtml(value: number | null, low: number | null, high: number | null): Html {
  const text = range({ value, low, high });
  return html`${text.value} <span class="range">${text.interval}</span>`;
}
