/** What became of the declared predictions, in words: for the finding, the page and the Markdown. */
import { html } from "./markup.ts";
import type { Html } from "./markup.ts";
import type { Because, Prediction, Summary } from "./summary.ts";
import { count, counted, decimalsOf, labelOf, list, percent, pValue, range, withUnit } from "./words.ts";

/** Does the hypothesis hold? One to three sentences for the finding, no stronger than the verdicts. */
export function predictionSentences(summary: Summary): string[] {
  const { predictions, notes } = summary;
  if (predictions.length === 0) {
    return [
      notes === null || notes.hypothesis === null
        ? "Neither a hypothesis nor a prediction that could be checked was declared."
        : "The hypothesis came with no prediction that could be checked, so this report does not say whether it held.",
    ];
  }
  const verdicts = (["supported", "contradicted", "undecided"] as const).map((verdict) => {
    const found = predictions.filter((prediction) => prediction.verdict === verdict).length;
    return `${found === 0 ? "none" : count(found)} ${found > 1 ? "are" : "is"} ${verdict}`;
  });
  const contradicted = predictions.filter(({ verdict }) => verdict === "contradicted");
  const outOfReach = predictions.filter(({ because }) => because === "out-of-reach");
  return [
    `Of ${counted(predictions.length, "declared prediction")} ${list(verdicts)}.`,
    contradicted.length === 0
      ? ""
      : `Contradicted: ${contradicted.map((prediction) => predictionTitle(summary, prediction)).join("; ")}.`,
    outOfReach.length === 0
      ? ""
      : `${counted(outOfReach.length, "prediction")} could not have been decided by so few seeds, whatever the data.`,
  ].filter((sentence) => sentence !== "");
}

/** `Net charge of “composition” is within ±1 e of the control`. */
export function predictionTitle(summary: Summary, { metric: id, arm, against, direction, margin }: Prediction): string {
  const { label, unit } = metricOf(summary, id);
  const other = against === null ? "the control" : `“${labelOf(summary, against)}”`;
  const what =
    direction === "no difference"
      ? `within ±${withUnit(String(margin), unit)} of ${other}`
      : `${direction} than in ${other}`;
  return `${label} in “${labelOf(summary, arm)}” is ${what}`;
}

/** The numbers, and why they decide it or do not. */
export function predictionEvidence(summary: Summary, prediction: Prediction): string {
  const { metric: id, difference, low, high, pAdjusted, smallestPAdjusted, nSeeds, because } = prediction;
  const metric = metricOf(summary, id);
  const { value, interval } = range({ value: difference, low, high }, decimalsOf(metric));
  const reach = smallestPAdjusted === null ? "" : ` (${pValue(smallestPAdjusted)} at the smallest)`;
  const numbers =
    difference === null
      ? counted(nSeeds, "seed")
      : `Difference ${withUnit(`${value}\u00a0${interval}`, metric.unit)}, adjusted p ${pValue(pAdjusted)}${reach}, ${counted(nSeeds, "seed")}`;
  return `${numbers}. ${reasonOf(because, prediction)}`;
}

function reasonOf(because: Because, { direction }: Prediction): string {
  const equivalence = direction === "no difference";
  switch (because) {
    case "shown":
      return "The difference is shown after correction, and lies as predicted.";
    case "within":
      return "Differences as large as the margin are excluded on both sides, after correction.";
    case "opposite":
      return "The opposite is shown after correction.";
    case "beyond":
      return "A difference is shown after correction, and its interval lies beyond the margin.";
    case "not-comparable":
      return "Too few seeds have values, or the differences show no spread.";
    case "out-of-reach":
      return "With so few seeds and so many comparisons no data could have passed the correction.";
    case "interval":
      return equivalence
        ? "The interval reaches beyond the margin."
        : "The interval includes 0, which is no evidence for or against it.";
    case "correction":
      return equivalence
        ? "The interval lies within the margin, but the test does not pass the correction."
        : "The interval does not include 0, but the difference does not pass the correction.";
  }
}

/** Holds for every list of predictions; said below it. */
export function predictionsNote({ level, predictions }: Summary): string {
  const amongOthers = predictions.some(({ against }) => against !== null)
    ? "Comparisons of two arms of which neither is the control are corrected among themselves, not with the primary ones. "
    : "";
  return (
    `A prediction of a direction is decided by the interval (${percent(level)}) and the p corrected with all primary comparisons; ` +
    "one of no difference by two one-sided sign-flip tests against its margin, corrected among their kind. " +
    amongOthers +
    "The hypothesis in words may say more than its predictions: that part was not checked. " +
    "The report cannot know whether predictions were written before the data were seen; the history of the config can."
  );
}

export function predictionsHtml(summary: Summary): Html {
  return html`<h3>Predictions</h3>
    <ul class="predictions">
      ${summary.predictions.map(
        (prediction) =>
          html`<li>
            <b class="verdict ${prediction.verdict}">${prediction.verdict}</b>
            <p>${predictionTitle(summary, prediction)}.</p>
            <p class="muted">${predictionEvidence(summary, prediction)}</p>
          </li> `,
      )}
    </ul>
    <p class="muted">${predictionsNote(summary)}</p>`;
}

function metricOf(summary: Summary, id: string): Summary["metrics"][number] {
  return summary.metrics.find((metric) => metric.id === id)!;
}
