// Performs the due items of a fan-out: adopts those that the cache has, runs the others in batches, commits each as it ends.

import { join } from "node:path";
import type { Resources } from "../api/rule.ts";
import type { Order, Outcome } from "../backends/executors/executor.ts";
import { digestOfBytes } from "../model/digest.ts";
import type { Failure } from "../model/failure.ts";
import { hashRecord } from "../planning/fingerprint/encode.ts";
import { fail, ok } from "../util/result.ts";
import { brokenOutput, failureOf, groupFailures, type ItemFailure } from "./action-failure.ts";
import { unready, type PreparedAction } from "./actions.ts";
import type { DueItems } from "./assess.ts";
import { admitTry, limitsOf, waitBefore } from "./attempt.ts";
import { checkOutputs } from "./checks.ts";
import { commitTrace, recordItem, rememberRecord, resultOf } from "./commit.ts";
import { fileNameOf, itemName, itemOrder, type Item } from "./fan-out.ts";
import { filesBehind } from "./inputs.ts";
import type { SourceFile } from "./sources.ts";
import { identify, missingBundle, orderOf } from "./perform-action.ts";
import { AbortedError } from "./resources.ts";
import type { Site } from "./site.ts";
import { costsTooMuch, mayHaveReadOther, noteVanished, type Performed, type Work } from "./work.ts";

export async function performItems(work: Work, due: DueItems): Promise<Performed> {
  const { session, target } = work;
  const { items, decisions } = due.states;
  for (const [recipe, template] of items.templates) rememberRecord(session, target, template, recipe);
  await adoptCached(work, due);
  const stale = items.all.filter((item) => decisions[item.index]!.kind === "stale");
  if (stale.length === 0) return ok("committed");

  // One claim for all items of these recipes: a lock each would cost more than a small item.
  const claim = digestOfBytes([...items.templates.values()].map((template) => template.core).join());
  const onWait = (holder: string) => session.emit({ kind: "waiting-for-action", target: target.name, holder });
  const give = await session.claim(claim, onWait, work.ending);
  if (give === undefined) return ok("interrupted");
  try {
    session.cache.refresh();
    const hasNews = stale.some((item) => {
      const decision = decisions[item.index]!;
      return decision.kind === "stale" && session.rebuilder.hasNews(item, decision.reasons);
    });
    return hasNews ? ok("again") : await new ItemRun(work, due, stale).run();
  } finally {
    give();
  }
}

async function adoptCached(work: Work, { states: { items, decisions } }: DueItems): Promise<void> {
  const { session, target, tally } = work;
  for (const item of items.all) {
    const decision = decisions[item.index]!;
    if (decision.kind !== "cached") continue;
    const { tookMs } = decision.result;
    tally.cached += 1;
    tally.savedMs += tookMs;
    recordItem(work, item, items.templates.get(item.recipe)!, decision.result, "cached");
    session.emit({ kind: "item-finished", target: target.name, origin: "cached", tookMs, costUsd: 0 });
  }
  await commitTrace(session);
}

interface Try {
  readonly item: Item;
  readonly attempt: number;
}

/** For a rule that does not say: enough to fill a forward pass, little enough to fit. */
const vectorisedBatch = 64;

/** The run of one fan-out's stale items: lanes take batches from one queue, each while it holds the resources of one action. */
class ItemRun {
  readonly #work: Work;
  readonly #due: DueItems;
  readonly #total: number;
  #queue: Try[];
  readonly #failures: ItemFailure[] = [];
  /** Recipes with an item that the build cannot pay for; of the first, why. */
  readonly #unpaid = new Set<string>();
  #whyUnpaid = "";
  /** Items that wait for a build that may spend more. */
  #remaining = 0;
  /** Why there will never be room for an item. */
  #refused: Failure | undefined;
  readonly #setupKeys = new Map<string, string>();
  readonly #sources: readonly SourceFile[];
  /** Of the recipes that have something to make: what the rule's others want (a GPU, a secret) is nobody's need here. */
  readonly #templates: readonly PreparedAction[];
  /** Items that are neither committed nor failed, and not left to a later build. */
  #open: number;
  /** `vanished`: as `again`, but what the other lanes have finished is right, and is kept. */
  #stop: "again" | "vanished" | "interrupted" | undefined;
  /** Milliseconds an item, a moving average: decides how many travel together. */
  #paceMs = 0;
  /** Told when an item has failed: what has not begun elsewhere is to wait for nothing. */
  readonly #hold = new AbortController();
  /** Lanes that found the queue empty while tries are still under way. */
  #idle: (() => void)[] = [];

