// "I changed this and it does not matter: keep the result." The results on which a target stood come to count for the keys that it has now.
// A record of this run only: nothing is published under the new keys.

import type { Part } from "../backends/store/trace-lines.ts";
import type { PackedSplit } from "../backends/executors/worker/split.ts";
import { inRun } from "../model/advice.ts";
import type { Digest } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { Reason } from "../model/reason.ts";
import { encode } from "../planning/fingerprint/encode.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { PreparedAction } from "./actions.ts";
import { ContentLost } from "./contents.ts";
import { assess, type DueItems, type Upstream } from "./assess.ts";
import { rememberRecord, standingAnew } from "./commit.ts";
import { expandItems, itemName, splitSlot, type Item } from "./fan-out.ts";
import { inlineContents, inputsOfRecord, preparedOfRecord, textOf, type FindContent } from "./recorded.ts";
import type { BuildSession } from "./session.ts";

export type AcceptSession = Omit<
  BuildSession,
  | "siteOf"
  | "pool"
  | "emit"
  | "sleep"
  | "random"
  | "logsFolder"
  | "cacheFolder"
  | "isBundleThere"
  | "mapStack"
  | "claim"
  | "keepGoing"
  | "mask"
>;

export interface Accepted {
  readonly reasons: readonly Reason[];
  /** Results that were kept. */
  readonly results: number;
  /** Items that no earlier result answers to: the next build makes them. */
  readonly left: number;
  /** The key on which the target now stands; undefined where something is left to do. */
  readonly core: Digest | undefined;
}

/** Split, items, merge, each looked at anew; one more in case of a surprise. */
const maxRounds = 5;

/** What is accepted is held by the trace: nothing of it is written before `keepHeld`. */
export async function acceptTarget(
  session: AcceptSession,
  target: GraphTarget,
  upstream: Upstream,
  because: string,
): Promise<Result<Accepted, readonly Failure[]>> {
  const { trace } = session;
  const last = trace.lastStandingOf(target.name);
  const refuse = (what: string, fix: string) =>
    fail([inputFailure(what, { neededBy: `target "${target.name}"`, fix })]);
  if (last === undefined || trace.find(last.core) === undefined)
    return refuse(
      "there is no result that could be kept",
      `${inRun(`exp build ${target.name}`, session.run)} makes one.`,
    );
  /** By their text: a code change may be behind the split and the items. */
  const reasons = new Map<string, Reason>();
  let results = 0;
  const keep = (part: Part, now: { core: Digest; key: Digest }, as: Digest, of: { m?: Digest; l?: string } = {}) => {
    trace.hold({ t: target.name, p: part, b: session.build, c: now.core, k: now.key, as, ...of });
    results += 1;
  };
  const end = async (left: number, core: Digest | undefined): Promise<Result<Accepted, readonly Failure[]>> => {
    const told = await session.explain(target.name, [...reasons.values()]);
    if (results > 0) {
      const accepted = { at: session.now(), by: session.who, because, reasons: told, results, of: last.core };
      trace.hold({ t: target.name, accepted });
    }
    return ok({ reasons: told, results, left, core });
  };

  for (let round = 0; round < maxRounds; round++) {
    const assessment = await assess(session, target, upstream);
    if (assessment.kind === "wrong") return fail(assessment.failures);
    if (assessment.kind === "waits")
      return refuse("it waits for people", "What people give is an input: it is taken in by the next build.");
    if (assessment.kind === "settled") {
      const standing = results > 0 ? standingAnew(session, target, assessment) : undefined;
      if (standing !== undefined) trace.hold(standing);
      return end(0, assessment.core);
    }
    const { stage } = assessment;
    for (const reason of stage.reasons) reasons.set(JSON.stringify(reason), reason);
    if (stage.kind === "items") {
      const { kept, left } = keepItems(session, target, stage, last, keep);
      if (left > 0) return end(left, undefined);
      if (kept === 0) return end(0, undefined);
      continue;
    }
    // The run's own result, whose files are not at their places: a build puts them there.
    if (trace.find(stage.action.core) !== undefined) return end(0, undefined);
    const as = stage.part === "split" ? last.split : last.core;
    const before = as === undefined ? undefined : trace.recordOf(as);
    if (as === undefined || before === undefined || before.part !== stage.part)
      return refuse("it is made in another way now", "What it makes today has to be computed: exp build.");
    if (encode(before.outputs) !== encode(stage.action.record.outputs))
      return refuse(
        `its outputs are declared otherwise now (${Object.values(stage.action.record.outputs).join(", ")})`,
        "The old result has no such outputs: exp build makes them.",
      );
    rememberRecord(session, target, stage.action, undefined);
    keep(stage.part, stage.action, as);
  }
  return end(0, undefined);
}

