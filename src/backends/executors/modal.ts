// Modal as a platform of batches: a container for each, known by its name and its tags. Unaware of what an order says, and of how it comes to the
// containers.

import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import type { ModalOptions, ModalSettings } from "../../api/modal.ts";
import { sleep } from "../../util/clock.ts";
import { isMissing } from "../../util/fs.ts";
import { Lanes } from "../../util/lanes.ts";
import { ok, type Result } from "../../util/result.ts";
import type { Outcome } from "./executor.ts";
import { allot, nameOf, type Allotment } from "./modal/allotment.ts";
import type { Cloud, ContainerHandle, ContainerRequest } from "./modal/cloud.ts";
import { Fares } from "./modal/fares.ts";
import { judge } from "./modal/fate.ts";
import { mountPath } from "./modal/place.ts";
import { usdPerSecond, type PriceTable } from "./modal/prices.ts";
import { mayPass } from "./modal/problems.ts";
import { notedContainers, noteContainer, type ContainerNote, type Vessel } from "./modal/vessel.ts";
import type { Budget } from "./budget.ts";
import type { Batch, Submission } from "./remote/batches.ts";
import type { Start } from "./remote/carrier.ts";
import type { Handed, Handover, Judge, Lot, Platform } from "./remote/platform.ts";
import { refused, type Parcel } from "./remote/request.ts";
import { Troubles } from "./remote/troubles.ts";

export interface ModalPlatformOptions {
  readonly cloud: Pick<Cloud, keyof Cloud>;
  readonly settings: ModalSettings;
  /** Counts over what rules and targets say, by target. */
  readonly targets: Readonly<Record<string, ModalOptions>>;
  readonly prices: PriceTable;
  readonly budget: Budget;
  readonly nodeMajor: number;
  /** By it all of the project's containers are known. */
  readonly prefix: string;
  /** The command line that starts a batch's program, which is on the volume. */
  readonly commandOf: (start: Start) => readonly string[];
  readonly warn: (text: string) => void;
}

interface ModalLot extends Lot {
  readonly allotment: Allotment;
  readonly usdPerSecond: number;
}

type Command = Pick<ContainerRequest, "argv" | "environment">;

const usualPollSeconds = 2;
const usualParallel = 20;
/** After a container is over, what it has written may take its time to be committed. */
const lateResultsMs = 15_000;
const longestWaitMs = 60_000;

export class ModalPlatform implements Platform<ModalLot> {
  readonly name = "modal";
  readonly lookMs: number;
  readonly pollMs = 0;
  readonly words = {
    name: "Modal",
    left: (count: number) =>
      count === 1
        ? "1 container of earlier builds that nobody asks for any more runs at Modal"
        : `${count} containers of earlier builds that nobody asks for any more run at Modal`,
  };
  readonly #options: ModalPlatformOptions;
  readonly #vessels = new Map<Batch, Vessel>();
  readonly #lanes: Lanes;
  readonly #fares: Fares;
  readonly #underWay = new Set<Promise<void>>();
  /** What went wrong in what nobody waits for: the disk is full, say. Told with the next look. */
  #error: Error | undefined;
  readonly #troubles: Troubles<"begin">;

  constructor(options: ModalPlatformOptions) {
    const { settings, budget, warn } = options;
    this.#options = options;
    this.#lanes = new Lanes(settings.parallel ?? usualParallel);
    this.#fares = new Fares(budget);
    this.#troubles = new Troubles(warn);
    this.lookMs = (settings.poll ?? usualPollSeconds) * 1000;
  }

  // --- submitting -------------------------------------------------------------------------------------------------

