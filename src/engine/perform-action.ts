// Performs one due action of a target: adopts a result that is known, or runs the recipe, checks what it made and commits it.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import type { Identity, Order } from "../backends/executors/executor.ts";
import { inlineBytes, type ActionResult, type Artifact, type Artifacts } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { Json } from "../model/json.ts";
import { fail, ok } from "../util/result.ts";
import { brokenOutput, failureOf, failureOfTarget } from "./action-failure.ts";
import { unready, type PreparedAction } from "./actions.ts";
import type { DueAction, ItemStates } from "./assess.ts";
import { attemptAction, type Limited } from "./attempt.ts";
import { checkInputs, checkOutputs } from "./checks.ts";
import { commitAction, resultOf } from "./commit.ts";
import { stagingName } from "./places.ts";
import { splitSlot } from "./fan-out.ts";
import { verdictText } from "./gate.ts";
import { keepHandedOver } from "./handoff.ts";
import { filesBehind, type ResolvedInputs } from "./inputs.ts";
import { itemLines } from "./items-file.ts";
import { LostRun, type BuildSession } from "./session.ts";
import type { GraphInput } from "../planning/graph.ts";
import { hasShape } from "./shape.ts";
import { costsTooMuch, mayHaveReadOther, noteVanished, type Performed, type Work } from "./work.ts";

export async function performAction(work: Work, due: DueAction): Promise<Performed> {
  if (due.adopt !== undefined) return adopt(work, due, due.adopt);
  const { session, target } = work;
  const onWait = (holder: string) => session.emit({ kind: "waiting-for-action", target: target.name, holder });
  const give = await session.claim(due.action.key, onWait, work.ending);
  if (give === undefined) return ok("interrupted");
  try {
    // Somebody may have finished it while this build waited.
    session.cache.refresh();
    return session.rebuilder.hasNews(due.action, due.reasons) ? ok("again") : await run(work, due);
  } finally {
    give();
  }
}

/** A result that is known: the run's own whose outputs are not at their places, somebody's from the cache, or people's files. */
async function adopt(work: Work, due: DueAction, known: ActionResult): Promise<Performed> {
  const { session, tally } = work;
  const isOwn = session.trace.find(due.action.core)?.result === known;
  const isHandoff = due.part === "handoff";
  if (isHandoff && !(await keepHandedOver(session, due))) return ok("again");
  const mayStay = mayBeLeft(work, due, known, isOwn);
  if (!isOwn && !isHandoff) {
    const slots = due.part === "split" || due.part === "gate" ? {} : work.target.declaration.contract.outputs;
    if (!hasShape(slots, known.outputs) || !(await bringOutputs(session, known.outputs, mayStay))) {
      session.cache.withdraw(due.action.key);
      return ok("again");
    }
  }
  // Without it the run could not say what its items are.
  if (due.part === "split")
    session.archive.putBytes(session.contents.textOf(splitSlot, known.outputs[splitSlot]!), { durable: true });
  if (!isOwn) {
    const result = isHandoff ? { ...known, at: session.now(), by: session.who } : known;
    if (!isHandoff) tally.savedMs += result.tookMs;
    await commitAction(work, due.part, due, result, isHandoff ? "computed" : "cached");
  }
  if (due.part === "split") return ok("committed");
  if (isHandoff && !isOwn) tally.computed += 1;
  else if (due.part !== "merge") tally.cached += 1;
  tally.restored = true;
  await placeOutputs(work, known.outputs, mayStay);
  return ok("committed");
}

/** Which outputs of a known result may stay where they are: with others, who have them. */
function mayBeLeft(
  { session, target }: Work,
  { part, items }: DueAction,
  known: ActionResult,
  isOwn: boolean,
): (slot: string) => boolean {
  const { places, cache, needs } = session;
  const need = needs.needOf(target.name);
  const slots = target.declaration.contract.outputs;
  const isOutput = (slot: string) => slots[slot] !== undefined;
  if (need === "here") return () => false;
  if (isOwn) return (slot) => isOutput(slot) && places.wasLeft(target.name, slot, slots[slot]!, known.outputs[slot]);
  // Others may lose it, and nobody is to pay for it twice.
  const isFree =
    isUnpaid(known) && (items?.decisions.every((one) => one.kind === "stale" || isUnpaid(one.result)) ?? true);
  if (need !== "anywhere" || !isFree || (part !== "recipe" && part !== "merge")) return () => false;
  return (slot) => isOutput(slot) && cache.isOffered(known.outputs[slot] ?? { kind: "absent" });
}

