// The true plan: every needed target as a build would find it, as far as that can be known without running anything.

import type { Failure } from "../model/failure.ts";
import type { PlannedTarget, TargetState } from "../model/plan.ts";
import type { Reason } from "../model/reason.ts";
import type { Artifacts } from "../model/action.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { assess, keysOf, type Assessment } from "./assess.ts";
import { ownDifferences } from "./differences.ts";
import { gateFailures } from "./gate.ts";
import { ContentLost } from "./contents.ts";
import type { Session } from "./session.ts";

export async function planTargets(
  session: Session,
  needed: readonly number[],
  /** Whether a build would bring outputs of the target that were left with others. */
  brings: (target: string) => boolean = () => false,
): Promise<Result<readonly PlannedTarget[], readonly Failure[]>> {
  const planned: PlannedTarget[] = [];
  const failures: Failure[] = [];
  const known = new Map<number, { readonly artifacts: Artifacts }>();
  for (const index of needed) {
    const target = session.graph.targets[index]!;
    const recalled = session.given.has(target.name) ? undefined : session.recall(target);
    if (recalled !== undefined) {
      // Who reads them is rarely asked.
      known.set(index, {
        get artifacts() {
          return recalled.result.outputs;
        },
      });
      planned.push({
        ...describe(session, target, "fresh", [], undefined),
        ...(recalled.accepted !== undefined && { accepted: true }),
      });
      continue;
    }
    const open = target.dependsOn.filter((upstream) => !known.has(upstream));
    if (open.length > 0) {
      const names = open.map((upstream) => session.graph.targets[upstream]!.name);
      planned.push(
        describe(
          session,
          target,
          "unknown",
          [
            ...(await ownDifferences(session, target, known)),
            ...names.map((name): Reason => ({ kind: "upstream", target: name })),
          ],
          undefined,
        ),
      );
      continue;
    }
    const assessment = await assess(session, target, (upstream) => ({
      artifacts: known.get(upstream)!.artifacts,
      target: session.graph.targets[upstream]!,
    }));
    if (assessment.kind === "wrong") failures.push(...assessment.failures);
    else planned.push({ ...planOf(session, target, assessment, known, brings), ...warningsOf(assessment) });
  }
  return failures.length > 0 ? fail(failures) : ok(planned);
}

function warningsOf(assessment: Assessment): Pick<PlannedTarget, "warnings"> {
  return "warnings" in assessment && assessment.warnings !== undefined ? { warnings: assessment.warnings } : {};
}

function planOf(
  session: Session,
  target: GraphTarget,
  assessment: Exclude<Assessment, { kind: "wrong" }>,
  known: Map<number, { readonly artifacts: Artifacts }>,
  brings: (target: string) => boolean,
): PlannedTarget {
  switch (assessment.kind) {
    case "waits":
      return describe(session, target, "waiting", [], undefined);
    case "settled": {
      known.set(target.index, { artifacts: assessment.result.outputs });
      const total = assessment.states?.decisions.length;
      const failed = target.declaration.work.kind === "gate" && gateFails(session, target, assessment.result.outputs);
      const items = total === undefined ? undefined : { fresh: total, cached: 0, stale: 0 };
      const { outputs } = target.declaration.contract;
      const left = [...session.contents.leftOf(target.name, outputs, assessment.result.outputs).keys()];
      if (left.length > 0 && brings(target.name)) return describe(session, target, "cached", [{ kind: "left" }], items);
      const isAccepted = session.trace.acceptancesInForce(target.name, keysOf(assessment)).length > 0;
      return {
        ...describe(session, target, failed ? "failed" : "fresh", [], items),
        ...(isAccepted && { accepted: true }),
        ...(left.length > 0 && { left }),
      };
    }
    case "due": {
      const { stage } = assessment;
      const states = stage.kind === "items" ? stage.states : stage.items;
      const count = (kind: string) => states?.decisions.filter((one) => one.kind === kind).length ?? 0;
      const items =
        states === undefined ? undefined : { fresh: count("fresh"), cached: count("cached"), stale: count("stale") };
      // A cached result's outputs are known before they are fetched, so what depends on them can be decided on.
      if (stage.kind === "action" && stage.adopt !== undefined && stage.part !== "split") {
        known.set(target.index, { artifacts: stage.adopt.outputs });
        return describe(session, target, "cached", stage.reasons, items);
      }
      const isFetchedOnly = stage.kind === "items" && items?.stale === 0;
      return describe(
        session,
        target,
        isFetchedOnly || (stage.kind === "action" && stage.adopt !== undefined) ? "cached" : "stale",
        stage.reasons,
        items,
      );
    }
  }
}

function gateFails(session: Session, target: GraphTarget, outputs: Artifacts): boolean {
  try {
    return gateFailures(session, target, outputs).length > 0;
  } catch (error) {
    if (error instanceof ContentLost) return false;
    throw error;
  }
}

function describe(
  session: Session,
  target: GraphTarget,
  state: TargetState,
  reasons: readonly Reason[],
  items: PlannedTarget["items"],
): PlannedTarget {
  const { declaration } = target;
  const due = state === "stale" || state === "unknown";
  const past = due ? pastOf(session, target, items) : undefined;
  return {
    name: target.name,
    rule: declaration.contract.name,
    kind: declaration.work.kind,
    dependsOn: target.dependsOn.map((index) => session.graph.targets[index]!.name),
    description: declaration.options.description,
    state,
    reasons,
    items,
    expectedMs: past?.ms,
    expectedUsd: past?.usd,
  };
}

/** Time and money by the run's own traces: the last results of the target, and of its items for those that are due. */
function pastOf(
  session: Session,
  target: GraphTarget,
  items: PlannedTarget["items"],
): { readonly ms: number; readonly usd: number } | undefined {
  let whole: { ms: number; usd: number } | undefined;
  let count = 0;
  let itemMs = 0;
  let itemUsd = 0;
  const last = session.trace.lastStandingOf(target.name);
  const own =
    last === undefined ? undefined : (session.trace.find(last.core) ?? session.trace.cleanedResult(last.core));
  if (own !== undefined) whole = { ms: own.result.tookMs, usd: own.result.costUsd };
  if (target.declaration.work.kind !== "fan-out") return whole;
  for (const result of session.trace.itemResultsOf(target.name)) {
    count++;
    itemMs += result.tookMs;
    itemUsd += result.costUsd;
  }
  if (count === 0) return whole;
  const due = items?.stale ?? count;
  return { ms: (whole?.ms ?? 0) + (itemMs / count) * due, usd: (whole?.usd ?? 0) + (itemUsd / count) * due };
}
