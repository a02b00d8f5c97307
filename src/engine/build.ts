// A build: brings the targets asked for up to date, in order, and tells what happened. The scheduler knows the order, `bringUpToDate` what to do with one.

import { setMaxListeners } from "node:events";
import type { Counts } from "../model/event.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { assess, type Assessment, type Upstream } from "./assess.ts";
import { bringUpToDate, type TargetEnd, type Turn } from "./bring-up.ts";
import { expectedMs } from "./past.ts";
import { criticalPath, runSchedule, shuffledPriorities, type NodeEnd } from "./scheduler.ts";
import { endAsRecalled } from "./recalled.ts";
import type { BuildSession } from "./session.ts";

export interface BuildOptions {
  readonly needed: readonly number[];
  readonly signal: AbortSignal;
  /** Start independent work in a shuffled order. */
  readonly shuffleSeed: number | undefined;
  /** Told of each end, before what depends on it starts. */
  readonly onEnd: (target: GraphTarget, end: TargetEnd) => void;
}

/** How many targets may be under way at once. */
const width = 256;

/** How long others wait for their turn while what was recalled is gone through. */
const restAfterMs = 20;

export async function buildTargets(
  session: BuildSession,
  options: BuildOptions,
): Promise<ReadonlyMap<number, TargetEnd>> {
  const { graph, trace } = session;
  rememberArms(session);
  const ends = new Map<number, TargetEnd>();
  const upstream = upstreamIn(session, ends);
  const left: number[] = [];
  let first: Assessed | undefined;
  let restedAt = performance.now();
  for (const index of options.needed) {
    const target = graph.targets[index]!;
    const ended = endAsRecalled(session, target, options.signal);
    const how = ended instanceof Promise ? await ended : ended;
    if (how === undefined) {
      // What goes wrong with it is told when it has its turn.
      if (left.length === 0) first = await assessFirst(session, target, upstream).catch(() => undefined);
      left.push(index);
      continue;
    }
    ends.set(index, how);
    options.onEnd(target, how);
    // That may have taken long: what was assessed before may have been edited meanwhile.
    if (ended instanceof Promise) first = undefined;
    // Ten thousand take a while, in which the lease must stay alive and Ctrl-C be heard.
    if (performance.now() - restedAt < restAfterMs) continue;
    await new Promise((resolve) => setImmediate(resolve));
    restedAt = performance.now();
  }
  const over = new AbortController();
  const ending = AbortSignal.any([options.signal, over.signal]);
  // Each action that waits to be tried again listens to it.
  setMaxListeners(0, ending);
  const all = { ...options, ending };
  const own = left.map((index) => graph.targets[index]!).filter(({ name }) => !session.given.has(name));
  const ahead = session.factory.bundleAhead(own, ending);
  try {
    // Those that have to wait for their turn are looked at then.
    let assessed = left.length <= width ? first : undefined;
    let open: readonly number[] = left;
    while (open.length > 0) {
      open = downstreamOf(session, left, await buildOpen(session, all, open, ends, assessed), ends);
      assessed = undefined;
    }
  } finally {
    over.abort();
    await ahead;
  }
  await trace.commit();
  return ends;
}

function upstreamIn({ graph }: BuildSession, ends: ReadonlyMap<number, TargetEnd>): Upstream {
  return (index) => {
    const how = ends.get(index);
    if (how?.kind !== "done") throw new Error(`target ${index} was started before what it depends on`);
    return { artifacts: how.artifacts, target: graph.targets[index]! };
  };
}

/**
 * Builds these targets, and returns those whose outputs something reads and that nobody has any more: they have to be made again, and what depends on them
 * to be looked at again, because what they come to may be other bytes.
 */
