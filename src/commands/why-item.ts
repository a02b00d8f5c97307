// `exp why TARGET[ITEM]`: where one item of a fan-out stands, and what of it differs from the item of that name before.

import { assess, type Assessment, type ItemStates } from "../engine/assess.ts";
import { ownDifferences, withoutRepeats } from "../engine/differences.ts";
import { itemIdentity, itemName, type Item } from "../engine/fan-out.ts";
import { formerItems, type FormerItem } from "../engine/former-items.ts";
import type { Session } from "../engine/session.ts";
import { inRun } from "../model/advice.ts";
import type { Artifacts } from "../model/action.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import type { Reason } from "../model/reason.ts";
import { encode } from "../planning/fingerprint/encode.ts";
import { explain, inputReasons } from "../planning/fingerprint/explain.ts";
import { selectTargets, type Graph, type GraphTarget } from "../planning/graph.ts";
import type { Why } from "../report/why.ts";
import { findItem, noSuchItem } from "./item-name.ts";

export async function whyItem(session: Session, graph: Graph, name: string, word: string): Promise<Why | Failure> {
  const target = graph.byName.get(name)!;
  if (target.declaration.work.kind !== "fan-out")
    return inputFailure(`${name} has no items`, { fix: inRun(`exp why ${name}`, session.run) });
  const { found, open, known } = await assessUpTo(session, graph, target);
  const states = found === undefined ? undefined : statesOf(found);
  if (states !== undefined) {
    const item = findItem(states.items.all, word);
    return item === undefined ? noSuchItem(name, word, states.items.all) : whyKnown(session, target, states, item);
  }
  const former = formerItems(session, target);
  if (former === undefined)
    return inputFailure(`the items of ${name} are not known before its split has run`, {
      fix: inRun(`exp build ${name}`, session.run),
    });
  const item = findItem(former, word);
  if (item === undefined) return noSuchItem(name, word, former, "last-split");
  const own = await ownDifferences(session, target, known, item.recipe);
  const waits: readonly Reason[] =
    open.length > 0
      ? open.map((upstream) => ({ kind: "upstream", target: upstream }))
      : [{ kind: "split", target: name }];
  return { target: name, label: itemName(item), state: "unknown", reasons: [...own, ...waits] };
}

interface Reached {
  /** Undefined: something that the target depends on has to run first. */
  readonly found: Assessment | undefined;
  /** What the target depends on and has to run first. */
  readonly open: readonly string[];
  readonly known: ReadonlyMap<number, { readonly artifacts: Artifacts }>;
}

async function assessUpTo(session: Session, graph: Graph, target: GraphTarget): Promise<Reached> {
  const known = new Map<number, { readonly artifacts: Artifacts }>();
  const needed = selectTargets(graph, [target.name]);
  if (!needed.ok) throw new Error(`target ${target.name} is not in the graph`);
  const upstream = (index: number) => ({ artifacts: known.get(index)!.artifacts, target: graph.targets[index]! });
  for (const index of needed.value.needed) {
    const one = graph.targets[index]!;
    const open = one.dependsOn.filter((up) => !known.has(up)).map((up) => graph.targets[up]!.name);
    const found = open.length > 0 ? undefined : await assess(session, one, upstream);
    if (index === target.index) return { found, open, known };
    if (found?.kind === "settled") known.set(index, { artifacts: found.result.outputs });
    else if (found?.kind === "due" && found.stage.kind === "action" && found.stage.part !== "split")
      if (found.stage.adopt !== undefined) known.set(index, { artifacts: found.stage.adopt.outputs });
  }
  throw new Error(`target ${target.name} is not among what it needs`);
}

function statesOf(found: Assessment): ItemStates | undefined {
  if (found.kind === "settled") return found.states;
  if (found.kind !== "due") return undefined;
  return found.stage.kind === "items" ? found.stage.states : found.stage.items;
}

function whyKnown(session: Session, target: GraphTarget, states: ItemStates, item: Item): Why {
  const decision = states.decisions[item.index]!;
  const own = session.trace.find(item.core);
  const accepted = own?.madeFor === undefined ? [] : session.trace.acceptancesOf(target.name);
  return {
    target: target.name,
    label: itemName(item),
    state: decision.kind,
    ...(accepted.length > 0 && { accepted }),
    ...(own !== undefined && { since: own.result.at }),
    reasons: decision.kind === "fresh" ? [] : reasonsOf(session, target, states, item),
  };
}

function reasonsOf(session: Session, target: GraphTarget, states: ItemStates, item: Item): readonly Reason[] {
  const decision = states.decisions[item.index]!;
  if (decision.kind === "stale" && decision.reasons.some(({ kind }) => kind === "cleaned" || kind === "content-lost"))
    return decision.reasons;
  const identity = itemIdentity(item);
  const before = formerItems(session, target)?.find((one) => itemIdentity(one) === identity);
  const after = { settings: item.settings, item: item.item };
  if (before === undefined) return [{ kind: "item", before: undefined, after }];
  const { record } = states.items.templates.get(item.recipe)!;
  const words = session.rebuilder.words(target.section);
  const former = session.trace.standingRecord(target.name, "item", item.recipe);
  return withoutRepeats([
    ...(former === undefined ? [] : explain(former, record, words)),
    ...ownReasons(before, after),
    ...inputReasonsOf(before, states, item),
  ]);
}

/** Only the fields that differ, of settings and item. */
function ownReasons(before: FormerItem, after: Pick<Item, "settings" | "item">): readonly Reason[] {
  const fields = (["settings", "item"] as const).filter((field) => encode(before[field]) !== encode(after[field]));
  if (fields.length === 0) return [];
  const only = (from: Pick<Item, "settings" | "item">): JsonObject =>
    Object.fromEntries(fields.map((field) => [field, from[field]]));
  return [{ kind: "item", before: only(before), after: only(after) }];
}

/** What of the former inputs is not known any more is not compared. */
function inputReasonsOf(before: FormerItem, states: ItemStates, item: Item): readonly Reason[] {
  const old = before.inputs();
  const now = Object.fromEntries(
    Object.entries(states.items.inputs[item.inputsNumber]!).map(([slot, { record }]) => [slot, record]),
  );
  const given = (slot: string) => slot in old || !(slot in now);
  return inputReasons(old, now).filter((reason) => reason.kind === "input" && given(reason.slot.replace(/\[.*$/, "")));
}
