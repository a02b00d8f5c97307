/**
 * Vega-Lite to SVG text: no canvas, no clock, no counter that outlives a call, so an equal spec gives equal bytes.
 * Text is measured by a table of widths, whether or not a canvas is installed.
 */
import * as vega from "vega";
import { compile } from "vega-lite";
import type { Config, TopLevelSpec } from "vega-lite";
import { escapeHtml } from "./escape.ts";
import { darkFigureRules, PALETTE } from "./palette.ts";
import { textWidth } from "./text-width.ts";

export type SvgText = { readonly title: string; readonly description: string };

/**
 * Draws a spec. The SVG scales to its container, carries its title and description for screen readers and turns dark
 * with the reader's preference. `id` must be unique in the page.
 */
export async function svgOf(id: string, spec: TopLevelSpec, text: SvgText): Promise<string> {
  measureByTable();
  vega.resetSVGDefIds();
  const compiled = compile({ ...spec, config: FIGURE_CONFIG }).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  const size = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg);
  if (size === null) throw new Error("vega gave an SVG without a viewBox");
  const [, width, height] = size;
  const opening = `<svg xmlns="http://www.w3.org/2000/svg" class="figure" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-title ${id}-desc" font-family="system-ui, sans-serif">`;
  const about = `<title id="${id}-title">${escapeHtml(text.title)}</title><desc id="${id}-desc">${escapeHtml(text.description)}</desc>`;
  const body = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1).replaceAll(` font-family="${FONT}"`, "");
  return `${opening}${about}<style>${STYLE}</style>${body}`;
}

const STYLE = `svg.figure{max-width:100%;height:auto;overflow:visible}@media screen and (prefers-color-scheme: dark){${darkFigureRules("svg.figure").replaceAll("\n", "")}}`;

const FONT = "sans-serif";

/** Longer labels of rows are cut. */
export const LABEL_LIMIT = 165;
export const LABEL_SIZE = 12;

const FIGURE_CONFIG: Config = {
  background: "transparent",
  padding: 4,
  aria: false,
  font: FONT,
  view: { stroke: null },
  axis: {
    labelColor: PALETTE.ink.light,
    titleColor: PALETTE.muted.light,
    titleFontWeight: "normal",
    labelFontSize: LABEL_SIZE,
    titleFontSize: LABEL_SIZE,
    gridColor: PALETTE.grid.light,
    domainColor: PALETTE.grid.light,
    tickColor: PALETTE.grid.light,
    labelLimit: LABEL_LIMIT,
    // Labels stay under their ticks, and one that would touch its neighbour is left out.
    labelFlush: false,
    labelOverlap: "greedy",
    labelSeparation: 8,
  },
  header: {
    labelColor: PALETTE.ink.light,
    titleColor: PALETTE.muted.light,
    labelFontSize: 12,
    titleFontSize: 12,
    labelLimit: 380,
  },
  title: {
    color: PALETTE.ink.light,
    fontSize: 13,
    fontWeight: "bold",
    anchor: "start",
    frame: "group",
    offset: 6,
    limit: 400,
  },
};

/** Vega allows a width function of one's own; otherwise it asks a canvas if there is one, and guesses 0.8 em if not. */
function measureByTable(): void {
  const { textMetrics } = vega as unknown as {
    textMetrics: { width: (item: TextItem, text: string | undefined) => number };
  };
  textMetrics.width = (item, text) => textWidth(String(text ?? item.text ?? ""), item.fontSize ?? 11);
}

type TextItem = { readonly fontSize?: number; readonly text?: string };