function isUnpaid({ costUsd, calls = [] }: ActionResult): boolean {
  return costUsd === 0 && calls.length === 0;
}

async function bringOutputs(
  { contents }: BuildSession,
  outputs: Artifacts,
  mayStay: (slot: string) => boolean,
): Promise<boolean> {
  const all = Object.entries(outputs);
  const toCome = all.filter(([slot]) => !mayStay(slot)).map(([, artifact]) => artifact);
  const toStay = all.filter(([slot]) => mayStay(slot)).map(([, artifact]) => artifact);
  return (await contents.bring(toCome)) && (await contents.bringListings(toStay));
}

async function run(work: Work, due: DueAction): Promise<Performed> {
  const { session, target, tally } = work;
  const { action, part, inputs } = due;
  const missing = unready(action, target.name);
  if (missing.length > 0) return fail(missing);
  const site = session.siteOf(orderedPart(part), action.options);
  // Before it runs: by the time it has ended, the cache may have been deleted, and the code with it.
  if (action.record.code.kind === "module") session.keepCode(action.record.code.digest);
  const gone = missingBundle(session, action);
  if (gone !== undefined) {
    noteVanished(work, gone);
    return ok("again");
  }
  const logFile = join(session.logsFolder, logName(target.name, part));
  const itemsFile = part === "merge" ? writeItemsFile(session, due.items!) : undefined;
  const order: Attempted = {
    ...orderOf(action, part, inputs, target.name),
    ...identify(work, action.key),
    logFile,
    ...(itemsFile !== undefined && { itemsFile }),
  };
  const unfit = await checkInputs(target.declaration.contract.inputs ?? {}, order.inputs, target.name);
  if (unfit.length > 0) return fail(unfit);

  const attempted = await attemptAction(order, action.options, {
    ...session,
    site,
    signal: work.signal,
    ending: work.ending,
    priority: work.priority,
    onRetry: (attempt, waitMs, why) =>
      session.emit({ kind: "action-retried", target: target.name, label: undefined, attempt, waitMs, why }),
  });
  if (itemsFile !== undefined) rmSync(itemsFile, { force: true });
  if (!attempted.ok) return fail([attempted.error]);
  const { outcome, attempts } = attempted.value;
  if (outcome.kind === "not-begun") return ok("interrupted");
  tally.tookMs += outcome.tookMs;
  tally.costUsd += outcome.costUsd;
  if (outcome.kind === "vanished") {
    noteVanished(work, outcome.path, outcome.isEdited);
    return ok("again");
  }
  if (outcome.kind === "unaffordable") {
    const items = due.items?.decisions.length;
    tally.unpaid = { why: outcome.message ?? costsTooMuch, ...(items !== undefined && { items, remaining: 0 }) };
    return ok("unaffordable");
  }
  if (outcome.kind === "failed") return fail([failureOfTarget(work, failureOf(work, action, outcome, logFile))]);
  // What was read is not what the key says: the result is thrown away, and the target looked at again.
  if (mayHaveReadOther(work, action.core, [...filesBehind(inputs), ...action.codeFiles])) return ok("again");

  const outputs = outputsOf(session, part, outcome);
  if (part !== "split") {
    const broken = await checkOutputs(target.declaration.contract.outputs, outputs, session.contents);
    const failures = broken.map(({ slot, problems }) =>
      failureOfTarget(work, brokenOutput(work, slot, problems, outputs[slot]!)),
    );
    if (failures.length > 0) return fail(failures);
  }
  const result = resultOf(session, outcome, outputs, { executor: site.executor.name, attempts });
  await commitAction(work, part, due, result, "computed");
  if (part === "split") return ok("committed");
  if (part !== "merge") tally.computed += 1;
  await placeOutputs(work, outputs);
  const { outputs: slots } = target.declaration.contract;
  const isSettled =
    part === "recipe" &&
    isAllLookedAt(work, due) &&
    // Content may go away at any moment, and what is lost is made anew.
    session.places.isAsPut(target.name, slots, outputs);
  return ok(isSettled ? { made: result } : "committed");
}

