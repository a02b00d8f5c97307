// A small build as events, for the reporters' tests.

import type { Event } from "../../src/model/event.ts";
import type { Reason } from "../../src/model/reason.ts";

type Fields<K extends Event["kind"]> = Partial<Omit<Extract<Event, { kind: K }>, "kind">>;

export const started: Event = {
  kind: "build-started",
  run: "default",
  experiment: "peptides",
  targets: ["analyse"],
  config: "configs/default.yaml",
  overrides: [],
  at: 0,
};

export const newHere: readonly Reason[] = [{ kind: "new" }];
export const moreSamples: readonly Reason[] = [{ kind: "config", path: "generate.samples", before: 50, after: 100 }];

export function starts(target: string, fields: Fields<"target-started"> = {}): Event {
  return {
    kind: "target-started",
    target,
    reasons: newHere,
    items: undefined,
    due: undefined,
    expectedMs: undefined,
    ...fields,
  };
}

export function finishes(target: string, fields: Fields<"target-finished"> = {}): Event {
  const counts = { computed: 0, cached: 0, fresh: 0, [fields.origin ?? "computed"]: 1 };
  const amounts = { tookMs: 120, savedMs: 0, costUsd: 0, sameOutput: false };
  return { kind: "target-finished", target, origin: "computed", reasons: newHere, counts, ...amounts, ...fields };
}

export function fresh(target: string): Event {
  return finishes(target, { origin: "fresh", reasons: [], tookMs: 0 });
}

export function itemFinishes(target: string, fields: Fields<"item-finished"> = {}): Event {
  return { kind: "item-finished", target, origin: "computed", tookMs: 100, costUsd: 0, ...fields };
}

export function ends(fields: Fields<"build-finished"> = {}): Event {
  const amounts = { tookMs: 4200, savedMs: 0, costUsd: 0, counts: { computed: 0, cached: 0, fresh: 0 } };
  return { kind: "build-finished", outcome: "done", run: "default", reports: [], ...amounts, ...fields };
}
