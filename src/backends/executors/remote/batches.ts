// Submissions and their batches as a driver knows them: what each has come to, who waits for what. Reads the folders; asks no cluster.

import type { Digest } from "../../../model/digest.ts";
import type { Reservation } from "../budget.ts";
import type { Outcome } from "../executor.ts";
import type { ResultLine } from "./batch.ts";
import { identityOf, noSetback, settleAll, type Setback, type Ticket } from "./request.ts";
import type { Intent, SubmissionFolder } from "./submission.ts";

export type Unaffordable = Extract<Outcome, { kind: "unaffordable" }>;
type Ended = Exclude<Outcome, { kind: "not-begun" } | Unaffordable>;

export class Batch {
  readonly submission: Submission;
  readonly number: number;
  readonly keys: readonly Digest[];
  readonly setback: Setback;
  /** By key: who waits for what. */
  readonly wanted = new Map<Digest, Ticket>();
  /** How actions ended that nobody has asked for yet. */
  readonly #unasked = new Map<Digest, Ended>();
  readonly #ended = new Set<Digest>();
  /** Whether the cluster says that it waits or runs; undefined: nobody has asked yet. */
  isLive: boolean | undefined;
  /** Whether it waits for its turn, as far as was asked. */
  isWaiting = false;
  /** Since when it says that it does not. Monotonic milliseconds. */
  goneSince: number | undefined;
  /** Dollars a second of where it runs, as far as somebody is paid for it. */
  usdPerSecond = 0;
  hadTooLittleMemory = false;
  /** What it was sent and did not find. */
  lacked: string | undefined;
  /** One of its actions would have cost more than the batch may spend. */
  unaffordable: Unaffordable | undefined;
  #hasEnded = false;
  /** What was set aside for its paid calls, and what those have cost: altogether, and before that. */
  #allowance: Reservation | undefined;
  #paidUsd = 0;
  #paidBeforeUsd = 0;

  constructor(submission: Submission, number: number, setback: Setback = noSetback) {
    this.submission = submission;
    this.number = number;
    this.keys = submission.intent.batches[number]!;
    this.setback = setback;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Nothing more is to be heard of it. */
  end(): void {
    this.#hasEnded = true;
    this.#allowance?.settle(this.#spentUsd);
  }

  /** From now on what its calls cost is spent of `allowance`. */
  allow(allowance: Reservation): void {
    this.#allowance = allowance;
    this.#paidBeforeUsd = this.#paidUsd;
  }

  get isAllowed(): boolean {
    return this.#allowance !== undefined;
  }

  get #spentUsd(): number {
    return this.#paidUsd - this.#paidBeforeUsd;
  }

  /** Whether anything of it has ended. */
  get hasProgressed(): boolean {
    return this.#ended.size > 0;
  }

  get endedCount(): number {
    return this.#ended.size;
  }

  get mayGoOn(): boolean {
    return !this.#hasEnded && !this.submission.folder.isGivenUp && this.isLive !== false;
  }

  get isWanted(): boolean {
    return this.wanted.size > 0;
  }

  /** Nobody who waits for it wants it begun any more. */
  get isHeld(): boolean {
    return [...this.wanted.values()].every(({ request }) => request.isHeld);
  }

  want(ticket: Ticket): void {
    this.wanted.set(identityOf(ticket).key, ticket);
  }

  take(line: ResultLine): void {
    if ("end" in line) this.end();
    else if ("paid" in line) this.#notePaid(line.paid);
    else if ("tooLittleMemory" in line) {
      this.hadTooLittleMemory = true;
      this.end();
    } else if ("refused" in line)
      this.settleRest({ kind: "failed", why: "tool", message: line.refused, retryable: false, tookMs: 0, costUsd: 0 });
    else if ("lacking" in line) {
      this.lacked = line.lacking;
      this.end();
    } else if ("fetched" in line) return;
    else this.#takeOutcome(this.keys[line.i], line.outcome);
  }

  #notePaid(usd: number): void {
    this.#paidUsd += usd;
    this.#allowance?.note(this.#spentUsd);
  }

  /** How an action ended, if it has and nobody was told yet; it counts as told then. */
  claim(key: Digest, kind: Ended["kind"]): Ended | undefined {
    const outcome = this.#unasked.get(key);
    if (outcome?.kind !== kind) return undefined;
    this.#unasked.delete(key);
    return this.#priced(outcome);
  }

  /** Nobody waits for the rest of it any more, which is returned. */
  releaseAll(): readonly Ticket[] {
    const tickets = [...this.wanted.values()];
    this.wanted.clear();
    return tickets;
  }

  /** It has ended, and what it had not done so. */
  settleRest(outcome: Outcome): void {
    this.end();
    settleAll(this.releaseAll(), outcome);
  }

  /** Actions that were computed and that nobody has been told of. */
  unasked(): readonly Digest[] {
    return [...this.#unasked].flatMap(([key, { kind }]) => (kind === "done" ? [key] : []));
  }

  #takeOutcome(key: Digest | undefined, outcome: Ended | Unaffordable): void {
    // It waits to be ordered again, with more, when the batch has ended.
    if (outcome.kind === "unaffordable") return void (this.unaffordable = outcome);
    // A batch that was started again may write what its first start wrote.
    if (key === undefined || this.#ended.has(key)) return;
    this.#ended.add(key);
    // Its last word may be heard by nobody, when nobody waits for anything of it any more.
    if (this.#ended.size === this.keys.length) this.end();
    const ticket = this.wanted.get(key);
    if (ticket === undefined) return void this.#unasked.set(key, outcome);
    this.wanted.delete(key);
    ticket.request.settle(ticket.place, this.#priced(outcome));
  }

  /** With its share of the time of where it ran. */
  #priced(outcome: Ended): Ended {
    return { ...outcome, costUsd: outcome.costUsd + (outcome.tookMs / 1000) * this.usdPerSecond };
  }
}

export class Submission {
  readonly folder: SubmissionFolder;
  readonly intent: Intent;
  readonly batches: readonly Batch[];
  /** The platform's own name for it. */
  job: string | undefined;

  constructor(folder: SubmissionFolder, intent: Intent, setbacks: readonly Setback[] = []) {
    this.folder = folder;
    this.intent = intent;
    this.job = folder.job();
    this.batches = intent.batches.map((_, number) => new Batch(this, number, setbacks[number]));
  }

  noteJob(job: string): void {
    this.job = job;
    this.folder.writeJob(job);
  }

  readNews(): void {
    for (const [number, line] of this.folder.readNews()) this.batches[number]?.take(line);
  }

  /** Numbers of batches that may have something to say. */
  speaking(): readonly number[] {
    return this.batches.filter((batch) => !batch.hasEnded && !batch.isWaiting).map(({ number }) => number);
  }

  get isWanted(): boolean {
    return this.batches.some((batch) => batch.isWanted);
  }

  /** Whether the cluster has something of it, given up or not. */
  get isLive(): boolean {
    return this.batches.some((batch) => batch.isLive === true);
  }

  /** Whether something may still be written into its folder, given up or not. */
  get mayTell(): boolean {
    return this.batches.some((batch) => batch.isLive === true && !batch.hasEnded);
  }

  get mayGoOn(): boolean {
    return this.batches.some((batch) => batch.mayGoOn);
  }
}
