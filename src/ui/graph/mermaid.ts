// The graph as a Mermaid flowchart, for READMEs and pull requests. Arrows go the way of the data.

import { wordFanOut } from "../../report/items.ts";
import { completeNodes, idsOf, LIGHT, type GraphNode } from "./node.ts";

export function drawMermaid(nodes: readonly GraphNode[]): string {
  const all = completeNodes(nodes);
  const ids = idsOf(all);
  const lines = ["flowchart TD"];
  for (const node of all)
    lines.push(`  ${ids.get(node.name)!}["${labelOf(node)}"]${node.state === undefined ? "" : `:::${node.state}`}`);
  for (const { name, dependsOn } of all)
    for (const from of dependsOn) lines.push(`  ${ids.get(from)!} --> ${ids.get(name)!}`);
  const states = Object.keys(LIGHT) as (keyof typeof LIGHT)[];
  for (const state of states.filter((each) => all.some((node) => node.state === each))) {
    const { fill, line, text } = LIGHT[state];
    lines.push(`  classDef ${state} fill:${fill},stroke:${line},color:${text}`);
  }
  return `${lines.join("\n")}\n`;
}

function labelOf({ name, items }: GraphNode): string {
  return items === undefined ? escapeLabel(name) : `${escapeLabel(name)}<br/>${escapeLabel(wordFanOut(items))}`;
}

/**
 * Mermaid's own entities, `#34;` for a quote: what it could take for HTML, Markdown or the end of a label goes by number.
 * An underscore within a word means nothing to Markdown and stays readable.
 */
function escapeLabel(text: string): string {
  return text
    .replace(
      /[#"&<>`;*~\\|\u0000-\u0009\u000b-\u001f\u007f]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|^(?:[-+]|\d+\.)(?=\s)/gu,
      (found) => Array.from(found, (character) => `#${character.codePointAt(0)!};`).join(""),
    )
    .replaceAll("\n", "<br/>");
}
