// What batches that were sent by content have told, brought into the submission's folder as if they had written it there, after all that it names has come.

import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Artifact, TreeListing } from "../../../model/action.ts";
import type { BlobRef, Digest } from "../../../model/digest.ts";
import { AppendLog, readLog } from "../../../util/append-log.ts";
import { writeAtomic } from "../../../util/fs.ts";
import type { BlobStore } from "../../store/store.ts";
import type { Order } from "../executor.ts";
import type { ResultLine } from "./batch.ts";
import { chunkWords, type Chunk, type PaidCall, type SentLine } from "./message.ts";
import type { Place } from "./place.ts";
import { logOf } from "./relocate.ts";
import type { Seal } from "./seal.ts";
import type { SubmissionFolder } from "./submission.ts";

export interface HearingOptions {
  readonly store: BlobStore;
  /** Durable when it returns. */
  readonly keepCalls: (calls: readonly PaidCall[]) => Promise<void>;
  readonly warn: (text: string) => void;
}

/** A submission, and where its batches tell what they have come to. */
export interface Told {
  readonly folder: SubmissionFolder;
  readonly place: Place;
  readonly seal: Seal;
}

/** How far the chunks of a batch have been fetched. */
interface Position {
  start: number;
  chunk: number;
}

/** As often as that, it is no accident. */
const mostReads = 3;

export class Hearing {
  readonly #options: HearingOptions;
  readonly #positions = new Map<string, Position>();
  readonly #orders = new Map<string, { readonly items?: Order["items"]; readonly logFile: string }>();
  readonly #collecting = new Map<string, Promise<string | undefined>>();
  /** What has been made and could not be had. */
  readonly #lacked = new Set<Digest>();
  /** How often each message was read and was none that a batch had signed. */
  readonly #unsigned = new Map<string, number>();
  #isUnsigned = false;

  constructor(options: HearingOptions) {
    this.#options = options;
  }

