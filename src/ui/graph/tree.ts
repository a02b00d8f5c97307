// The graph as a tree for a terminal: results first, what they depend on beneath. A target that is already shown is marked ↑
// and not repeated.
//
//   analyse  stale
//   ├─ judge  unknown
//   │  └─ generate ×1,000 (950 fresh, 50 stale)  stale
//   │     └─ prepare  fresh
//   └─ prepare ↑

import { wordFanOut } from "../../report/items.ts";
import { styleOfState, type Palette } from "../../report/palette.ts";
import { clipLine, oneLine, paint, span, type Line, type Span } from "../../report/text.ts";
import { completeNodes, type GraphNode } from "./node.ts";

export function drawTree(nodes: readonly GraphNode[], palette: Palette, width?: number): string {
  const lines = linesOf(completeNodes(nodes));
  return lines.map((line) => `${paint(width === undefined ? line : clipLine(line, width), palette)}\n`).join("");
}

interface Visit {
  readonly name: string;
  /** What stands left of the branch, and the branch itself; both empty at a root. */
  readonly indent: string;
  readonly branch: string;
}

function linesOf(nodes: readonly GraphNode[]): Line[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const needed = new Set(nodes.flatMap(({ dependsOn }) => dependsOn));
  const shown = new Set<string>();
  const lines: Line[] = [];

  // A stack of its own: a chain of thousands of targets is no deeper than one of three.
  function drawFrom(root: string): void {
    const stack: Visit[] = [{ name: root, indent: "", branch: "" }];
    for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
      const node = byName.get(visit.name)!;
      const isShown = shown.has(node.name);
      lines.push([span(visit.indent + visit.branch, "dim"), ...(isShown ? repeatedLine(node) : lineOf(node))]);
      if (isShown) continue;
      shown.add(node.name);
      const indent = visit.indent + (visit.branch === "" ? "" : visit.branch === "└─ " ? "   " : "│  ");
      const children = node.dependsOn.map((name, index) => {
        const branch = index === node.dependsOn.length - 1 ? "└─ " : "├─ ";
        return { name, indent, branch };
      });
      stack.push(...children.reverse());
    }
  }

  for (const { name } of nodes) if (!needed.has(name)) drawFrom(name);
  // Only in a cycle can anything be left.
  for (const { name } of nodes) if (!shown.has(name)) drawFrom(name);
  return lines;
}

function lineOf({ name, state, items, description }: GraphNode): Line {
  const line: Span[] = [span(oneLine(name), state === undefined ? undefined : styleOfState[state])];
  if (items !== undefined) line.push(span(` ${wordFanOut(items)}`));
  if (state !== undefined) line.push(span("  "), span(state, styleOfState[state]));
  if (description !== undefined && description !== "") line.push(span(`  ${oneLine(description)}`, "dim"));
  return line;
}

function repeatedLine({ name }: GraphNode): Line {
  return [span(`${oneLine(name)} ↑`, "dim")];
}
