// Where a target stands, given the outputs of what it depends on: settled, waiting, or due with the next stage to perform.
// `build` performs and asks again; `plan`, `status`, `why` and `graph` only ask.

import type { PackedSplit } from "../backends/executors/worker/split.ts";
import type { HandoffRequest, Work } from "../api/rule.ts";
import type { SlotOrder } from "../backends/executors/executor.ts";
import type { Slot } from "../api/slot.ts";
import type { ActionResult, Artifacts } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { Failure } from "../model/failure.ts";
import type { Reason } from "../model/reason.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { Part } from "../backends/store/trace-lines.ts";
import type { Keys } from "../backends/store/trace-known.ts";
import type { PreparedAction } from "./actions.ts";
import { ContentLost } from "./contents.ts";
import { requestsOf } from "./declared.ts";
import { differencesOfStandings, withDifferences } from "./differences.ts";
import { digestOfItems, expandItems, itemIdentity, splitSlot, type Item, type Items } from "./fan-out.ts";
import { formerItems } from "./former-items.ts";
import { assessHandoff } from "./handoff.ts";
import type { ResolvedInputs } from "./inputs.ts";
import type { Decision } from "./rebuilder.ts";
import type { Session } from "./session.ts";
import { wordUnmatched } from "./unmatched.ts";
import { prepareTemplates } from "./templates.ts";
import { assessGiven } from "./splice.ts";

/** An action that must run, or whose cached result is to be adopted. */
export interface DueAction {
  readonly kind: "action";
  readonly part: Part;
  readonly action: PreparedAction;
  readonly inputs: ResolvedInputs;
  readonly adopt: ActionResult | undefined;
  readonly reasons: readonly Reason[];
  /** For a merge. */
  readonly items: ItemStates | undefined;
}
export interface DueItems {
  readonly kind: "items";
  readonly states: ItemStates;
  readonly inputs: ResolvedInputs;
  readonly reasons: readonly Reason[];
}
export interface ItemStates {
  readonly items: Items;
  readonly decisions: readonly Decision[];
}

export type Assessment =
  | {
      readonly kind: "settled";
      readonly core: Digest;
      readonly split: Digest | undefined;
      readonly result: ActionResult;
      readonly how: "fresh";
      readonly states: ItemStates | undefined;
      readonly warnings?: readonly string[];
    }
  | { readonly kind: "due"; readonly stage: DueAction | DueItems; readonly warnings?: readonly string[] }
  | { readonly kind: "waits"; readonly requests: readonly HandoffRequest[] }
  | { readonly kind: "wrong"; readonly failures: readonly Failure[] };

export type Settled = Extract<Assessment, { kind: "settled" }>;

export function keysOf({ core, split, states }: Pick<Settled, "core" | "split" | "states">): Keys {
  const templates = states === undefined ? [] : [...states.items.templates.values()].map((template) => template.core);
  return { core, split, templates };
}

export type Upstream = (index: number) => { readonly artifacts: Artifacts; readonly target: GraphTarget };

const splitOutputs: Readonly<Record<string, SlotOrder>> = {};

export async function assess(session: Session, target: GraphTarget, upstream: Upstream): Promise<Assessment> {
  const given = session.given.get(target.name);
  if (given !== undefined) return assessGiven(session, target, given);
  const section = session.sections[target.index]!;
  session.factory.expect(target);
  const resolved = await session.resolver.resolve(target, section, upstream);
  if (!resolved.ok) return { kind: "wrong", failures: resolved.error };
  const found = await assessWork(session, target, resolved.value);
  if (found.kind !== "settled" && found.kind !== "due") return found;
  const warnings = [...(found.warnings ?? []), ...wordUnmatched(session.root, resolved.value)];
  return warnings.length === 0 ? found : { ...found, warnings };
}