  constructor(work: Work, due: DueItems, stale: readonly Item[]) {
    this.#work = work;
    this.#due = due;
    this.#total = stale.length;
    this.#open = stale.length;
    this.#queue = inOrderOfSetup(stale).map((item) => ({ item, attempt: 1 }));
    this.#sources = filesBehind(due.inputs);
    this.#templates = [...new Set(stale.map(({ recipe }) => due.states.items.templates.get(recipe)!))];
    if (this.#templates.some((template) => this.#siteOf(template).asksForPastPace)) this.#paceMs = pastPaceMs(work);
  }

  async run(): Promise<Performed> {
    const { session, target, tally, ending } = this.#work;
    for (const template of this.#templates) {
      const missing = unready(template, target.name);
      if (missing.length > 0) return fail(missing);
      const admitted = await admitTry(this.#siteOf(template).pool, template.options, 1, target.name);
      if (ending.aborted) return ok("interrupted");
      if (!admitted.ok) return fail([admitted.error]);
      const gone = missingBundle(session, template);
      if (gone !== undefined) {
        noteVanished(this.#work, gone);
        return ok("again");
      }
    }
    const sites = this.#templates.map((template) => this.#siteOf(template));
    const lanes = Math.min(this.#total, Math.max(...sites.map((site) => site.lanes)));
    await Promise.all(Array.from({ length: lanes }, () => this.#lane()));
    if (this.#hasFailed) {
      tally.failedItems = new Set(this.#failures.map(({ item }) => item.index)).size;
      const groups = groupFailures(this.#work, this.#failures, this.#total);
      return fail(this.#refused === undefined ? groups : [this.#refused, ...groups]);
    }
    if (this.#stop !== undefined) return ok(this.#stop === "vanished" ? "again" : this.#stop);
    if (this.#remaining === 0) return ok("committed");
    const items = this.#due.states.decisions.length;
    tally.unpaid = { why: this.#whyUnpaid, items, remaining: this.#remaining };
    return ok("unaffordable");
  }

  #siteOf(template: PreparedAction): Site {
    return this.#work.session.siteOf("item", template.options);
  }

  get #mayGoOn(): boolean {
    // An executor that was closed begins with nothing: items put back would be taken and put back for ever.
    if (this.#work.ending.aborted) this.#stop ??= "interrupted";
    const mayFail = this.#work.session.keepGoing || !this.#hasFailed;
    return this.#open > 0 && this.#stop === undefined && mayFail;
  }

  get #hasFailed(): boolean {
    return this.#failures.length > 0 || this.#refused !== undefined;
  }

  async #lane(): Promise<void> {
    while (this.#mayGoOn) {
      const first = this.#queue[0];
      if (first === undefined) {
        await new Promise<void>((wake) => this.#idle.push(wake));
        continue;
      }
      const template = this.#due.states.items.templates.get(first.item.recipe)!;
      try {
        await this.#takeAndRun(template, first);
      } catch (error) {
        if (!(error instanceof AbortedError)) throw error;
      }
    }
    this.#wakeAll();
  }

  async #takeAndRun(template: PreparedAction, first: Try): Promise<void> {
    const { item, attempt } = first;
    const { target, priority, ending } = this.#work;
    const { pool } = this.#siteOf(template);
    const admitted = await admitTry(pool, template.options, attempt, target.name);
    if (!admitted.ok) {
      // Another lane may have dropped it; and what was counted while the build is ended may have been ended with it.
      if (this.#queue[0] !== first || ending.aborted) return;
      // More memory for a second try than there is, say.
      this.#queue.shift();
      this.#refused ??= admitted.error;
      return this.#close();
    }
    const release = await pool.acquire(admitted.value, priority, ending);
    try {
      // Another lane may have taken the items for which these resources were asked.
      const next = this.#queue[0];
      const isMeant = next?.item.recipe === item.recipe && next.attempt === attempt;
      const batch = this.#mayGoOn && isMeant ? this.#takeBatch() : [];
      if (batch.length > 0) await this.#runBatch(batch, admitted.value);
    } finally {
      release();
    }
  }

  /** The next items that can travel together: one recipe and attempt; for a vectorised recipe one setting and one set of inputs. */
  #takeBatch(): Try[] {
    const [first] = this.#queue;
    if (first === undefined) return [];
    const { work } = this.#work.target.declaration;
    const template = this.#due.states.items.templates.get(first.item.recipe)!;
    const { codeOrder } = template;
    const isVectorised = codeOrder.kind === "module" && codeOrder.vectorised;
    const pace = { total: this.#total, left: this.#queue.length, paceMs: this.#paceMs };
    const byPace = isVectorised ? vectorisedBatch : this.#siteOf(template).batchSize(pace);
    const size = (work.kind === "fan-out" ? work.batch : undefined) ?? byPace;
    const fits = ({ item, attempt }: Try) =>
      item.recipe === first.item.recipe &&
      attempt === first.attempt &&
      (!isVectorised ||
        (item.settingsNumber === first.item.settingsNumber && item.inputsNumber === first.item.inputsNumber));
    let count = 1;
    while (count < size && count < this.#queue.length && fits(this.#queue[count]!)) count++;
    return this.#queue.splice(0, count);
  }

  async #runBatch(batch: readonly Try[], resources: Resources): Promise<void> {
    const { session, target, signal } = this.#work;
    const { items } = this.#due.states;
    const [first] = batch;
    const template = items.templates.get(first!.item.recipe)!;
    const folder = join(session.logsFolder, target.name);
    const logFileOf = (item: Item) => join(folder, `${fileNameOf(item)}.log`);
    const order: Order = {
      ...orderOf(template, "item", {}, target.name),
      guarded: this.#sources,
      items: batch.map(({ item }) => ({
        ...itemOrder(items, item),
        ...identify(this.#work, item.key),
        logFile: logFileOf(item),
        setupKey: this.#setupKey(template, item),
      })),
      logFile: folder,
      ...limitsOf(template.options, resources),
      attempt: first!.attempt,
    };
    const commits: Promise<void>[] = [];
    let broken: { readonly error: unknown } | undefined;
    let tookMs = 0;
    await this.#siteOf(template).executor.run(
      order,
      (index, outcome) => {
        const tried = batch[index]!;
        tookMs += outcome.kind === "not-begun" ? 0 : outcome.tookMs;
        const settled = this.#settle(tried, template, outcome, logFileOf(tried.item));
        // The disk is full, or the run was taken over: held until the batch has ended, then thrown on.
        commits.push(settled.catch((error: unknown) => void (broken ??= { error })));
      },
      { stop: signal, hold: this.#hold.signal },
    );
    const pace = tookMs / batch.length;
    this.#paceMs = this.#paceMs === 0 ? pace : this.#paceMs * 0.7 + pace * 0.3;
    await Promise.all(commits);
    if (broken !== undefined) throw broken.error;
  }

  /** What `setup` is told and given, by content: paths may hold something else in the next round. */
  #setupKey(template: PreparedAction, { recipe, settings, settingsNumber, inputsNumber }: Item): string {
    const name = `${recipe}/${settingsNumber}/${inputsNumber}`;
    let key = this.#setupKeys.get(name);
    if (key === undefined) {
      const inputs = Object.entries(this.#due.states.items.inputs[inputsNumber]!).map(([slot, input]) => [
        slot,
        input.record,
      ]);
      key = hashRecord("setup", [template.core, settings, inputs]);
      this.#setupKeys.set(name, key);
    }
    return key;
  }

  async #settle(tried: Try, template: PreparedAction, outcome: Outcome, logFile: string): Promise<void> {
    const { tally } = this.#work;
    if (outcome.kind === "not-begun") return this.#putBack(tried);
    tally.tookMs += outcome.tookMs;
    tally.costUsd += outcome.costUsd;
    if (outcome.kind === "done") return this.#commit(tried, template, outcome);
    if (outcome.kind === "vanished") {
      noteVanished(this.#work, outcome.path, outcome.isEdited);
      this.#stop ??= "vanished";
      return this.#putBack(tried);
    }
    if (outcome.kind === "unaffordable") return this.#leave(tried, outcome.message ?? costsTooMuch);
    this.#retryOrFail(tried, template, outcome, logFile);
  }

  /** It has not failed, and is not tried again here. With `-k` others of its recipe still are: some may cost less, or nothing. */
  #leave({ item }: Try, why: string): void {
    if (this.#unpaid.size === 0) this.#whyUnpaid = why;
    this.#unpaid.add(item.recipe);
    const before = this.#queue.length;
    if (!this.#work.session.keepGoing) this.#queue = this.#queue.filter((other) => !this.#isLeft(other));
    const count = 1 + before - this.#queue.length;
    this.#remaining += count;
    this.#close(count);
  }

  #isLeft({ item }: Try): boolean {
    return !this.#work.session.keepGoing && this.#unpaid.has(item.recipe);
  }

  async #commit(
    { item, attempt }: Try,
    template: PreparedAction,
    outcome: Extract<Outcome, { kind: "done" }>,
  ): Promise<void> {
    const { session, target, tally } = this.#work;
    const { outputs, tookMs, costUsd } = outcome;
    // What the item read may not be what its key says: nothing of it is kept, and the target is looked at again.
    if (this.#stop !== "again" && mayHaveReadOther(this.#work, template.core, this.#sources)) this.#stop = "again";
    if (this.#stop === "again") return;
    const broken = await checkOutputs(target.declaration.contract.items!.outputs, outputs, session.contents);
    if (broken.length > 0) {
      for (const { slot, problems } of broken) {
        this.#failures.push({ item, failure: brokenOutput(this.#work, slot, problems, outputs[slot]!, item) });
      }
      return this.#close();
    }
    const result = resultOf(session, outcome, outputs, {
      executor: this.#siteOf(template).executor.name,
      attempts: attempt,
    });
    recordItem(this.#work, item, template, result, "computed");
    await commitTrace(session);
    session.cache.put(item.key, result);
    tally.computed += 1;
    session.emit({ kind: "item-finished", target: target.name, origin: "computed", tookMs, costUsd });
    this.#close();
  }

  #retryOrFail(
    { item, attempt }: Try,
    template: PreparedAction,
    outcome: Extract<Outcome, { kind: "failed" }>,
    logFile: string,
  ): void {
    const { session, target, ending } = this.#work;
    const waitMs = waitBefore(outcome, attempt, template.options, session.random);
    if (waitMs === undefined || ending.aborted) {
      this.#failures.push({ item, failure: failureOf(this.#work, template, outcome, logFile) });
      return this.#close();
    }
    const next = { item, attempt: attempt + 1 };
    const event = { target: target.name, label: itemName(item), attempt: next.attempt, waitMs, why: outcome.message };
    session.emit({ kind: "action-retried", ...event });
    // Waited for aside: the lane and its resources are free for others meanwhile.
    void session.sleep(waitMs, ending).then(() => this.#putBack(next));
  }

  #putBack(tried: Try): void {
    if (this.#isLeft(tried)) return this.#leave(tried, this.#whyUnpaid);
    this.#queue.push(tried);
    this.#wakeAll();
  }

  #close(count = 1): void {
    this.#open -= count;
    if (this.#mayGoOn) return;
    this.#hold.abort();
    this.#wakeAll();
  }

  #wakeAll(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const wake of idle) wake();
  }
}

const mostLooks = 200;

/** Milliseconds an item of earlier builds took; 0: there is none. */
function pastPaceMs({ session, target }: Work): number {
  let [count, tookMs] = [0, 0];
  for (const result of session.trace.itemResultsOf(target.name)) {
    tookMs += result.tookMs;
    if (++count === mostLooks) break;
  }
  return count === 0 ? 0 : Math.max(tookMs / count, 0.01);
}

/** Items of one recipe, settings and inputs lie together, so that a worker's `setup` serves many. */
function inOrderOfSetup(items: readonly Item[]): Item[] {
  return [...items].sort(
    (a, b) =>
      (a.recipe < b.recipe ? -1 : a.recipe > b.recipe ? 1 : 0) ||
      a.settingsNumber - b.settingsNumber ||
      a.inputsNumber - b.inputsNumber ||
      a.index - b.index,
  );
}
