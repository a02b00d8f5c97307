// Runs orders on a Slurm cluster: as batches of array jobs. What was submitted is written down before, so that a later driver finds it by its keys and
// waits for it instead of submitting it again. Unaware of what an order says, and of how it comes to the nodes.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { SlurmOptions, SlurmSettings } from "../../api/slurm.ts";
import type { Digest } from "../../model/digest.ts";
import { sleep } from "../../util/clock.ts";
import { readTextIfThere } from "../../util/fs.ts";
import type { Executor, Order, Outcome, RunSignals } from "./executor.ts";
import { Submission, type Batch } from "./remote/batches.ts";
import type { Carrier, Load, Start } from "./remote/carrier.ts";
import type { Cluster } from "./slurm/cluster.ts";
import { judge } from "./slurm/fate.ts";
import { identityOf, noSetback, orderOf, Request, type Parcel, type Setback, type Ticket } from "./remote/request.ts";
import { flagsOf, memoryOf, scriptOf, type Allotment } from "./slurm/script.ts";
import { isLive, isWaiting, minutesOf } from "./slurm/states.ts";
import { SubmissionFolder, submissionsFolder, submissionsOf, type BatchSetup } from "./remote/submission.ts";

export interface SlurmExecutorOptions {
  readonly cluster: Pick<Cluster, keyof Cluster>;
  readonly settings: SlurmSettings;
  /** Counts over what rules and targets say, by target. */
  readonly targets: Readonly<Record<string, SlurmOptions>>;
  readonly run: string;
  readonly runFolder: string;
  /** The folders of all runs of the project, this one's too. */
  readonly runFolders: () => readonly string[];
  /** By it all of the project's work is known in the queue. */
  readonly jobPrefix: string;
  readonly setup: BatchSetup;
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

type Settle = (index: number, outcome: Outcome) => void;

/** What came of handing over a submission. `in-parts`: a user may have fewer batches at once than it has. */
type Handed = { readonly kind: "accepted"; readonly job: string } | { readonly kind: "in-parts" } | Over;

interface Over {
  readonly kind: "ended";
  readonly outcome: Outcome;
}

interface Handing {
  readonly scriptFile: string;
  readonly jobName: string;
  readonly batches: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** Orders that come within this time travel together. */
const gatherMs = 50;
const lookMs = 250;
const pollSeconds = 5;
/** A batch that has left the queue may have results on their way through a network's file system. */
const lateResultsMs = 3_000;
const endedWithinMs = 10_000;
const longestWaitMs = 60_000;
const lastWordsLength = 2_000;

export class SlurmExecutor implements Executor {
  readonly name = "slurm";
  readonly #options: SlurmExecutorOptions;
  readonly #open = new Set<Request>();
  readonly #submissions = new Map<string, Submission>();
  /** Batches that others submitted, by the keys of their actions. */
  readonly #adoptable = new Map<Digest, Batch[]>();
  readonly #signals = new WeakSet<AbortSignal>();
  readonly #submitting = new Set<Promise<void>>();
  /** Nothing more is to be submitted. */
  readonly #stopping = new AbortController();
  readonly #stopped = new AbortController();
  #waiting: Parcel[] = [];
  #gathering: NodeJS.Timeout | undefined;
  #sending = Promise.resolve();
  #watching: Promise<void> | undefined;
  #interrupting: Promise<void> | undefined;
  #polledAt = -Infinity;
  #isSilent = false;
  #isDeaf = false;
  readonly #told = new Map<string, string>();
  #largestArray: Promise<number> | undefined;
  #ids = 0;

  constructor(options: SlurmExecutorOptions) {
    this.#options = options;
  }

  async run(order: Order, settle: Settle, { stop, hold }: RunSignals): Promise<void> {
    const request = new Request(order, settle, hold);
    if (stop.aborted || request.isHeld) return request.settleRest({ kind: "not-begun" });
    this.#open.add(request);
    this.#listen(stop, () => void (this.#interrupting ??= this.#interrupt()));
    if (hold !== undefined) this.#listen(hold, () => void this.#withdraw());
    this.#send({ tickets: request.tickets(), setback: noSetback });
    await request.finished;
    this.#open.delete(request);
  }

  /** One signal serves thousands of orders. */
  #listen(signal: AbortSignal, act: () => void): void {
    if (this.#signals.has(signal)) return;
    this.#signals.add(signal);
    signal.addEventListener("abort", act, { once: true });
  }