async function assessWork(session: Session, target: GraphTarget, inputs: ResolvedInputs): Promise<Assessment> {
  const section = session.sections[target.index]!;
  const { work, contract } = target.declaration;
  switch (work.kind) {
    case "handoff": {
      const asked = { what: "the handoff's requests", target: target.name };
      const requests = requestsOf(asked, () => work.handoff.requests(section));
      return requests.ok
        ? assessHandoff(session, target, requests.value)
        : { kind: "wrong", failures: [requests.error] };
    }
    case "command": {
      const action = session.factory.ofCommand(target, section, work.command, { inputs, outputs: contract.outputs });
      return action.ok
        ? await assessSingle(session, target, "recipe", action.value, inputs)
        : { kind: "wrong", failures: action.error };
    }
    case "recipe":
    case "gate": {
      const action = await session.factory.ofPart(target, section, work.kind, work.part, {
        inputs,
        outputs: work.kind === "gate" ? {} : contract.outputs,
      });
      return action.ok
        ? await assessSingle(session, target, work.kind, action.value, inputs)
        : { kind: "wrong", failures: action.error };
    }
    case "fan-out":
      return assessFanOut(session, target, work, inputs);
  }
}

/** A target of one action, or the merge of a fan-out: fresh only when its outputs lie where they belong. */
async function assessSingle(
  session: Session,
  target: GraphTarget,
  part: Part,
  action: PreparedAction,
  inputs: ResolvedInputs,
  states?: ItemStates,
  split?: Digest,
): Promise<Assessment> {
  const { core, key, record } = action;
  await askAhead(session, [action]);
  const asked = { target: target.name, section: target.section, part, core, key, record };
  const decision = session.rebuilder.decide(asked);
  const due = (adopt: ActionResult | undefined, reasons: readonly Reason[]): Assessment => ({
    kind: "due",
    stage: { kind: "action", part, action, inputs, adopt, reasons, items: states },
  });
  const slots = target.declaration.contract.outputs;
  switch (decision.kind) {
    case "fresh": {
      const { result } = decision;
      const { kind, slot } = await lookAtPlaces(session, target, slots, result.outputs);
      if (kind === "as they should be")
        return { kind: "settled", core: action.core, split, result, how: "fresh", states };
      if (kind === "lost") return due(undefined, [{ kind: "content-lost", slot }]);
      return due(
        result,
        kind === "left" ? [{ kind }] : reasonsOfReturn(session, target, keysOf({ core, split, states })),
      );
    }
    case "cached":
      return due(decision.result, session.rebuilder.explain(asked));
    case "stale":
      return due(undefined, decision.reasons);
  }
}

type AtPlaces = { readonly kind: "as they should be" | "displaced" | "left"; readonly slot?: undefined } | Lost;
interface Lost {
  readonly kind: "lost";
  readonly slot: string;
}

/**
 * Whether the outputs of the run's own result lie at their places, or were left with others and may stay there. What is to be put back has its content
 * here by then.
 */
async function lookAtPlaces(
  { contents, places, needs }: Session,
  { name }: GraphTarget,
  slots: Readonly<Record<string, Slot>>,
  outputs: Artifacts,
): Promise<AtPlaces> {
  if (places.isAsPut(name, slots, outputs)) return { kind: "as they should be" };
  const need = needs.needOf(name);
  // What lies at its place is not lost, even if no store has it.
  const missing = Object.entries(outputs).filter(
    ([slot, artifact]) =>
      !contents.isStored(artifact) &&
      (slots[slot] === undefined || !places.isPlaced(name, { [slot]: slots[slot] }, { [slot]: artifact })),
  );
  const mayStay = new Set<string>();
  for (const [slot, shape] of need === "here" ? [] : Object.entries(slots)) {
    const artifact = outputs[slot] ?? { kind: "absent" };
    const isToBePut = need !== "anywhere" && contents.isStored(artifact);
    if (isToBePut || !places.wasLeft(name, slot, shape, artifact)) continue;
    // What reads a folder may name files in it.
    if (await contents.bringListings([artifact])) mayStay.add(slot);
  }
  const toCome = need === "anywhere" ? missing.filter(([slot]) => !mayStay.has(slot)) : missing;
  if (await contents.bring(toCome.map(([, artifact]) => artifact))) {
    const wasLeft = (slot: string) =>
      slots[slot] !== undefined && places.wasLeft(name, slot, slots[slot], outputs[slot]);
    if (need !== "anywhere") return { kind: Object.keys(outputs).some(wasLeft) ? "left" : "displaced" };
  } else {
    const lost = missing.find(([slot, artifact]) => !mayStay.has(slot) && !contents.isStored(artifact));
    if (lost !== undefined) return { kind: "lost", slot: lost[0] };
    needs.noteStayed(name);
  }
  const left = places.leftOf(name, slots, outputs);
  const here = Object.entries(slots).filter(([slot]) => !mayStay.has(slot));
  const isAsLeft =
    [...mayStay].every((slot) => left.has(slot)) && places.isAsPut(name, Object.fromEntries(here), outputs);
  return { kind: isAsLeft ? "as they should be" : "displaced" };
}

