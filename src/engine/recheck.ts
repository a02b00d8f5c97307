// Runs finished actions again, aside, and compares what they make with what is recorded. Works from the trace and from content by digest alone:
// no Expfile, no sources, nothing of the run's folder is written.

import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { unpaid, type Executor, type Order, type Outcome } from "../backends/executors/executor.ts";
import type { PackedSplit } from "../backends/executors/worker/split.ts";
import type { Part, Standing } from "../backends/store/trace.ts";
import { digestOfArtifact, type ActionResult, type Artifact, type Artifacts } from "../model/action.ts";
import { digestOfBytes, type BlobRef, type Digest } from "../model/digest.ts";
import type { Difference, Recheck, Verdict } from "../model/recheck.ts";
import { attemptAction } from "./attempt.ts";
import { ContentLost } from "./contents.ts";
import type { PreparedAction } from "./actions.ts";
import { firstDifference, type Side } from "./difference.ts";
import { expandItems, fileNameOf, itemName, itemOrder, splitSlot, type Item, type Items } from "./fan-out.ts";
import { verdictText } from "./gate.ts";
import { itemLines } from "./items-file.ts";
import type { ResolvedInputs } from "./inputs.ts";
import { orderOf } from "./perform-action.ts";
import {
  inputsOfRecord,
  listingOf,
  orderOfArtifact,
  preparedOfRecord,
  textOf,
  type Content,
  type RecordedContext,
} from "./recorded.ts";
import { AbortedError, type ResourcePool } from "./resources.ts";

export interface RecheckContext extends RecordedContext {
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
  /** Where outputs that differ are kept to be looked at; named from `root`. */
  readonly differsFolder: string;
  readonly root: string;
  readonly signal: AbortSignal;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
  /** From now on `find` gives the new content where the recorded one is lost. */
  readonly substitute: (recorded: Digest, made: Artifact) => void;
  readonly onChecked: (recheck: Recheck, recorded: ActionResult, key: Digest) => void;
}

/** The targets of the trace, each after those whose outputs it reads. */
export function inOrderOfUse({ trace }: Pick<RecheckContext, "trace">): readonly string[] {
  const madeBy = new Map<Digest, string[]>();
  const standing = trace.targets().map((target) => ({ target, last: trace.standingOf(target).at(-1)! }));
  for (const { target, last } of standing)
    for (const artifact of Object.values(knownOf(trace, last.core)?.result.outputs ?? {})) {
      const digest = digestOfArtifact(artifact);
      if (digest !== "absent") madeBy.set(digest, [...(madeBy.get(digest) ?? []), target]);
    }
  const readBy = new Map(
    standing.map(({ target, last }) => {
      const records = [last.core, last.split].flatMap((core) =>
        core === undefined ? [] : (trace.recordOf(core) ?? []),
      );
      const digests = records.flatMap(({ inputs }) => Object.values(inputs).flatMap(digestsOfInput));
      return [target, new Set(digests.flatMap((digest) => madeBy.get(digest) ?? []))] as const;
    }),
  );
  const ordered: string[] = [];
  const seen = new Set<string>();
  const visit = (target: string) => {
    if (seen.has(target)) return;
    seen.add(target);
    for (const upstream of readBy.get(target) ?? []) visit(upstream);
    ordered.push(target);
  };
  for (const { target } of standing) visit(target);
  return ordered;
}

type InputRecords = NonNullable<ReturnType<RecheckContext["trace"]["recordOf"]>>["inputs"];
function digestsOfInput(record: InputRecords[string]): readonly Digest[] {
  if (record.kind === "list") return record.members.flatMap(digestsOfInput);
  return record.kind === "absent" ? [] : [record.digest];
}

/** What is known of a key, cleaned away or not: a clean says that it is to be made anew, not that it was never so. */
function knownOf(trace: RecheckContext["trace"], core: Digest) {
  return trace.find(core) ?? trace.cleanedResult(core);
}

/** Runs again what the target stood on. Throws `AbortedError` when `signal` is aborted. */
export async function recheckTarget(context: RecheckContext, target: string): Promise<void> {
  const standings = context.trace.standingOf(target);
  const last = standings.at(-1);
  if (last === undefined) return;
  if (!context.asMade) return recheckStanding(context, target, last, () => true);
  // What was accepted is found where the target stood before.
  const open = new Set(coresOf(context, target, last).map((core) => knownOf(context.trace, core)?.madeFor ?? core));
  for (const standing of [...standings].reverse()) {
    if (open.size === 0) return;
    await recheckStanding(context, target, standing, (core) => open.delete(core));
  }
}

