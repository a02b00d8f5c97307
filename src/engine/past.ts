// What the run's trace tells of a target's last time.

import type { Artifacts } from "../model/action.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { Session } from "./session.ts";

/** What the target made when it was last settled. */
export function lastArtifacts(session: Pick<Session, "trace">, target: GraphTarget): Artifacts | undefined {
  const last = session.trace.lastStandingOf(target.name);
  if (last === undefined) return undefined;
  return (session.trace.find(last.core) ?? session.trace.cleanedResult(last.core))?.result.outputs;
}

/** How long the target took when it was last made, its items together, by the run's own traces. */
export function expectedMs(session: Pick<Session, "trace">, target: GraphTarget): number | undefined {
  const last = session.trace.lastStandingOf(target.name);
  return last === undefined ? undefined : session.trace.find(last.core)?.result.tookMs;
}
