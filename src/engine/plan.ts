// The true plan: every needed target as a build would find it, as far as that can be known without running anything.

import type { Failure } from "../model/failure.ts";
import type { PlannedTarget, TargetState } from "../model/plan.ts";
import type { Reason } from "../model/reason.ts";
import type { RunOptions } from "../api/rule.ts";
import type { ActionResult, Artifacts } from "../model/action.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { assess, keysOf, type Assessment } from "./assess.ts";
import { ownDifferences } from "./differences.ts";
import { gateFailures } from "./gate.ts";
import { ContentLost } from "./contents.ts";
import { optionsElsewhere } from "./run-options.ts";
import type { Session } from "./session.ts";

/** An executor whose time is paid for. */
export interface Rates {
  /** By its name, results tell that what they cost holds their time. */
  readonly executor: string;
  /** Dollars a second; or why that is not known. */
  usdPerSecond(target: string, options: RunOptions): Result<number, string>;
}

export interface PlanOptions {
  /** Whether a build would bring outputs of the target that were left with others. */
  readonly brings?: (target: string) => boolean;
  /** Of the executor that a build would use; undefined: its time is free. */
  readonly rates?: Rates | undefined;
}

export async function planTargets(
  session: Session,
  needed: readonly number[],
  { brings = () => false, rates }: PlanOptions = {},
): Promise<Result<readonly PlannedTarget[], readonly Failure[]>> {
  const planned: PlannedTarget[] = [];
  const failures: Failure[] = [];
  const known = new Map<number, { readonly artifacts: Artifacts }>();
  for (const index of needed) {
    const target = session.graph.targets[index]!;
    const recalled = session.given.has(target.name) ? undefined : session.recall(target);
    if (recalled?.lacking.length === 0) {
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
      const reasons = [
        ...(await ownDifferences(session, target, known)),
        ...names.map((name): Reason => ({ kind: "upstream", target: name })),
      ];
      planned.push(withTime(session, target, describe(session, target, "unknown", reasons, undefined), rates));
      continue;
    }
    const assessment = await assess(session, target, (upstream) => ({
      artifacts: known.get(upstream)!.artifacts,
      target: session.graph.targets[upstream]!,
    }));
    if (assessment.kind === "wrong") failures.push(...assessment.failures);
    else {
      const one = { ...planOf(session, target, assessment, known, brings), ...warningsOf(assessment) };
      planned.push(withTime(session, target, one, rates));
    }
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
      const left = [...session.places.leftOf(target.name, outputs, assessment.result.outputs).keys()];
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
  const past = isDue(state) ? pastOf(session, target, items) : undefined;
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

/** What is due, with what the time of it costs where its results were not made by that executor: theirs holds that already. */
function withTime(session: Session, target: GraphTarget, one: PlannedTarget, rates: Rates | undefined): PlannedTarget {
  if (rates === undefined || !isDue(one.state)) return one;
  let usdPerSecond = 0;
  // Of several recipes the dearest: which of them an item will be is known only when it is.
  for (const options of optionsElsewhere(target)) {
    const usd = rates.usdPerSecond(target.name, options);
    if (!usd.ok) return { ...one, warnings: [...(one.warnings ?? []), usd.error] };
    usdPerSecond = Math.max(usdPerSecond, usd.value);
  }
  const usdOf = ({ executor, costUsd, tookMs }: ActionResult) =>
    executor === rates.executor ? costUsd : costUsd + (tookMs / 1000) * usdPerSecond;
  return { ...one, expectedUsd: pastOf(session, target, one.items, usdOf)?.usd };
}

function isDue(state: TargetState): boolean {
  return state === "stale" || state === "unknown";
}

/** The last result of the target itself, cleaned away or not; of a fan-out, what merged its items. */
function lastOwn({ trace }: Session, target: GraphTarget): ActionResult | undefined {
  const last = trace.lastStandingOf(target.name);
  return last === undefined ? undefined : (trace.find(last.core) ?? trace.cleanedResult(last.core))?.result;
}

/** Time and money by the run's own traces: the last results of the target, and of its items for those that are due. */
function pastOf(
  session: Session,
  target: GraphTarget,
  items: PlannedTarget["items"],
  /** What a result would cost again; what merges items runs here, and costs what it did. */
  usdOf = ({ costUsd }: ActionResult) => costUsd,
): { readonly ms: number; readonly usd: number } | undefined {
  const isFanOut = target.declaration.work.kind === "fan-out";
  const own = lastOwn(session, target);
  const whole = own === undefined ? undefined : { ms: own.tookMs, usd: isFanOut ? own.costUsd : usdOf(own) };
  if (!isFanOut) return whole;
  let count = 0;
  let itemMs = 0;
  let itemUsd = 0;
  for (const result of session.trace.itemResultsOf(target.name)) {
    count++;
    itemMs += result.tookMs;
    itemUsd += usdOf(result);
  }
  if (count === 0) return whole;
  const due = items?.stale ?? count;
  return { ms: (whole?.ms ?? 0) + (itemMs / count) * due, usd: (whole?.usd ?? 0) + (itemUsd / count) * due };
}
