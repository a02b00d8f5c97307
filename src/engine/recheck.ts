// Runs finished actions again, aside, and compares what they make with what is recorded. Works from the trace and from content by digest alone:
// no Expfile, no sources, nothing of the run's folder is written.

import { setMaxListeners } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Executor, Order } from "../backends/executors/executor.ts";
import type { PackedSplit } from "../backends/executors/worker/split.ts";
import type { Part } from "../backends/store/trace-lines.ts";
import type { Standing } from "../backends/store/trace-known.ts";
import { digestOfArtifact, type ActionResult } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { Recheck, Verdict } from "../model/recheck.ts";
import { attemptAction, type Limited } from "./attempt.ts";
import { ContentLost } from "./contents.ts";
import type { PreparedAction } from "./actions.ts";
import { expandItems, fileNameOf, itemName, itemOrder, splitSlot, type Item, type Items } from "./fan-out.ts";
import { itemLines } from "./items-file.ts";
import type { ResolvedInputs } from "./inputs.ts";
import { orderOf } from "./perform-action.ts";
import {
  contentsOf,
  inputsOfRecord,
  isWhole,
  listingOf,
  orderOfArtifact,
  preparedOfRecord,
  textOf,
  type RecordedContext,
} from "./recorded.ts";
import { notRun, verdictOn, type Made, type VerdictContext } from "./verdict.ts";
import { AbortedError, type ResourcePool } from "./resources.ts";

export interface RecheckContext extends RecordedContext, VerdictContext {
  /** An executor that puts what is made aside, where `find` looks too. `close` ends its workers. */
  readonly executor: () => { readonly executor: Executor; readonly close: () => Promise<void> };
  /** Each action alone in a worker of its own: state that leaks from one to the next shows as a difference. */
  readonly isolated: boolean;
  /** What was accepted in place of a result is run as the result was made, with the code of then; otherwise with the code that was accepted. */
  readonly asMade: boolean;
  /** How many of a fan-out's items to run again; the rest is taken as recorded. */
  readonly sample: number;
  readonly pool: ResourcePool;
  readonly lanes: number;
  /** For logs and items files of the actions; deleted by whoever made it. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
  /** Contents that were lost and whose making was tried: once is enough. */
  readonly madeAgain: Set<Digest>;
  readonly onChecked: (recheck: Recheck, recorded: ActionResult, key: Digest) => void;
}

/** Runs again what the target stood on. Throws `AbortedError` when `signal` is aborted. */
export async function recheckTarget(context: RecheckContext, target: string): Promise<void> {
  const standings = context.trace.standingOf(target);
  const last = standings.at(-1);
  if (last === undefined) return;
  if (!context.asMade) return recheckStanding(context, target, last, () => true);
  // What was accepted is found where the target stood before.
  const open = new Set(coresOf(context, target, last).map((core) => context.trace.known(core)?.madeFor ?? core));
  for (const standing of [...standings].reverse()) {
    if (open.size === 0) return;
    await recheckStanding(context, target, standing, (core) => open.delete(core));
  }
}

function coresOf(context: RecheckContext, target: string, { core, split, ...rest }: Standing): readonly Digest[] {
  const known = split === undefined ? undefined : context.trace.known(split);
  if (split === undefined || known === undefined) return [core];
  const items = itemsOf(context, target, { core, split, ...rest }, known.result);
  return [core, split, ...(typeof items === "string" ? [] : items.all.map((item) => item.core))];
}

async function recheckStanding(
  context: RecheckContext,
  target: string,
  last: Standing,
  take: (core: Digest) => boolean,
): Promise<void> {
  const { trace } = context;
  const known = trace.known(last.core);
  if (known === undefined) return;
  for (const core of [last.split, last.core]) if (core !== undefined) await makeInputsAgain(context, core);
  const part = trace.recordOf(last.core)?.part ?? known.part;
  const one = async (core: Digest, which: Part, recorded: ActionResult, items?: Items) => {
    if (take(core)) await recheckOne(context, { target, part: which, core, recorded, items });
  };
  if (part === "handoff" || part === "splice") {
    if (take(last.core)) lookAtGiven(context, target, part, known.result, known.key);
    return;
  }
  if (part !== "merge") return one(last.core, part, known.result);

  const split = last.split === undefined ? undefined : trace.known(last.split);
  if (split !== undefined) await one(last.split!, "split", split.result);
  const items =
    split === undefined ? "the trace does not hold its split" : itemsOf(context, target, last, split.result);
  if (typeof items === "string")
    return report(context, { target, part, recorded: known.result, key: known.key }, notRun(items), 0);
  await recheckItems(context, target, items, take);
  await one(last.core, "merge", known.result, items);
}

