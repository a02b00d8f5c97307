// Where the boxes of a drawing stand and how its edges run. dagre places them; it is loaded when a drawing is asked for.

import { idsOf, type GraphNode } from "./node.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** `x` and `y` are its centre. */
export interface Box extends Point, Size {
  readonly node: GraphNode;
}

export interface Drawing extends Size {
  readonly boxes: readonly Box[];
  readonly edges: readonly (readonly Point[])[];
}

/** How far the second box of a fan-out looks out. */
export const PILE = 5;
/** An arrow's head stands upright. */
const ARROW = 7;

export async function layOut(nodes: readonly GraphNode[], sizeOf: (node: GraphNode) => Size): Promise<Drawing> {
  if (nodes.length === 0) return { width: 0, height: 0, boxes: [], edges: [] };
  // The package's types do not resolve under Node's rules for modules.
  const dagre = (await import("@dagrejs/dagre")) as unknown as { layout(graph: unknown): void };
  const { Graph } = await import("@dagrejs/graphlib");
  // graphlib keeps nodes as keys of plain objects, where a target could not be called "constructor".
  const ids = idsOf(nodes);
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 28, ranksep: 52, edgesep: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(ids.get(node.name)!, { ...sizeOf(node) });
  for (const { name, dependsOn } of nodes) for (const from of dependsOn) graph.setEdge(ids.get(from)!, ids.get(name)!);
  dagre.layout(graph);
  const boxes = nodes.map((node): Box => ({ ...(graph.node(ids.get(node.name)!) as Point & Size), node }));
  const routes = nodes.flatMap(({ name, dependsOn }) =>
    dependsOn.map((from): Route => {
      const { points } = graph.edge(ids.get(from)!, ids.get(name)!) as { points: Point[] };
      return { from, to: name, points };
    }),
  );
  return shiftToOrigin(boxes, connect(boxes, routes));
}

/** The way of an edge as dagre found it, which ends where a line to the box's centre would cross its border. */
interface Route {
  readonly from: string;
  readonly to: string;
  readonly points: readonly Point[];
}

/** Edges leave at the bottom of a box and arrive at the top of the next, side by side in the order of where they go. */
function connect(boxes: readonly Box[], routes: readonly Route[]): readonly (readonly Point[])[] {
  const byName = new Map(boxes.map((box) => [box.node.name, box]));
  const leaving = portsOf(routes, byName, "from");
  const arriving = portsOf(routes, byName, "to");
  const rows = rowsOf(boxes);
  return routes.map((route) => {
    const [start, end] = [byName.get(route.from)!, byName.get(route.to)!];
    const [startX, endX] = [leaving.get(route)!, arriving.get(route)!];
    // Straight through each row, whose boxes may be of different heights; all turns lie between rows.
    const through = route.points.slice(1, -1).flatMap(({ x, y }) => {
      const row = rows.find((each) => Math.abs(each.y - y) < 1);
      if (row === undefined || row.y === start.y || row.y === end.y) return [];
      return [
        { x, y: row.top - ARROW },
        { x, y: row.bottom },
      ];
    });
    return [
      { x: startX, y: bottomOf(start) },
      { x: startX, y: rows.find(({ y }) => y === start.y)!.bottom },
      ...through,
      { x: endX, y: rows.find(({ y }) => y === end.y)!.top - ARROW },
      { x: endX, y: topOf(end) },
    ];
  });
}

function rowsOf(
  boxes: readonly Box[],
): readonly { readonly y: number; readonly top: number; readonly bottom: number }[] {
  return [...new Set(boxes.map(({ y }) => y))].map((y) => {
    const row = boxes.filter((box) => box.y === y);
    return { y, top: Math.min(...row.map(topOf)), bottom: Math.max(...row.map(bottomOf)) };
  });
}

/** Where along the border each route begins (`from`) or ends (`to`). */
function portsOf(
  routes: readonly Route[],
  boxes: ReadonlyMap<string, Box>,
  end: "from" | "to",
): ReadonlyMap<Route, number> {
  const ports = new Map<Route, number>();
  for (const [name, { x, width }] of boxes) {
    const near = (route: Route): number => (end === "from" ? route.points[1]! : route.points.at(-2)!).x;
    const ordered = routes.filter((route) => route[end] === name).sort((a, b) => near(a) - near(b));
    const gap = Math.min(22, (width - 24) / Math.max(1, ordered.length - 1));
    for (const [index, route] of ordered.entries()) ports.set(route, x + (index - (ordered.length - 1) / 2) * gap);
  }
  return ports;
}

function topOf({ y, height }: Box): number {
  return y - height / 2;
}

/** Of a fan-out, the bottom of the pile. */
function bottomOf({ y, height, node }: Box): number {
  return y + height / 2 + (node.items === undefined ? 0 : PILE);
}

/** dagre's own size leaves out edges that swing beyond the boxes. */
function shiftToOrigin(boxes: readonly Box[], edges: readonly (readonly Point[])[]): Drawing {
  const points = edges.flat();
  const xs = [...boxes.flatMap(({ x, width }) => [x - width / 2, x + width / 2 + PILE]), ...points.map(({ x }) => x)];
  const ys = [...boxes.flatMap((box) => [topOf(box), bottomOf(box)]), ...points.map(({ y }) => y)];
  const [left, top] = [minOf(xs), minOf(ys)];
  const move = <P extends Point>(point: P): P => ({ ...point, x: point.x - left, y: point.y - top });
  return {
    width: -minOf(xs.map((x) => -x)) - left,
    height: -minOf(ys.map((y) => -y)) - top,
    boxes: boxes.map(move),
    edges: edges.map((edge) => edge.map(move)),
  };
}

function minOf(numbers: readonly number[]): number {
  return numbers.reduce((least, each) => Math.min(least, each), Infinity);
}
