// Performs one due stage of a target: adopts a cached result, or runs the action or the items, checks what they made and commits it.
// A result counts when it is in the trace, durably; only then is anybody told.

import { closeSync, copyFileSync, fstatSync, mkdirSync, openSync, readSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { ItemOrder, Order, Outcome } from "../backends/executors/executor.ts";
import type { ActionResult, Artifact, Artifacts } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import { actionFailure, type Failure } from "../model/failure.ts";
import type { Json } from "../model/json.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { ActionRecord } from "../planning/fingerprint/action-key.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { PreparedAction } from "./actions.ts";
import { splitSlot, type DueAction, type DueItems, type ItemStates } from "./assess.ts";
import { attemptAction, limitsOf, resourcesFor, waitBefore, type AttemptContext } from "./attempt.ts";
import { checkOutputs } from "./checks.ts";
import { itemName, itemOrder, type Item } from "./fan-out.ts";
import { editedSources, type ResolvedInputs } from "./inputs.ts";
import { LostRun, type BuildSession } from "./session.ts";

/** What a target has come to so far in this build. */
export interface Tally {
  computed: number;
  cached: number;
  fresh: number;
  tookMs: number;
  savedMs: number;
  costUsd: number;
}

export interface Work {
  readonly session: BuildSession;
  readonly target: GraphTarget;
  readonly priority: number;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/** `again`: assess the target again, something has changed meanwhile. */
export type Performed = Result<"committed" | "again" | "interrupted", readonly Failure[]>;

const keptTailBytes = 2048;

export async function performAction(work: Work, due: DueAction): Promise<Performed> {
  const { session, target, tally } = work;
  if (due.adopt !== undefined) {
    const isOwn = session.trace.find(due.action.core) !== undefined;
    const result = due.part === "handoff" && !isOwn ? { ...due.adopt, at: session.now(), by: session.who } : due.adopt;
    if (!isOwn) {
      if (due.part !== "handoff") tally.savedMs += result.tookMs;
      await commit(work, due.part, due.action, result, due.part === "handoff" ? "computed" : "cached");
    }
    if (isWhole(due.part)) {
      if (due.part === "handoff" && !isOwn) tally.computed += 1;
      else if (due.part !== "merge") tally.cached += 1;
      placeOutputs(work, result.outputs);
    }
    return ok("committed");
  }
  const give = await session.claim(
    due.action.key,
    (holder) => session.emit({ kind: "waiting-for-action", target: target.name, holder }),
    work.signal,
  );
  if (give === undefined) return ok("interrupted");
  try {
    // Somebody may have finished it while this build waited.
    session.cache.refresh();
    if (
      session.cache.get(due.action.key) !== undefined &&
      due.reasons[0]?.kind !== "cleaned" &&
      due.reasons[0]?.kind !== "content-lost"
    ) {
      const decision = session.rebuilder.decide({
        target: target.name,
        section: target.section,
        part: due.part,
        core: due.action.core,
        key: due.action.key,
        record: due.action.record,
      });
      if (decision.kind === "cached") return ok("again");
    }
    return await runAction(work, due);
  } finally {
    give();
  }
}

async function runAction(work: Work, due: DueAction): Promise<Performed> {
  const { session, target, tally } = work;
  const { action } = due;
  const admitted = session.pool.admit(action.options.resources, target.name);
  if (!admitted.ok) return fail([admitted.error]);
  const itemsFile = due.part === "merge" ? writeItemsFile(session, due.items!) : undefined;
  const logFile = join(
    session.logsFolder,
    `${target.name}${due.part === "split" || due.part === "merge" ? `.${due.part}` : ""}.log`,
  );
  const order = { ...orderOf(action, due.part, due.inputs, logFile), ...(itemsFile !== undefined && { itemsFile }) };
  const { outcome, attempts } = await attemptAction(
    order,
    { ...action.options, resources: admitted.value },
    attemptContext(work, () => undefined),
  );
  if (outcome.kind === "not-begun") return ok("interrupted");
  tally.tookMs += outcome.tookMs;
  tally.costUsd += outcome.costUsd;
  if (outcome.kind === "failed") return fail([failureOf(work, action, outcome, undefined, logFile)]);
  if (editedSources(due.inputs, session.digests).length > 0 && changedSince(due.inputs, work)) return ok("again");

  const outputs =
    due.part === "split"
      ? { [splitSlot]: keepSplit(session, outcome.value ?? null) }
      : due.part === "gate"
        ? { verdict: keepText(session, outcome.value ?? null) }
        : outcome.outputs;
  if (isWhole(due.part)) {
    const broken = await checkOutputs(target.declaration.contract.outputs, outputs, session.contents);
    if (broken.length > 0)
      return fail(broken.map(({ slot, problems }) => brokenOutput(work, slot, problems, outputs[slot]!)));
  }
  const result: ActionResult = {
    outputs,
    at: outcome.startedAt,
    tookMs: outcome.tookMs,
    costUsd: outcome.costUsd,
    by: session.who,
    executor: session.executor.name,
    attempts,
  };
  await commit(work, due.part, action, result, "computed");
  if (isWhole(due.part)) {
    if (due.part !== "merge") tally.computed += 1;
    placeOutputs(work, outputs);
  }
  return ok("committed");
}

// --- items ------------------------------------------------------------------------------------------------------

export async function performItems(work: Work, due: DueItems): Promise<Performed> {
  const { session, target, tally } = work;
  const { items, decisions } = due.states;
  for (const [recipe, template] of items.templates) rememberRecord(work, template.core, template.record, recipe);
  const stale: Item[] = [];
  for (const item of items.all) {
    const decision = decisions[item.index]!;
    if (decision.kind === "stale") stale.push(item);
    if (decision.kind !== "cached") continue;
    tally.cached += 1;
    tally.savedMs += decision.result.tookMs;
    recordItem(work, item, items.templates.get(item.recipe)!, decision.result, "cached");
    session.emit({
      kind: "item-finished",
      target: target.name,
      origin: "cached",
      tookMs: decision.result.tookMs,
      costUsd: 0,
    });
  }
  await session.trace.commit();
  if (stale.length === 0) return ok("committed");

  const claimKey = digestOfBytes([...items.templates.values()].map((template) => template.core).join());
  const give = await session.claim(
    claimKey,
    (holder) => session.emit({ kind: "waiting-for-action", target: target.name, holder }),
    work.signal,
  );
  if (give === undefined) return ok("interrupted");
  try {
    session.cache.refresh();
    const found = stale.some((item) => {
      const reason = decisions[item.index]!;
      const mayFetch =
        reason.kind === "stale" && reason.reasons[0]?.kind !== "cleaned" && reason.reasons[0]?.kind !== "content-lost";
      return mayFetch && session.cache.get(item.key) !== undefined;
    });
    if (found) return ok("again");
    return await runItems(work, due, stale);
  } finally {
    give();
  }
}

/** Lanes take batches from one list until it is empty; each lane holds the resources of one action. */
async function runItems(work: Work, due: DueItems, stale: readonly Item[]): Promise<Performed> {
  const { session, target } = work;
  const { items } = due.states;
  const declared = target.declaration.work;
  const batchSize = declared.kind === "fan-out" ? declared.batch : undefined;
  // Items of one recipe, settings and inputs lie together, so that a worker's setup serves many.
  const queue = [...stale].sort(
    (a, b) =>
      (a.recipe < b.recipe ? -1 : a.recipe > b.recipe ? 1 : 0) ||
      a.settingsNumber - b.settingsNumber ||
      a.inputsNumber - b.inputsNumber ||
      a.index - b.index,
  );
  const waiting = queue.map((item) => ({ item, attempt: 1 }));
  const failures: Failure[] = [];
  let interrupted = false;
  let paceMs = 0;
  const admissions = new Map<string, ReturnType<typeof session.pool.admit>>();
  for (const [name, template] of items.templates) {
    const admitted = session.pool.admit(resourcesFor(template.options, 1), target.name);
    if (!admitted.ok) return fail([admitted.error]);
    admissions.set(name, admitted);
  }

  const mayGoOn = () => !work.signal.aborted && !interrupted && (failures.length === 0 || session.keepGoing);
  const lane = async () => {
    while (waiting.length > 0 && mayGoOn()) {
      const first = waiting[0]!;
      const template = items.templates.get(first.item.recipe)!;
      const resources = {
        ...admitted(admissions, first.item.recipe),
        ...(first.attempt > 1 ? resourcesFor(template.options, first.attempt) : {}),
      };
      const release = await session.pool.acquire(resources, work.priority, work.signal);
      try {
        const batch = takeBatch(waiting, batchSize ?? sizeForPace(paceMs, waiting.length), template);
        if (batch.length === 0) continue;
        const took = await runBatch(batch, template, resources);
        paceMs = paceMs === 0 ? took : paceMs * 0.7 + took * 0.3;
      } finally {
        release();
      }
    }
  };

  const runBatch = async (
    batch: readonly { item: Item; attempt: number }[],
    template: PreparedAction,
    resources: ReturnType<typeof resourcesFor>,
  ): Promise<number> => {
    const orders: ItemOrder[] = batch.map(({ item }) => itemOrder(items, item));
    const logFile = join(
      session.logsFolder,
      target.name,
      `${itemName(batch[0]!.item).replaceAll(/[^\w.=,-]+/g, "_")}.log`,
    );
    const order: Order = {
      ...orderOf(template, "item", {}, logFile),
      items: orders,
      ...limitsOf(template.options, resources),
      attempt: batch[0]!.attempt,
    };
    const settled: Promise<void>[] = [];
    let spent = 0;
    let count = 0;
    await session.executor.run(
      order,
      (index, outcome) => {
        spent += outcome.kind === "not-begun" ? 0 : outcome.tookMs;
        count += 1;
        settled.push(settleItem(batch[index]!, template, outcome, logFile));
      },
      work.signal,
    );
    await Promise.all(settled);
    return count === 0 ? 0 : spent / count;
  };

  const settleItem = async (
    tried: { item: Item; attempt: number },
    template: PreparedAction,
    outcome: Outcome,
    logFile: string,
  ): Promise<void> => {
    const { item, attempt } = tried;
    if (outcome.kind === "not-begun") {
      if (work.signal.aborted) interrupted = true;
      else waiting.push(tried);
      return;
    }
    work.tally.tookMs += outcome.tookMs;
    work.tally.costUsd += outcome.costUsd;
    if (outcome.kind === "done") {
      const broken = await checkOutputs(target.declaration.contract.items!.outputs, outcome.outputs, session.contents);
      if (broken.length > 0) {
        failures.push(
          ...broken.map(({ slot, problems }) => brokenOutput(work, slot, problems, outcome.outputs[slot]!, item)),
        );
        return;
      }
      const result: ActionResult = {
        outputs: outcome.outputs,
        at: outcome.startedAt,
        tookMs: outcome.tookMs,
        costUsd: outcome.costUsd,
        by: session.who,
        executor: session.executor.name,
        attempts: attempt,
      };
      recordItem(work, item, template, result, "computed");
      await commitTrace(session);
      session.cache.put(item.key, result);
      work.tally.computed += 1;
      session.emit({
        kind: "item-finished",
        target: target.name,
        origin: "computed",
        tookMs: outcome.tookMs,
        costUsd: outcome.costUsd,
      });
      return;
    }
    const waitMs = waitBefore(outcome, attempt, template.options, session.random);
    if (waitMs === undefined || work.signal.aborted) {
      failures.push(failureOf(work, template, outcome, item, logFile));
      return;
    }
    session.emit({
      kind: "action-retried",
      target: target.name,
      label: itemName(item),
      attempt: attempt + 1,
      waitMs,
      why: outcome.message,
    });
    await session.sleep(waitMs, work.signal);
    waiting.push({ item, attempt: attempt + 1 });
  };

  // One lane for each action that could run at once; lanes wait at the pool for their turn.
  const lanes = Math.min(stale.length, 64);
  try {
    while (waiting.length > 0 && mayGoOn())
      await Promise.all(Array.from({ length: Math.min(lanes, waiting.length) }, lane));
  } catch (error) {
    if (!work.signal.aborted) throw error;
    interrupted = true;
  }
  if (failures.length > 0) return fail(groupFailures(failures, target.name, stale.length));
  if (interrupted || work.signal.aborted) return ok("interrupted");
  return editedSources(due.inputs, session.digests).length > 0 && changedSince(due.inputs, work)
    ? ok("again")
    : ok("committed");
}

function admitted(admissions: ReadonlyMap<string, ReturnType<BuildSession["pool"]["admit"]>>, recipe: string) {
  const admission = admissions.get(recipe)!;
  return admission.ok ? admission.value : {};
}

/** Batches of about 50 ms: small items share a message, long ones travel alone, and the last ones are spread over the lanes. */
function sizeForPace(paceMs: number, left: number): number {
  if (paceMs === 0) return Math.min(8, Math.max(1, Math.floor(left / 8)));
  return Math.max(1, Math.min(256, Math.round(50 / Math.max(paceMs, 0.05)), Math.ceil(left / 4)));
}

/** The next items that can travel together: one recipe and attempt; for a vectorised recipe also one setting and one set of inputs. */
function takeBatch(
  waiting: { item: Item; attempt: number }[],
  size: number,
  template: PreparedAction,
): { item: Item; attempt: number }[] {
  const first = waiting[0];
  if (first === undefined) return [];
  const vectorised = template.codeOrder.kind === "module" && template.codeOrder.vectorised;
  let count = 0;
  while (count < size && count < waiting.length) {
    const next = waiting[count]!;
    if (next.item.recipe !== first.item.recipe || next.attempt !== first.attempt) break;
    if (
      vectorised &&
      (next.item.settingsNumber !== first.item.settingsNumber || next.item.inputsNumber !== first.item.inputsNumber)
    )
      break;
    count++;
  }
  return waiting.splice(0, count);
}

// --- commits ------------------------------------------------------------------------------------------------------

async function commit(
  work: Work,
  part: DueAction["part"],
  action: PreparedAction,
  result: ActionResult,
  how: "computed" | "cached",
): Promise<void> {
  const { session, target } = work;
  rememberRecord(work, action.core, action.record, undefined);
  session.trace.append({ t: target.name, p: part, b: session.build, c: action.core, k: action.key, r: result, how });
  await commitTrace(session);
  if (how === "computed") session.cache.put(action.key, result);
}

function rememberRecord(work: Work, core: Digest, record: ActionRecord, recipe: string | undefined): void {
  const { session, target } = work;
  if (record.code.kind === "module") session.keepCode(record.code.digest);
  if (
    session.trace.lastRecord(target.name, record.part, recipe) === session.trace.recordOf(core) &&
    session.trace.recordOf(core) !== undefined
  )
    return;
  session.trace.append({
    t: target.name,
    b: session.build,
    rec: record,
    c: core,
    ...(recipe !== undefined && { n: recipe }),
  });
}

function recordItem(
  work: Work,
  item: Item,
  template: PreparedAction,
  result: ActionResult,
  how: "computed" | "cached",
): void {
  const { session, target } = work;
  session.trace.append({
    t: target.name,
    p: "item",
    b: session.build,
    c: item.core,
    k: item.key,
    r: result,
    how,
    m: template.core,
    l: itemName(item),
  });
}

async function commitTrace(session: BuildSession): Promise<void> {
  if (!session.holdsRun()) throw new LostRun(session.run);
  await session.trace.commit();
}

function placeOutputs(work: Work, outputs: Artifacts): void {
  work.session.contents.place(work.target.name, work.target.declaration.contract.outputs, outputs);
}

// --- helpers ------------------------------------------------------------------------------------------------------

/** Whether the part makes the target's own outputs. */
function isWhole(part: DueAction["part"]): boolean {
  return part !== "split" && part !== "item";
}

function orderOf(
  action: PreparedAction,
  part: DueAction["part"],
  inputs: ResolvedInputs,
  logFile: string,
): Omit<Order, "attempt" | "timeoutMs" | "memoryMiB"> {
  if (part === "handoff") throw new Error("a handoff has nothing to run");
  return {
    part,
    code: action.codeOrder,
    told: action.record.config,
    inputs: Object.fromEntries(Object.entries(inputs).map(([slot, input]) => [slot, input.order()])),
    outputs: action.outputs,
    environment: action.environment,
    tools: action.record.tools,
    logFile,
  };
}

function attemptContext(work: Work, label: () => string | undefined): AttemptContext {
  const { session, target } = work;
  return {
    executor: session.executor,
    pool: session.pool,
    signal: work.signal,
    priority: work.priority,
    target: target.name,
    sleep: session.sleep,
    random: session.random,
    onRetry: (_, attempt, waitMs, why) =>
      session.emit({ kind: "action-retried", target: target.name, label: label(), attempt, waitMs, why }),
  };
}

/** Whether a source's content, not only its stat, is another than the one that was resolved. */
function changedSince(inputs: ResolvedInputs, work: Work): boolean {
  const recorded = (record: ResolvedInputs[string]["record"]): string[] =>
    record.kind === "file" || record.kind === "tree"
      ? [record.digest]
      : record.kind === "list"
        ? record.members.flatMap(recorded)
        : [];
  return Object.values(inputs).some((input) => {
    if (input.sources.length === 0 || input.record.kind === "tree")
      return input.sources.some(
        ([path, seen]) =>
          work.session.digests.digestOf(path) === undefined || work.session.digests.statTextOf(path) !== seen,
      );
    const now = input.sources.map(([path]) => work.session.digests.digestOf(path)?.digest ?? "");
    return now.join() !== recorded(input.record).join();
  });
}

function keepSplit(session: BuildSession, value: Json): Artifact {
  const text = JSON.stringify(value);
  const blob = session.archive.putBytes(text);
  return Buffer.byteLength(text) <= keptTailBytes ? { kind: "file", blob, text } : { kind: "file", blob };
}

function keepText(session: BuildSession, value: Json): Artifact {
  const text = JSON.stringify(value, null, 2) + "\n";
  return { kind: "file", blob: session.store.putBytes(text), text };
}

function writeItemsFile(session: BuildSession, states: ItemStates): string {
  const file = join(
    session.runFolder,
    ".staging",
    `items-${digestOfBytes(String(Math.random()) + String(process.pid)).slice(0, 12)}.jsonl`,
  );
  const lines = states.items.all.map((item) => {
    const decision = states.decisions[item.index]!;
    if (decision.kind === "stale") throw new Error("a merge with a stale item");
    const spec = states.items.templates.get(item.recipe)!.outputs;
    const outputs = Object.fromEntries(
      Object.entries(decision.result.outputs).map(([slot, artifact]) => [
        slot,
        session.contents.orderOf(slot, spec[slot]!, artifact),
      ]),
    );
    return JSON.stringify({ recipe: item.recipe, settings: item.settings, item: item.item, outputs });
  });
  mkdirSync(join(session.runFolder, ".staging"), { recursive: true });
  writeFileSync(file, lines.join("\n") + "\n");
  return file;
}

function failureOf(
  work: Work,
  action: PreparedAction,
  outcome: Extract<Outcome, { kind: "failed" }>,
  item: Item | undefined,
  logFile: string,
): Failure {
  const { session, target } = work;
  const name = item === undefined ? target.name : `${target.name}[${itemName(item)}]`;
  const stack =
    outcome.stack === undefined || action.codeOrder.kind !== "module"
      ? []
      : outcome.why === "lost"
        ? outcome.stack.split("\n").slice(-12)
        : session.mapStack(action.codeOrder.bundle, outcome.stack);
  const tail = tailOf(logFile);
  const details = [
    ...stack,
    ...(tail.length > 0 ? ["", `end of ${relative(session.root, logFile)}:`, ...tail] : []),
  ].map(session.mask);
  return actionFailure(`${name} failed: ${session.mask(outcome.message)}`, {
    neededBy: `rule ${target.declaration.contract.name}`,
    ...(details.length > 0 && { details }),
  });
}

function brokenOutput(work: Work, slot: string, problems: readonly string[], artifact: Artifact, item?: Item): Failure {
  const { session, target } = work;
  const name = item === undefined ? target.name : `${target.name}[${itemName(item)}]`;
  const { ext } =
    item === undefined ? target.declaration.contract.outputs[slot]! : target.declaration.contract.items!.outputs[slot]!;
  const folder = join(session.runFolder, "failed", target.name);
  const kept = join(
    folder,
    `${item === undefined ? "" : `${itemName(item).replaceAll(/[^\w.=,-]+/g, "_")}-`}${slot}${ext}`,
  );
  mkdirSync(folder, { recursive: true });
  const order = session.contents.orderOf(slot, { format: "file", ext }, artifact);
  if (order.kind === "file") {
    if (order.path !== undefined) copyFileSync(order.path, kept);
    else writeFileSync(kept, order.text ?? "");
  }
  return actionFailure(`${name} made an output "${slot}" that breaks what the rule promises`, {
    neededBy: `rule ${target.declaration.contract.name}`,
    fix: `The file was set aside for you to look at: ${relative(session.root, kept)}`,
    details: problems.slice(0, 20).concat(problems.length > 20 ? [`… and ${problems.length - 20} more`] : []),
  });
}

/** Many items that failed alike are one message: the first in full, and how many more. */
function groupFailures(failures: readonly Failure[], target: string, total: number): readonly Failure[] {
  if (failures.length <= 3) return failures;
  return [
    ...failures.slice(0, 3),
    actionFailure(`… and ${failures.length - 3} more of ${total} items of ${target} failed`),
  ];
}

/** The last lines of a log, at most 20. */
function tailOf(file: string): readonly string[] {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, 16_384));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8").trimEnd().split("\n").slice(-20);
  } finally {
    closeSync(fd);
  }
}