function coresOf(context: RecheckContext, target: string, { core, split, ...rest }: Standing): readonly Digest[] {
  const known = split === undefined ? undefined : knownOf(context.trace, split);
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
  const known = knownOf(trace, last.core);
  if (known === undefined) return;
  const part = trace.recordOf(last.core)?.part ?? known.part;
  const one = async (core: Digest, which: Part, recorded: ActionResult, items?: Items) => {
    if (take(core)) await recheckOne(context, { target, part: which, core, recorded, items });
  };
  if (part === "handoff" || part === "splice") {
    if (take(last.core)) lookAtGiven(context, target, part, known.result, known.key);
    return;
  }
  if (part !== "merge") return one(last.core, part, known.result);

  const split = last.split === undefined ? undefined : knownOf(trace, last.split);
  if (split !== undefined) await one(last.split!, "split", split.result);
  const items =
    split === undefined ? "the trace does not hold its split" : itemsOf(context, target, last, split.result);
  if (typeof items === "string")
    return report(context, { target, part, recorded: known.result, key: known.key }, notRun(items), 0);
  await recheckItems(context, target, items, take);
  await one(last.core, "merge", known.result, items);
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
  const lane = async () => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
      const known = knownOf(context.trace, item.core);
      // A fan-out that was interrupted may lack it.
      if (known === undefined) continue;
      const template = items.templates.get(item.recipe)!;
      await recheckOne(context, { target, part: "item", core: template.core, recorded: known.result, items, item });
    }
  };
  await Promise.all(Array.from({ length: Math.min(context.lanes, queue.length) }, lane));
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

