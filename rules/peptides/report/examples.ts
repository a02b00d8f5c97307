/** Example peptides of each arm, their residues coloured by charge and oiliness (the letters say the same). */
import type { Html } from "./markup.ts";
import { html, table } from "./markup.ts";
import type { Example, Metric, Summary } from "./summary.ts";
import { counted, decimalsOf, fixed, labelOf, withUnit } from "./words.ts";

/** The examples of further arms are folded. */
const SHOWN_ARMS = 4;

export function examplesSection(summary: Summary): Html {
  const arms = summary.examples.filter(({ peptides }) => peptides.length > 0);
  if (arms.length === 0) return html`<p>No peptide met the rule for examples.</p>`;
  const metrics = summary.metrics.filter(({ primary }) => primary);
  const headings = ["Peptide", "Sequence", ...metrics.map(({ label, unit }) => ({ n: withUnit(label, unit === "" ? "" : `(${unit})`) })), { n: "nearest known" }, { n: "seed" }]; // prettier-ignore
  const legend = html`<p class="legend muted">
    ${summary.methods.examples} Residues: <span class="p">positive</span>, <span class="m">negative</span>,
    <span class="o">hydrophobic</span>. “Nearest known” is the likeness to the closest known peptide: 1 less the edit
    distance as a share of the longer one.
  </p>`;
  const tables = arms.map(({ arm, peptides }) =>
    table(
      `Examples of ${labelOf(summary, arm)}`,
      headings,
      peptides.map(({ id, sequence, seed, nearestSimilarity, values }) => [
        id,
        { wide: sequenceHtml(sequence) },
        ...metrics.map((metric) => ({ n: exampleValue(metric, values) })),
        { n: nearestText(nearestSimilarity) },
        { n: String(seed) },
      ]),
      "peptides",
    ),
  );
  const folded = tables.slice(SHOWN_ARMS);
  return html`${legend}${tables.slice(0, SHOWN_ARMS)}${
    folded.length === 0
      ? null
      : html`<details>
          <summary>${counted(folded.length, "more arm")}</summary>
          ${folded}
        </details>`
  }`;
}

/** With the decimals of the metric's other numbers. */
export function exampleValue(metric: Metric, values: Example["values"]): string {
  const value = values[metric.id] ?? null;
  return value === null ? "–" : fixed(value, decimalsOf(metric));
}

export function nearestText(similarity: number | null): string {
  return similarity === null ? "–" : `${fixed(100 * similarity, 1)} %`;
}

const CLASSES = { KRH: "p", DE: "m", AILMFWVYC: "o" } as const;

/** Runs of one class share a span, which keeps the file small. */
export function sequenceHtml(sequence: string): Html {
  const runs = sequence.match(/[KRH]+|[DE]+|[AILMFWVYC]+|[^KRHDEAILMFWVYC]+/g) ?? [];
  const parts = runs.map((run) => {
    const name = Object.entries(CLASSES).find(([letters]) => letters.includes(run[0]!))?.[1];
    return name === undefined ? html`${run}` : html`<span class="${name}">${run}</span>`;
  });
  return html`<span class="seq">${parts}</span>`;
}
