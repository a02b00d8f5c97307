// Runs orders in Modal containers: one container a batch. What was submitted is written down before, so that a later driver finds it by its keys and waits
// for it instead of submitting it again. Unaware of what an order says, and of how it comes to the containers.

import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { ModalOptions, ModalSettings } from "../../api/modal.ts";
import type { Digest } from "../../model/digest.ts";
import { sleep } from "../../util/clock.ts";
import { isMissing, readTextIfThere } from "../../util/fs.ts";
import { Lanes } from "../../util/lanes.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import type { Budget } from "./budget.ts";
import type { Executor, Order, Outcome, RunSignals } from "./executor.ts";
import { allot, nameOf, type Allotment } from "./modal/allotment.ts";
import type { Cloud } from "./modal/cloud.ts";
import { judge } from "./modal/fate.ts";
import { mountPath } from "./modal/place.ts";
import { usdPerSecond, type PriceTable } from "./modal/prices.ts";
import { mayPass } from "./modal/problems.ts";
import { costUntil, notedContainers, noteContainer, type ContainerNote, type Vessel } from "./modal/vessel.ts";
import { Submission, type Batch } from "./remote/batches.ts";
import type { Carrier, Load, Start } from "./remote/carrier.ts";
import { identityOf, noSetback, orderOf, Request, type Parcel, type Setback, type Ticket } from "./remote/request.ts";
import { SubmissionFolder, type BatchSetup } from "./remote/submission.ts";

export interface ModalExecutorOptions {
  readonly cloud: Pick<Cloud, keyof Cloud>;
  readonly settings: ModalSettings;
  /** Counts over what rules and targets say, by target. */
  readonly targets: Readonly<Record<string, ModalOptions>>;
  readonly prices: PriceTable;
  readonly budget: Budget;
  readonly run: string;
  /** Where this run's submissions go, each a folder. */
  readonly submissions: string;
  /** Those of all runs of the project, this one's too. */
  readonly allSubmissions: () => readonly SubmissionFolder[];
  /** By it all of the project's containers are known. */
  readonly prefix: string;
  readonly setup: BatchSetup;
  readonly carrier: Carrier;
  /** The command line that starts a batch's program, of which the files are on the volume when it returns. */
  readonly commandOf: (start: Start) => Promise<readonly string[]>;
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

/** Orders that come within this time travel together. */
const gatherMs = 50;
const usualPollSeconds = 2;
const usualParallel = 20;
/** Less of a container's time than this is not worth its start. */
const leastSeconds = 60;
/** After a container is over, what it has written may take its time to be committed. */
const lateResultsMs = 15_000;
const endedWithinMs = 10_000;
const longestWaitMs = 60_000;
const lastWordsLength = 2_000;

export class ModalExecutor implements Executor {
  readonly name = "modal";
  readonly #options: ModalExecutorOptions;
  readonly #open = new Set<Request>();
  readonly #submissions = new Map<string, Submission>();
  readonly #vessels = new Map<Batch, Vessel>();
  /** Dollars a second of the containers that actions are in. */
  readonly #rates = new WeakMap<Request, Map<number, number>>();
  /** Batches that others submitted, by the keys of their actions. */
  readonly #adoptable = new Map<Digest, Batch[]>();
  readonly #signals = new WeakSet<AbortSignal>();
  readonly #sailing: Lanes;
  readonly #under = new Set<Promise<void>>();
  /** Nothing more is to be submitted. */
  readonly #stopping = new AbortController();
  readonly #stopped = new AbortController();
  #waiting: Parcel[] = [];
  #gathering: NodeJS.Timeout | undefined;
  #sending = Promise.resolve();
  #watching: Promise<void> | undefined;
  #interrupting: Promise<void> | undefined;
  readonly #told = new Map<string, string>();
  readonly #troubles = new Set<string>();
  #ids = 0;

  constructor(options: ModalExecutorOptions) {
    this.#options = options;
    this.#sailing = new Lanes(options.settings.parallel ?? usualParallel);
  }

