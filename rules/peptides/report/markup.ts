/**
 * HTML in pieces that cannot be forgotten to be escaped: a template's values are escaped unless they are `Html` already.
 */
import { escapeHtml } from "./escape.ts";

/** Markup that is safe to put into a page. Only this file and trusted SVG make it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Html | null | readonly Value[];

/** `html\`<p>\${text}</p>\``: text is escaped, arrays are joined, null leaves nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.reduce((text, part, index) => text + toText(values[index - 1] ?? null) + part));
}

function toText(value: Value): string {
  if (value === null) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  return value.map(toText).join("");
}

export type Cell = string | Html | { readonly n: string | Html };

/**
 * A table with caption and headings; the first cell of each row names the row. Scrolls sideways within itself.
 * `kind` is a class of the style sheet that gives tables of one kind equal columns.
 */
export function table(
  caption: string,
  headings: readonly Cell[],
  rows: readonly (readonly Cell[])[],
  kind: "plain" | "results" | "peptides" = "plain",
): Html {
  const head = headings.map((heading) => html`<th scope="col" ${numeric(heading)}>${content(heading)}</th>`);
  const body = rows.map(
    ([name, ...cells]) =>
      html`<tr>
        <th scope="row">${content(name ?? "")}</th>
        ${cells.map((cell) => html`<td${numeric(cell)}>${content(cell)}</td>`)}
      </tr> `,
  );
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">
    <table class="${kind}">
      <caption>
        <span>${caption}</span>
      </caption>
      <thead>
        <tr>
          ${head}
        </tr>
      </thead>
      <tbody>
        ${body}
      </tbody>
    </table>
  </div> `;
}

function content(cell: Cell): string | Html {
  return typeof cell === "string" || cell instanceof Html ? cell : cell.n;
}

function numeric(cell: Cell): Html | null {
  return typeof cell === "string" || cell instanceof Html ? null : html` class="n"`;
}
