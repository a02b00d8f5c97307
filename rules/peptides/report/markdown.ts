/** `report.md`: the same report for a repository, a pull request or a notebook. Figures are files beside it. */
import { escapeMarkdown as escape } from "./escape.ts";
import { exampleValue, nearestText } from "./examples.ts";
import type { Figure } from "./figures.ts";
import { findingSentences } from "./finding.ts";
import { limitsOf } from "./limits.ts";
import { predictionEvidence, predictionsNote, predictionTitle } from "./predictions.ts";
import type { Metric, Summary } from "./summary.ts";
import {
  count,
  decimalsOf,
  labelOf,
  numericSettings,
  percent,
  pValue,
  range,
  READING_WORDS,
  reading,
  withUnit,
  samplerLabel,
} from "./words.ts";

/** @param figurePath where the SVG of a figure lies, seen from the report: `(id) => "figures/" + id + ".svg"` */
export function reportMarkdown(
  summary: Summary,
  figures: readonly Figure[],
  figurePath: (id: string) => string,
): string {
  const { notes, methods } = summary;
  const blocks = [
    `# ${escape(summary.title)}`,
    notes === null ? "" : escape(notes.what),
    "## Finding",
    findingSentences(summary).map(escape).join(" "),
    ...question(summary),
    "## Arms",
    armsTable(summary),
    "## Results",
    `Means over seeds and differences from the control paired by seed, with ${percent(summary.level)} intervals.`,
    ...summary.metrics.flatMap((metric) => metricBlocks(summary, metric)),
    ...(figures.length === 0 ? [] : ["## Figures"]),
    ...figures.flatMap((figure) => [
      `### ${escape(figure.title)}`,
      `![${escape(figure.alt)}](<${figurePath(figure.id).replace(/[<>\n]/g, "")}>)`,
      escape(figure.caption),
    ]),
    "## Example peptides",
    escape(methods.examples),
    ...summary.examples.map((arm) => examplesTable(summary, arm)),
    "## What was rejected, and why",
    `${count(summary.prepare.kept)} of ${count(summary.prepare.read)} rows of the sources were kept. A value that could not be computed is left out and counted here; it is never replaced by 0.`,
    rejectedTable(summary),
    ...(summary.prepare.read > summary.prepare.kept
      ? [
          "`exp show prepare.rejects` lists every row that was left out, with its source, its place there and the reason.",
        ]
      : []),
    "## Methods",
    bullets([
      `${samplerLabel(summary)}: ${methods.sampler}`,
      `Unit of analysis: the seed (${summary.seeds.length}: ${summary.seeds.join(", ")})`,
      `Intervals: ${methods.interval}`,
      `Test: ${methods.test}`,
      `Several comparisons: ${methods.correction}`,
      ...(methods.effect === null ? [] : [`Effect size: ${methods.effect}`]),
      ...methods.notes,
    ]),
    "## Limits",
    bullets(limitsOf(summary)),
    "## Data",
    table(["Name", "File", "Rows", "Licence", "Source"], summary.data.map(({ name, file, rows, licence, source }) => [name, file, count(rows), licence, source])), // prettier-ignore
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function question(summary: Summary): string[] {
  const { notes, predictions } = summary;
  if (notes === null && predictions.length === 0) return [];
  const written =
    notes === null
      ? []
      : [`**Why.** ${escape(notes.why)}`, `**Hypothesis.** ${escape(notes.hypothesis ?? "none was written")}`];
  const listed = predictions.map(
    (prediction) =>
      `- **${prediction.verdict}**: ${escape(`${predictionTitle(summary, prediction)}. ${predictionEvidence(summary, prediction)}`)}`,
  );
  return [
    "## Question",
    ...written,
    ...(listed.length === 0
      ? ["No prediction that could be checked was declared."]
      : ["**Predictions.**", listed.join("\n"), escape(predictionsNote(summary))]),
  ];
}

function armsTable(summary: Summary): string {
  const settings = [...new Set(summary.arms.flatMap((arm) => Object.keys(arm.settings)))];
  const columns = settings.map((name) => numericSettings(summary.arms, name));
  const rows = summary.arms.map((arm, row) => {
    const counts = summary.counts.find((item) => item.arm === arm.id);
    const numbers = [counts?.peptides, counts?.duplicates, counts?.invalid, counts?.novel];
    return [
      arm.control ? `${arm.label} (control)` : arm.label,
      ...settings.map((name, i) => columns[i]?.[row] ?? String(arm.settings[name] ?? "–")),
      ...numbers.map((value) => (value === undefined || value === null ? "–" : count(value))),
    ];
  });
  return table(["Arm", ...settings, "peptides", "duplicates", "invalid", "novel"], rows);
}

function metricBlocks(summary: Summary, metric: Metric): string[] {
  const decimals = decimalsOf(metric);
  const rows = metric.perArm.map((estimate) => {
    const paired = metric.paired.find(({ arm }) => arm === estimate.arm);
    return [
      labelOf(summary, estimate.arm),
      rangeText({ value: estimate.mean, low: estimate.low, high: estimate.high }, decimals),
      paired === undefined
        ? "control"
        : rangeText({ value: paired.difference, low: paired.low, high: paired.high }, decimals),
      paired === undefined ? "" : pValue(paired.pAdjusted),
      paired === undefined ? "" : READING_WORDS[reading(paired, summary.level)],
      count(estimate.nSeeds),
      count(estimate.nPeptides),
    ];
  });
  const heading = `### ${escape(withUnit(metric.label, metric.unit === "" ? "" : `(${metric.unit})`))}${metric.primary ? "" : ", exploratory"}`;
  return [heading, escape(metric.description), table(["Arm", "Mean", "Difference from control", "adjusted p", "Reading", "seeds", "peptides"], rows)]; // prettier-ignore
}

function rangeText(numbers: Parameters<typeof range>[0], decimals: number): string {
  const text = range(numbers, decimals);
  return `${text.value} ${text.interval}`;
}

function examplesTable(summary: Summary, { arm, peptides }: Summary["examples"][number]): string {
  if (peptides.length === 0) return "";
  const metrics = summary.metrics.filter(({ primary }) => primary);
  const rows = peptides.map(({ id, sequence, nearestSimilarity, values }) => [
    id,
    sequence,
    ...metrics.map((metric) => exampleValue(metric, values)),
    nearestText(nearestSimilarity),
  ]);
  return table([labelOf(summary, arm), "Sequence", ...metrics.map(({ label }) => label), "nearest known"], rows);
}

function rejectedTable(summary: Summary): string {
  const rows = [
    ...summary.prepare.rejected.map(({ reason, count: rows }) => [reason, "prepare", count(rows)]),
    ...summary.counts.filter(({ invalid }) => invalid > 0).map(({ arm, invalid }) => [`invalid sequence, ${labelOf(summary, arm)}`, "generate", count(invalid)]), // prettier-ignore
    ...summary.metrics.flatMap(({ label, judge, notApplicable }) =>
      notApplicable.map(({ reason, count: peptides }) => [`${label}: ${reason}`, `judge ${judge}`, count(peptides)]),
    ),
  ];
  return rows.length === 0 ? "" : table(["Reason", "Where", "Count"], rows);
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(" | ")} |`;
  return [line(headings), `|${" --- |".repeat(headings.length)}`, ...rows.map(line)].join("\n");
}

function bullets(items: readonly string[]): string {
  return items.map((item) => `- ${escape(item)}`).join("\n");
}
