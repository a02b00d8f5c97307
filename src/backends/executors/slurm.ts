// A Slurm cluster as a platform of batches: a submission is an array job, known by its name in the queue. Unaware of what an order says, and of how it
// comes to the nodes.

import { performance } from "node:perf_hooks";
import type { SlurmOptions, SlurmSettings } from "../../api/slurm.ts";
import { sleep } from "../../util/clock.ts";
import { ok, type Result } from "../../util/result.ts";
import type { Batch, Submission } from "./remote/batches.ts";
import type { Handed, Handover, Judge, Lot, Platform } from "./remote/platform.ts";
import { refused, type Parcel } from "./remote/request.ts";
import type { Cluster } from "./slurm/cluster.ts";
import { judge } from "./slurm/fate.ts";
import { flagsOf, memoryOf, scriptOf, type Allotment } from "./slurm/script.ts";
import { isLive, isWaiting, minutesOf, type BatchStates } from "./slurm/states.ts";
import { stuckIn, wordStuck, type Stuck } from "./slurm/stuck.ts";

export interface SlurmPlatformOptions {
  readonly cluster: Pick<Cluster, keyof Cluster>;
  readonly settings: SlurmSettings;
  /** Counts over what rules and targets say, by target. */
  readonly targets: Readonly<Record<string, SlurmOptions>>;
  /** By it all of the project's work is known in the queue. */
  readonly jobPrefix: string;
  readonly warn: (text: string) => void;
}

interface SlurmLot extends Lot {
  readonly allotment: Allotment;
}

interface Script {
  readonly file: string;
  readonly submission: Submission;
  readonly environment: Readonly<Record<string, string>>;
}

const usualPollSeconds = 5;
/** Slurm's own. */
const usualLargestArray = 1000;
/** A batch that has left the queue may have results on their way through a network's file system. */
const lateResultsMs = 3_000;
const longestWaitMs = 60_000;

export class SlurmPlatform implements Platform<SlurmLot> {
  readonly name = "slurm";
  readonly lookMs = 250;
  readonly pollMs: number;
  readonly words = {
    name: "Slurm",
    left: (count: number) =>
      count === 1
        ? "1 batch of earlier builds that nobody asks for any more waits or runs on Slurm"
        : `${count} batches of earlier builds that nobody asks for any more wait or run on Slurm`,
  };
  readonly isBusy = false;
  readonly #options: SlurmPlatformOptions;
  /** What people know of, by the job and the kind. */
  readonly #stuck = new Map<string, Map<string, Stuck>>();
  #largestArray: number | undefined;

  constructor(options: SlurmPlatformOptions) {
    this.#options = options;
    this.pollMs = (options.settings.poll ?? usualPollSeconds) * 1000;
  }

  // --- submitting -------------------------------------------------------------------------------------------------

  lotFor({ tickets, setback }: Parcel): Result<SlurmLot, never> {
    const { settings, targets } = this.#options;
    const { order } = tickets[0]!.request;
    const options = { ...settings, ...order.slurm, ...targets[order.target] };
    const memory = memoryOf(options, order.resources) ?? (setback.moreMemory > 1 ? setback.gave.memoryMiB : undefined);
    const allotment = {
      ...{ resources: order.resources, options, exclude: setback.exclude },
      minutes: minutesFor({ tickets, setback }, options),
      memoryMiB: memory === undefined ? undefined : memory * setback.moreMemory,
    };
    const { modules, before, container } = options;
    const flags = flagsOf({ ...allotment, minutes: undefined }, "");
    return ok({ allotment, timeUsd: 0, likeness: JSON.stringify([modules, before, container, flags]) });
  }

