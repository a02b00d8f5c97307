// How a recalled target ends: as it stood, or with its outputs put back where they were deleted. It needs no order, no turn and no look at its inputs.

import type { Acceptance } from "../backends/store/trace-lines.ts";
import type { Artifacts } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { Counts } from "../model/event.ts";
import type { Reason } from "../model/reason.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { vanishedPath, type TargetEnd } from "./bring-up.ts";
import { ContentLost } from "./contents.ts";
import type { BuildSession, Recalled } from "./session.ts";

/** Undefined: it has to be assessed. A promise only where something is to be put back: of ten thousand, most are as they were. */
export function endAsRecalled(
  session: BuildSession,
  target: GraphTarget,
  signal: AbortSignal,
): TargetEnd | undefined | Promise<TargetEnd | undefined> {
  const recalled = session.given.has(target.name) ? undefined : session.recall(target);
  if (recalled === undefined) return undefined;
  if (recalled.lacking.length === 0) return end(session, target, recalled, asItStood);
  return signal.aborted ? undefined : endPutBack(session, target, recalled);
}

async function endPutBack(
  session: BuildSession,
  target: GraphTarget,
  recalled: Recalled,
): Promise<TargetEnd | undefined> {
  if (!(await isPutBack(session, target, recalled))) return undefined;
  recalled.noteRestored();
  session.emit({
    kind: "target-started",
    target: target.name,
    reasons: displaced,
    items: undefined,
    due: undefined,
    expectedMs: recalled.result.tookMs,
  });
  return end(session, target, recalled, asPutBack);
}

const displaced: readonly Reason[] = [{ kind: "displaced" }];

/** False: what can be said of it then is found by whoever assesses it. */
async function isPutBack(session: BuildSession, target: GraphTarget, { result, lacking }: Recalled): Promise<boolean> {
  const { contents, needs, places } = session;
  const { outputs } = result;
  const slots = target.declaration.contract.outputs;
  if (needs.needOf(target.name) === "anywhere" || !session.holdsRun()) return false;
  if (!Object.values(outputs).every((artifact) => contents.isStored(artifact))) return false;
  try {
    return await places.putBack(target.name, slots, outputs, lacking);
  } catch (error) {
    // The cache may be deleted at any moment.
    if (error instanceof ContentLost || vanishedPath(session, error) !== undefined) return false;
    throw error;
  }
}

/** A class, because there are ten thousand of them, and of most nobody asks for the result. */
class RecalledEnd {
  readonly kind = "done";
  readonly tookMs = 0;
  readonly savedMs = 0;
  readonly costUsd = 0;
  readonly items = undefined;
  readonly origin: "fresh" | "cached";
  readonly reasons: readonly Reason[];
  readonly counts: Counts;
  readonly #recalled: Recalled;

  constructor(recalled: Recalled, { origin, reasons, counts }: Pick<RecalledEnd, "origin" | "reasons" | "counts">) {
    this.origin = origin;
    this.reasons = reasons;
    this.counts = counts;
    this.#recalled = recalled;
  }

  get core(): Digest {
    return this.#recalled.core;
  }
  get accepted(): Acceptance | undefined {
    return this.#recalled.accepted;
  }
  get isNoted(): boolean {
    return this.#recalled.isNoted;
  }
  get artifacts(): Artifacts {
    return this.#recalled.result.outputs;
  }
  get finishedAt(): number {
    return this.#recalled.result.at;
  }
  get executor(): string {
    return this.#recalled.result.executor;
  }
}

const unpaid = { tookMs: 0, savedMs: 0, costUsd: 0, sameOutput: false } as const;
const asItStood = { origin: "fresh", reasons: [], counts: { computed: 0, cached: 0, fresh: 1 } } as const;
const asPutBack = { origin: "cached", reasons: displaced, counts: { computed: 0, cached: 1, fresh: 0 } } as const;

function end(
  { emit }: BuildSession,
  { name }: GraphTarget,
  recalled: Recalled,
  how: typeof asItStood | typeof asPutBack,
): TargetEnd {
  emit({ kind: "target-finished", target: name, ...how, ...unpaid });
  return new RecalledEnd(recalled, how);
}
