// A submission that travels by content, to batches that do not see the project's folder: the driver's side. What batches tell is brought into the
// submission's folder as if they had written it there, after all that it names has come; so whoever reads the folder need not know.

import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Artifact, TreeListing } from "../../../model/action.ts";
import { isDigest, type BlobRef, type Digest } from "../../../model/digest.ts";
import { AppendLog, readLog } from "../../../util/append-log.ts";
import { isMissing, writeAtomic } from "../../../util/fs.ts";
import { statOf } from "../../../util/stat.ts";
import type { BlobStore } from "../../store/store.ts";
import type { Order } from "../executor.ts";
import type { ResultLine } from "./batch.ts";
import type { Carrier, Load, Sent } from "./carrier.ts";
import {
  chunkWords,
  givenUpWords,
  messageFormat,
  type Chunk,
  type Manifest,
  type PaidCall,
  type SentLine,
  type SentOrder,
} from "./message.ts";
import type { Place } from "./place.ts";
import { filesOf, logOf } from "./relocate.ts";
import { Seal } from "./seal.ts";
import { withoutSecrets, type SubmissionFolder } from "./submission.ts";

export interface ContentCarrierOptions {
  /** Where submissions go from now on, as the user named it. */
  readonly at: string;
  /** Earlier ones may have gone elsewhere. Undefined: nobody can say where that is any more. */
  readonly open: (at: string) => Promise<Place | undefined>;
  readonly store: BlobStore;
  /** What starts a batch, first the program. */
  readonly carried: () => readonly (readonly [name: string, text: string])[];
  /** What runs its actions. */
  readonly programs: readonly (readonly [name: string, file: string])[];
  /** Logs of paid calls. */
  readonly callFiles: () => readonly string[];
  /** Durable when it returns. */
  readonly keepCalls: (calls: readonly PaidCall[]) => Promise<void>;
  /** What a batch has to know to reach the place. */
  readonly environment: (key: string) => Readonly<Record<string, string>>;
  readonly warn: (text: string) => void;
}

/** How far the chunks of a batch have been fetched. */
interface Position {
  start: number;
  chunk: number;
}

export class ContentCarrier implements Carrier {
  readonly #options: ContentCarrierOptions;
  readonly #places = new Map<string, Promise<Place | undefined>>();
  readonly #positions = new Map<string, Position>();
  readonly #orders = new Map<string, { readonly items?: Order["items"]; readonly logFile: string }>();
  readonly #collecting = new Map<string, Promise<string | undefined>>();
  /** What has been made and could not be had. */
  readonly #lacked = new Set<Digest>();
  #isUnsigned = false;

  constructor(options: ContentCarrierOptions) {
    this.#options = options;
  }

