// The submissions that a driver knows: its own, and those of earlier drivers that hold what it is asked for. Which to wait for, and which nobody needs.

import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import type { Digest } from "../../../model/digest.ts";
import { sleep } from "../../../util/clock.ts";
import type { Budget } from "../budget.ts";
import { Submission, type Batch } from "./batches.ts";
import type { Lot, Platform } from "./platform.ts";
import { identityOf, type Parcel, type Ticket } from "./request.ts";
import type { SubmissionFolder } from "./submission.ts";

export interface SubmissionsOptions {
  readonly platform: Pick<Platform<Lot>, "takeOver">;
  readonly budget: Budget;
  readonly run: string;
  /** The `processTag` of this driver. */
  readonly driver: string;
  /** The folder of this run's submissions. */
  readonly own: string;
  /** Those of all runs of the project, this one's too. */
  readonly all: () => readonly SubmissionFolder[];
  /** Takes in what their batches have written until now. */
  readonly hear: (submissions: readonly Submission[]) => Promise<boolean>;
  /** Whether the result of a key has been taken in. */
  readonly isKnown: (key: Digest) => boolean;
}

/** How long what earlier drivers have sent is asked for where it cannot be heard. */
const patienceMs = 30_000;
const hearMs = 500;

export class Submissions {
  readonly #options: SubmissionsOptions;
  readonly #known = new Map<string, Submission>();
  /** Batches that others submitted, by the keys of their actions. */
  readonly #adoptable = new Map<Digest, Batch[]>();

  constructor(options: SubmissionsOptions) {
    this.#options = options;
  }

  add(submission: Submission): void {
    this.#known.set(submission.folder.path, submission);
  }

  all(): readonly Submission[] {
    return [...this.#known.values()];
  }

  wanted(): readonly Submission[] {
    return this.all().filter((submission) => submission.isWanted);
  }

  wantedBatches(): readonly Batch[] {
    return this.wanted().flatMap(({ batches }) => batches.filter(({ wanted }) => wanted.size > 0));
  }

  /** What earlier drivers have submitted is waited for; the rest comes back. */
  async adopt(parcels: readonly Parcel[], signal: AbortSignal): Promise<readonly Parcel[]> {
    await this.#findOthers(parcels, signal);
    return parcels.flatMap((parcel): Parcel[] => {
      const tickets = parcel.tickets.filter((ticket) => !this.#takeFromOthers(ticket));
      return tickets.length === 0 ? [] : [{ ...parcel, tickets }];
    });
  }

  /** Looks through the folders of all runs, and asks what of it still runs. */
  async #findOthers(parcels: readonly Parcel[], signal: AbortSignal): Promise<void> {
    const { platform, all, hear } = this.#options;
    const wanted = new Set(parcels.flatMap(({ tickets }) => tickets.map((ticket) => identityOf(ticket).key)));
    const found = this.#unknownIn(all(), (keys) => keys.some((key) => wanted.has(key)));
    // Of those that are known and that nobody has waited for meanwhile, the last may not have been heard.
    const known = [...wanted].flatMap((key) => this.#adoptable.get(key) ?? []).filter((batch) => !batch.hasEnded);
    const others = [...new Set([...found, ...known.map(({ submission }) => submission)])];
    if (others.length === 0) return;
    for (const submission of found) {
      this.add(submission);
      for (const batch of submission.batches)
        for (const key of batch.keys) this.#adoptable.set(key, [...(this.#adoptable.get(key) ?? []), batch]);
      submission.readNews();
    }
    if (found.length > 0) await platform.takeOver(found, signal);
    // After the look at what runs: what does not has written all that it will. What cannot be heard now may be finished: it is not to be made again.
    for (const until = performance.now() + patienceMs; !(await hear(others)); await sleep(hearMs, signal))
      if (signal.aborted || performance.now() > until) return;
  }

  #takeFromOthers(ticket: Ticket): boolean {
    const { run, driver, budget } = this.#options;
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
        // What it may spend was granted by another build, and is spent now whatever this one may.
        if (!goingOn.isAllowed) goingOn.allow(budget.take(goingOn.submission.intent.maxUsd ?? 0));
        goingOn.submission.folder.noteWaiter(run, driver);
        return true;
      }
    }
    return false;
  }

  /** Gets to know what this run submitted under keys that have changed since, so that nobody has asked for it. */
  async findUnasked(signal: AbortSignal): Promise<void> {
    const { platform, own, all } = this.#options;
    const unasked = this.#unknownIn(
      all().filter(({ path }) => dirname(path) === own),
      () => true,
    );
    if (unasked.length === 0) return;
    for (const submission of unasked) submission.readNews();
    // Of what may be under way nothing can be said, and nothing removed.
    if (await platform.takeOver(unasked, signal)) for (const submission of unasked) this.add(submission);
  }

  #unknownIn(
    folders: readonly SubmissionFolder[],
    isMeant: (keys: readonly Digest[]) => boolean,
  ): readonly Submission[] {
    return folders.flatMap((folder) => {
      const intent = this.#known.has(folder.path) ? undefined : folder.intent();
      return intent === undefined || !intent.batches.some(isMeant) ? [] : [new Submission(folder, intent)];
    });
  }

  /** Removes what has been taken in. Returns how many batches wait or run that this run submitted, or shares, and does not want. */
  async tidyUp(): Promise<number> {
    await this.#options.hear(this.all());
    let left = 0;
    for (const submission of this.all()) {
      if (submission.mayGoOn) left += submission.batches.filter((batch) => batch.mayGoOn && !batch.isWanted).length;
      // What was cancelled may take its time to end, and write down until then what has.
      else if (!submission.mayTell && !submission.isWanted && this.#isTakenIn(submission)) submission.folder.remove();
    }
    return left;
  }

  /** What it came to is in the run by now, or in the cache. */
  #isTakenIn({ batches }: Submission): boolean {
    return batches.every((batch) => batch.unasked().every((key) => this.#options.isKnown(key)));
  }
}
