// How a recalled target ends: as it stood, or with its outputs put back where they were deleted. It needs no order, no turn and no look at its inputs.

import type { Reason } from "../model/reason.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { vanishedPath, type TargetEnd } from "./bring-up.ts";
import { ContentLost } from "./contents.ts";
import type { BuildSession, Recalled } from "./session.ts";

/** Undefined: it has to be assessed. */
export async function endAsRecalled(
  session: BuildSession,
  target: GraphTarget,
  signal: AbortSignal,
): Promise<TargetEnd | undefined> {
  const recalled = session.given.has(target.name) ? undefined : session.recall(target);
  if (recalled === undefined) return undefined;
  if (recalled.lacking.length === 0) return end(session, target, recalled, "fresh", []);
  if (signal.aborted || !(await putBack(session, target, recalled))) return undefined;
  recalled.noteRestored();
  return end(session, target, recalled, "cached", displaced);
}

const displaced: readonly Reason[] = [{ kind: "displaced" }];

/** False: what can be said of it then is found by whoever assesses it. */
async function putBack(session: BuildSession, target: GraphTarget, { result, lacking }: Recalled): Promise<boolean> {
  const { contents, needs, places } = session;
  const { outputs, tookMs } = result;
  const slots = target.declaration.contract.outputs;
  if (needs.needOf(target.name) === "anywhere" || !session.holdsRun()) return false;
  if (!Object.values(outputs).every((artifact) => contents.isStored(artifact))) return false;
  session.emit({
    kind: "target-started",
    target: target.name,
    reasons: displaced,
    items: undefined,
    due: undefined,
    expectedMs: tookMs,
  });
  try {
    await places.putBack(target.name, slots, outputs, lacking);
    return true;
  } catch (error) {
    // The cache may be deleted at any moment.
    if (error instanceof ContentLost || vanishedPath(session, error) !== undefined) return false;
    throw error;
  }
}

function end(
  { emit }: BuildSession,
  { name }: GraphTarget,
  recalled: Recalled,
  origin: "fresh" | "cached",
  reasons: readonly Reason[],
): TargetEnd {
  const counts = { computed: 0, cached: 0, fresh: 0, [origin]: 1 };
  const told = { origin, reasons, counts, tookMs: 0, savedMs: 0, costUsd: 0 };
  emit({ kind: "target-finished", target: name, ...told, sameOutput: false });
  return {
    kind: "done",
    ...told,
    core: recalled.core,
    items: undefined,
    accepted: recalled.accepted,
    isNoted: recalled.isNoted,
    get artifacts() {
      return recalled.result.outputs;
    },
    get finishedAt() {
      return recalled.result.at;
    },
    get executor() {
      return recalled.result.executor;
    },
  };
}
