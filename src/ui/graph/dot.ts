// The graph in Graphviz's language. Arrows go the way of the data.

import { wordFanOut } from "../../report/items.ts";
import { completeNodes, idsOf, LIGHT, type GraphNode } from "./node.ts";

export function drawDot(nodes: readonly GraphNode[]): string {
  const all = completeNodes(nodes);
  const ids = idsOf(all);
  const lines = [
    "digraph exp {",
    '  graph [rankdir=TB, nodesep=0.35, ranksep=0.5, bgcolor="transparent"];',
    '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=12, margin="0.18,0.09"];',
    '  edge [color="#8a929c", arrowsize=0.7];',
  ];
  for (const node of all) lines.push(`  ${ids.get(node.name)!} [${attributesOf(node).join(", ")}];`);
  for (const { name, dependsOn } of all)
    for (const from of dependsOn) lines.push(`  ${ids.get(from)!} -> ${ids.get(name)!};`);
  return `${[...lines, "}"].join("\n")}\n`;
}

function attributesOf({ name, state, items, description }: GraphNode): string[] {
  const { fill, line, text } = LIGHT[state ?? "none"];
  const label = items === undefined ? name : `${name}\n${wordFanOut(items)}`;
  const tooltip = [state ?? "", description ?? ""].filter((part) => part !== "").join(": ");
  return [
    `label=${quote(label)}`,
    `color="${line}"`,
    `fillcolor="${fill}"`,
    `fontcolor="${text}"`,
    ...(items === undefined ? [] : ["peripheries=2"]),
    ...(tooltip === "" ? [] : [`tooltip=${quote(tooltip)}`]),
  ];
}

/** A label is unescaped twice, as a string and as text with entities: `\N` would become the node's id, `&amp;` an ampersand. */
function quote(text: string): string {
  const escaped = text
    .replaceAll("&", "&amp;")
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replace(/\r?\n/g, "\\n")
    .replace(/[\u0000-\u001f\u007f]/g, " ");
  return `"${escaped}"`;
}
