// Order: starts each node when everything that it depends on has finished. Knows no cache, no actions, no targets: numbers only.

import { Heap } from "../util/heap.ts";

export interface Schedule {
  /** In topological order. Dependencies that are not among them count as finished. */
  readonly nodes: readonly number[];
  readonly dependsOn: (node: number) => readonly number[];
  /** Higher first, among those that may start. */
  readonly priority: (node: number) => number;
  /** How many may be under way at once. */
  readonly width: number;
  /** After a failure: start what does not depend on it (`-k`), or nothing more. */
  readonly keepGoing: boolean;
}

/** `waits`: for people, other machines or money; what depends on it cannot start, everything else can. */
export type NodeEnd = "done" | "failed" | "waits";

/**
 * Runs all nodes. At the end `skip` is told, in their order, of the nodes that never started, with the number of the one that blocked
 * each (undefined: nothing was started any more after a failure elsewhere).
 */
export function runSchedule(
  schedule: Schedule,
  run: (node: number) => Promise<NodeEnd>,
  skip: (node: number, because: number | undefined) => void,
): Promise<void> {
  const unfinished = new Map<number, number>();
  const dependents = new Map<number, number[]>();
  const ready = new Heap<number>(
    (a, b) => schedule.priority(a) > schedule.priority(b) || (schedule.priority(a) === schedule.priority(b) && a < b),
  );
  /** Neither started nor known to be blocked. */
  const waiting = new Set(schedule.nodes);
  /** By what blocked it. */
  const blocked = new Map<number, number>();
  for (const node of schedule.nodes) {
    const upstream = schedule.dependsOn(node).filter((other) => waiting.has(other));
    unfinished.set(node, upstream.length);
    if (upstream.length === 0) ready.push(node);
    for (const other of upstream) {
      const list = dependents.get(other);
      if (list === undefined) dependents.set(other, [node]);
      else list.push(node);
    }
  }
  let running = 0;
  let stopped = false;

  return new Promise((resolve, reject) => {
    const startReady = () => {
      while (!stopped && running < schedule.width && ready.size > 0) {
        const node = ready.pop()!;
        waiting.delete(node);
        running++;
        run(node).then(
          (end) => settle(node, end),
          (error: Error) => {
            stopped = true;
            reject(error);
          },
        );
      }
      if (running > 0) return;
      for (const node of schedule.nodes) if (waiting.has(node) || blocked.has(node)) skip(node, blocked.get(node));
      resolve();
    };
    const settle = (node: number, end: NodeEnd) => {
      running--;
      if (end === "failed" && !schedule.keepGoing) stopped = true;
      if (end === "done") {
        for (const next of dependents.get(node) ?? []) {
          const left = unfinished.get(next)! - 1;
          unfinished.set(next, left);
          if (left === 0 && waiting.has(next)) ready.push(next);
        }
      } else block(node);
      startReady();
    };
    const block = (cause: number) => {
      const stack = [...(dependents.get(cause) ?? [])];
      while (stack.length > 0) {
        const node = stack.pop()!;
        if (!waiting.delete(node)) continue;
        blocked.set(node, cause);
        for (const next of dependents.get(node) ?? []) stack.push(next);
      }
    };
    startReady();
  });
}

/** Longest expected time from the start of each node to the end of everything that needs it. */
export function criticalPath(
  nodes: readonly number[],
  dependsOn: (node: number) => readonly number[],
  expectedMs: (node: number) => number,
): Map<number, number> {
  const own = new Map(nodes.map((node) => [node, expectedMs(node)]));
  const length = new Map(own);
  // Nodes come in topological order, so that each is final before it is passed on.
  for (const node of nodes.toReversed()) {
    for (const upstream of dependsOn(node)) {
      const ownMs = own.get(upstream);
      if (ownMs !== undefined) length.set(upstream, Math.max(length.get(upstream)!, ownMs + length.get(node)!));
    }
  }
  return length;
}

/** Priorities in a shuffled order, for tests: a missing edge shows. mulberry32, public domain (Tommy Ettinger). */
export function shuffledPriorities(nodes: readonly number[], seed: number): Map<number, number> {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return new Map(nodes.map((node) => [node, random()]));
}