  async close(): Promise<void> {
    await this.#interrupting;
    this.#stopping.abort();
    this.#stopped.abort();
    clearTimeout(this.#gathering);
    await this.#sending;
    await Promise.all(this.#submitting);
    await this.#watching;
    const left = await this.#tidyUp();
    this.#options.carrier.close();
    if (left > 0 && this.#interrupting === undefined)
      this.#options.warn(
        `${left} ${left === 1 ? "batch" : "batches"} of earlier builds that nobody asks for any more wait or run on Slurm: exp ps shows them, exp sweep ends them`,
      );
  }

  /** Removes what has been taken in. Returns how many batches wait or run that this run submitted, or shares, and does not want. */
  async #tidyUp(): Promise<number> {
    await this.#hear([...this.#submissions.values()]);
    // Of keys that have changed since, nobody has asked here.
    const unasked = submissionsOf(this.#options.runFolder).flatMap((folder) => {
      const intent = this.#submissions.has(folder.path) ? undefined : folder.intent();
      return intent === undefined ? [] : [new Submission(folder, intent)];
    });
    for (const submission of unasked) this.#submissions.set(submission.folder.path, submission);
    if (unasked.length > 0 && !(await this.#poll()))
      for (const { batches } of unasked) for (const batch of batches) batch.hasEnded = true;
    let left = 0;
    for (const submission of this.#submissions.values()) {
      if (submission.mayGoOn)
        left += submission.batches.filter((batch) => batch.mayGoOn && batch.wanted.size === 0).length;
      // What was cancelled may take its time to end, and write down until then what has.
      else if (!submission.isLive && !submission.isWanted && this.#isTakenIn(submission)) submission.folder.remove();
    }
    return left;
  }

  /** What it came to is in the run by now, or in the cache. */
  #isTakenIn(submission: Submission): boolean {
    return submission.batches.every((batch) => batch.unasked().every((key) => this.#options.isKnown(key)));
  }

  // --- sending ----------------------------------------------------------------------------------------------------

  #send(parcel: Parcel): void {
    this.#waiting.push(parcel);
    clearTimeout(this.#gathering);
    this.#gathering = setTimeout(() => {
      this.#sending = this.#sending.then(() => this.#sendAll());
    }, gatherMs);
  }

  async #sendAll(): Promise<void> {
    const all = this.#waiting;
    this.#waiting = [];
    const isHeld = ({ tickets: [first] }: Parcel) => first!.request.isHeld;
    for (const { tickets } of all.filter(isHeld)) settleAll(tickets, { kind: "not-begun" });
    const parcels = all.filter((parcel) => !isHeld(parcel));
    if (this.#isStopping || parcels.length === 0) return;
    const rest = await this.#adopt(parcels);
    if (rest.length > 0) {
      this.#largestArray ??= this.#options.cluster.largestArray();
      const most = await this.#largestArray;
      for (const group of groupAlike(rest, (parcel) => this.#likeness(parcel)))
        for (let at = 0; at < group.length; at += most) {
          const submitted = this.#submit(group.slice(at, at + most)).finally(() => this.#submitting.delete(submitted));
          this.#submitting.add(submitted);
        }
    }
    this.#watch();
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** What earlier drivers have submitted is waited for; the rest comes back. */
  async #adopt(parcels: readonly Parcel[]): Promise<readonly Parcel[]> {
    await this.#findOthers(parcels);
    return parcels.flatMap((parcel): Parcel[] => {
      const tickets = parcel.tickets.filter((ticket) => !this.#takeFromOthers(ticket));
      return tickets.length === 0 ? [] : [{ ...parcel, tickets }];
    });
  }

  /** Looks through the folders of all runs, and asks what of it still runs. */
  async #findOthers(parcels: readonly Parcel[]): Promise<void> {
    const wanted = new Set(parcels.flatMap(({ tickets }) => tickets.map((ticket) => identityOf(ticket).key)));
    const found: Submission[] = [];
    for (const folder of this.#options.runFolders().flatMap(submissionsOf)) {
      if (this.#submissions.has(folder.path)) continue;
      const intent = folder.intent();
      if (intent === undefined || !intent.batches.some((keys) => keys.some((key) => wanted.has(key)))) continue;
      const submission = new Submission(folder, intent);
      this.#submissions.set(folder.path, submission);
      found.push(submission);
      for (const batch of submission.batches)
        for (const key of batch.keys) this.#adoptable.set(key, [...(this.#adoptable.get(key) ?? []), batch]);
    }
    if (found.length === 0) return;
    for (const submission of found) {
      // It may have been killed between sbatch's answer and writing it down.
      if (submission.job !== undefined) continue;
      const named = await this.#options.cluster.jobNamed(submission.intent.jobName);
      if (named?.job !== undefined) submission.folder.writeJob((submission.job = named.job));
      else if (named !== undefined) for (const batch of submission.batches) batch.hasEnded = true;
    }
    await this.#poll();
    // After the look at the queue: what has left it has written all that it will.
    await this.#hear(found);
  }

  #takeFromOthers(ticket: Ticket): boolean {
    const { key, notBefore = 0 } = identityOf(ticket);
    const batches = (this.#adoptable.get(key) ?? []).filter(({ submission }) => submission.intent.at >= notBefore);
    for (const kind of ["done", "failed"] as const) {
      for (const batch of batches) {
        const outcome = batch.claim(key, kind);
        if (outcome === undefined) continue;
        ticket.request.settle(ticket.place, outcome);
        return true;
      }
      // Rather than a failure of before, what another try comes to.
      const goingOn = batches.find((batch) => batch.mayGoOn);
      if (kind === "done" && goingOn !== undefined) {
        goingOn.want(ticket);
        goingOn.submission.folder.noteWaiter(this.#options.run, this.#options.driver);
        return true;
      }
    }
    return false;
  }

  // --- submitting -------------------------------------------------------------------------------------------------

  async #submit(parcels: readonly Parcel[]): Promise<void> {
    const options = this.#options;
    const { run, runFolder } = options;
    const [first] = parcels as readonly [Parcel];
    const [{ request }] = first.tickets as readonly [Ticket];
    const { target } = request.order;
    const id = this.#newId();
    const folder = new SubmissionFolder(join(runFolder, submissionsFolder, id));
    const jobName = `${options.jobPrefix}-${id}-${target}`;
    const orders = parcels.map(orderOf);
    const sent = await this.#carry(folder, { setup: options.setup, secrets: request.order.secrets, orders });
    if (sent.kind === "ended") {
      folder.remove();
      for (const { tickets } of parcels) settleAll(tickets, sent.outcome);
      return;
    }
    const { start } = sent;
    const script = scriptOf({
      allotment: this.#allotment(parcels),
      jobName,
      about: `Target ${target} of run ${run}: ${parcels.reduce((sum, { tickets }) => sum + tickets.length, 0)} actions`,
      folder: folder.path,
      batches: parcels.length,
      parallel: options.settings.parallel,
      start,
      node: process.execPath,
    });
    const scriptFile = folder.writeScript(script);
    const intent = {
      ...{ id, run, target, jobName, at: options.now(), driver: options.driver },
      batches: parcels.map(({ tickets }) => tickets.map((ticket) => identityOf(ticket).key)),
    };
    folder.writeIntent(intent);
    const handed =
      (await this.#refusedDependency(parcels)) ??
      (await this.#hand({ scriptFile, jobName, batches: parcels.length, environment: start.environment }));
    if (handed.kind !== "accepted") folder.remove();
    if (handed.kind === "in-parts") {
      const half = Math.ceil(parcels.length / 2);
      await this.#submit(parcels.slice(0, half));
      return this.#submit(parcels.slice(half));
    }
    if (handed.kind === "ended") {
      for (const { tickets } of parcels) settleAll(tickets, handed.outcome);
      return;
    }
    folder.writeJob(handed.job);
    const submission = new Submission(
      folder,
      { v: 1, ...intent },
      parcels.map(({ setback }) => setback),
    );
    for (const [n, { tickets }] of parcels.entries()) for (const ticket of tickets) submission.batches[n]!.want(ticket);
    this.#submissions.set(folder.path, submission);
    this.#watch();
  }

  /** Slurm would take a dependency on a job that never was, and run at once. */
  async #refusedDependency(parcels: readonly Parcel[]): Promise<Handed | undefined> {
    const { options } = this.#allotment(parcels);
    const jobs = (options.sbatch ?? []).flatMap((word) =>
      /^(?:-d|--dependency)/.test(word) ? [...word.matchAll(/(?<=[:\d])\d+|\d+/g)].map(([job]) => job) : [],
    );
    for (const job of new Set(jobs))
      if (!(await this.#options.cluster.knows(job)))
        return refused(`it is to wait for job ${job}, of which Slurm knows nothing`);
    return undefined;
  }

  /** Until it is where its batches find it. */
  async #carry(
    folder: SubmissionFolder,
    load: Load,
  ): Promise<{ readonly kind: "carried"; readonly start: Start } | Over> {
    const { carrier, warn } = this.#options;
    for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      if (this.#isStopping) return { kind: "ended", outcome: { kind: "not-begun" } };
      const sent = await carrier.send(folder, load);
      switch (sent.kind) {
        case "sent":
          return { kind: "carried", start: sent.start };
        case "refused":
          return refused(sent.message);
        case "vanished": {
          const { path, isEdited } = sent;
          const outcome = { kind: "vanished", path, tookMs: 0, costUsd: 0, ...(isEdited && { isEdited }) } as const;
          return { kind: "ended", outcome };
        }
        case "not-now":
          if (waitMs === 1000) warn(`batches cannot be sent now, which is tried again: ${sent.message}`);
          await sleep(waitMs, this.#stopping.signal);
      }
    }
  }

  /** Until the cluster takes it or will not. */
  async #hand({ scriptFile, jobName, batches, environment }: Handing): Promise<Handed> {
    const { cluster, warn } = this.#options;
    for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      if (this.#isStopping) return { kind: "ended", outcome: { kind: "not-begun" } };
      const said = await cluster.submit(scriptFile, environment);
      if (said.kind === "accepted") return said;
      if (said.kind === "refused") return refused(`Slurm does not take it: ${said.message}`);
      if (said.isTooMany && batches > 1) return { kind: "in-parts" };
      if (waitMs === 1000) warn(`Slurm does not take batches now, and is asked again: ${said.message}`);
      await sleep(waitMs, this.#stopping.signal);
      const named = said.isUnclear ? await cluster.jobNamed(jobName) : undefined;
      if (named?.job !== undefined) return { kind: "accepted", job: named.job };
    }
  }

  #newId(): string {
    const time = new Date(this.#options.now())
      .toISOString()
      .replaceAll(/[-:]|\..*/g, "")
      .replace("T", "-");
    return `${time}-${randomBytes(3).toString("hex")}${this.#ids++}`;
  }

  #optionsFor(order: Order): SlurmOptions {
    return { ...this.#options.settings, ...order.slurm, ...this.#options.targets[order.target] };
  }

  /** Equal for parcels that may be batches of one submission. */
  #likeness(parcel: Parcel): string {
    const { order } = parcel.tickets[0]!.request;
    const { minutes: _, ...allotment } = this.#allotment([parcel]);
    const words = [
      order.target,
      order.part,
      Object.keys(order.secrets),
      allotment.options.modules,
      allotment.options.before,
    ];
    return JSON.stringify([...words, allotment.options.container, flagsOf({ ...allotment, minutes: undefined }, "")]);
  }

  #allotment(parcels: readonly Parcel[]): Allotment {
    const [{ tickets, setback }] = parcels as readonly [Parcel];
    const { order } = tickets[0]!.request;
    const options = this.#optionsFor(order);
    const memory = memoryOf(options, order.resources) ?? (setback.moreMemory > 1 ? setback.gave.memoryMiB : undefined);
    const minutes = parcels.map((parcel) => minutesFor(parcel, options));
    return {
      resources: order.resources,
      options,
      minutes: minutes.includes(undefined) ? undefined : Math.max(...minutes.map((one) => one!)),
      memoryMiB: memory === undefined ? undefined : memory * setback.moreMemory,
      exclude: setback.exclude,
    };
  }

  // --- watching ---------------------------------------------------------------------------------------------------

  #watch(): void {
    this.#watching ??= this.#watchAll().finally(() => (this.#watching = undefined));
  }

  async #watchAll(): Promise<void> {
    while (!this.#stopped.signal.aborted && this.#wanted().length > 0) {
      const startedAt = performance.now();
      await this.#look();
      const tookMs = performance.now() - startedAt;
      await sleep(Math.max(lookMs, tookMs * 4), this.#stopped.signal);
    }
  }

  #wanted(): readonly Submission[] {
    return [...this.#submissions.values()].filter((submission) => submission.isWanted);
  }

  async #look(): Promise<void> {
    const wanted = this.#wanted();
    await this.#hear(wanted);
    if (
      performance.now() - this.#polledAt >= (this.#options.settings.poll ?? pollSeconds) * 1000 &&
      (await this.#poll())
    )
      await this.#hear(wanted);
    for (const { batches } of wanted)
      for (const batch of batches) if (batch.wanted.size > 0 && this.#isGone(batch)) await this.#giveBack(batch);
  }

  /** What their batches have written since. False: of some of them that cannot be told now. */
  async #hear(submissions: readonly Submission[]): Promise<boolean> {
    const { carrier, warn } = this.#options;
    const troubles = await Promise.all(
      submissions.map(async (submission) => {
        const trouble = await carrier.collect(submission.folder, submission.speaking());
        submission.readNews();
        return trouble;
      }),
    );
    const trouble = troubles.find((one) => one !== undefined);
    if (trouble !== undefined && !this.#isDeaf)
      warn(`what batches have come to cannot be learnt now, and is asked for again: ${trouble}`);
    if (submissions.length > 0) this.#isDeaf = trouble !== undefined;
    return trouble === undefined;
  }

  /** The queue is asked for all of them at once. False: it does not answer, and everything is as it was. */
  async #poll(): Promise<boolean> {
    const { cluster, warn } = this.#options;
    const queue = await cluster.queue();
    this.#polledAt = performance.now();
    if (queue === undefined) {
      if (!this.#isSilent) warn("Slurm does not answer; what it runs goes on, and it is asked again");
      this.#isSilent = true;
      return false;
    }
    this.#isSilent = false;
    for (const { intent, batches } of this.#submissions.values()) {
      const states = queue.get(intent.jobName);
      for (const batch of batches) {
        const state = states?.get(batch.number);
        batch.isWaiting = state !== undefined && isWaiting(state);
        batch.isLive = state !== undefined && isLive(state);
        batch.goneSince = batch.isLive ? undefined : (batch.goneSince ?? this.#polledAt);
      }
    }
    this.#tellHowFar();
    return true;
  }

  /** By target, when it has changed. */
  #tellHowFar(): void {
    const targets = new Map<string, { waiting: number; running: number }>();
    for (const { intent, batches } of this.#submissions.values()) {
      const counts = targets.get(intent.target) ?? { waiting: 0, running: 0 };
      targets.set(intent.target, counts);
      for (const batch of batches)
        if (batch.wanted.size > 0 && batch.isLive === true) counts[batch.isWaiting ? "waiting" : "running"] += 1;
    }
    for (const [target, counts] of targets) {
      const text = `${counts.waiting} ${counts.running}`;
      if (this.#told.get(target) === text) continue;
      this.#told.set(target, text);
      this.#options.onProgress(target, counts);
    }
  }

  #isGone(batch: Batch): boolean {
    if (batch.hasEnded) return true;
    return batch.goneSince !== undefined && performance.now() - batch.goneSince > lateResultsMs;
  }

  /** It has ended without some of what is wanted: that goes into another batch, or fails. */
  async #giveBack(batch: Batch): Promise<void> {
    const { cluster, warn } = this.#options;
    const { submission } = batch;
    const fate =
      submission.job === undefined
        ? undefined
        : await cluster.fate(submission.job, submission.intent.jobName, batch.number);
    if (fate !== undefined && isLive(fate) && !batch.hasEnded) {
      batch.isLive = true;
      batch.goneSince = undefined;
      return;
    }
    // What it has made may lie there, and be had in a while.
    if (!(await this.#hear([submission])) || batch.wanted.size === 0) return;
    const lastWords = (readTextIfThere(submission.folder.outFile(batch.number)) ?? "").slice(-lastWordsLength).trim();
    const { setback, hasProgressed } = batch;
    const name = `${submission.job ?? "?"}_${batch.number}`;
    const verdict = judge({
      ...{ name, setback, hasProgressed, lastWords, lacked: batch.lacked, folder: submission.folder.path },
      fate: batch.hadTooLittleMemory ? { node: undefined, reason: undefined, ...fate, state: "OUT_OF_MEMORY" } : fate,
    });
    const tickets = [...batch.wanted.values()];
    batch.wanted.clear();
    batch.hasEnded = true;
    if (verdict.kind === "failed") return settleAll(tickets, verdict.outcome);
    warn(
      `${verdict.why}; ${tickets.length === 1 ? "what was left of it goes" : `${tickets.length} actions that were left go`} into another`,
    );
    for (const parcel of byRequest(tickets, verdict.setback)) this.#send(parcel);
  }

  /** Takes back what nobody has begun with, of requests that are to start nothing more. */
  async #withdraw(): Promise<void> {
    const { cluster } = this.#options;
    await this.#sending;
    await Promise.all(this.#submitting);
    const queue = await cluster.queue();
    if (queue === undefined || this.#isStopping) return;
    for (const { intent, job, batches } of this.#wanted()) {
      const waiting = batches.filter((batch) => {
        const state = queue.get(intent.jobName)?.get(batch.number);
        return (
          state !== undefined && isWaiting(state) && [...batch.wanted.values()].every(({ request }) => request.isHeld)
        );
      });
      const names = waiting.filter(({ wanted }) => wanted.size > 0).map(({ number }) => `${job}_${number}`);
      if (names.length === 0 || !(await cluster.cancelBatches(intent.jobName, names))) continue;
      for (const batch of waiting) {
        batch.hasEnded = true;
        const tickets = [...batch.wanted.values()];
        batch.wanted.clear();
        settleAll(tickets, { kind: "not-begun" });
      }
    }
    this.#tellHowFar();
  }

  // --- stopping ---------------------------------------------------------------------------------------------------

  async #interrupt(): Promise<void> {
    const { cluster, carrier, onInterrupt } = this.#options;
    this.#stopping.abort();
    clearTimeout(this.#gathering);
    await this.#sending;
    await Promise.all(this.#submitting);
    const batches = this.#wanted().flatMap((submission) => submission.batches.filter((batch) => batch.wanted.size > 0));
    const decision = batches.length === 0 ? "leave" : await onInterrupt(batches.length);
    if (decision === "end") {
      const wanted = this.#wanted();
      for (const { folder } of wanted) folder.giveUp();
      await Promise.all(wanted.map(({ folder }) => carrier.giveUp(folder)));
      const isTaken = await cluster.cancel(wanted.map(({ intent }) => intent.jobName));
      if (isTaken) await this.#awaitEnd();
      else this.#options.warn("Slurm does not answer: its batches could not be ended. exp sweep does it");
    }
    await this.#hear(this.#wanted());
    for (const request of this.#open) request.settleRest({ kind: "not-begun" });
    if (decision === "end")
      for (const { batches } of this.#submissions.values()) for (const batch of batches) batch.wanted.clear();
  }

  /** What ended before it was cancelled counts. */
  async #awaitEnd(): Promise<void> {
    const until = performance.now() + endedWithinMs;
    while (performance.now() < until) {
      await this.#poll();
      if (!this.#wanted().some((submission) => submission.isLive)) return;
      await sleep(lookMs, this.#stopped.signal);
    }
  }
}

function refused(message: string): Over {
  const outcome = { kind: "failed", why: "refused", message, retryable: false, tookMs: 0, costUsd: 0 } as const;
  return { kind: "ended", outcome };
}

function settleAll(tickets: readonly Ticket[], outcome: Outcome): void {
  for (const { request, place } of tickets) request.settle(place, outcome);
}

/** Undefined: the partition's own. */
function minutesFor({ tickets, setback }: Parcel, { time }: SlurmOptions): number | undefined {
  const { order } = tickets[0]!.request;
  const said = time === undefined ? undefined : typeof time === "number" ? Math.ceil(time) : minutesOf(time);
  const allowed =
    order.timeoutMs === undefined ? undefined : Math.ceil((order.timeoutMs * tickets.length) / 60_000) + 2;
  const minutes = said ?? allowed ?? (setback.moreTime > 1 ? setback.gave.minutes : undefined);
  return minutes === undefined ? undefined : minutes * setback.moreTime;
}

function byRequest(tickets: readonly Ticket[], setback: Setback): readonly Parcel[] {
  const requests = new Map<Request, Ticket[]>();
  for (const ticket of tickets) requests.set(ticket.request, [...(requests.get(ticket.request) ?? []), ticket]);
  return [...requests.values()].map((own) => ({ tickets: own, setback }));
}

function groupAlike<T>(list: readonly T[], likeness: (one: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const name = likeness(one);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}