  lotFor({ tickets, setback }: Parcel): Result<ModalLot, string> {
    const { settings, targets, prices, nodeMajor } = this.#options;
    const { order } = tickets[0]!.request;
    const allotment = allot({
      options: { ...settings, ...order.modal, ...targets[order.target] },
      resources: order.resources,
      timeoutMs: order.timeoutMs,
      actions: tickets.length,
      moreTime: setback.moreTime,
      moreMemory: setback.moreMemory,
      nodeMajor,
    });
    if (!allotment.ok) return allotment;
    const usd = usdPerSecond(allotment.value, prices);
    if (!usd.ok) return usd;
    return ok({
      allotment: allotment.value,
      usdPerSecond: usd.value,
      timeUsd: allotment.value.lifetimeSeconds * usd.value,
      likeness: JSON.stringify(allotment.value),
    });
  }

  mostBatches(): Promise<number> {
    return Promise.resolve(Infinity);
  }

  jobNameFor(id: string): string {
    return nameOf(this.#options.prefix, id);
  }

  /** Each container waits for its turn, and for what it costs to be free. */
  hand({ submission, lots, start }: Handover<ModalLot>, signal: AbortSignal): Promise<Handed> {
    const { id } = submission.intent;
    const words = this.#options.commandOf(start);
    const vessels = submission.batches.map((batch): Vessel => {
      const { allotment, usdPerSecond: usd } = lots[batch.number]!;
      batch.usdPerSecond = usd;
      batch.isLive = batch.isWaiting = true;
      return {
        ...{ batch, name: nameOf(this.#options.prefix, id, String(batch.number)), allotment, usdPerSecond: usd },
        ...{ id: undefined, startedAt: undefined, reservation: undefined, over: undefined },
        gone: new AbortController(),
      };
    });
    // All of them before any is launched: who waits for money has to know who else does.
    for (const vessel of vessels) this.#vessels.set(vessel.batch, vessel);
    for (const vessel of vessels) {
      const argv = [...words, start.argument, String(vessel.batch.number)];
      this.#keep(this.#lanes.run(() => this.#launch(vessel, { argv, environment: start.environment }, signal)));
    }
    return Promise.resolve({ kind: "accepted", job: id });
  }

  #keep(work: Promise<void>): void {
    const kept = work.catch((error: Error) => void (this.#error ??= error)).finally(() => this.#underWay.delete(kept));
    this.#underWay.add(kept);
  }

  /** From its turn on until it is over. */
  async #launch(vessel: Vessel, command: Command, signal: AbortSignal): Promise<void> {
    const { batch } = vessel;
    const refusal = (await this.#afford(vessel, signal)) ?? (await this.#begin(vessel, command, signal));
    if (refusal === undefined) return this.#follow(vessel);
    this.#free(vessel);
    batch.isLive = batch.isWaiting = false;
    batch.settleRest(refusal);
  }

  /** Undefined: it may begin. */
  #afford(vessel: Vessel, signal: AbortSignal): Promise<Outcome | undefined> {
    const crowd = {
      size: () => this.#lanes.size,
      waiting: () => [...this.#vessels.values()].filter(({ id, batch }) => id === undefined && !batch.hasEnded).length,
      isUnwanted: () => this.#isUnwanted(vessel.batch, signal),
    };
    return this.#fares.setAside(vessel, crowd, signal);
  }

  /** Undefined: it has begun. */
  async #begin(vessel: Vessel, command: Command, signal: AbortSignal): Promise<Outcome | undefined> {
    const { cloud, prefix } = this.#options;
    const { batch, allotment, name, usdPerSecond: usd } = vessel;
    const { folder, intent } = batch.submission;
    const tags = {
      exp: prefix,
      run: nameOf(intent.run),
      target: nameOf(intent.target),
      submission: intent.id,
      batch: String(batch.number),
    };
    const note = { batch: batch.number, name, allotment, usdPerSecond: usd };
    await noteContainer(folder, note);
    const givenUp = AbortSignal.any([signal, vessel.gone.signal]);
    let starts = 0;
    for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      if (this.#isUnwanted(batch, signal)) return { kind: "not-begun" };
      // One of which no answer told may have begun, and be over by now: the next start goes on where that one was.
      const argv = [...command.argv, String(starts)];
      const begun = await cloud.begin(
        { ...{ name, tags, argv, allotment, mountPath }, environment: command.environment },
        givenUp,
      );
      if (begun.ok) {
        vessel.id = begun.value.id;
        vessel.startedAt = performance.now();
        batch.isWaiting = false;
        await noteContainer(folder, { ...note, id: vessel.id });
        this.#troubles.pass("begin");
        return undefined;
      }
      const { kind, message, isUnclear } = begun.error;
      if (isUnclear || kind === "taken") starts += 1;
      if (kind !== "taken" && !mayPass(begun.error)) return refused(`Modal does not take it: ${message}`);
      if (!this.#isUnwanted(batch, signal))
        this.#troubles.tell("begin", `Modal begins no containers now, and is asked again: ${message || kind}`);
      await sleep(waitMs, givenUp);
    }
  }

  /** What it prints goes into its submission's folder, until it is over. */
  async #follow({ batch, gone, id }: Vessel): Promise<void> {
    const file = batch.submission.folder.outFile(batch.number);
    const over = gone.signal.aborted ? undefined : once(gone.signal, "abort");
    const followed = this.#options.cloud.follow({ id: id! }, (text) => append(file, text), gone.signal);
    await Promise.all([followed, over]);
  }

  #isUnwanted(batch: Batch, signal: AbortSignal): boolean {
    return signal.aborted || batch.isHeld || this.#error !== undefined;
  }

  #free(vessel: Vessel): void {
    this.#fares.settle(vessel);
    vessel.gone.abort();
  }

  // --- watching ---------------------------------------------------------------------------------------------------

  async takeOver(submissions: readonly Submission[], signal: AbortSignal): Promise<boolean> {
    const found = await Promise.all(
      submissions.map(async ({ folder, batches }) => {
        const notes = notedContainers(folder);
        const taken = await Promise.all(
          batches.map((batch) => this.#takeOverOne(batch, notes.get(batch.number), signal)),
        );
        return taken.every((isKnown) => isKnown);
      }),
    );
    return found.every((isKnown) => isKnown);
  }

  /** A container that an earlier driver has begun, if it still runs; what it costs from now on is this build's. False: that cannot be told now. */
  async #takeOverOne(batch: Batch, note: ContainerNote | undefined, signal: AbortSignal): Promise<boolean> {
    if (batch.hasEnded) return true;
    const found = note?.id === undefined ? await this.#find(note, signal) : { id: note.id };
    if (found === undefined) return false;
    // What was never begun has nothing to say. What has no name any more is over, and may have.
    if (note === undefined) batch.end();
    batch.isLive = found.id !== undefined;
    if (note === undefined || found.id === undefined) return true;
    const { id } = found;
    const { name, allotment, usdPerSecond: usd } = note;
    batch.usdPerSecond = usd;
    const vessel: Vessel = {
      ...{ batch, name, allotment, usdPerSecond: usd, id, over: undefined, startedAt: performance.now() },
      reservation: undefined,
      gone: new AbortController(),
    };
    this.#vessels.set(batch, vessel);
    const isKnown = await this.#seeIfOver(vessel);
    if (vessel.over !== undefined) return isKnown;
    this.#fares.takeOver(vessel, () => this.#keep(this.#endUnpaid(vessel)));
    this.#keep(this.#follow(vessel));
    return isKnown;
  }

  /** Its driver may have been killed between the answer and writing it down. Undefined: Modal does not answer. */
  async #find(note: ContainerNote | undefined, signal: AbortSignal): Promise<Partial<ContainerHandle> | undefined> {
    while (note !== undefined) {
      const found = await this.#options.cloud.find(note.name);
      if (found.ok) return found.value ?? {};
      // It may run, and cost money: nothing else is begun in its place.
      if (signal.aborted) return undefined;
      await sleep(this.lookMs, signal);
    }
    return {};
  }

