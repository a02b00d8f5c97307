// How orders are sent: gathered, put into batches of one submission each, written down, carried to where their batches find them, and handed to the
// platform. What earlier drivers have sent is waited for instead.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { sleep } from "../../../util/clock.ts";
import type { Outcome } from "../executor.ts";
import type { Allowances } from "./allowances.ts";
import { Submission } from "./batches.ts";
import type { Carrier, Load, Start } from "./carrier.ts";
import type { Allotted, Lot, Platform } from "./platform.ts";
import { identityOf, orderOf, refused, settleAll, type Parcel } from "./request.ts";
import { SubmissionFolder, type BatchSetup } from "./submission.ts";
import type { Submissions } from "./submissions.ts";
import { Troubles } from "./troubles.ts";

export interface SenderOptions<L extends Lot> {
  readonly platform: Platform<L>;
  readonly submissions: Submissions;
  readonly allowances: Allowances;
  readonly carrier: Carrier;
  readonly run: string;
  /** The folder where this run's submissions go, each a folder. */
  readonly folder: string;
  readonly setup: BatchSetup;
  /** The `processTag` of this driver. */
  readonly driver: string;
  readonly now: () => number;
  /** Something waits or runs elsewhere that somebody here waits for. */
  readonly onSent: () => void;
  /** What was to be sent was not, and is not tried again. */
  readonly onError: (error: Error) => void;
  readonly warn: (text: string) => void;
}

/** Orders that come within this time travel together. */
const gatherMs = 50;
const longestWaitMs = 60_000;

export class Sender<L extends Lot> {
  readonly #options: SenderOptions<L>;
  readonly #troubles: Troubles<"send">;
  readonly #stopping = new AbortController();
  readonly #submitting = new Set<Promise<void>>();
  #waiting: Parcel[] = [];
  #gathering: NodeJS.Timeout | undefined;
  #sending = Promise.resolve();
  #sendingAlone = Promise.resolve();
  #ids = 0;

  constructor(options: SenderOptions<L>) {
    this.#options = options;
    this.#troubles = new Troubles(options.warn);
  }