/** What the action reads and is nowhere any more is made again first: by another target, or as another build left it. */
async function makeInputsAgain(context: RecheckContext, core: Digest): Promise<void> {
  const { trace, find, madeAgain } = context;
  const inputs = Object.values(trace.recordOf(core)?.inputs ?? {}).flatMap(contentsOf);
  for (const input of inputs) {
    if (isWhole(input, find) || madeAgain.has(input.digest)) continue;
    madeAgain.add(input.digest);
    for (const [maker, { target, result }] of trace.allResults()) {
      if (!Object.values(result.outputs).some((artifact) => digestOfArtifact(artifact) === input.digest)) continue;
      const standing = trace.standingOf(target).find((one) => one.core === maker);
      if (standing === undefined) continue;
      await recheckStanding({ ...context, sample: Infinity }, target, standing, () => true);
      break;
    }
  }
}

/** The items as the recorded split names them; a text says what is missing. */
function itemsOf(
  context: RecheckContext,
  target: string,
  { split, templates }: Standing,
  recorded: ActionResult,
): Items | string {
  const { trace, find } = context;
  const prepared = new Map<string, PreparedAction>();
  for (const core of templates) {
    // Of what has made no item there is no record.
    if (trace.recordOf(core) === undefined) continue;
    const action = preparedOfRecord(core, context);
    if (!action.ok) return action.error;
    for (const name of trace.recipesOf(core)) prepared.set(name, action.value);
  }
  const record = trace.recordOf(split!);
  const artifact = recorded.outputs[splitSlot];
  if (record === undefined || artifact?.kind !== "file") return "the trace does not hold its split's record";
  try {
    const text = artifact.text ?? textOf(splitSlot, artifact.blob.digest, find);
    const inputs = inputsOfRecord(record, find);
    const expanded = expandItems(JSON.parse(text) as PackedSplit, inputs, prepared, context.nodeMajor, target);
    return expanded.ok ? expanded.value : expanded.error.what;
  } catch (error) {
    if (error instanceof ContentLost) return lost(context, error);
    throw error;
  }
}

async function recheckItems(
  context: RecheckContext,
  target: string,
  items: Items,
  take: (core: Digest) => boolean,
): Promise<void> {
  const taken = items.all.filter(({ core }) => take(core));
  const queue = sampleOf(taken, context.sample, context.random);
  const over = new AbortController();
  const own = { ...context, signal: AbortSignal.any([context.signal, over.signal]) };
  setMaxListeners(0, own.signal);
  let first: { readonly error: unknown } | undefined;
  const lane = async () => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
      const known = context.trace.known(item.core);
      // A fan-out that was interrupted may lack it.
      if (known === undefined) continue;
      const template = items.templates.get(item.recipe)!;
      await recheckOne(own, { target, part: "item", core: template.core, recorded: known.result, items, item });
    }
  };
  const stop = (error: unknown) => {
    first ??= { error };
    queue.length = 0;
    over.abort();
  };
  // Whoever called takes away what the others work with.
  await Promise.all(Array.from({ length: Math.min(context.lanes, queue.length) }, () => lane().catch(stop)));
  if (first !== undefined) throw first.error;
}

/** In random order, last first. */
function sampleOf(items: readonly Item[], count: number, random: () => number): Item[] {
  const all = [...items];
  if (count >= all.length) return all.reverse();
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random() * (all.length - i));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all.slice(0, count);
}

interface Task extends Made {
  readonly core: Digest;
  readonly items?: Items | undefined;
}

