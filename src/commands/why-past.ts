// `exp why --build`: what a past build did for a target, by the run's history, and what had differed, by its trace.

import { inputFailure, type Failure } from "../model/failure.ts";
import { differencesBetween } from "../engine/differences.ts";
import type { Session } from "../engine/session.ts";
import type { Reason } from "../model/reason.ts";
import { countOf } from "../report/amounts.ts";
import type { PastBuild, Why } from "../report/why.ts";
import type { Asked } from "./asking.ts";

export function whyPast({ run }: Asked, session: Session, target: string, build: string): Why | Failure {
  const number = Number(build);
  const history = run.folder.history();
  const entry = history.findLast((one) => one.build === number);
  if (entry === undefined) {
    const [first, last] = [history[0]?.build, history.at(-1)?.build];
    return inputFailure(`run ${run.folder.id} has no build ${build}`, {
      fix:
        last === undefined
          ? "It has not been built yet."
          : `It has ${countOf(history.length, "build")}, ${first} to ${last}: exp runs show ${run.folder.id}`,
    });
  }
  const standing = session.trace.standingOf(target);
  const n = standing.findLastIndex((one) => one.build <= number);
  const change = entry.changed[target];
  const base = { number, at: Date.parse(entry.at), outcome: entry.outcome };
  if (change === undefined) {
    const kept = n < 0 ? {} : { kept: standing[n]!.build };
    return { target, state: n < 0 ? "unknown" : "fresh", reasons: [], build: { ...base, did: "nothing", ...kept } };
  }
  if (change.origin === "failed") {
    const because = change.because === undefined || change.because === "" ? {} : { because: change.because };
    return {
      target,
      state: "failed",
      reasons: [],
      build: { ...base, did: "failed", failure: change.reason, ...because },
    };
  }
  if (change.origin === "unaffordable") {
    const because = change.because === undefined || change.because === "" ? {} : { because: change.because };
    const state = n < 0 ? "unknown" : "stale";
    return { target, state, reasons: [], build: { ...base, did: "unaffordable", failure: change.reason, ...because } };
  }
  const section = run.graph.byName.get(target)!.section;
  const reasons = standing[n]?.build === number ? reasonsOfStanding(session, section, target, n) : [];
  const did: PastBuild["did"] = change.origin === "computed" ? "computed" : "cached";
  // Made again for the same key: only the history says why.
  const because = reasons.length === 0 && change.reason !== "" ? { because: change.reason } : {};
  return { target, state: "fresh", reasons, build: { ...base, did, ...because } };
}

/** What differed between the `n`-th standing of the target and the one before it. */
export function reasonsOfStanding(session: Session, section: string, target: string, n: number): readonly Reason[] {
  const standing = session.trace.standingOf(target);
  const [before, now] = [standing[n - 1], standing[n]];
  if (now === undefined) return [];
  if (before !== undefined) return differencesBetween(session, section, before, now);
  const from = session.trace.find(now.core)?.target;
  return [from === undefined || from === target ? { kind: "new" } : { kind: "same-work", target: from }];
}