  get #sailing(): readonly Vessel[] {
    return [...this.#vessels.values()].filter(({ id, over }) => id !== undefined && over === undefined);
  }

  get isBusy(): boolean {
    return this.#sailing.length > 0;
  }

  /** All that run are asked for at once; of those that are not among them, each how it ended. */
  async poll(): Promise<boolean> {
    const { cloud, prefix } = this.#options;
    if (this.#error !== undefined) throw this.#error;
    const sailing = this.#sailing;
    if (sailing.length === 0) return true;
    for (const vessel of sailing) this.#fares.note(vessel);
    const running = await cloud.list({ exp: prefix });
    if (!running.ok) return false;
    const ids = new Set(running.value.map(({ id }) => id));
    const missing = sailing.filter(({ id }) => !ids.has(id!));
    await Promise.all(missing.map((vessel) => this.#seeIfOver(vessel)));
    return true;
  }

  async #endUnpaid({ batch, id, name }: Vessel): Promise<void> {
    const message = `the container ${name}, of an earlier build, has cost all that was left of what this one may spend`;
    batch.unaffordable = { kind: "unaffordable", message, tookMs: 0, costUsd: 0 };
    await this.#options.cloud.end({ id: id! });
  }

  /** False: that cannot be told now. */
  async #seeIfOver(vessel: Vessel): Promise<boolean> {
    const fate = await this.#options.cloud.fate({ id: vessel.id! });
    if (fate.ok ? fate.value.kind === "running" : mayPass(fate.error)) return fate.ok;
    vessel.over = fate.ok && fate.value.kind === "over" ? fate.value : "unknown";
    vessel.batch.isLive = false;
    vessel.batch.goneSince = performance.now();
    this.#free(vessel);
    return true;
  }

  isGone(batch: Batch): boolean {
    const over = this.#vessels.get(batch)?.over;
    if (over === undefined) return false;
    const isLate = performance.now() - (batch.goneSince ?? 0) > lateResultsMs;
    return batch.hasEnded || isLate || over === "unknown" || over.status !== "success";
  }

  judgeOf(batch: Batch): Promise<Judge> {
    const { over, name, allotment } = this.#vessels.get(batch)!;
    return Promise.resolve((lastWords) =>
      judge({
        ...{ name, lastWords, gave: allotment, setback: batch.setback },
        ...{ hasProgressed: batch.hasProgressed, lacked: batch.lacked },
        fate: over === "unknown" ? undefined : over,
      }),
    );
  }

  withdraw(batches: readonly Batch[]): Promise<readonly Batch[]> {
    for (const batch of batches) {
      const vessel = this.#vessels.get(batch);
      if (vessel?.id === undefined) vessel?.gone.abort();
    }
    return Promise.resolve([]);
  }

  // --- stopping ---------------------------------------------------------------------------------------------------

  outlives(batch: Batch): boolean {
    const vessel = this.#vessels.get(batch);
    return vessel?.id !== undefined && vessel.over === undefined;
  }

  async end(submissions: readonly Submission[]): Promise<boolean> {
    const meant = this.#sailing.filter(({ batch }) => submissions.includes(batch.submission));
    const ended = await Promise.all(meant.map(({ id }) => this.#options.cloud.end({ id: id! })));
    return ended.every(({ ok: isEnded }) => isEnded);
  }

  async leave(): Promise<void> {
    for (const vessel of this.#vessels.values()) vessel.gone.abort();
    await Promise.all(this.#underWay);
    if (this.#error !== undefined) throw this.#error;
  }

  close(): void {
    this.#options.cloud.close();
  }
}

function append(file: string, text: string): void {
  try {
    appendFileSync(file, text);
  } catch (error) {
    // Its submission has been taken in, and its folder removed.
    if (!isMissing(error)) throw error;
  }
}
