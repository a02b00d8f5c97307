// Drawings of targets: `exp graph --format …`. Pure: targets in, text out.

import { noColours, type Palette } from "../report/palette.ts";
import { unreachable } from "../util/result.ts";
import { drawDot } from "./graph/dot.ts";
import { drawMermaid } from "./graph/mermaid.ts";
import { completeNodes, type GraphNode } from "./graph/node.ts";
import { drawSvg } from "./graph/svg.ts";
import { drawTree } from "./graph/tree.ts";

export type { GraphNode } from "./graph/node.ts";

export type GraphFormat = "tree" | "mermaid" | "dot" | "svg" | "json";

export interface GraphOptions {
  readonly format?: GraphFormat;
  /** For the tree. */
  readonly palette?: Palette;
  /** Cells of the terminal, for the tree; undefined for a pipe, where nothing is cut. */
  readonly width?: number;
}

/** The whole text, its last line feed included. */
export async function drawGraph(nodes: readonly GraphNode[], options: GraphOptions = {}): Promise<string> {
  const { format = "tree", palette = noColours, width } = options;
  switch (format) {
    case "tree":
      return drawTree(nodes, palette, width);
    case "mermaid":
      return drawMermaid(nodes);
    case "dot":
      return drawDot(nodes);
    case "svg":
      return drawSvg(nodes);
    case "json":
      return `${JSON.stringify({ targets: completeNodes(nodes) }, undefined, 2)}\n`;
    default:
      return unreachable(format);
  }
}