  async send(folder: SubmissionFolder, { setup, secrets, orders }: Load): Promise<Sent> {
    const { at, store, carried, programs, callFiles, environment } = this.#options;
    const external = orders.flatMap(({ code }) => (code.kind === "module" ? (code.externals ?? []) : []))[0];
    if (external !== undefined) return { kind: "refused", message: wordExternal(external) };
    // Their values stay here: they travel hidden, and are not needed again.
    folder.prepare({ setup, secrets: {}, orders });
    const seal = Seal.make();
    folder.writePlace({ at, key: seal.key });
    const blobs = new Map<Digest, BlobRef>();
    const keep = (blob: BlobRef): BlobRef => {
      blobs.set(blob.digest, blob);
      return blob;
    };
    const sent: BlobRef[] = [];
    for (const order of orders) {
      const found = this.#filesOf(order);
      if ("kind" in found) return found;
      for (const [, blob] of found.files) keep(blob);
      const files = found.files.map(([path, { digest, size }]) => [path, digest, size] as const);
      const words: SentOrder = { order: withoutSecrets(order), files };
      sent.push(keep(store.putBytes(JSON.stringify(words))));
    }
    const { callsNotBefore, mayPay, nodeMajor, what } = setup;
    const manifest: Manifest = {
      v: messageFormat,
      setup: { callsNotBefore, mayPay, nodeMajor, what },
      programs: programs.map(([name, file]) => [name, keep(store.putFile(file))]),
      calls: callFiles().map((file) => keep(store.putFile(file))),
      secrets: seal.hide(JSON.stringify(secrets)),
      orders: sent,
    };
    const root = store.putBytes(JSON.stringify(manifest));
    try {
      const place = (await this.#open(at))!;
      await place.put([...blobs.values()]);
      await place.put([root]);
    } catch (error) {
      return { kind: "not-now", message: (error as Error).message };
    }
    return {
      kind: "sent",
      start: {
        program: { kind: "carried", files: carried() },
        argument: `${root.digest}:${root.size}`,
        environment: environment(seal.key),
      },
    };
  }

  collect(folder: SubmissionFolder, batches: readonly number[]): Promise<string | undefined> {
    // One after the other: where the last one came to, the next one begins.
    const before = this.#collecting.get(folder.path) ?? Promise.resolve(undefined);
    const collecting = before.then(() => this.#collect(folder, batches));
    this.#collecting.set(folder.path, collecting);
    return collecting;
  }

  async #collect(folder: SubmissionFolder, batches: readonly number[]): Promise<string | undefined> {
    const note = folder.place();
    if (note === undefined) return undefined;
    const place = await this.#open(note.at);
    if (place === undefined) return "the place through which they were sent is not known here";
    const seal = new Seal(note.key);
    try {
      await Promise.all(batches.map((batch) => this.#collectBatch(folder, place, seal, batch)));
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  }

  async giveUp(folder: SubmissionFolder): Promise<void> {
    const note = folder.place();
    const place = note === undefined ? undefined : await this.#open(note.at);
    if (place === undefined) return;
    const seal = new Seal(note!.key);
    const name = seal.nameOf(...givenUpWords);
    // Where it cannot be left, the cluster is told to end them all the same.
    await place.write(name, seal.sign(name, "")).catch(() => undefined);
  }

  close(): void {
    // A place ends with its last request.
  }

  #open(at: string): Promise<Place | undefined> {
    const open = this.#places.get(at) ?? this.#options.open(at);
    this.#places.set(at, open);
    return open;
  }

  /** All that an order reads, as it was when the order was made. */
  #filesOf(order: Order): Extract<Sent, { kind: "vanished" }> | { readonly files: (readonly [string, BlobRef])[] } {
    const guarded = new Map(order.guarded.map(({ path, digest }) => [path, digest]));
    const files: (readonly [string, BlobRef])[] = [];
    for (const path of filesOf(order)) {
      const blob = this.#take(path);
      const meant = guarded.get(path);
      const isEdited = blob !== undefined && meant !== undefined && blob.digest !== meant;
      if (blob === undefined || isEdited) return { kind: "vanished", path, isEdited };
      files.push([path, blob]);
    }
    return { files };
  }

  /** What lies in the project may be edited while it travels: a copy of it travels. */
  #take(path: string): BlobRef | undefined {
    const { store } = this.#options;
    const name = basename(path);
    if (isDigest(name) && store.pathOf(name) === path) return { digest: name, size: Number(statOf(path)!.size) };
    try {
      return store.putFile(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #collectBatch(folder: SubmissionFolder, place: Place, seal: Seal, batch: number): Promise<void> {
    const id = `${folder.path}:${batch}`;
    const at = this.#positions.get(id) ?? whereLeft(folder, batch);
    this.#positions.set(id, at);
    for (;;) {
      const next = await this.#read(place, seal, batch, at.start, at.chunk);
      if (next !== undefined) {
        await this.#takeIn(folder, place, batch, at, next);
        at.chunk++;
        continue;
      }
      // Started again: whoever wrote before has ended, and has nothing more to say.
      if ((await this.#read(place, seal, batch, at.start + 1, 0)) === undefined) return;
      const last = await this.#read(place, seal, batch, at.start, at.chunk);
      if (last !== undefined) continue;
      at.start++;
      at.chunk = 0;
    }
  }

  async #read(place: Place, seal: Seal, batch: number, start: number, number: number): Promise<Chunk | undefined> {
    const name = seal.nameOf(...chunkWords(batch, start, number));
    const bytes = await place.read(name);
    if (bytes === undefined) return undefined;
    const text = seal.read(name, bytes);
    if (text !== undefined) return JSON.parse(text) as Chunk;
    if (!this.#isUnsigned)
      this.#options.warn(`${place.name} holds results that no batch of this project has signed: they are not used`);
    this.#isUnsigned = true;
    return undefined;
  }

  /** Calls first: they cost money. A line is written when all that it names is here. */
  async #takeIn(
    folder: SubmissionFolder,
    place: Place,
    batch: number,
    { start, chunk }: Position,
    { lines }: Chunk,
  ): Promise<void> {
    const calls = lines.flatMap((line) => ("call" in line ? [line.call] : []));
    if (calls.length > 0) await this.#options.keepCalls(calls);
    const lacking = await this.#bring(place, lines);
    const file = folder.resultFile(batch, start);
    mkdirSync(dirname(file), { recursive: true });
    const log = new AppendLog<ResultLine>(file);
    try {
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

function wordExternal(name: string): string {
  return `its recipe needs the package "${name}" beside it, which does not travel: let it run here (executor: "local"), or on nodes that see the project`;
}