async function recheckOne(context: RecheckContext, task: Task): Promise<void> {
  const { trace, find } = context;
  const prepared = task.item === undefined ? preparedOfRecord(task.core, context) : undefined;
  const action =
    task.item === undefined
      ? prepared!.ok
        ? prepared!.value
        : undefined
      : task.items!.templates.get(task.item.recipe)!;
  const key = task.item?.key ?? action?.key ?? task.core;
  if (action === undefined) return report(context, { ...task, key }, notRun((prepared as { error: string }).error), 0);
  const inputs = task.item === undefined ? inputsOfRecord(trace.recordOf(task.core)!, find) : {};
  let order: Parameters<typeof attemptAction>[0];
  try {
    order = orderFor(context, task, action, inputs);
  } catch (error) {
    if (!(error instanceof ContentLost)) throw error;
    return report(context, { ...task, key }, notRun(lost(context, error)), 0);
  }
  const { executor, close } = context.executor();
  try {
    const attempted = await attemptAction(order, action.options, {
      ...context,
      site: { executor, pool: context.pool },
      ending: context.signal,
      priority: 0,
      onRetry: () => undefined,
    });
    if (!attempted.ok) {
      const { what, fix } = attempted.error;
      return report(context, { ...task, key }, notRun(fix === undefined ? what : `${what}. ${fix}`), 0);
    }
    const { outcome } = attempted.value;
    if (outcome.kind === "not-begun" || context.signal.aborted) throw new AbortedError();
    const verdict = await verdictOn(context, task, action, outcome);
    report(context, { ...task, key }, verdict, outcome.tookMs);
  } finally {
    if (order.itemsFile !== undefined) rmSync(order.itemsFile, { force: true });
    if (context.isolated) await close();
  }
}

/** Throws `ContentLost`. */
function orderFor(
  context: RecheckContext,
  { target, part, items, item, core }: Task,
  action: PreparedAction,
  inputs: ResolvedInputs,
): Omit<Order, "attempt" | keyof Limited> {
  const name = item === undefined ? `${target}.${part}` : `${target}.${fileNameOf(item)}`;
  const logFile = join(context.folder, `${name}.log`);
  const order = { ...orderOf(action, part, inputs, target), logFile };
  if (item !== undefined) {
    // What `setup` made may serve other items of the same settings and inputs, unless each is to run alone.
    const setupKey = context.isolated ? item.core : `${core} ${item.settingsNumber} ${item.inputsNumber}`;
    return { ...order, items: [{ ...itemOrder(items!, item), logFile, setupKey }] };
  }
  if (part !== "merge") return order;
  const itemsFile = join(context.folder, `${target}.items.jsonl`);
  const lines = itemLines(items!, (each) => {
    const made = context.trace.known(each.core)?.result.outputs;
    if (made === undefined) throw new ContentLost(`item ${itemName(each)}`);
    const slots = items!.templates.get(each.recipe)!.outputs;
    return Object.entries(made).map(([slot, artifact]) => [
      slot,
      orderOfArtifact(slot, slots[slot]!, artifact, context.find),
    ]);
  });
  mkdirSync(context.folder, { recursive: true });
  writeFileSync(itemsFile, lines);
  return { ...order, itemsFile };
}

/** Nothing is run for what people or another run gave; it is looked whether all of it is still there. */
function lookAtGiven(
  context: RecheckContext,
  target: string,
  part: "handoff" | "splice",
  recorded: ActionResult,
  key: Digest,
): void {
  const task = { target, part, recorded, key };
  try {
    for (const [slot, artifact] of Object.entries(recorded.outputs)) {
      if (artifact.kind === "absent") continue;
      if (artifact.kind === "file" && artifact.text === undefined) mustBeThere(slot, artifact.blob.digest, context);
      if (artifact.kind !== "tree") continue;
      for (const [name, digest] of listingOf(slot, artifact.blob.digest, context.find))
        mustBeThere(`${slot}/${name}`, digest, context);
    }
    report(context, task, { kind: "same" }, 0);
  } catch (error) {
    if (!(error instanceof ContentLost)) throw error;
    report(context, task, notRun(lost(context, error)), 0);
  }
}

function mustBeThere(slot: string, digest: Digest, { find }: RecheckContext): void {
  if (find(digest) === undefined) throw new ContentLost(slot, digest);
}

function lost({ trace }: RecheckContext, { slot, digest }: ContentLost): string {
  const source = digest === undefined ? undefined : trace.sourceOf(digest);
  if (source === undefined) return `the content of "${slot}" is nowhere any more`;
  const [sha256, size, path] = source;
  return `its input "${slot}" was ${path} (${size} bytes, sha256 ${sha256}), which is neither there nor in the archive: put it back`;
}

function report(
  context: RecheckContext,
  { target, part, item, recorded, key }: Pick<Task, "target" | "part" | "recorded" | "item"> & { readonly key: Digest },
  verdict: Verdict,
  tookMs: number,
): void {
  const named = item === undefined ? {} : { item: itemName(item) };
  context.onChecked({ target, part, ...named, verdict, tookMs, recordedMs: recorded.tookMs }, recorded, key);
}