/** Others may have made what the run has not. */
async function askAhead(
  { trace, cache }: Session,
  asked: readonly { readonly core: Digest; readonly key: Digest }[],
): Promise<void> {
  const unknown = asked.filter(({ core }) => trace.known(core) === undefined);
  if (unknown.length > 0) await cache.ahead(unknown.map(({ key }) => key));
}

async function askAheadOfItems({ trace, cache }: Session, { all }: Items): Promise<void> {
  const unknown = all.filter(({ core }) => trace.known(core) === undefined);
  if (unknown.length === 0) return;
  await cache.aheadOfItems(
    all.map(({ key }) => key),
    unknown.map(({ key }) => key),
  );
}

/** Brings what these items of a fan-out have made, as far as it can be had. */
export async function bringItems(
  { cache, contents }: Session,
  { all }: Items,
  some: readonly (readonly [item: Item, outputs: Artifacts])[],
): Promise<void> {
  const missing = some.flatMap(([{ key }, outputs]) =>
    Object.values(outputs).flatMap((artifact) => (contents.isStored(artifact) ? [] : [{ key, artifact }])),
  );
  if (missing.length === 0) return;
  await cache.aheadOfContents(
    all.map(({ key }) => key),
    new Set(missing.map(({ key }) => key)),
  );
  await contents.bring(missing.map(({ artifact }) => artifact));
}

/** Why a result of the run's own is put back: something went back to an earlier state, or the files are not as they were left. */
function reasonsOfReturn({ trace, rebuilder }: Session, { name, section }: GraphTarget, now: Keys): readonly Reason[] {
  const last = trace.lastStandingOf(name);
  if (last === undefined) {
    const from = trace.find(now.core)?.target;
    return from === undefined || from === name ? [{ kind: "displaced" }] : [{ kind: "same-work", target: from }];
  }
  if (last.core === now.core || trace.recordOf(last.core) === undefined) return [{ kind: "displaced" }];
  return differencesOfStandings({ trace, keys: last }, { trace, keys: now }, rebuilder.words(section));
}

async function assessFanOut(
  session: Session,
  target: GraphTarget,
  work: Extract<Work, { kind: "fan-out" }>,
  inputs: ResolvedInputs,
): Promise<Assessment> {
  const section = session.sections[target.index]!;
  const { contract } = target.declaration;
  const split = await session.factory.ofPart(target, section, "split", work.split, { inputs, outputs: splitOutputs });
  if (!split.ok) return { kind: "wrong", failures: split.error };
  const asked = {
    target: target.name,
    section: target.section,
    part: "split" as const,
    core: split.value.core,
    key: split.value.key,
    record: split.value.record,
  };
  await askAhead(session, [split.value]);
  const decision = session.rebuilder.decide(asked);
  const dueSplit = async (adopt: ActionResult | undefined, reasons: readonly Reason[]): Promise<Assessment> => {
    const all = await withDifferences(session, target, inputs, reasons);
    const stage = { kind: "action", part: "split", action: split.value, inputs, adopt, items: undefined } as const;
    return { kind: "due", stage: { ...stage, reasons: all } };
  };
  if (decision.kind === "stale") return dueSplit(undefined, decision.reasons);
  if (decision.kind === "cached") return dueSplit(decision.result, session.rebuilder.explain(asked));
  let packed: PackedSplit;
  try {
    packed = JSON.parse(session.contents.textOf(splitSlot, decision.result.outputs[splitSlot]!)) as PackedSplit;
  } catch (error) {
    if (!(error instanceof ContentLost)) throw error;
    return dueSplit(undefined, [{ kind: "content-lost", slot: "the split" }]);
  }

  const templates = await prepareTemplates(session, target, work.recipes);
  if (!templates.ok) return { kind: "wrong", failures: templates.failures };
  const expanded = expandItems(packed, inputs, templates.prepared, session.nodeMajor, target.name);
  if (!expanded.ok) return { kind: "wrong", failures: [expanded.error] };
  const items = expanded.value;
  await askAheadOfItems(session, items);
  const states: ItemStates = { items, decisions: decideItems(session, target, items) };
  const { decisions } = states;
  if (decisions.some((one) => one.kind !== "fresh")) {
    const reasons = await withDifferences(session, target, inputs, reasonsOfItems(session, target, states));
    return { kind: "due", stage: { kind: "items", states, inputs, reasons } };
  }

  const made = digestOfItems(
    items,
    (item) => (decisions[item.index] as Extract<Decision, { kind: "fresh" }>).result.outputs,
  );
  const merge = await session.factory.ofPart(target, section, "merge", work.merge, {
    inputs,
    outputs: contract.outputs,
    items: made,
  });
  if (!merge.ok) return { kind: "wrong", failures: merge.error };
  const assessment = await assessSingle(session, target, "merge", merge.value, inputs, states, split.value.core);
  if (session.store.heedsMark) saveItems(session, decisions);
  if (assessment.kind !== "due" || assessment.stage.kind !== "action" || assessment.stage.adopt !== undefined)
    return assessment;

  // The merge must run, so it needs the content of every item: what is lost and cannot be had from others is made again.
  await bringItems(
    session,
    items,
    items.all.flatMap((item) => {
      const one = decisions[item.index]!;
      return one.kind === "fresh" ? [[item, one.result.outputs] as const] : [];
    }),
  );
  const whole = decisions.map((one): Decision =>
    one.kind === "fresh" && Object.values(one.result.outputs).every((artifact) => session.contents.isStored(artifact))
      ? one
      : { kind: "stale", reasons: [{ kind: "content-lost", slot: "item" }] },
  );
  if (whole.every((one) => one.kind === "fresh")) return assessment;
  return {
    kind: "due",
    stage: {
      kind: "items",
      states: { items, decisions: whole },
      inputs,
      reasons: [{ kind: "content-lost", slot: "items" }],
    },
  };
}