async function buildOpen(
  whole: BuildSession,
  options: BuildOptions & Pick<Turn, "ending">,
  open: readonly number[],
  ends: Map<number, TargetEnd>,
  first: Assessed | undefined,
): Promise<ReadonlySet<number>> {
  const { graph } = whole;
  const upstream = upstreamIn(whole, ends);
  const told = new Set(
    open.filter((index) => ends.get(index)?.kind === "done").map((index) => graph.targets[index]!.name),
  );
  const session: BuildSession = {
    ...whole,
    emit(event) {
      // What it came to before has been told.
      const isAsBefore = event.kind === "target-finished" && event.origin === "fresh" && told.has(event.target);
      if (!isAsBefore) whole.emit(event);
    },
  };
  const expected = (index: number) => expectedMs(session, graph.targets[index]!) ?? 1000;
  const dependsOn = (index: number) => graph.targets[index]!.dependsOn;
  const priorities =
    options.shuffleSeed === undefined
      ? criticalPath(open, dependsOn, expected)
      : shuffledPriorities(open, options.shuffleSeed);
  const lacking = new Set<number>();
  /** What waits for them. */
  const unfed = new Set<number>();
  let hasFailed = false;
  const end = (target: GraphTarget, how: TargetEnd): NodeEnd => {
    const before = ends.get(target.index);
    // Looked at again and found as it was: what it came to before is what is told.
    const isAsBefore =
      how.kind === "done" && how.origin === "fresh" && before?.kind === "done" && before.core === how.core;
    if (!isAsBefore) {
      ends.set(target.index, how);
      options.onEnd(target, how);
    }
    if (how.kind === "failed") hasFailed = true;
    if (how.kind === "done") return "done";
    return how.kind === "waits" || how.kind === "unaffordable" ? "waits" : "failed";
  };
  await runSchedule(
    {
      nodes: open,
      dependsOn,
      priority: (index) => priorities.get(index) ?? 0,
      width,
      keepGoing: session.keepGoing,
    },
    async (index) => {
      const target = graph.targets[index]!;
      if (options.signal.aborted) return end(target, { kind: "interrupted", counts: noCounts });
      const blocking = target.dependsOn.find((one) => ends.get(one)?.kind !== "done");
      if (blocking !== undefined) return end(target, skipped(session, target, blocking));
      const how = await bringUpToDate(session, target, upstream, {
        priority: priorities.get(index) ?? 0,
        signal: options.signal,
        ending: options.ending,
        assessed: first?.target === target ? first.assessment : undefined,
      });
      if (how.kind !== "unfed") return end(target, how);
      for (const one of how.lacking) lacking.add(one);
      unfed.add(index);
      // Everything else goes on.
      return "waits";
    },
    (index, because) => {
      if (because !== undefined && unfed.has(because)) return void unfed.add(index);
      const target = graph.targets[index]!;
      const isInterrupted = because === undefined ? options.signal.aborted : ends.get(because)?.kind === "interrupted";
      end(target, isInterrupted ? { kind: "interrupted", counts: noCounts } : skipped(session, target, because));
    },
  );
  if (unfed.size === 0 || (!options.signal.aborted && (!hasFailed || session.keepGoing))) return lacking;
  for (const index of unfed) {
    const target = graph.targets[index]!;
    end(
      target,
      options.signal.aborted ? { kind: "interrupted", counts: noCounts } : skipped(session, target, undefined),
    );
  }
  return new Set();
}

function skipped({ graph, emit }: BuildSession, { name }: GraphTarget, because: number | undefined): TargetEnd {
  const why =
    because === undefined ? "the build stopped at the first failure (-k goes on)" : graph.targets[because]!.name;
  emit({ kind: "target-skipped", target: name, because: why });
  return { kind: "skipped", because: why };
}

/** Those of `all` that are, or depend on, one of these; and what has not come to its end. */
function downstreamOf(
  { graph }: BuildSession,
  all: readonly number[],
  lacking: ReadonlySet<number>,
  ends: ReadonlyMap<number, TargetEnd>,
): readonly number[] {
  const open = new Set<number>();
  if (lacking.size === 0) return [];
  for (const index of all)
    if (lacking.has(index) || !ends.has(index) || graph.targets[index]!.dependsOn.some((one) => open.has(one)))
      open.add(index);
  return [...open];
}

/** Names of arms are in no key. Who asks later why an arm went away wants to hear its name. */
function rememberArms({ armNames, trace }: BuildSession): void {
  const news = [...armNames].filter(([id, name]) => trace.armName(id) !== name);
  if (news.length > 0) trace.append({ arms: news });
}

const noCounts: Counts = { computed: 0, cached: 0, fresh: 0 };

interface Assessed {
  readonly target: GraphTarget;
  readonly assessment: Assessment;
}

/** If the first target that is not as it was is to be run, its executor gets ready while ten thousand others are looked at. */
async function assessFirst(session: BuildSession, target: GraphTarget, upstream: Upstream): Promise<Assessed> {
  const assessment = await assess(session, target, upstream);
  if (assessment.kind === "due" && assessment.stage.kind === "action" && assessment.stage.adopt === undefined) {
    const { part, action } = assessment.stage;
    if (part !== "handoff" && part !== "splice") session.siteOf(part, action.options).executor.expectOrders?.();
  }
  return { target, assessment };
}
