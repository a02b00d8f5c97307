// What is drawn: targets as plain data, and what every format needs to know of them.

import type { TargetState } from "../../model/plan.ts";
import type { ItemCounts } from "../../report/items.ts";

export interface GraphNode {
  readonly name: string;
  readonly dependsOn: readonly string[];
  readonly state?: TargetState;
  /** Of a fan-out. */
  readonly items?: ItemCounts;
  readonly description?: string;
}

/** Every name once: targets that are only named as a dependency are drawn too, a dependency named twice is one edge. */
export function completeNodes(nodes: readonly GraphNode[]): readonly GraphNode[] {
  const byName = new Map<string, GraphNode>();
  for (const node of nodes) byName.set(node.name, { ...node, dependsOn: [...new Set(node.dependsOn)] });
  for (const { dependsOn } of [...byName.values()]) {
    for (const name of dependsOn) if (!byName.has(name)) byName.set(name, { name, dependsOn: [] });
  }
  return [...byName.values()];
}

/** Ids that every format takes as they are: `n0`, `n1`, … by name. */
export function idsOf(nodes: readonly GraphNode[]): ReadonlyMap<string, string> {
  return new Map(nodes.map(({ name }, index) => [name, `n${index}`]));
}

/** Colours of a state in drawings, for light and for dark paper. */
export interface Colours {
  readonly fill: string;
  readonly line: string;
  readonly text: string;
}

/** Text on fill has a contrast of 7:1 and more; the lines differ in lightness too, for people who do not tell colours apart. */
export const LIGHT: { readonly [S in TargetState | "none"]: Colours } = {
  fresh: { fill: "#e3f4e8", line: "#2f8f4e", text: "#12391f" },
  cached: { fill: "#e0f1fa", line: "#2b7ea8", text: "#0f3448" },
  stale: { fill: "#fdf0cd", line: "#b07d06", text: "#463200" },
  unknown: { fill: "#f1f2f4", line: "#8a929c", text: "#2c323a" },
  waiting: { fill: "#f3e8fb", line: "#8a4fb8", text: "#3a1d52" },
  failed: { fill: "#fde6e4", line: "#c4372c", text: "#541410" },
  none: { fill: "#ffffff", line: "#8a929c", text: "#2c323a" },
};

export const DARK: { readonly [S in TargetState | "none"]: Colours } = {
  fresh: { fill: "#173523", line: "#4fb673", text: "#dcf5e4" },
  cached: { fill: "#143040", line: "#55aad6", text: "#daf0fb" },
  stale: { fill: "#3d3008", line: "#dcae3c", text: "#fdf1cf" },
  unknown: { fill: "#262b32", line: "#7f8894", text: "#dfe3e8" },
  waiting: { fill: "#33213f", line: "#b985e0", text: "#f2e6fb" },
  failed: { fill: "#43201d", line: "#ec7469", text: "#fde5e2" },
  none: { fill: "#1b1f25", line: "#7f8894", text: "#dfe3e8" },
};
