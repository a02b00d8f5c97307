// Runs orders on a platform, a cluster or a cloud, in batches. What is submitted is written down before, so that a later driver finds it by its keys and
// waits for it instead of submitting it again. Unaware of what an order says, of how it travels, and of which platform it is.

import { performance } from "node:perf_hooks";
import type { Digest } from "../../../model/digest.ts";
import { sleep } from "../../../util/clock.ts";
import { readTextIfThere } from "../../../util/fs.ts";
import { takeAll } from "../../../util/steps.ts";
import type { Budget } from "../budget.ts";
import type { Executor, Order, Outcome, RunSignals } from "../executor.ts";
import { Allowances } from "./allowances.ts";
import type { Batch, Submission, Unaffordable } from "./batches.ts";
import type { Carrier } from "./carrier.ts";
import type { Judge, Lot, Platform } from "./platform.ts";
import { byRequest, noSetback, Request } from "./request.ts";
import { Sender } from "./sender.ts";
import type { BatchSetup, SubmissionFolder } from "./submission.ts";
import { Submissions } from "./submissions.ts";
import { Troubles } from "./troubles.ts";

/** What every platform's driver is told. */
export interface DriverOptions {
  readonly run: string;
  /** The folder where this run's submissions go, each a folder. */
  readonly submissions: string;
  /** Those of all runs of the project, this one's too. */
  readonly allSubmissions: () => readonly SubmissionFolder[];
  readonly setup: BatchSetup;
  readonly budget: Budget;
  readonly carrier: Carrier;
  /** The `processTag` of this driver. */
  readonly driver: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether the result of a key has been taken in. */
  readonly isKnown: (key: Digest) => boolean;
  /** Asked once, when everything is to stop: what becomes of so many batches that wait or run. */
  readonly onInterrupt: (batches: number) => Promise<"leave" | "end">;
  readonly warn: (text: string) => void;
  /** How many batches of a target wait and run. */
  readonly onProgress: (target: string, batches: { readonly waiting: number; readonly running: number }) => void;
}

const endedWithinMs = 10_000;
const endLookMs = 250;
const lastWordsLength = 2_000;

export class Driver<L extends Lot> implements Executor {
  readonly name: string;
  readonly #platform: Platform<L>;
  readonly #options: DriverOptions;
  readonly #submissions: Submissions;
  readonly #allowances: Allowances;
  readonly #troubles: Troubles<"hear" | "poll">;
  readonly #open = new Set<Request>();
  readonly #signals = new WeakSet<AbortSignal>();
  readonly #sender: Sender<L>;
  readonly #stopped = new AbortController();
  readonly #told = new Map<string, string>();
  #watching: Promise<void> | undefined;
  #interrupting: Promise<void> | undefined;
  #polledAt = -Infinity;