  send(parcel: Parcel): void {
    this.#waiting.push(parcel);
    clearTimeout(this.#gathering);
    this.#gathering = setTimeout(() => {
      this.#sending = this.#sending.then(() => this.#sendAll()).catch(this.#options.onError);
    }, gatherMs);
  }

  /** Nothing more is submitted from now on; returns when what was under way is. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#gathering);
    await this.whenSent();
  }

  async whenSent(): Promise<void> {
    await this.#sending;
    if (this.stopping.aborted) await this.#sendingAlone;
    await Promise.all(this.#submitting);
  }

  /** Aborted when nothing more is to be submitted. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  async #sendAll(): Promise<void> {
    const { submissions, platform, onSent } = this.#options;
    const all = this.#waiting;
    this.#waiting = [];
    const isHeld = ({ tickets: [first] }: Parcel) => first!.request.isHeld;
    for (const { tickets } of all.filter(isHeld)) settleAll(tickets, { kind: "not-begun" });
    const parcels = all.filter((parcel) => !isHeld(parcel));
    if (this.stopping.aborted || parcels.length === 0) return;
    const rest = await submissions.adopt(parcels, this.stopping);
    if (rest.length > 0) {
      const most = await platform.mostBatches();
      for (const group of this.#groups(rest))
        if (group[0]!.parcel.setback.isShort === true) for (const one of group) this.#sendAlone(one);
        else for (let at = 0; at < group.length; at += most) this.#begin(group.slice(at, at + most));
    }
    onSent();
  }

  #begin(group: readonly Allotted<L>[]): void {
    const submitted = this.#submit(group)
      .catch(this.#options.onError)
      .finally(() => this.#submitting.delete(submitted));
    this.#submitting.add(submitted);
  }

  /** One after the other: each may spend all that is left. */
  #sendAlone(one: Allotted<L>): void {
    const { tickets } = one.parcel;
    const send = async () => {
      await this.#options.allowances.whenNoneOpen(this.stopping);
      if (this.stopping.aborted) return;
      if (tickets[0]!.request.isHeld) settleAll(tickets, { kind: "not-begun" });
      else this.#begin([one]);
    };
    this.#sendingAlone = this.#sendingAlone.then(send).catch(this.#options.onError);
  }

  /** Those that may be batches of one submission. What cannot be had is settled. */
  #groups(parcels: readonly Parcel[]): readonly (readonly Allotted<L>[])[] {
    const groups = new Map<string, Allotted<L>[]>();
    for (const parcel of parcels) {
      const lot = this.#options.platform.lotFor(parcel);
      if (!lot.ok) {
        settleAll(parcel.tickets, refused(lot.error));
        continue;
      }
      const { target, part, secrets } = parcel.tickets[0]!.request.order;
      const { isShort } = parcel.setback;
      const name = JSON.stringify([target, part, Object.keys(secrets), isShort, lot.value.likeness]);
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [{ parcel, lot: lot.value }]);
      else group.push({ parcel, lot: lot.value });
    }
    return [...groups.values()];
  }

  async #submit(group: readonly Allotted<L>[]): Promise<void> {
    const { run, folder: above, setup, driver, now, platform, submissions, onSent } = this.#options;
    const parcels = group.map(({ parcel }) => parcel);
    const { target, secrets } = parcels[0]!.tickets[0]!.request.order;
    const id = this.#newId();
    const folder = new SubmissionFolder(join(above, id));
    const { maxUsd, allowances } = this.#options.allowances.grant(group);
    const limit = maxUsd === undefined ? {} : { maxUsd };
    /** Nothing has begun, and nothing was spent. */
    const takeBack = () => {
      folder.remove();
      for (const allowance of allowances) allowance.settle(0);
    };
    const sent = await this.#carry(folder, { setup: { ...setup, ...limit }, secrets, orders: parcels.map(orderOf) });
    if ("outcome" in sent) {
      takeBack();
      for (const { tickets } of parcels) settleAll(tickets, sent.outcome);
      return;
    }
    const intent = {
      ...{ id, run, target, ...limit, jobName: platform.jobNameFor(id, target), at: now(), driver },
      batches: parcels.map(({ tickets }) => tickets.map((ticket) => identityOf(ticket).key)),
    };
    folder.writeIntent(intent);
    const setbacks = parcels.map(({ setback }) => setback);
    const submission = new Submission(folder, { v: 1, ...intent }, setbacks);
    for (const [n, { tickets }] of parcels.entries()) {
      const batch = submission.batches[n]!;
      batch.allow(allowances[n]!);
      for (const ticket of tickets) batch.want(ticket);
    }
    const lots = group.map(({ lot }) => lot);
    const handed = await platform.hand({ submission, parcels, lots, ...sent }, this.stopping);
    if (handed.kind === "accepted") {
      submission.noteJob(handed.job);
      submissions.add(submission);
      return onSent();
    }
    takeBack();
    if (handed.kind === "ended") {
      for (const { tickets } of parcels) settleAll(tickets, handed.outcome);
      return;
    }
    const half = Math.ceil(group.length / 2);
    await this.#submit(group.slice(0, half));
    await this.#submit(group.slice(half));
  }

  /** Until it is where its batches find it. */
  async #carry(
    folder: SubmissionFolder,
    load: Load,
  ): Promise<{ readonly start: Start } | { readonly outcome: Outcome }> {
    const { carrier } = this.#options;
    for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      if (this.stopping.aborted) return { outcome: { kind: "not-begun" } };
      const sent = await carrier.send(folder, load);
      switch (sent.kind) {
        case "sent":
          this.#troubles.pass("send");
          return { start: sent.start };
        case "refused":
          return { outcome: refused(sent.message) };
        case "vanished": {
          const { path, isEdited } = sent;
          return { outcome: { kind: "vanished", path, tookMs: 0, costUsd: 0, ...(isEdited && { isEdited }) } };
        }
        case "not-now":
          this.#troubles.tell("send", `batches cannot be sent now, which is tried again: ${sent.message}`);
          await sleep(waitMs, this.stopping);
      }
    }
  }

  #newId(): string {
    const time = new Date(this.#options.now())
      .toISOString()
      .replaceAll(/[-:]|\..*/g, "")
      .replace("T", "-");
    return `${time}-${randomBytes(3).toString("hex")}${this.#ids++}`;
  }
}
