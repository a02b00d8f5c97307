// The folder of one submission, `runs/RUN/.submitted/ID`: what was asked for, written before anything is submitted, and what the batches write there, or
// what their driver does with what they tell.
//
//   intent.json      the keys of its batches; once it is there, somebody may find it and wait for it
//   submit.sh        what the cluster was given
//   setup.json       what all batches need
//   secrets.json     values of secrets, for the owner's eyes; gone when the submission is
//   place.json       where it travelled by content: the place and its key, for the owner's eyes
//   orders/N.json    the order of batch N
//   job              the name that the cluster gave it
//   results/N.R.jsonl  what the R-th start of batch N has come to
//   out/N.out        what a batch printed beside that
//   given-up         whoever starts now ends at once
//   waiters/RUN      the driver of a later build of its run, or of one of another run, that waits for it

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../../model/digest.ts";
import { LogTail } from "../../../util/append-log.ts";
import { isMissing, readTextIfThere, writeAtomic } from "../../../util/fs.ts";
import type { Order } from "../executor.ts";
import type { ResultLine } from "./batch.ts";

export const submissionsFolder = ".submitted";
const intentFormat = 1;
const placeFormat = 1;

export interface Intent {
  readonly v: number;
  readonly id: string;
  readonly run: string;
  readonly target: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The `processTag` of the driver. */
  readonly driver: string;
  /** By it the cluster is asked, where the job's own name is not known. */
  readonly jobName: string;
  /** What paid calls of each batch may cost; undefined: there is no limit. */
  readonly maxUsd?: number;
  /** Of each batch the keys of its actions, in order. */
  readonly batches: readonly (readonly Digest[])[];
}

/** What a batch needs beside its order. */
export interface BatchSetup {
  readonly cacheFolder: string;
  readonly blobsFolder: string;
  readonly callsFolder: string;
  readonly callsNotBefore: number;
  readonly mayPay: boolean;
  /** What the paid calls of one batch may cost at most; undefined: there is no limit. */
  readonly maxUsd?: number;
  readonly nodeMajor: number;
  /** For people: "run default". */
  readonly what: string;
}

export type StoredOrder = Omit<Order, "secrets">;

export function withoutSecrets({ secrets: _, ...order }: Order): StoredOrder {
  return order;
}

/** What a later driver has to know to hear of batches that do not see the folder. */
export interface PlaceNote {
  /** Without passwords. */
  readonly at: string;
  readonly key: string;
}

export class SubmissionFolder {
  readonly path: string;
  readonly #tails = new Map<string, LogTail<ResultLine>>();
  #place: PlaceNote | undefined | "unread" = "unread";

  constructor(path: string) {
    this.path = path;
  }

  /** Everything but the intent. */
  prepare(given: {
    readonly setup: BatchSetup;
    readonly secrets: Readonly<Record<string, string>>;
    readonly orders: readonly Order[];
  }): void {
    for (const name of ["orders", "results", "out"]) mkdirSync(join(this.path, name), { recursive: true });
    writeAtomic(join(this.path, "setup.json"), JSON.stringify(given.setup));
    if (Object.keys(given.secrets).length > 0)
      writeAtomic(join(this.path, "secrets.json"), JSON.stringify(given.secrets), { mode: 0o600 });
    for (const [n, order] of given.orders.entries())
      writeAtomic(this.orderFile(n), JSON.stringify(withoutSecrets(order)));
  }

  writeScript(text: string): string {
    const file = join(this.path, "submit.sh");
    writeAtomic(file, text, { mode: 0o755 });
    return file;
  }

  writePlace(place: PlaceNote): void {
    this.#place = place;
    writeAtomic(join(this.path, "place.json"), JSON.stringify({ v: placeFormat, ...place }), {
      mode: 0o600,
      durable: true,
    });
  }

  /** Undefined: its batches see this folder. */
  place(): PlaceNote | undefined {
    // Read once: it is written before the intent, and stays.
    if (this.#place === "unread") {
      const text = readTextIfThere(join(this.path, "place.json"));
      this.#place = text === undefined ? undefined : (JSON.parse(text) as PlaceNote);
    }
    return this.#place;
  }

  orderFile(batch: number): string {
    return join(this.path, "orders", `${batch}.json`);
  }

  outFile(batch: number): string {
    return join(this.path, "out", `${batch}.out`);
  }

  resultFile(batch: number, start: number): string {
    return join(this.path, "results", `${batch}.${start}.jsonl`);
  }

  /** Durable: after a crash, somebody looks for what was submitted. */
  writeIntent(intent: Omit<Intent, "v">): void {
    writeAtomic(join(this.path, "intent.json"), JSON.stringify({ v: intentFormat, ...intent }), { durable: true });
  }

  /** Undefined: none, or of a later exp, which will see to it itself. */
  intent(): Intent | undefined {
    const text = readTextIfThere(join(this.path, "intent.json"));
    const intent = text === undefined ? undefined : (JSON.parse(text) as Intent);
    return intent?.v === intentFormat ? intent : undefined;
  }

  writeJob(job: string): void {
    writeAtomic(join(this.path, "job"), job, { durable: true });
  }

  job(): string | undefined {
    return readTextIfThere(join(this.path, "job"));
  }

  setup(): BatchSetup {
    return JSON.parse(readFileSync(join(this.path, "setup.json"), "utf8")) as BatchSetup;
  }

  storedOrder(batch: number): StoredOrder {
    return JSON.parse(readFileSync(this.orderFile(batch), "utf8")) as StoredOrder;
  }

  order(batch: number): Order {
    const secrets = readTextIfThere(join(this.path, "secrets.json"));
    const stored = this.storedOrder(batch);
    return { ...stored, secrets: secrets === undefined ? {} : (JSON.parse(secrets) as Record<string, string>) };
  }

  giveUp(): void {
    writeAtomic(join(this.path, "given-up"), "", { durable: true });
  }

  get isGivenUp(): boolean {
    return existsSync(join(this.path, "given-up"));
  }

  noteWaiter(run: string, driver: string): void {
    writeAtomic(join(this.path, "waiters", run), driver);
  }

  /** Who has waited for it, by run: the `processTag` of the last driver. */
  waiters(): ReadonlyMap<string, string> {
    const folder = join(this.path, "waiters");
    return new Map(namesIn(folder).map((run) => [run, readTextIfThere(join(folder, run)) ?? ""]));
  }

  get isThere(): boolean {
    return existsSync(join(this.path, "intent.json"));
  }

  /** What batches have written since the last look. */
  readNews(): readonly (readonly [batch: number, line: ResultLine])[] {
    return namesIn(join(this.path, "results")).flatMap((name) => {
      const batch = Number(/^(\d+)\.\d+\.jsonl$/.exec(name)?.[1] ?? -1);
      if (batch < 0) return [];
      let tail = this.#tails.get(name);
      if (tail === undefined) this.#tails.set(name, (tail = new LogTail(join(this.path, "results", name))));
      return tail.read().map((line) => [batch, line] as const);
    });
  }

  remove(): void {
    // The intent first: a folder without one is nobody's.
    rmSync(join(this.path, "intent.json"), { force: true });
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Those of a run, in the order of their names. */
export function submissionsOf(runFolder: string): readonly SubmissionFolder[] {
  const folder = join(runFolder, submissionsFolder);
  return namesIn(folder).map((name) => new SubmissionFolder(join(folder, name)));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