  constructor(platform: Platform<L>, options: DriverOptions) {
    const { run, driver, submissions, allSubmissions, isKnown, warn, budget, setup } = options;
    this.name = platform.name;
    this.#platform = platform;
    this.#options = options;
    this.#troubles = new Troubles(warn);
    const hear = (some: readonly Submission[]) => {
      options.carrier.refresh();
      return this.#hear(some);
    };
    const places = { own: submissions, all: allSubmissions };
    this.#allowances = new Allowances({ budget, mayPay: setup.mayPay });
    this.#submissions = new Submissions({ platform, run, driver, ...places, hear, isKnown, budget });
    this.#sender = new Sender({
      ...{ platform, submissions: this.#submissions, allowances: this.#allowances, setup },
      ...{ carrier: options.carrier, run, folder: submissions, driver, now: options.now, warn },
      onSent: () => {
        this.#tellHowFar();
        this.#watch();
      },
      onError: this.#fail,
    });
  }

  async run(order: Order, settle: (index: number, outcome: Outcome) => void, signals: RunSignals): Promise<void> {
    const { stop, hold } = signals;
    const request = new Request(order, settle, hold);
    if (stop.aborted || request.isHeld) return request.settleRest({ kind: "not-begun" });
    this.#open.add(request);
    this.#listen(stop, () => void (this.#interrupting ??= this.#interrupt().catch(this.#fail)));
    if (hold !== undefined) this.#listen(hold, () => void this.#withdraw().catch(this.#fail));
    this.#sender.send({ tickets: request.tickets(), setback: noSetback });
    try {
      await request.finished;
    } finally {
      this.#open.delete(request);
    }
  }

  /** The disk is full, say: who waits for something hears of it, since what was to bring it has ended. What was sent is found by the next build. */
  readonly #fail = (error: Error): void => {
    for (const request of this.#open) request.fail(error);
  };

  /** One signal serves thousands of orders. */
  #listen(signal: AbortSignal, act: () => void): void {
    if (this.#signals.has(signal)) return;
    this.#signals.add(signal);
    signal.addEventListener("abort", act, { once: true });
  }

  async close(): Promise<void> {
    let left = 0;
    await takeAll([
      () => this.#interrupting,
      () => this.#sender.stop(),
      () => this.#stopped.abort(),
      () => this.#watching,
      () => this.#submissions.findUnasked(this.#sender.stopping),
      () => this.#platform.leave(),
      async () => (left = await this.#submissions.tidyUp()),
      () => this.#options.carrier.close(),
      () => this.#platform.close(),
    ]);
    if (left > 0 && this.#interrupting === undefined)
      this.#options.warn(
        `${this.#platform.words.left(left)}: exp ps shows ${left === 1 ? "it, exp sweep ends it" : "them, exp sweep ends them"}`,
      );
  }

  // --- watching ---------------------------------------------------------------------------------------------------

  #watch(): void {
    this.#watching ??= this.#watchAll()
      .catch(this.#fail)
      .finally(() => (this.#watching = undefined));
  }

  async #watchAll(): Promise<void> {
    while (!this.#stopped.signal.aborted && (this.#submissions.wanted().length > 0 || this.#platform.isBusy)) {
      const startedAt = performance.now();
      await this.#look();
      const tookMs = performance.now() - startedAt;
      await sleep(Math.max(this.#platform.lookMs, tookMs * 4), this.#stopped.signal);
    }
  }

  async #look(): Promise<void> {
    const wanted = this.#submissions.wanted();
    await this.#hear(wanted);
    const isDue = performance.now() - this.#polledAt >= this.#platform.pollMs;
    if (isDue && (await this.#poll())) await this.#hear(wanted);
    const gone = this.#submissions.wantedBatches().filter((batch) => this.#platform.isGone(batch));
    if (gone.length > 0) await this.#giveBack(gone);
    this.#tellHowFar();
  }

  /** What their batches have written since. False: of some of them that cannot be told now. */
  async #hear(submissions: readonly Submission[]): Promise<boolean> {
    const { carrier } = this.#options;
    const troubles = await Promise.all(
      submissions.map(async (submission) => {
        const trouble = await carrier.collect(submission.folder, submission.speaking());
        submission.readNews();
        return trouble;
      }),
    );
    const trouble = troubles.find((one) => one !== undefined);
    if (trouble !== undefined)
      this.#troubles.tell("hear", `what batches have come to cannot be learnt now, and is asked for again: ${trouble}`);
    else if (submissions.length > 0) this.#troubles.pass("hear");
    return trouble === undefined;
  }

  /** All are asked for at once. False: there is no answer, and everything is as it was. */
  async #poll(): Promise<boolean> {
    const answers = await this.#platform.poll(this.#submissions.all());
    this.#polledAt = performance.now();
    if (answers) this.#troubles.pass("poll");
    else
      this.#troubles.tell(
        "poll",
        `${this.#platform.words.name} does not answer; what it runs goes on, and it is asked again`,
      );
    return answers;
  }

  /** By target, when it has changed. */
  #tellHowFar(): void {
    const targets = new Map<string, { waiting: number; running: number }>();
    for (const { intent, batches } of this.#submissions.all()) {
      const counts = targets.get(intent.target) ?? { waiting: 0, running: 0 };
      targets.set(intent.target, counts);
      for (const batch of batches)
        if (batch.isWanted && batch.isLive === true) counts[batch.isWaiting ? "waiting" : "running"] += 1;
    }
    for (const [target, counts] of targets) {
      const text = `${counts.waiting} ${counts.running}`;
      if (this.#told.get(target) === text) continue;
      this.#told.set(target, text);
      this.#options.onProgress(target, counts);
    }
  }

  /** They have ended without some of what is wanted: that goes into other batches, or fails. */
  async #giveBack(gone: readonly Batch[]): Promise<void> {
    const judges = new Map<Batch, Judge>();
    for (const batch of gone) {
      const judge = await this.#platform.judgeOf(batch);
      if (judge !== undefined) judges.set(batch, judge);
    }
    this.#options.carrier.refresh();
    for (const submission of new Set([...judges.keys()].map((batch) => batch.submission))) {
      // What was made may lie there, and be had in a while.
      if (!(await this.#hear([submission]))) continue;
      for (const [batch, judge] of judges)
        if (batch.submission === submission && batch.isWanted) this.#end(batch, judge);
    }
  }

  #end(batch: Batch, judge: Judge): void {
    if (batch.unaffordable !== undefined) return this.#askForMore(batch, batch.unaffordable);
    const { folder } = batch.submission;
    const verdict = judge((readTextIfThere(folder.outFile(batch.number)) ?? "").slice(-lastWordsLength).trim());
    if (verdict.kind === "failed") return batch.settleRest(verdict.outcome);
    batch.end();
    const tickets = batch.releaseAll();
    this.#options.warn(
      `${verdict.why}; ${tickets.length === 1 ? "what was left of it goes" : `${tickets.length} actions that were left go`} into another`,
    );
    for (const parcel of byRequest(tickets, verdict.setback)) this.#sender.send(parcel);
  }

  /** Of the money that is left, what others have not needed included: once, and then no more. */
  #askForMore(batch: Batch, { message }: Unaffordable): void {
    batch.end();
    this.#allowances.notePaying(batch.submission.intent.target);
    const { setback } = batch;
    if (setback.isShort !== true)
      for (const parcel of byRequest(batch.releaseAll(), { ...setback, isShort: true })) this.#sender.send(parcel);
    else {
      this.#options.budget.exhaust();
      batch.settleRest({ kind: "unaffordable", ...(message !== undefined && { message }), tookMs: 0, costUsd: 0 });
    }
  }

  // --- stopping ---------------------------------------------------------------------------------------------------

  /** Takes back what nobody has begun with, of requests that are to start nothing more. */
  async #withdraw(): Promise<void> {
    await this.#sender.whenSent();
    if (this.#sender.stopping.aborted) return;
    const held = this.#submissions.wantedBatches().filter((batch) => batch.isHeld);
    if (held.length === 0) return;
    for (const batch of await this.#platform.withdraw(held)) batch.settleRest({ kind: "not-begun" });
    this.#tellHowFar();
  }

  async #interrupt(): Promise<void> {
    const { carrier, onInterrupt, warn } = this.#options;
    const platform = this.#platform;
    await this.#sender.stop();
    const batches = this.#submissions.wantedBatches().filter((batch) => platform.outlives(batch));
    const decision = batches.length === 0 ? "leave" : await onInterrupt(batches.length);
    if (decision === "end") {
      const wanted = [...new Set(batches.map(({ submission }) => submission))];
      for (const { folder } of wanted) folder.giveUp();
      await Promise.all(wanted.map(({ folder }) => carrier.giveUp(folder)));
      if (await platform.end(wanted)) await this.#awaitEnd(wanted);
      else warn(`${platform.words.name} does not answer: what it runs could not be ended. exp sweep does it`);
    }
    await this.#hear(this.#submissions.wanted());
    for (const request of this.#open) request.settleRest({ kind: "not-begun" });
    if (decision === "end")
      for (const { batches: all } of this.#submissions.all()) for (const batch of all) batch.releaseAll();
  }

  /** What ended before it was cancelled counts. */
  async #awaitEnd(submissions: readonly Submission[]): Promise<void> {
    const until = performance.now() + endedWithinMs;
    while (performance.now() < until) {
      await this.#poll();
      if (!submissions.some((submission) => submission.isLive)) return;
      await sleep(endLookMs, this.#stopped.signal);
    }
  }
}