type Keep = (part: Part, now: { core: Digest; key: Digest }, as: Digest, of?: { m?: Digest; l?: string }) => void;

/** Each stale item is answered by the earlier one of the same recipe, settings and item, whatever its code and inputs were. */
function keepItems(
  session: AcceptSession,
  target: GraphTarget,
  { states: { items, decisions } }: DueItems,
  last: { readonly split: Digest | undefined; readonly templates: readonly Digest[] },
  keep: Keep,
): { readonly kept: number; readonly left: number } {
  const earlier = earlierItems(session, target, last);
  let kept = 0;
  let left = 0;
  for (const [recipe, template] of items.templates) rememberRecord(session, target, template, recipe);
  for (const item of items.all) {
    if (decisions[item.index]!.kind === "fresh") continue;
    const template = items.templates.get(item.recipe)!;
    const as = earlier.get(nameOf(item));
    if (as === undefined || session.trace.find(as.core) === undefined || !hasSameOutputs(as.template, template)) {
      left += 1;
      continue;
    }
    keep("item", item, as.core, { m: template.core, l: itemName(item) });
    kept += 1;
  }
  return { kept, left };
}

function hasSameOutputs(a: PreparedAction, b: PreparedAction): boolean {
  return encode(a.record.outputs) === encode(b.record.outputs);
}

function nameOf({ recipe, settings, item }: Pick<Item, "recipe" | "settings" | "item">): string {
  return encode([recipe, settings, item]);
}

interface Earlier {
  readonly core: Digest;
  readonly template: PreparedAction;
}

/** The items on which the target stood, by what they are. */
function earlierItems(
  session: AcceptSession,
  target: GraphTarget,
  { split, templates }: { readonly split: Digest | undefined; readonly templates: readonly Digest[] },
): ReadonlyMap<string, Earlier> {
  const { trace } = session;
  const found = new Map<string, Earlier>();
  const known = split === undefined ? undefined : trace.find(split);
  const record = split === undefined ? undefined : trace.recordOf(split);
  const artifact = known?.result.outputs[splitSlot];
  if (record === undefined || artifact?.kind !== "file") return found;
  const find = finderOf(session);
  const prepared = new Map<string, PreparedAction>();
  for (const core of templates) {
    // Their code need not be there: they are not run, only named.
    const action = preparedOfRecord(core, {
      trace,
      find: () => ({ path: "" }),
      nodeMajor: session.nodeMajor,
      resolveFrom: "",
      environment: {},
    });
    if (!action.ok) continue;
    for (const name of trace.recipesOf(core)) prepared.set(name, action.value);
  }
  try {
    const packed = JSON.parse(artifact.text ?? textOf(splitSlot, artifact.blob.digest, find)) as PackedSplit;
    const expanded = expandItems(packed, inputsOfRecord(record, find), prepared, session.nodeMajor, target.name);
    for (const item of expanded.ok ? expanded.value.all : [])
      found.set(nameOf(item), { core: item.core, template: prepared.get(item.recipe)! });
  } catch (error) {
    // Without what the items were cut from they cannot be told apart: none is kept.
    if (!(error instanceof ContentLost)) throw error;
  }
  return found;
}

function finderOf({ trace, store, archive }: AcceptSession): FindContent {
  const inline = inlineContents(trace);
  return (digest) => {
    const text = inline.get(digest);
    if (text !== undefined) return { text };
    const path = archive.pathOf(digest) ?? store.pathOf(digest);
    return path === undefined ? undefined : { path };
  };
}