  async run(order: Order, settle: Settle, { stop, hold }: RunSignals): Promise<void> {
    const request: Request = new Request(
      order,
      (index, outcome) => settle(index, this.#priced(request, index, outcome)),
      hold,
    );
    if (stop.aborted || request.isHeld) return request.settleRest({ kind: "not-begun" });
    this.#open.add(request);
    this.#listen(stop, () => void (this.#interrupting ??= this.#interrupt()));
    if (hold !== undefined) this.#listen(hold, () => this.#withdraw());
    this.#send({ tickets: request.tickets(), setback: noSetback });
    await request.finished;
    this.#open.delete(request);
  }

  /** Its share of the container's time; what is paid beside that, for its start, is in the budget alone. */
  #priced(request: Request, index: number, outcome: Outcome): Outcome {
    const usd = this.#rates.get(request)?.get(index);
    if (usd === undefined || outcome.kind === "not-begun") return outcome;
    return { ...outcome, costUsd: outcome.costUsd + (outcome.tookMs / 1000) * usd };
  }

  #noteRate({ request, place }: Ticket, usd: number): void {
    const rates = this.#rates.get(request) ?? new Map<number, number>();
    this.#rates.set(request, rates.set(place, usd));
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
    clearTimeout(this.#gathering);
    await this.#sending;
    this.#stopped.abort();
    for (const vessel of this.#vessels.values()) vessel.gone.abort();
    await Promise.all(this.#under);
    await this.#watching;
    await this.#hear([...this.#submissions.values()]);
    let left = 0;
    for (const submission of this.#submissions.values()) {
      const own = submission.batches.filter((batch) => this.#mayGoOn(batch));
      left += own.filter((batch) => batch.wanted.size === 0 && !batch.hasEnded).length;
      if (own.length === 0 && !submission.isWanted && this.#isTakenIn(submission)) submission.folder.remove();
    }
    this.#options.carrier.close();
    this.#options.cloud.close();
    if (left > 0 && this.#interrupting === undefined)
      this.#options.warn(
        `${left} ${left === 1 ? "container" : "containers"} of earlier builds that nobody asks for any more run at Modal: exp ps shows them, exp sweep ends them`,
      );
  }

  /** Whether its container may still write something down. */
  #mayGoOn(batch: Batch): boolean {
    const vessel = this.#vessels.get(batch);
    return vessel !== undefined && vessel.over === undefined && vessel.id !== undefined && !batch.hasEnded;
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
    const parcels = this.#waiting;
    this.#waiting = [];
    if (this.#isStopping || parcels.length === 0) return;
    const rest = await this.#adopt(parcels);
    const groups = new Map<
      string,
      { readonly allotment: Allotment; readonly usd: number; readonly parcels: Parcel[] }
    >();
    for (const parcel of rest) {
      const { order } = parcel.tickets[0]!.request;
      const given = this.#allotted(parcel);
      if (!given.ok) settleAll(parcel.tickets, refused(given.error));
      else {
        const likeness = JSON.stringify([order.target, order.part, Object.keys(order.secrets), given.value]);
        const group = groups.get(likeness) ?? { ...given.value, parcels: [] };
        groups.set(likeness, group);
        group.parcels.push(parcel);
      }
    }
    for (const { allotment, usd, parcels: alike } of groups.values()) this.#keep(this.#submit(alike, allotment, usd));
    this.#watch();
  }

  #keep(work: Promise<void>): void {
    this.#under.add(work);
    void work.finally(() => this.#under.delete(work));
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** With what a second of it costs. */
  #allotted({ tickets, setback }: Parcel): Result<{ readonly allotment: Allotment; readonly usd: number }, string> {
    const { settings, targets, prices, setup } = this.#options;
    const { order } = tickets[0]!.request;
    const allotment = allot({
      options: { ...settings, ...order.modal, ...targets[order.target] },
      resources: order.resources,
      timeoutMs: order.timeoutMs,
      actions: tickets.length,
      moreTime: setback.moreTime,
      moreMemory: setback.moreMemory,
      nodeMajor: setup.nodeMajor,
    });
    if (!allotment.ok) return allotment;
    const usd = usdPerSecond(allotment.value, prices);
    if (usd.ok) return ok({ allotment: allotment.value, usd: usd.value });
    return fail(
      `nobody has said what it costs at Modal, dollars a second: modal: { prices: { ${usd.error.join(", ")} } } (exp brings prices of ${prices.asOf}, from ${prices.source})`,
    );
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
    const { allSubmissions } = this.#options;
    const wanted = new Set(parcels.flatMap(({ tickets }) => tickets.map((ticket) => identityOf(ticket).key)));
    const found: Submission[] = [];
    for (const folder of allSubmissions()) {
      if (this.#submissions.has(folder.path)) continue;
      const intent = folder.intent();
      if (intent === undefined || !intent.batches.some((keys) => keys.some((key) => wanted.has(key)))) continue;
      const submission = new Submission(folder, intent);
      this.#submissions.set(folder.path, submission);
      found.push(submission);
      for (const batch of submission.batches)
        for (const key of batch.keys) this.#adoptable.set(key, [...(this.#adoptable.get(key) ?? []), batch]);
    }
    for (const submission of found) {
      submission.readNews();
      const notes = notedContainers(submission.folder);
      await Promise.all(submission.batches.map((batch) => this.#takeOver(batch, notes.get(batch.number))));
    }
    // After the look at what runs: what is over has written all that it will.
    await this.#hear(found);
  }

  /** A container that an earlier driver has begun, if it still runs; what it costs from now on is this build's. */
  async #takeOver(batch: Batch, note: ContainerNote | undefined): Promise<void> {
    const { cloud, budget } = this.#options;
    if (batch.hasEnded || batch.submission.folder.isGivenUp) return;
    // What was never begun has nothing to say; what is over may have.
    if (note === undefined) return void (batch.hasEnded = true);
    let { id } = note;
    if (id === undefined) {
      // Its driver may have been killed between the answer and writing it down.
      const found = await cloud.find(note.name);
      if (found.ok) id = found.value?.id;
    }
    const fate = id === undefined ? undefined : await cloud.fate({ id });
    if (fate?.ok !== true || fate.value.kind !== "running") return;
    batch.isLive = true;
    const { name, allotment, usdPerSecond: usd } = note;
    const vessel: Vessel = {
      ...{ batch, name, allotment, usdPerSecond: usd, id, over: undefined, startedAt: performance.now() },
      reservation: budget.reserve(allotment.lifetimeSeconds * usd),
      gone: new AbortController(),
    };
    this.#vessels.set(batch, vessel);
    this.#keep(this.#sail(vessel));
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
      const goingOn = batches.find((batch) => this.#mayGoOn(batch));
      if (kind === "done" && goingOn !== undefined) {
        this.#noteRate(ticket, this.#vessels.get(goingOn)!.usdPerSecond);
        goingOn.want(ticket);
        goingOn.submission.folder.noteWaiter(this.#options.run, this.#options.driver);
        return true;
      }
    }
    return false;
  }

  // --- submitting -------------------------------------------------------------------------------------------------

  async #submit(parcels: readonly Parcel[], allotment: Allotment, usd: number): Promise<void> {
    const { run, submissions, prefix, driver, now, setup } = this.#options;
    const [{ tickets: first }] = parcels as readonly [Parcel];
    const { target, secrets } = first[0]!.request.order;
    const id = this.#newId();
    const folder = new SubmissionFolder(join(submissions, id));
    const sent = await this.#carry(folder, { setup, secrets, orders: parcels.map(orderOf) });
    if ("outcome" in sent) {
      folder.remove();
      for (const { tickets } of parcels) settleAll(tickets, sent.outcome);
      return;
    }
    const intent = {
      ...{ id, run, target, jobName: nameOf(prefix, id), at: now(), driver },
      batches: parcels.map(({ tickets }) => tickets.map((ticket) => identityOf(ticket).key)),
    };
    folder.writeIntent(intent);
    folder.writeJob(id);
    const setbacks = parcels.map(({ setback }) => setback);
    const submission = new Submission(folder, { v: 1, ...intent }, setbacks);
    this.#submissions.set(folder.path, submission);
    for (const [n, { tickets }] of parcels.entries()) {
      const batch = submission.batches[n]!;
      for (const ticket of tickets) {
        this.#noteRate(ticket, usd);
        batch.want(ticket);
      }
      batch.isWaiting = true;
      const vessel: Vessel = {
        ...{ batch, name: nameOf(prefix, id, String(n)), allotment, usdPerSecond: usd, gone: new AbortController() },
        ...{ id: undefined, startedAt: undefined, reservation: undefined, over: undefined },
      };
      this.#vessels.set(batch, vessel);
      const { argument, environment } = sent.start;
      const argv = [...sent.command, argument, String(n), "0"];
      this.#keep(this.#sailing.run(() => this.#launch(vessel, argv, environment)));
    }
    this.#tellHowFar();
    this.#watch();
  }

  /** Until it is where its batches find it. */
  async #carry(
    folder: SubmissionFolder,
    load: Load,
  ): Promise<{ readonly start: Start; readonly command: readonly string[] } | { readonly outcome: Outcome }> {
    const { carrier, commandOf } = this.#options;
    for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      if (this.#isStopping) return { outcome: { kind: "not-begun" } };
      const sent = await carrier.send(folder, load);
      let trouble = sent.kind === "not-now" ? sent.message : "";
      if (sent.kind === "refused") return { outcome: refused(sent.message) };
      if (sent.kind === "vanished") {
        const { path, isEdited } = sent;
        return { outcome: { kind: "vanished", path, tookMs: 0, costUsd: 0, ...(isEdited && { isEdited }) } };
      }
      if (sent.kind === "sent")
        try {
          return { start: sent.start, command: await commandOf(sent.start) };
        } catch (error) {
          trouble = (error as Error).message;
        }
      this.#warnOnce(`batches cannot be sent now, which is tried again: ${trouble}`);
      await sleep(waitMs, this.#stopping.signal);
    }
  }

  /** From its turn on until it is over. */
  async #launch(vessel: Vessel, argv: readonly string[], environment: Readonly<Record<string, string>>): Promise<void> {
    const { batch } = vessel;
    if (this.#isUnwanted(batch) || !(await this.#afford(vessel))) return this.#settleRest(batch, { kind: "not-begun" });
    const begun = await this.#begin(vessel, argv, environment);
    if (begun !== undefined) {
      this.#free(vessel);
      return this.#settleRest(batch, begun);
    }
    await this.#sail(vessel);
  }

  #isUnwanted(batch: Batch): boolean {
    return this.#isStopping || [...batch.wanted.values()].every(({ request }) => request.isHeld);
  }

  /** Sets aside what it may cost, and gives it no more time than that is worth. False: what the build may spend is spent. */
  async #afford(vessel: Vessel): Promise<boolean> {
    const { budget } = this.#options;
    const { allotment, usdPerSecond: usd } = vessel;
    for (;;) {
      const wanted = allotment.lifetimeSeconds;
      const share = budget.share(this.#sailing.size, wanted * usd, Math.min(leastSeconds, wanted) * usd);
      const seconds = usd === 0 ? wanted : Math.floor(share.usdEach / usd + 1e-9);
      const reservation = seconds < 1 ? undefined : budget.reserve(seconds * usd);
      if (reservation !== undefined) {
        vessel.reservation = reservation;
        vessel.allotment = { ...allotment, lifetimeSeconds: seconds };
        return true;
      }
      if (this.#isUnwanted(vessel.batch) || budget.hasNoneOpen) {
        budget.exhaust();
        return false;
      }
      await budget.whenFreed(this.#stopping.signal);
    }
  }

  /** Undefined: it has begun. */
  async #begin(
    vessel: Vessel,
    argv: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<Outcome | undefined> {
    const { cloud, prefix, run } = this.#options;
    const { batch, allotment } = vessel;
    const { folder, intent } = batch.submission;
    const tags = {
      exp: prefix,
      run: tagOf(run),
      target: tagOf(intent.target),
      submission: intent.id,
      batch: String(batch.number),
    };
    const note = { batch: batch.number, name: vessel.name, allotment, usdPerSecond: vessel.usdPerSecond };
    await noteContainer(folder, note);
    for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      if (this.#isUnwanted(batch)) return { kind: "not-begun" };
      const signal = AbortSignal.any([this.#stopping.signal, vessel.gone.signal]);
      const begun = await cloud.begin({ name: vessel.name, tags, argv, environment, allotment, mountPath }, signal);
      if (begun.ok) {
        vessel.id = begun.value.id;
        vessel.startedAt = performance.now();
        batch.isWaiting = false;
        batch.isLive = true;
        await noteContainer(folder, { ...note, id: vessel.id });
        this.#tellHowFar();
        return undefined;
      }
      const { kind, message } = begun.error;
      if (kind !== "taken" && !mayPass(begun.error)) return refused(`Modal does not take it: ${message}`);
      if (!this.#isUnwanted(batch))
        this.#warnOnce(`Modal begins no containers now, and is asked again: ${message || kind}`);
      await sleep(waitMs, signal);
    }
  }

  /** What it prints goes into its submission's folder, until it is over. */
  async #sail(vessel: Vessel): Promise<void> {
    const { cloud } = this.#options;
    const { batch, gone } = vessel;
    const file = batch.submission.folder.outFile(batch.number);
    const followed = cloud.follow({ id: vessel.id! }, (text) => append(file, text), gone.signal);
    if (!gone.signal.aborted)
      await new Promise<void>((resolve) => gone.signal.addEventListener("abort", () => resolve(), { once: true }));
    await followed;
  }

  #free(vessel: Vessel): void {
    vessel.reservation?.settle(costUntil(vessel, performance.now()));
    vessel.reservation = undefined;
    vessel.gone.abort();
  }

  #settleRest({ wanted }: Batch, outcome: Outcome): void {
    const tickets = [...wanted.values()];
    wanted.clear();
    settleAll(tickets, outcome);
  }

  #newId(): string {
    const time = new Date(this.#options.now())
      .toISOString()
      .replaceAll(/[-:]|\..*/g, "")
      .replace("T", "-");
    return `${time}-${randomBytes(3).toString("hex")}${this.#ids++}`;
  }

  #warnOnce(text: string): void {
    if (this.#troubles.has(text)) return;
    this.#troubles.add(text);
    this.#options.warn(text);
  }

  // --- watching ---------------------------------------------------------------------------------------------------

  #watch(): void {
    this.#watching ??= this.#watchAll().finally(() => (this.#watching = undefined));
  }

  async #watchAll(): Promise<void> {
    const pollMs = (this.#options.settings.poll ?? usualPollSeconds) * 1000;
    while (!this.#stopped.signal.aborted && (this.#wanted().length > 0 || this.#sailingVessels().length > 0)) {
      await this.#look();
      await sleep(pollMs, this.#stopped.signal);
    }
  }

  #wanted(): readonly Submission[] {
    return [...this.#submissions.values()].filter((submission) => submission.isWanted);
  }

  #sailingVessels(): readonly Vessel[] {
    return [...this.#vessels.values()].filter(({ id, over }) => id !== undefined && over === undefined);
  }

  async #look(): Promise<void> {
    await this.#hear(this.#wanted());
    const sailing = this.#sailingVessels();
    for (const vessel of sailing) vessel.reservation?.note(costUntil(vessel, performance.now()));
    await this.#seeWhoIsOver(sailing);
    for (const vessel of this.#vessels.values())
      if (vessel.over !== undefined && vessel.batch.wanted.size > 0) await this.#giveBack(vessel);
    this.#tellHowFar();
  }

  /** All that run are asked for at once; of those that are not among them, each how it ended. */
  async #seeWhoIsOver(sailing: readonly Vessel[]): Promise<void> {
    const { cloud, prefix } = this.#options;
    if (sailing.length === 0) return;
    const running = await cloud.list({ exp: prefix });
    if (!running.ok)
      return this.#warnOnce(
        `Modal does not answer; what it runs goes on, and it is asked again: ${running.error.message}`,
      );
    const ids = new Set(running.value.map(({ id }) => id));
    await Promise.all(
      sailing.map(async (vessel) => {
        if (ids.has(vessel.id!)) return;
        const fate = await cloud.fate({ id: vessel.id! });
        if (fate.ok ? fate.value.kind === "running" : mayPass(fate.error)) return;
        vessel.over = fate.ok && fate.value.kind === "over" ? fate.value : "unknown";
        vessel.batch.isLive = false;
        vessel.batch.goneSince = performance.now();
        this.#free(vessel);
      }),
    );
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
      this.#warnOnce(`what batches have come to cannot be learnt now, and is asked for again: ${trouble}`);
    return trouble === undefined;
  }

  /** By target, when it has changed. */
  #tellHowFar(): void {
    const targets = new Map<string, { waiting: number; running: number }>();
    for (const { batch, over } of this.#vessels.values()) {
      const { target } = batch.submission.intent;
      const counts = targets.get(target) ?? { waiting: 0, running: 0 };
      targets.set(target, counts);
      if (batch.wanted.size > 0 && over === undefined) counts[batch.isWaiting ? "waiting" : "running"] += 1;
    }
    for (const [target, counts] of targets) {
      const text = `${counts.waiting} ${counts.running}`;
      if (this.#told.get(target) === text) continue;
      this.#told.set(target, text);
      this.#options.onProgress(target, counts);
    }
  }

  /** It is over without some of what is wanted: that goes into another container, or fails. */
  async #giveBack(vessel: Vessel): Promise<void> {
    const { batch, name, over, allotment } = vessel;
    const { submission, setback, hasProgressed } = batch;
    // What it has made may lie there, and be had in a while.
    if (!(await this.#hear([submission])) || batch.wanted.size === 0) return;
    const isLate = performance.now() - (batch.goneSince ?? 0) > lateResultsMs;
    if (!batch.hasEnded && !isLate && over !== "unknown" && over?.status === "success") return;
    const lastWords = (readTextIfThere(submission.folder.outFile(batch.number)) ?? "").slice(-lastWordsLength).trim();
    const gave = { memoryMiB: allotment.memoryMiB, lifetimeSeconds: allotment.lifetimeSeconds };
    const verdict = judge({
      ...{ name, setback, hasProgressed, lastWords, gave, lacked: batch.lacked },
      fate: over === "unknown" ? undefined : over,
    });
    const tickets = [...batch.wanted.values()];
    batch.wanted.clear();
    batch.hasEnded = true;
    if (verdict.kind === "failed") return settleAll(tickets, verdict.outcome);
    this.#options.warn(
      `${verdict.why}; ${tickets.length === 1 ? "what was left of it goes" : `${tickets.length} actions that were left go`} into another`,
    );
    for (const parcel of byRequest(tickets, verdict.setback)) this.#send(parcel);
  }

  /** Takes back what nobody has begun with, of requests that are to start nothing more. */
  #withdraw(): void {
    for (const vessel of this.#vessels.values())
      if (vessel.id === undefined && this.#isUnwanted(vessel.batch)) vessel.gone.abort();
  }

  // --- stopping ---------------------------------------------------------------------------------------------------

  async #interrupt(): Promise<void> {
    const { cloud, carrier, onInterrupt, warn } = this.#options;
    this.#stopping.abort();
    clearTimeout(this.#gathering);
    await this.#sending;
    const sailing = this.#sailingVessels().filter(({ batch }) => batch.wanted.size > 0);
    const decision = sailing.length === 0 ? "leave" : await onInterrupt(sailing.length);
    if (decision === "end") {
      const wanted = new Set(sailing.map(({ batch }) => batch.submission));
      for (const { folder } of wanted) folder.giveUp();
      await Promise.all([...wanted].map(({ folder }) => carrier.giveUp(folder)));
      const ended = await Promise.all(sailing.map(({ id }) => cloud.end({ id: id! })));
      if (ended.some(({ ok: isEnded }) => !isEnded))
        warn("Modal does not answer: its containers could not be ended. exp sweep does it");
      else await this.#awaitEnd(sailing);
    }
    await this.#hear(this.#wanted());
    for (const request of this.#open) request.settleRest({ kind: "not-begun" });
    if (decision === "end")
      for (const { batches } of this.#submissions.values()) for (const batch of batches) batch.wanted.clear();
    for (const vessel of this.#vessels.values()) vessel.gone.abort();
  }

  /** What ended before it was cancelled counts. */
  async #awaitEnd(sailing: readonly Vessel[]): Promise<void> {
    const until = performance.now() + endedWithinMs;
    while (performance.now() < until && sailing.some(({ over }) => over === undefined)) {
      await this.#seeWhoIsOver(sailing.filter(({ over }) => over === undefined));
      await sleep(200, this.#stopped.signal);
    }
  }
}

function refused(message: string): Outcome {
  return { kind: "failed", why: "refused", message, retryable: false, tookMs: 0, costUsd: 0 };
}

function settleAll(tickets: readonly Ticket[], outcome: Outcome): void {
  for (const { request, place } of tickets) request.settle(place, outcome);
}

/** Tags are short, and of few letters. */
function tagOf(text: string): string {
  return nameOf(text);
}

function append(file: string, text: string): void {
  try {
    appendFileSync(file, text);
  } catch (error) {
    // Its submission has been taken in, and its folder removed.
    if (!isMissing(error)) throw error;
  }
}

function byRequest(tickets: readonly Ticket[], setback: Setback): readonly Parcel[] {
  const requests = new Map<Request, Ticket[]>();
  for (const ticket of tickets) requests.set(ticket.request, [...(requests.get(ticket.request) ?? []), ticket]);
  return [...requests.values()].map((own) => ({ tickets: own, setback }));
}