  async mostBatches(): Promise<number> {
    return (this.#largestArray ??= await this.#options.cluster.largestArray()) ?? usualLargestArray;
  }

  jobNameFor(id: string, target: string): string {
    return `${this.#options.jobPrefix}-${id}-${target}`;
  }

  async hand({ submission, parcels, lots, start }: Handover<SlurmLot>, signal: AbortSignal): Promise<Handed> {
    const { folder, intent } = submission;
    const minutes = lots.map(({ allotment }) => allotment.minutes);
    const allotment = {
      ...lots[0]!.allotment,
      minutes: minutes.includes(undefined) ? undefined : Math.max(...minutes.map((one) => one!)),
    };
    const script = scriptOf({
      allotment,
      jobName: intent.jobName,
      about: `Target ${intent.target} of run ${intent.run}: ${parcels.reduce((sum, { tickets }) => sum + tickets.length, 0)} actions`,
      folder: folder.path,
      batches: parcels.length,
      parallel: this.#options.settings.parallel,
      start,
      node: process.execPath,
    });
    const file = folder.writeScript(script);
    const { environment } = start;
    return (
      (await this.#refusedDependency(allotment)) ?? (await this.#submit({ file, submission, environment }, signal))
    );
  }

  /** Slurm would take a dependency on a job that never was, and run at once. */
  async #refusedDependency({ options }: Allotment): Promise<Handed | undefined> {
    const jobs = (options.sbatch ?? []).flatMap((word) =>
      /^(?:-d|--dependency)/.test(word) ? [...word.matchAll(/(?<=[:\d])\d+|\d+/g)].map(([job]) => job) : [],
    );
    for (const job of new Set(jobs))
      if (!(await this.#options.cluster.knows(job)))
        return { kind: "ended", outcome: refused(`it is to wait for job ${job}, of which Slurm knows nothing`) };
    return undefined;
  }

  async #submit({ file, submission, environment }: Script, signal: AbortSignal): Promise<Handed> {
    const { cluster, warn } = this.#options;
    for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      if (signal.aborted) return { kind: "ended", outcome: { kind: "not-begun" } };
      const said = await cluster.submit(file, environment);
      if (said.kind === "accepted") return said;
      if (said.kind === "refused")
        return { kind: "ended", outcome: refused(`Slurm does not take it: ${said.message}`) };
      if (said.isTooMany && submission.batches.length > 1) return { kind: "in-parts" };
      if (waitMs === 1000) warn(`Slurm does not take batches now, and is asked again: ${said.message}`);
      await sleep(waitMs, signal);
      const named = said.isUnclear ? await cluster.jobNamed(submission.intent.jobName) : undefined;
      if (named?.job !== undefined) return { kind: "accepted", job: named.job };
    }
  }

  // --- watching ---------------------------------------------------------------------------------------------------

  async takeOver(submissions: readonly Submission[]): Promise<boolean> {
    const answers = await this.poll(submissions);
    for (const submission of submissions) {
      // Its driver may have been killed between sbatch's answer and writing it down.
      if (submission.job !== undefined) continue;
      const named = await this.#options.cluster.jobNamed(submission.intent.jobName);
      if (named?.job !== undefined) submission.noteJob(named.job);
      else if (named !== undefined && !submission.isLive) for (const batch of submission.batches) batch.end();
    }
    return answers;
  }

  async poll(submissions: readonly Submission[]): Promise<boolean> {
    const queue = await this.#options.cluster.queue();
    if (queue === undefined) return false;
    const now = performance.now();
    for (const submission of submissions) {
      const states = queue.get(submission.intent.jobName);
      for (const batch of submission.batches) {
        const state = states?.get(batch.number);
        batch.isWaiting = state !== undefined && isWaiting(state);
        batch.isLive = state !== undefined && isLive(state);
        batch.goneSince = batch.isLive ? undefined : (batch.goneSince ?? now);
      }
      this.#tellStuck(submission, states);
    }
    return true;
  }

  /** Once, and again what was let go meanwhile. Of what asks for too much, the cluster's schedulers say so now and then only. */
  #tellStuck({ job, intent: { target } }: Submission, states: BatchStates | undefined): void {
    if (job === undefined) return;
    const told = this.#stuck.get(job) ?? new Map<string, Stuck>();
    this.#stuck.set(job, told);
    const found = stuckIn(states?.values() ?? []);
    for (const [kind, { isHeld }] of told) if (isHeld && !found.has(kind)) told.delete(kind);
    for (const [kind, stuck] of found) {
      if (!told.has(kind)) this.#options.warn(wordStuck(stuck, { job, target }));
      told.set(kind, stuck);
    }
  }

  isGone({ hasEnded, goneSince }: Batch): boolean {
    return hasEnded || (goneSince !== undefined && performance.now() - goneSince > lateResultsMs);
  }

  async judgeOf(batch: Batch): Promise<Judge | undefined> {
    const { submission, number, setback } = batch;
    const { job, intent, folder } = submission;
    const fate = job === undefined ? undefined : await this.#options.cluster.fate(job, intent.jobName, number);
    if (fate !== undefined && isLive(fate) && !batch.hasEnded) {
      batch.isLive = true;
      batch.goneSince = undefined;
      return undefined;
    }
    return (lastWords) =>
      judge({
        ...{ name: `${job ?? "?"}_${number}`, setback, lastWords, folder: folder.path },
        ...{ hasProgressed: batch.hasProgressed, lacked: batch.lacked },
        fate: batch.hadTooLittleMemory ? { node: undefined, reason: undefined, ...fate, state: "OUT_OF_MEMORY" } : fate,
      });
  }

  async withdraw(batches: readonly Batch[]): Promise<readonly Batch[]> {
    const { cluster } = this.#options;
    const queue = await cluster.queue();
    const waiting = batches.filter(({ submission, number }) => {
      const state = queue?.get(submission.intent.jobName)?.get(number);
      return state !== undefined && isWaiting(state);
    });
    const taken: Batch[] = [];
    for (const submission of new Set(waiting.map((batch) => batch.submission))) {
      const own = waiting.filter((batch) => batch.submission === submission);
      const names = own.map(({ number }) => `${submission.job}_${number}`);
      if (await cluster.cancelBatches(submission.intent.jobName, names)) taken.push(...own);
    }
    return taken;
  }

  // --- stopping ---------------------------------------------------------------------------------------------------

  outlives(): boolean {
    return true;
  }

  end(submissions: readonly Submission[]): Promise<boolean> {
    return this.#options.cluster.cancel(submissions.map(({ intent }) => intent.jobName));
  }

  leave(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    // Nothing is open.
  }
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
