// One target of a build: alternates between asking where it stands and doing what is due, until it is settled. Unaware of the order of targets.

import { relative, sep } from "node:path";
import type { Acceptance } from "../backends/store/trace-lines.ts";
import { sameArtifacts, type Artifacts } from "../model/action.ts";
import type { Counts, Origin } from "../model/event.ts";
import type { Digest } from "../model/digest.ts";
import { actionFailure, type Failure } from "../model/failure.ts";
import type { Reason } from "../model/reason.ts";
import type { GraphInput, GraphTarget } from "../planning/graph.ts";
import { isMissing } from "../util/fs.ts";
import { assess, type Assessment, type DueAction, type DueItems, type Upstream } from "./assess.ts";
import { noteGiven, noteStanding } from "./commit.ts";
import { ContentLost } from "./contents.ts";
import { gateFailures } from "./gate.ts";
import { expectedMs, lastArtifacts } from "./past.ts";
import { performAction } from "./perform-action.ts";
import { performItems } from "./perform-items.ts";
import { AbortedError } from "./resources.ts";
import { LostRun, type BuildSession } from "./session.ts";
import { noteVanished, type Tally, type Unpaid, type Work } from "./work.ts";

/** How a target came out of a build. */
export type TargetEnd =
  | {
      readonly kind: "done";
      readonly origin: Origin;
      readonly artifacts: Artifacts;
      readonly core: Digest;
      readonly counts: Counts;
      readonly reasons: readonly Reason[];
      readonly tookMs: number;
      readonly savedMs: number;
      readonly costUsd: number;
      readonly finishedAt: number;
      readonly executor: string;
      /** Items of a fan-out. */
      readonly items: number | undefined;
      /** Why the result is kept although its key changed, if it is. */
      readonly accepted: Acceptance | undefined;
      /** The run's record says so already. */
      readonly isNoted: boolean;
    }
  | {
      readonly kind: "failed";
      readonly failures: readonly Failure[];
      /** Why it was tried. */
      readonly reasons: readonly Reason[];
      readonly counts: Counts;
      readonly tookMs: number;
      readonly costUsd: number;
    }
  | {
      readonly kind: "waits";
      readonly requests: readonly { readonly path: string; readonly what: string; readonly how: string }[];
    }
  /** The build may not spend what the rest would cost. What is finished of it counts. */
  | {
      readonly kind: "unaffordable";
      readonly unpaid: Unpaid;
      /** Why it was tried. */
      readonly reasons: readonly Reason[];
      readonly counts: Counts;
      readonly tookMs: number;
      readonly costUsd: number;
    }
  | { readonly kind: "skipped"; readonly because: string }
  | { readonly kind: "interrupted"; readonly counts: Counts };

/** How often a target is assessed again before "something keeps changing under it" is the better explanation. */
const maxRounds = 12;
type Warned = Extract<Assessment, { kind: "settled" | "due" }>;

/** It reads what nobody has: outputs of these targets, which are to be made again before. */
export interface Unfed {
  readonly kind: "unfed";
  readonly lacking: readonly number[];
}

export interface Turn {
  readonly priority: number;
  readonly signal: AbortSignal;
  /** As of `Work`. */
  readonly ending: AbortSignal;
  /** Where it stood a moment ago, if somebody has looked. */
  readonly assessed: Assessment | undefined;
}