  /** Undefined; or why it cannot be told now. */
  collect(told: Told, batches: readonly number[]): Promise<string | undefined> {
    const { path } = told.folder;
    // One after the other: where the last one came to, the next one begins.
    const before = this.#collecting.get(path) ?? Promise.resolve(undefined);
    const collecting = before.then(() => this.#collectAll(told, batches));
    this.#collecting.set(path, collecting);
    return collecting;
  }

  async #collectAll(told: Told, batches: readonly number[]): Promise<string | undefined> {
    const ends = await Promise.allSettled(batches.map((batch) => this.#collectBatch(told, batch)));
    const failed = ends.find((end) => end.status === "rejected");
    return failed === undefined ? undefined : (failed.reason as Error).message;
  }

  async #collectBatch(told: Told, batch: number): Promise<void> {
    const { folder } = told;
    const id = `${folder.path}:${batch}`;
    const at = this.#positions.get(id) ?? whereLeft(folder, batch);
    this.#positions.set(id, at);
    for (;;) {
      const next = await this.#read(told, batch, at.start, at.chunk);
      if (next !== undefined) {
        await this.#takeIn(told, batch, at, next);
        at.chunk++;
        continue;
      }
      // Started again: whoever wrote before has ended, and has nothing more to say.
      if ((await this.#read(told, batch, at.start + 1, 0)) === undefined) return;
      const last = await this.#read(told, batch, at.start, at.chunk);
      if (last !== undefined) continue;
      at.start++;
      at.chunk = 0;
    }
  }

  async #read({ place, seal }: Told, batch: number, start: number, number: number): Promise<Chunk | undefined> {
    const name = seal.nameOf(...chunkWords(batch, start, number));
    const bytes = await place.read(name);
    if (bytes === undefined) return undefined;
    const text = seal.read(name, bytes);
    if (text !== undefined) return JSON.parse(text) as Chunk;
    // It may have been damaged on its way: what it says is not to be made again for that.
    const times = (this.#unsigned.get(name) ?? 0) + 1;
    this.#unsigned.set(name, times);
    if (times < mostReads) throw new Error(`${place.name}: a message is not what was signed`);
    if (!this.#isUnsigned)
      this.#options.warn(`${place.name} holds results that no batch of this project has signed: they are not used`);
    this.#isUnsigned = true;
    return undefined;
  }

  /** Calls first: they cost money. A line is written when all that it names is here. */
  async #takeIn({ folder, place }: Told, batch: number, { start, chunk }: Position, { lines }: Chunk): Promise<void> {
    const calls = lines.flatMap((line) => ("call" in line ? [line.call] : []));
    if (calls.length > 0) await this.#options.keepCalls(calls);
    const lacking = await this.#bring(place, lines);
    const file = folder.resultFile(batch, start);
    mkdirSync(dirname(file), { recursive: true });
    const log = new AppendLog<ResultLine>(file);
    try {
      if (calls.length > 0) log.append({ paid: calls.reduce((sum, { costUsd }) => sum + costUsd, 0) });
      for (const line of lines) {
        if ("words" in line) appendFileSync(folder.outFile(batch), line.words);
        if (!("result" in line)) continue;
        const lacks = namedBy(line).filter(({ digest }) => lacking.has(digest));
        if (lacks.length > 0) {
          if (lacks.some(({ digest }) => this.#lacked.has(digest))) log.append(lost(line.result, place.name));
          for (const { digest } of lacks) this.#lacked.add(digest);
          continue;
        }
        if (line.log !== undefined && "i" in line.result) this.#keepLog(folder, batch, line.result.i, line.log);
        log.append(line.result);
      }
      log.append({ fetched: chunk });
      await log.commit();
    } finally {
      log.close();
    }
  }

  /** Digests that cannot be had, and of folders those of which something cannot be had. */
  async #bring(place: Place, lines: readonly SentLine[]): Promise<ReadonlySet<Digest>> {
    const { store, warn } = this.#options;
    const named = lines.flatMap(namedBy);
    const lacking = new Set((await place.bring(named)).map(({ digest }) => digest));
    const trees = lines.flatMap(artifactsOf).filter((artifact) => artifact.kind === "tree");
    for (const { blob } of trees) {
      const bytes = lacking.has(blob.digest) ? undefined : store.read(blob.digest);
      if (bytes === undefined) continue;
      const inside = (JSON.parse(bytes.toString("utf8")) as TreeListing).map(([, digest, size]) => ({ digest, size }));
      if ((await place.bring(inside)).length > 0) lacking.add(blob.digest);
    }
    if (lacking.size > 0) warn(`${place.name} lacks some of what batches have made: that is made again`);
    return lacking;
  }

  #keepLog(folder: SubmissionFolder, batch: number, place: number, log: NonNullable<LogOf>): void {
    const id = `${folder.path}:${batch}`;
    const order = this.#orders.get(id) ?? folder.storedOrder(batch);
    this.#orders.set(id, order);
    const file = logOf(order, place);
    const text = "text" in log ? log.text : this.#options.store.read(log.blob.digest);
    if (file !== undefined && text !== undefined) writeAtomic(file, text);
  }
}

/** Made twice, and not to be had twice: once more would come to the same. */
function lost(line: ResultLine, where: string): ResultLine {
  if (!("outcome" in line)) return line;
  const { tookMs, costUsd } = line.outcome;
  const message = `${where} does not give back what it made: exp cache verify looks for what is damaged there`;
  return { i: line.i, outcome: { kind: "failed", why: "lost", message, retryable: false, tookMs, costUsd } };
}

type LogOf = Extract<SentLine, { readonly result: ResultLine }>["log"];

function artifactsOf(line: SentLine): readonly Artifact[] {
  if (!("result" in line) || !("outcome" in line.result)) return [];
  const { outcome } = line.result;
  return outcome.kind === "done" ? Object.values(outcome.outputs) : [];
}

/** All content that a line names and does not hold, but for what lies in folders. */
function namedBy(line: SentLine): readonly BlobRef[] {
  const blobs = artifactsOf(line).flatMap((artifact) =>
    artifact.kind === "absent" || (artifact.kind === "file" && artifact.text !== undefined) ? [] : [artifact.blob],
  );
  if ("log" in line && line.log !== undefined && "blob" in line.log) blobs.push(line.log.blob);
  return blobs;
}

/** By what an earlier driver has written down. */
function whereLeft(folder: SubmissionFolder, batch: number): Position {
  let start = 0;
  while (existsSync(folder.resultFile(batch, start + 1))) start++;
  const chunks = readLog<ResultLine>(folder.resultFile(batch, start)).lines.flatMap((line) =>
    "fetched" in line ? [line.fetched] : [],
  );
  return { start, chunk: Math.max(-1, ...chunks) + 1 };
}