interface Task {
  readonly target: string;
  readonly part: Part;
  readonly core: Digest;
  readonly recorded: ActionResult;
  readonly items?: Items | undefined;
  readonly item?: Item;
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
    const { outcome } = await attemptAction(order, action.options, {
      ...context,
      executor,
      priority: 0,
      onRetry: () => undefined,
    });
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
): Omit<Order, "attempt" | "timeoutMs" | "memoryMiB"> {
  const name = item === undefined ? `${target}.${part}` : `${target}.${fileNameOf(item)}`;
  const logFile = join(context.folder, `${name}.log`);
  const order = { ...orderOf(action, part, inputs), logFile };
  if (item !== undefined) {
    // What `setup` made may serve other items of the same settings and inputs, unless each is to run alone.
    const setupKey = context.isolated ? item.core : `${core} ${item.settingsNumber} ${item.inputsNumber}`;
    return { ...order, items: [{ ...itemOrder(items!, item), logFile, setupKey }] };
  }
  if (part !== "merge") return order;
  const itemsFile = join(context.folder, `${target}.items.jsonl`);
  const lines = itemLines(items!, (each) => {
    const made = knownOf(context.trace, each.core)?.result.outputs;
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

async function verdictOn(
  context: RecheckContext,
  task: Task,
  action: PreparedAction,
  outcome: Exclude<Outcome, { kind: "not-begun" }>,
): Promise<Verdict> {
  if (outcome.kind === "failed") {
    if (outcome.message.includes(unpaid)) return notRun("it would have to be paid (--paid allows it)");
    const details =
      outcome.stack === undefined
        ? []
        : outcome.stack
            .split("\n")
            .slice(1, 6)
            .map((line) => line.trim());
    return { kind: "failed", message: outcome.message, details };
  }
  const made = outputsOf(task.part, outcome);
  const slots = [...new Set([...Object.keys(task.recorded.outputs), ...Object.keys(made)])].filter(
    (slot) => digestIn(task.recorded.outputs, slot) !== digestIn(made, slot),
  );
  if (slots.length === 0) return { kind: "same" };
  const differences: Difference[] = [];
  for (const slot of slots) differences.push({ slot, ...(await differenceIn(context, task, action, slot, made)) });
  for (const slot of slots) {
    const before = digestIn(task.recorded.outputs, slot);
    // What reads it can at least be run on what came out now.
    if (before !== "absent" && made[slot] !== undefined) context.substitute(before, made[slot]);
  }
  const kept = keep(context, task, action, slots, made);
  const isVectorised = action.record.code.kind === "module" && action.record.code.vectorised;
  const { varies } = action.options;
  const because = [
    ...(varies === undefined ? [] : [varies]),
    ...(isVectorised ? ["a vectorised recipe: floats differ with the items that travel together"] : []),
  ];
  return { kind: "differs", differences, because, isDeclared: because.length > 0, kept };
}

function outputsOf(part: Part, outcome: Extract<Outcome, { kind: "done" }>): Artifacts {
  if (part !== "split" && part !== "gate") return outcome.outputs;
  const value = outcome.value ?? null;
  return part === "split"
    ? { [splitSlot]: textArtifact(JSON.stringify(value)) }
    : { verdict: textArtifact(verdictText(value)) };
}

function textArtifact(text: string): Artifact {
  return { kind: "file", blob: { digest: digestOfBytes(text), size: Buffer.byteLength(text) }, text };
}

function digestIn(outputs: Artifacts, slot: string): Digest | "absent" {
  const artifact = outputs[slot];
  return artifact === undefined ? "absent" : digestOfArtifact(artifact);
}

async function differenceIn(
  { find }: RecheckContext,
  { part, recorded }: Task,
  action: PreparedAction,
  slot: string,
  made: Artifacts,
): Promise<Omit<Difference, "slot">> {
  const before: Artifact = recorded.outputs[slot] ?? { kind: "absent" };
  const after: Artifact = made[slot] ?? { kind: "absent" };
  if (before.kind === "absent" || after.kind === "absent" || before.kind !== after.kind)
    return { where: "", before: said(before), after: said(after) };
  const format = part === "split" || part === "gate" ? "json" : (action.outputs[slot]?.format ?? "file");
  try {
    if (before.kind === "file" && after.kind === "file")
      return await firstDifference(format, sideOf(before, find), sideOf(after, find));
    const filesOf = ({ blob }: { readonly blob: BlobRef }) =>
      new Map(listingOf(slot, blob.digest, find).map(([name, digest]) => [name, digest]));
    const [old, now] = [filesOf(before), filesOf(after)];
    for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
      const [was, is] = [old.get(name), now.get(name)];
      if (was === is) continue;
      if (was === undefined || is === undefined)
        return {
          where: name,
          before: was === undefined ? "absent" : "a file",
          after: is === undefined ? "absent" : "a file",
        };
      const found = await firstDifference("file", sideOfDigest(was, find), sideOfDigest(is, find));
      return { ...found, where: `${name}, ${found.where}` };
    }
  } catch (error) {
    if (!(error instanceof ContentLost)) throw error;
  }
  // The recorded content is nowhere any more: its digest is all that is left of it.
  return { where: "", before: said(before), after: said(after) };
}

function said(artifact: Artifact): string {
  return artifact.kind === "absent"
    ? "absent"
    : `sha256 ${artifact.blob.digest.slice(0, 12)}…, ${artifact.blob.size} bytes`;
}

function sideOf(artifact: Extract<Artifact, { kind: "file" }>, find: RecheckContext["find"]): Side {
  return artifact.text === undefined ? sideOfDigest(artifact.blob.digest, find) : { text: artifact.text };
}

function sideOfDigest(digest: Digest, find: RecheckContext["find"]): Content {
  const content = find(digest);
  if (content === undefined) throw new ContentLost(digest);
  return content;
}

/** Puts outputs that differ where somebody can look at them. Trees are not copied: their first difference names the file. */
function keep(
  { differsFolder, root, find }: RecheckContext,
  { target, part, item }: Task,
  action: PreparedAction,
  slots: readonly string[],
  made: Artifacts,
): string {
  const folder = join(
    differsFolder,
    target,
    ...(item !== undefined ? [fileNameOf(item)] : part === "split" ? ["split"] : []),
  );
  mkdirSync(folder, { recursive: true });
  for (const slot of slots) {
    const artifact = made[slot];
    if (artifact?.kind !== "file") continue;
    const to = join(folder, `${slot}${action.outputs[slot]?.ext ?? ".json"}`);
    const content = artifact.text === undefined ? find(artifact.blob.digest) : { text: artifact.text };
    if (content === undefined) continue;
    if ("path" in content) copyFileSync(content.path, to);
    else writeFileSync(to, content.text);
  }
  return relative(root, folder);
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
      if (artifact.kind === "file" && artifact.text === undefined) textOrPath(slot, artifact.blob.digest, context);
      if (artifact.kind !== "tree") continue;
      for (const [name, digest] of listingOf(slot, artifact.blob.digest, context.find))
        textOrPath(`${slot}/${name}`, digest, context);
    }
    report(context, task, { kind: "same" }, 0);
  } catch (error) {
    if (!(error instanceof ContentLost)) throw error;
    report(context, task, notRun(lost(context, error)), 0);
  }
}

function textOrPath(slot: string, digest: Digest, { find }: RecheckContext): void {
  if (find(digest) === undefined) throw new ContentLost(slot, digest);
}

function notRun(why: string): Verdict {
  return { kind: "not-run", why };
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