/**
 * Whether all that the target reads was looked at after it ran: files that were there, one by one, and code that they name. Where one may have come meanwhile,
 * into a folder or where a file need not be, the target is to be assessed again.
 */
function isAllLookedAt({ target }: Work, { action, inputs }: DueAction): boolean {
  let sources = 0;
  const isFile = (input: GraphInput): boolean => {
    if (input.kind === "list") return input.members.every(isFile);
    if (input.kind === "source") sources++;
    return input.kind !== "sources" && !(input.kind === "source" && input.declared.format === "tree");
  };
  const areFiles = Object.values(target.inputs).every(isFile);
  return areFiles && filesBehind(inputs).length === sources && action.record.code.kind === "module";
}

/** The file of the bundle that is to be run, if it is gone since it was printed. */
export function missingBundle(session: BuildSession, { codeOrder }: PreparedAction): string | undefined {
  return codeOrder.kind === "module" && !session.isBundleThere(codeOrder.bundle) ? codeOrder.bundle : undefined;
}

type Attempted = Omit<Order, "attempt" | keyof Limited>;

/** After a clean, what is under way since before is not waited for. */
export function identify({ session, target }: Work, key: Digest): Identity {
  const notBefore = session.trace.lastCleanOf(target.name);
  return { key, ...(notBefore !== undefined && { notBefore }) };
}

export function orderOf(
  action: PreparedAction,
  part: DueAction["part"],
  inputs: ResolvedInputs,
  target: string,
): Omit<Attempted, "logFile"> {
  return {
    key: action.key,
    target,
    part: orderedPart(part),
    code: action.codeOrder,
    told: action.record.config,
    inputs: Object.fromEntries(Object.entries(inputs).map(([slot, input]) => [slot, input.order()])),
    outputs: action.outputs,
    environment: action.environment,
    secrets: action.secrets,
    tools: action.record.tools,
    guarded: [...filesBehind(inputs), ...action.codeFiles],
    ...(action.options.slurm !== undefined && { slurm: action.options.slurm }),
    ...(action.options.modal !== undefined && { modal: action.options.modal }),
  };
}

function orderedPart(part: DueAction["part"]): Order["part"] {
  if (part === "handoff" || part === "splice") throw new Error(`a ${part} has nothing to run`);
  return part;
}

function logName(target: string, part: DueAction["part"]): string {
  return part === "split" || part === "merge" ? `${target}.${part}.log` : `${target}.log`;
}

async function placeOutputs(
  { session, target }: Work,
  outputs: Artifacts,
  mayStay?: (slot: string) => boolean,
): Promise<void> {
  if (!session.holdsRun()) throw new LostRun(session.run);
  await session.places.place(target.name, target.declaration.contract.outputs, outputs, mayStay);
}

/** What a split and a gate return becomes an artifact like any other. */
function outputsOf(
  session: BuildSession,
  part: DueAction["part"],
  outcome: { readonly value?: Json; readonly outputs: Artifacts },
): Artifacts {
  if (part === "split") return { [splitSlot]: keepSplit(session, outcome.value ?? null) };
  if (part !== "gate") return outcome.outputs;
  const text = verdictText(outcome.value ?? null);
  return { verdict: { kind: "file", blob: session.store.putBytes(text), text } };
}

/** In the archive, not the cache: without it the run could not say what its items are. */
function keepSplit(session: BuildSession, value: Json): Artifact {
  const text = JSON.stringify(value);
  const blob = session.archive.putBytes(text, { durable: true });
  return blob.size <= inlineBytes ? { kind: "file", blob, text } : { kind: "file", blob };
}

function writeItemsFile(session: BuildSession, { items, decisions }: ItemStates): string {
  const lines = itemLines(items, (item) => {
    const decision = decisions[item.index]!;
    if (decision.kind === "stale") throw new Error("a merge with a stale item");
    const slots = items.templates.get(item.recipe)!.outputs;
    return Object.entries(decision.result.outputs).map(([slot, artifact]) => [
      slot,
      session.contents.orderOf(slot, slots[slot]!, artifact),
    ]);
  });
  const folder = join(session.runFolder, stagingName);
  const file = join(folder, `items-${randomBytes(6).toString("hex")}.jsonl`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, lines);
  return file;
}
