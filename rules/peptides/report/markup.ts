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

/** `n` is a number, on the right; `wide` takes a line of its own where there is little room. */
export type Cell = string | Html | { readonly n: string | Html } | { readonly wide: string | Html };

/**
 * A table with caption and headings; the first cell of each row names the row. On a phone each row is a block, its cells
 * under their headings: that is what `data-label` is for, and the roles, which a changed `display` would take away.
 * `kind` is a class of the style sheet that gives tables of one kind equal columns.
 */
export function table(
  caption: string,
  headings: readonly Cell[],
  rows: readonly (readonly Cell[])[],
  kind: "plain" | "results" | "peptides" = "plain",
): Html {
  const head = headings.map(
    (heading) => html`<th scope="col" role="columnheader" ${className(heading)}>${content(heading)}</th>`,
  );
  const body = rows.map(
    ([name, ...cells]) =>
      html`<tr role="row">
        <th scope="row" role="rowheader">${content(name ?? "")}</th>
        ${cells.map((cell, i) => html`<td role="cell" ${className(cell)} data-label="${plain(headings[i + 1])}">${content(cell)}</td>`)}
      </tr> `,
  );
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">
    <table class="${kind}" role="table">
      <caption>
        <span>${caption}</span>
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          ${head}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${body}
      </tbody>
    </table>
  </div> `;
}

function content(cell: Cell): string | Html {
  if (typeof cell === "string" || cell instanceof Html) return cell;
  return "n" in cell ? cell.n : cell.wide;
}

function className(cell: Cell): Html | null {
  if (typeof cell === "string" || cell instanceof Html) return null;
  return html` class="${"n" in cell ? "n" : "wide"}"`;
}

/** A heading as text: those of tables hold no markup. */
function plain(heading: Cell | undefined): string {
  const text = content(heading ?? "");
  return typeof text === "string" ? text : "";
}