/** A collection is under way: what the target comes to stand on is asked for, so that it is saved, even if nothing reads it now. */
function saveItems({ contents }: Session, decisions: readonly Decision[]): void {
  for (const one of decisions)
    if (one.kind === "fresh") for (const artifact of Object.values(one.result.outputs)) contents.isStored(artifact);
}

function decideItems(session: Session, target: GraphTarget, items: Items): readonly Decision[] {
  const reasons = new Map<string, readonly Reason[]>();
  return items.all.map((item) => {
    const own = session.trace.find(item.core);
    if (own !== undefined) return { kind: "fresh", result: own.result };
    const { recipe, core, key } = item;
    const { record } = items.templates.get(recipe)!;
    const asked = { target: target.name, section: target.section, part: "item" as const, recipe, core, key, record };
    // Items of one recipe have one record: it is compared once for all of them.
    return session.rebuilder.decide(asked, () => {
      const known = reasons.get(recipe) ?? session.rebuilder.explain(asked);
      reasons.set(recipe, known);
      return known;
    });
  });
}

/** What is said of a fan-out whose items are due: each recipe's own difference, or that there are more of them. */
function reasonsOfItems(session: Session, target: GraphTarget, states: ItemStates): readonly Reason[] {
  const due = states.items.all.filter((item) => states.decisions[item.index]!.kind !== "fresh");
  const cleaned = states.decisions.find((one) => one.kind === "stale" && one.reasons[0]?.kind === "cleaned");
  if (cleaned?.kind === "stale") return cleaned.reasons;
  const reasons = [...new Set(due.map((item) => item.recipe))].flatMap((recipe) => {
    const template = states.items.templates.get(recipe)!;
    return session.rebuilder.explain({
      target: target.name,
      section: target.section,
      part: "item",
      recipe,
      core: template.core,
      key: template.key,
      record: template.record,
    });
  });
  const telling = reasons.filter((reason) => reason.kind !== "new");
  if (telling.length > 0) return telling;
  if (due.length === states.items.all.length && session.trace.standingOf(target.name).length === 0)
    return [{ kind: "new" }];
  const former = new Set(formerItems(session, target)?.map(itemIdentity));
  const changed = due.filter((item) => former.has(itemIdentity(item))).length;
  for (const item of states.items.all) former.delete(itemIdentity(item));
  return [{ kind: "items", added: due.length - changed, removed: former.size, changed }];
}
