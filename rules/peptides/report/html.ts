/** `report.html`: the whole report in one file that loads nothing. Equal input gives equal bytes: there is no clock. */
import { comparisons } from "./comparisons.ts";
import { examplesSection } from "./examples.ts";
import type { Figure } from "./figures.ts";
import { findingSentences } from "./finding.ts";
import { limitsOf } from "./limits.ts";
import { type Cell, Html, html, table } from "./markup.ts";
import { predictionsHtml } from "./predictions.ts";
import { STYLE } from "./style.ts";
import type { Arm, Summary } from "./summary.ts";
import { count, labelOf, numericSettings, percent, samplerLabel } from "./words.ts";

export function reportHtml(summary: Summary, figures: readonly Figure[]): string {
  const { title, notes, level } = summary;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          ${notes === null ? null : html`<p class="muted">${notes.what}</p>`}
        </header>
        <main>
          <section class="finding" aria-labelledby="finding">
            <h2 id="finding">Finding</h2>
            <p>${findingSentences(summary).join(" ")}</p>
          </section>
          ${facts(summary)}
          ${notes === null && summary.predictions.length === 0 ? null : section("question", "Question", question(summary))}
          ${section("arms", "Arms", armsTable(summary))}
          ${section(
            "results",
            "Results",
            html`<p>
                Means over seeds with ${percent(level)} intervals, and differences from the control paired by seed. “No
                difference shown” means that the interval includes 0. “Hint only” means that it does not, but the result
                does not pass the correction for several comparisons.
              </p>
              ${comparisons(summary)}`,
          )}
          ${figures.length === 0 ? null : section("figures", "Figures", html`<div class="figures">${figures.map(figureHtml)}</div>`)}
          ${section("examples", "Example peptides", examplesSection(summary))}
          ${section("rejected", "What was rejected, and why", rejected(summary))}
          ${section("methods", "Methods", methods(summary))}
          ${section(
            "limits",
            "Limits",
            html`<ul>
              ${limitsOf(summary).map((limit) => html`<li>${limit}</li>`)}
            </ul>`,
          )}
          ${section("data", "Data", dataTable(summary))}
        </main>
        <footer><p>All numbers of this report are in summary.json beside it.</p></footer>
      </body>
    </html> `.text;
}

function question(summary: Summary): Html {
  const { notes, predictions } = summary;
  const written =
    notes === null
      ? null
      : html`<dl>
          <dt>Why</dt>
          <dd>${notes.why}</dd>
          <dt>Hypothesis</dt>
          <dd>${notes.hypothesis ?? "none was written"}</dd>
        </dl>`;
  return html`${written}${predictions.length === 0 ? html`<p class="muted">No prediction that could be checked was declared.</p>` : predictionsHtml(summary)}`;
}

function section(id: string, heading: string, body: Html): Html {
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${heading}</h2>
    ${body}
  </section>`;
}

function facts({ arms, seeds, counts, metrics }: Summary): Html {
  const peptides = counts.reduce((sum, arm) => sum + arm.peptides, 0);
  const items: [number, string][] = [
    [arms.length, "arms"],
    [seeds.length, "seeds"],
    [peptides, "peptides"],
    [metrics.length, "metrics"],
  ];
  return html`<ul class="facts">
    ${items.map(([value, name]) => html`<li><b>${count(value)}</b><span>${name}</span></li>`)}
  </ul>`;
}

function figureHtml(figure: Figure): Html {
  return html`<figure id="figure-${figure.id}" aria-labelledby="figure-${figure.id}-heading">
    <h3 id="figure-${figure.id}-heading">${figure.title}</h3>
    ${new Html(figure.svg)}
    <figcaption>${figure.caption}</figcaption>
  </figure> `;
}

function armsTable(summary: Summary): Html {
  const settings = [...new Set(summary.arms.flatMap((arm) => Object.keys(arm.settings)))];
  const numbers = ["peptides", "duplicates", "invalid", "novel"].map((name) => ({ n: name }));
  const columns = settings.map((name) => numericSettings(summary.arms, name));
  const rows = summary.arms.map((arm, row) => {
    const counts = summary.counts.find((item) => item.arm === arm.id);
    const shown = [counts?.peptides, counts?.duplicates, counts?.invalid, counts?.novel];
    return [
      armName(arm),
      ...settings.map((name, i) => settingCell(columns[i]?.[row], arm.settings[name])),
      ...shown.map((value) => ({ n: value === undefined || value === null ? "–" : count(value) })),
    ];
  });
  const caption = "Arms, their settings, and the peptides that each generated over all seeds";
  return table(caption, ["Arm", ...settings.map((name, i) => (columns[i] ? { n: name } : name)), ...numbers], rows);
}

function settingCell(number: string | undefined, value: Arm["settings"][string] | undefined): Cell {
  return number === undefined ? String(value ?? "–") : { n: number };
}

function armName(arm: Arm): Html {
  return arm.control ? html`${arm.label} <span class="tag">control</span>` : html`${arm.label}`;
}

function rejected(summary: Summary): Html {
  const { read, kept, rejected: reasons } = summary.prepare;
  const rows = [
    ...reasons.map(({ reason, count: rows }) => [reason, "prepare", { n: count(rows) }]),
    ...summary.counts
      .filter(({ invalid }) => invalid > 0)
      .map(({ arm, invalid }) => [`invalid sequence, ${labelOf(summary, arm)}`, "generate", { n: count(invalid) }]),
    ...summary.metrics.flatMap(({ label, judge, notApplicable }) =>
      notApplicable.map(({ reason, count: peptides }) => [
        `${label}: ${reason}`,
        `judge ${judge}`,
        { n: count(peptides) },
      ]),
    ),
  ];
  return html`<p>
      ${count(kept)} of ${count(read)} rows of the sources were kept. A value that could not be computed is left out and
      counted here; it is never replaced by 0.
    </p>
    ${rows.length === 0 ? html`<p>Nothing else was rejected.</p>` : table("Rows and values left out, by reason", ["Reason", "Where", { n: "count" }], rows)}
    ${read > kept ? html`<p><code>exp show prepare.rejects</code> lists every row that was left out, with its source, its place there and the reason.</p>` : ""}`;
}

function methods(summary: Summary): Html {
  const { interval, test, correction, effect, sampler, examples, notes } = summary.methods;
  const entries: [string, string | null][] = [
    [samplerLabel(summary), sampler],
    [
      "Unit of analysis",
      `the seed (${summary.seeds.length}: ${summary.seeds.join(", ")}); peptides of a seed are averaged first`,
    ],
    [`Intervals (${percent(summary.level)})`, interval],
    ["Test", test],
    ["Several comparisons", correction],
    ["Effect size", effect],
    ["Choice of examples", examples],
  ];
  return html`<dl>
      ${entries.map(([name, text]) =>
        text === null
          ? null
          : html`<dt>${name}</dt>
              <dd>${text}</dd>`,
      )}
    </dl>
    ${
      notes.length === 0
        ? null
        : html`<ul>
            ${notes.map((note) => html`<li>${note}</li>`)}
          </ul>`
    }`;
}

function dataTable(summary: Summary): Html {
  const rows = summary.data.map(({ name, file, rows, licence, source }) => [
    name,
    { wide: file },
    { n: count(rows) },
    licence,
    { wide: source },
  ]);
  return table("Sources of the reference peptides", ["Name", "File", { n: "rows" }, "Licence", "Source"], rows);
}
