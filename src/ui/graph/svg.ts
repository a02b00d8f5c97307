// The graph as one self-contained SVG: no scripts, no fonts, no links; light or dark as the reader's screen is.

import type { TargetState } from "../../model/plan.ts";
import { totalOf, wordFanOut } from "../../report/items.ts";
import { clip, oneLine, widthOf } from "../../report/text.ts";
import { layOut, PILE, type Box, type Point } from "./layout.ts";
import { completeNodes, DARK, LIGHT, type GraphNode } from "./node.ts";

const MARGIN = 24;
const LEGEND_HEIGHT = 34;
/** Longer names are cut; the whole name is the box's title. */
const WIDEST_LABEL = 34;
/** Height of the strip that shows how much of a fan-out is ready. */
const STRIP = 4;
const STATES: readonly TargetState[] = ["fresh", "cached", "stale", "unknown", "waiting", "failed"];

export async function drawSvg(nodes: readonly GraphNode[]): Promise<string> {
  const drawing = await layOut(completeNodes(nodes), sizeOf);
  const states = STATES.filter((state) =>
    drawing.boxes.some(({ node }) => node.state === state || (node.items?.[state as "fresh"] ?? 0) > 0),
  );
  const legend = legendOf(states);
  const width = Math.ceil(Math.max(drawing.width, legend.width) + 2 * MARGIN);
  const height = Math.ceil(drawing.height + 2 * MARGIN + (states.length > 0 ? LEGEND_HEIGHT : 0));
  const left = round((width - drawing.width) / 2);
  const legendLeft = round((width - legend.width) / 2);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" class="exp-graph">`,
    `<title>Targets and what they depend on</title>`,
    `<style>${STYLE}</style>`,
    `<defs><marker id="exp-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0.8 L7.2 4 L0 7.2 Z"/></marker></defs>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    `<g transform="translate(${left} ${MARGIN})">`,
    ...drawing.edges.map((points) => `<path class="edge" d="${curve(points)}" marker-end="url(#exp-arrow)"/>`),
    ...drawing.boxes.map(drawBox),
    `</g>`,
    `<g transform="translate(${legendLeft} ${height - MARGIN - 6})">${legend.text}</g>`,
    `</svg>`,
    "",
  ].join("\n");
}

const FONT = `ui-sans-serif,system-ui,"Segoe UI","Helvetica Neue",Arial,sans-serif`;
const STYLE = [
  rule("text", `font:600 14px ${FONT};text-anchor:middle`),
  rule("text.more", "font-weight:400;font-size:12px"),
  rule("text.key", "font-weight:400;font-size:12px;text-anchor:start"),
  rule("rect.box", "stroke-width:1.5"),
  rule(".edge", "fill:none;stroke-width:1.5"),
  colourRules(LIGHT, "#ffffff", "#8a929c"),
  `@media (prefers-color-scheme:dark){${colourRules(DARK, "#14171c", "#7f8894")}}`,
].join("");

/** All within the picture: a style in an SVG that is part of a page holds for the whole page. */
function rule(selector: string, declarations: string): string {
  return `.exp-graph ${selector}{${declarations}}`;
}

function colourRules(colours: typeof LIGHT, paper: string, edge: string): string {
  const ofStates = Object.entries(colours).flatMap(([state, { fill, line, text }]) => [
    rule(`.${state} .box`, `fill:${fill};stroke:${line}`),
    rule(`.${state} text`, `fill:${text}`),
    rule(`.part-${state}`, `fill:${line}`),
  ]);
  return [
    rule(".paper", `fill:${paper}`),
    rule(".edge", `stroke:${edge}`),
    rule(".tip", `fill:${edge}`),
    rule("text.key", `fill:${colours.none.text}`),
    ...ofStates,
  ].join("");
}

function labelOf({ name }: GraphNode): string {
  return clip(oneLine(name), WIDEST_LABEL);
}

function moreOf({ items }: GraphNode): string {
  return items === undefined ? "" : wordFanOut(items);
}

function sizeOf(node: GraphNode): { width: number; height: number } {
  const width = Math.max(72, 28 + Math.max(pixels(labelOf(node), 8.4), pixels(moreOf(node), 6.4)));
  return { width: Math.ceil(width), height: node.items === undefined ? 36 : 56 };
}

/** A generous guess, for nothing here can measure text. */
function pixels(text: string, each: number): number {
  return widthOf(text) * each;
}

function drawBox({ node, x, y, width, height }: Box): string {
  const [left, top] = [round(x - width / 2), round(y - height / 2)];
  const parts = [`<g class="${node.state ?? "none"}">`, `<title>${escapeXml(titleOf(node))}</title>`];
  // A fan-out is a pile.
  if (node.items !== undefined) parts.push(rect(left + PILE, top + PILE, width, height));
  parts.push(rect(left, top, width, height));
  if (node.items === undefined)
    parts.push(`<text x="${round(x)}" y="${round(y + 5)}">${escapeXml(labelOf(node))}</text>`);
  else {
    parts.push(`<text x="${round(x)}" y="${round(y - 5)}">${escapeXml(labelOf(node))}</text>`);
    parts.push(`<text class="more" x="${round(x)}" y="${round(y + 12)}">${escapeXml(moreOf(node))}</text>`);
    parts.push(drawStrip(node.items, left + 12, top + height - 10, width - 24));
  }
  return [...parts, "</g>"].join("");
}

function rect(x: number, y: number, width: number, height: number): string {
  return `<rect class="box" x="${round(x)}" y="${round(y)}" width="${width}" height="${height}" rx="8"/>`;
}

/** How much of the fan-out is fresh, cached and stale, as lengths. */
function drawStrip(items: NonNullable<GraphNode["items"]>, left: number, top: number, width: number): string {
  const total = totalOf(items);
  let from = left;
  return (["fresh", "cached", "stale"] as const)
    .filter((state) => items[state] > 0)
    .map((state) => {
      // A few among thousands stay visible.
      const length = Math.max(3, (items[state] / total) * width);
      const x = Math.min(from, left + width - length);
      from = x + length + 1;
      return `<rect class="part-${state}" x="${round(x)}" y="${round(top)}" width="${round(length)}" height="${STRIP}" rx="1.5"/>`;
    })
    .join("");
}

function titleOf({ name, state, items, description }: GraphNode): string {
  const facts = [state ?? "", items === undefined ? "" : wordFanOut(items), description ?? ""].filter(
    (fact) => fact !== "",
  );
  return facts.length === 0 ? name : `${name}: ${facts.join(", ")}`;
}

function legendOf(states: readonly TargetState[]): { readonly width: number; readonly text: string } {
  let x = 0;
  const parts = states.map((state) => {
    const at = x;
    x += 20 + pixels(state, 7) + 16;
    return `<g class="${state}"><rect class="box" x="${at}" y="-10" width="12" height="12" rx="3"/></g><text class="key" x="${at + 19}" y="0">${state}</text>`;
  });
  return { width: Math.max(0, x - 16), text: parts.join("") };
}

/** Through every point upright: down, across in a soft S, down. */
function curve(points: readonly Point[]): string {
  const parts: string[] = [];
  for (const [index, point] of points.entries()) {
    const before = points[index - 1];
    if (before === undefined) parts.push(`M${at(point)}`);
    else if (before.x === point.x) parts.push(`L${at(point)}`);
    else {
      const middle = (before.y + point.y) / 2;
      parts.push(`C${at({ x: before.x, y: middle })} ${at({ x: point.x, y: middle })} ${at(point)}`);
    }
  }
  return parts.join("");
}

function at({ x, y }: Point): string {
  return `${round(x)} ${round(y)}`;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}

/** XML has no way to write most control characters: they are shown as `oneLine` shows them. */
function escapeXml(text: string): string {
  return oneLine(text.replace(/\p{Surrogate}/gu, "\ufffd"))
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replace(/[\ufffe\uffff]/g, "\ufffd");
}