export async function bringUpToDate(
  session: BuildSession,
  target: GraphTarget,
  upstream: Upstream,
  { priority, signal, ending, assessed }: Turn,
): Promise<TargetEnd | Unfed> {
  let known = assessed;
  const tally: Tally = {
    computed: 0,
    cached: 0,
    fresh: 0,
    tookMs: 0,
    savedMs: 0,
    costUsd: 0,
    failedItems: 0,
    unpaid: undefined,
    restored: false,
  };
  const work: Work = { session, target, priority, tally, signal, ending, touched: new Set(), vanished: undefined };
  const before = lastArtifacts(session, target);
  let reasons: readonly Reason[] = [];
  let started = false;
  const failed = (failures: readonly Failure[]): TargetEnd => {
    session.emit({ kind: "target-failed", target: target.name, failures, failedItems: tally.failedItems });
    return { kind: "failed", failures, reasons, counts: countsOf(tally), tookMs: tally.tookMs, costUsd: tally.costUsd };
  };
  /** Undefined: the target is to be assessed again. */
  const oneRound = async (): Promise<TargetEnd | Unfed | undefined> => {
    const assessment = known ?? (await assess(session, target, upstream));
    known = undefined;
    switch (assessment.kind) {
      case "wrong":
        return failed(assessment.failures);
      case "waits":
        session.emit({ kind: "target-waits", target: target.name, requests: assessment.requests });
        return { kind: "waits", requests: assessment.requests };
      case "settled":
        if (!session.holdsRun()) throw new LostRun(session.run);
        // A glob that matches nothing is told when something is made of it; an answer that only the archive holds, each time it is looked for.
        if (!started && target.declaration.work.kind === "handoff") warn(session, target, assessment);
        return settle(work, assessment, reasons, before, failed);
      case "due": {
        const { stage } = assessment;
        if (reasons.length === 0) reasons = await session.explain(target.name, stage.reasons);
        if (!started) {
          announce(session, target, assessment, reasons);
          warn(session, target, assessment);
        }
        started = true;
        const lacking = await bringInputs(session, target, stage, upstream);
        if (lacking.length > 0) return { kind: "unfed", lacking };
        if (stage.kind === "items") {
          const due = stage.states.decisions.filter((one) => one.kind === "stale").length;
          session.emit({ kind: "items-known", target: target.name, items: stage.states.decisions.length, due });
        }
        const performed = stage.kind === "items" ? await performItems(work, stage) : await performAction(work, stage);
        if (!performed.ok) return failed(performed.error);
        if (performed.value === "interrupted") return { kind: "interrupted", counts: countsOf(tally) };
        if (performed.value === "unaffordable") return unaffordable(work, reasons);
        if (typeof performed.value === "string" || stage.kind === "items") return undefined;
        const { made: result } = performed.value;
        const { core } = stage.action;
        const settled = { kind: "settled", core, split: undefined, result, how: "fresh", states: undefined } as const;
        return settle(work, settled, reasons, before, failed);
      }
    }
  };
  try {
    for (let round = 0; round < maxRounds; round++) {
      try {
        const ended = await oneRound();
        if (ended !== undefined) return ended;
      } catch (error) {
        const path = vanishedPath(session, error);
        if (path === undefined || signal.aborted) throw error;
        noteVanished(work, path);
      }
    }
    if (work.vanished !== undefined) return failed([keepsVanishing(session, target.name, work.vanished)]);
    return failed([
      actionFailure(`${target.name} was made ${maxRounds} times, and each time something under it had changed`, {
        fix: "Is a program still writing its inputs or outputs? Run the build again when it has ended.",
      }),
    ]);
  } catch (error) {
    if (error instanceof AbortedError || signal.aborted) return { kind: "interrupted", counts: countsOf(tally) };
    if (error instanceof LostRun) return failed([error.failure]);
    if (error instanceof ContentLost) return failed([contentLost(error.slot, target.name)]);
    throw error;
  }
}

function unaffordable({ session, target, tally }: Work, reasons: readonly Reason[]): TargetEnd {
  const unpaid = tally.unpaid!;
  const { tookMs, costUsd } = tally;
  const { why, items, remaining } = unpaid;
  if (items !== undefined) tally.fresh = Math.max(0, items - (remaining ?? 0) - tally.computed - tally.cached);
  session.emit({ kind: "target-unaffordable", target: target.name, why, items, remaining, tookMs, costUsd });
  return { kind: "unaffordable", unpaid, reasons, counts: countsOf(tally), tookMs, costUsd };
}

/** What is to be run reads content that may have been left with others. Returns the targets of what cannot be had. */
async function bringInputs(
  session: BuildSession,
  target: GraphTarget,
  stage: DueAction | DueItems,
  upstream: Upstream,
): Promise<readonly number[]> {
  const isRun =
    stage.kind === "items" ? stage.states.decisions.some((one) => one.kind === "stale") : stage.adopt === undefined;
  if (!isRun) return [];
  const { contents, places, needs } = session;
  const lacking = new Set<number>();
  const look = async (input: GraphInput): Promise<void> => {
    if (input.kind === "list") for (const member of input.members) await look(member);
    if (input.kind !== "artifact") return;
    const { artifacts, target: from } = upstream(input.target);
    const artifact = artifacts[input.slot] ?? { kind: "absent" };
    const shape = from.declaration.contract.outputs[input.slot]!;
    if (!places.wasLeft(from.name, input.slot, shape, artifact)) return;
    const isHad = places.recover(from.name, input.slot, shape, artifact) || (await contents.bring([artifact]));
    // What was wanted before and is gone again is lost while this goes on: the action says so.
    if (!isHad && needs.want(from.name)) lacking.add(input.target);
  };
  for (const input of Object.values(target.inputs)) await look(input);
  return [...lacking];
}

/** The cache may be deleted at any moment, also between a look at a file of it and its use: then the next round finds out what is missing. */
export function vanishedPath({ cacheFolder }: BuildSession, error: unknown): string | undefined {
  const path = isMissing(error) ? (error as NodeJS.ErrnoException).path : undefined;
  return path?.startsWith(cacheFolder + sep) === true ? path : undefined;
}

function keepsVanishing({ root }: BuildSession, target: string, path: string): Failure {
  return actionFailure(`${relative(root, path)} was deleted while ${target} ran, ${maxRounds} times`, {
    neededBy: `target "${target}"`,
    fix: "Who deletes it? Nothing finished was lost: the next build goes on from there.",
  });
}

/** It was there when this build began: somebody deleted it since. */
function contentLost(slot: string, target: string): Failure {
  return actionFailure(`the content of "${slot}" was lost while the build went on`, {
    neededBy: `target "${target}"`,
    fix: "Was cache/ or a folder of the run deleted? Run the command again: what is lost is made again.",
  });
}

function settle(
  work: Work,
  settled: Extract<Assessment, { kind: "settled" }>,
  reasons: readonly Reason[],
  before: Artifacts | undefined,
  failed: (failures: readonly Failure[]) => TargetEnd,
): TargetEnd {
  const { session, target, tally } = work;
  const items = settled.states?.decisions.length;
  const touched = tally.computed + tally.cached;
  if (items !== undefined) tally.fresh = Math.max(0, items - touched);
  else if (touched === 0) tally.fresh = 1;
  if (settled.states !== undefined && touched > 0)
    session.cache.together(
      settled.states.items.all.map(({ key }) => key),
      session.now(),
    );
  noteStanding(session, target, settled);
  noteGiven(session, target, settled.core);
  if (target.declaration.work.kind === "gate") {
    const failures = gateFailures(session, target, settled.result.outputs);
    if (failures.length > 0) return failed(failures);
  }
  const origin: Origin =
    tally.computed > 0 || tally.tookMs > 0
      ? "computed"
      : tally.cached > 0 || tally.restored || reasons.length > 0
        ? "cached"
        : "fresh";
  const end = {
    origin,
    reasons,
    counts: countsOf(tally),
    tookMs: tally.tookMs,
    savedMs: tally.savedMs,
    costUsd: tally.costUsd,
  };
  const sameOutput = origin === "computed" && before !== undefined && sameArtifacts(before, settled.result.outputs);
  session.emit({ kind: "target-finished", target: target.name, ...end, sameOutput });
  return {
    kind: "done",
    ...end,
    artifacts: settled.result.outputs,
    core: settled.core,
    finishedAt: settled.result.at,
    executor: settled.result.executor,
    items,
    accepted: session.trace.acceptancesInForce(target.name).at(-1),
    isNoted: false,
  };
}

function announce(
  session: BuildSession,
  target: GraphTarget,
  assessment: Extract<Assessment, { kind: "due" }>,
  reasons: readonly Reason[],
): void {
  const { stage } = assessment;
  const decisions = stage.kind === "items" ? stage.states.decisions : undefined;
  session.emit({
    kind: "target-started",
    target: target.name,
    reasons,
    items: decisions?.length,
    due: decisions?.filter((one) => one.kind === "stale").length,
    expectedMs: expectedMs(session, target),
  });
}

function warn(session: BuildSession, { name }: GraphTarget, { warnings = [] }: Warned): void {
  for (const text of warnings) session.emit({ kind: "target-warned", target: name, text });
}

function countsOf(tally: Tally): Counts {
  return { computed: tally.computed, cached: tally.cached, fresh: tally.fresh };
}
