// What this machine has to do with a cache that others share: asks it for results, brings their content into the local store, publishes its own beside the
// build. Whatever it does wrong (slow, down, full, lying, half-written) costs a warning and a computation, and never a wrong result.

import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { open } from "node:fs/promises";
import type { ActionResult, Artifact } from "../../model/action.ts";
import { digestOfBytes, type BlobRef, type Digest } from "../../model/digest.ts";
import { removeFile, temporaryName } from "../../util/fs.ts";
import type { Breaker } from "./breaker.ts";
import { longestEntryBytes, readEntry, readListing, writeEntry } from "./shared-entry.ts";
import type { SharedContent, SharedKind, SharedStore } from "./shared.ts";
import type { BlobStore } from "./store.ts";

export interface SharedCacheOptions {
  readonly remote: SharedStore;
  readonly local: BlobStore;
  /** Where content lies while it comes in. */
  readonly staging: string;
  /** Who may not write may read all the same. */
  readonly breakers: { readonly reading: Breaker; readonly writing: Breaker };
  /** Entries are signed with it, and no others are taken. */
  readonly secret: string | undefined;
  readonly mayWrite: boolean;
  /** How many requests may be under way at once. */
  readonly width: number;
  /** How long it may say nothing, milliseconds: before its answer, and between any two pieces of it. */
  readonly patienceMs: number;
  /** Told each kind of trouble once. */
  readonly warn: (text: string) => void;
}

/** What it came to, for those who are told. */
export interface SharedTally {
  /** Requests for results, and how many were there. */
  asked: number;
  found: number;
  fetchedBlobs: number;
  fetchedBytes: number;
  publishedResults: number;
  publishedBytes: number;
  /** Results that others had published for the same keys. */
  thereAlready: number;
}

const attempts = 3;
/** What was brought of large content before it broke off is worth another attempt. */
const longStretchBytes = 1 << 20;
/** Bytes a millisecond: no upload is given less time than at this pace. */
const slowestUpload = 100;

export class SharedCache {
  readonly tally: SharedTally = {
    ...{ asked: 0, found: 0, fetchedBlobs: 0, fetchedBytes: 0 },
    ...{ publishedResults: 0, publishedBytes: 0, thereAlready: 0 },
  };
  readonly #options: SharedCacheOptions;
  readonly #told = new Set<string>();
  readonly #lanes: Lanes;
  readonly #uploads: Lanes;
  /** By digest: what is on its way. */
  readonly #coming = new Map<Digest, Promise<boolean>>();
  readonly #published = new Set<Digest>();
  /** Of requests under way. */
  readonly #open = new Set<AbortController>();
  #isClosed = false;

  constructor(options: SharedCacheOptions) {
    this.#options = options;
    this.#lanes = new Lanes(options.width);
    this.#uploads = new Lanes(Math.max(1, options.width >> 2));
  }

  get place(): string {
    return this.#options.remote.place;
  }

  /** What others have made for these keys, as far as it can be had now. Their content stays where it is. */
  async lookUp(keys: readonly Digest[]): Promise<ReadonlyMap<Digest, ActionResult>> {
    const found = new Map<Digest, ActionResult>();
    await this.#lanes.each(keys, async (key) => {
      const result = await this.#lookUpOne(key);
      if (result !== undefined) found.set(key, result);
    });
    return found;
  }

  /** Brings the content of artifacts into the local store. False: some of it cannot be had. */
  async bring(artifacts: readonly Artifact[]): Promise<boolean> {
    const blobs = new Map<Digest, BlobRef>();
    for (const artifact of artifacts)
      if (artifact.kind === "tree" || (artifact.kind === "file" && artifact.text === undefined))
        blobs.set(artifact.blob.digest, artifact.blob);
    if (!(await this.#bringBlobs([...blobs.values()]))) return false;
    const inside = new Map<Digest, BlobRef>();
    for (const artifact of artifacts) {
      if (artifact.kind !== "tree") continue;
      const listing = readListing(this.#options.local.read(artifact.blob.digest)?.toString("utf8") ?? "");
      if (listing === undefined) {
        this.#tell(
          "listing",
          `${this.place} holds a folder whose listing makes no sense: what it belongs to is computed`,
        );
        return false;
      }
      for (const [, digest, size] of listing) inside.set(digest, { digest, size });
    }
    return this.#bringBlobs([...inside.values()]);
  }

  /** Beside everything else; `settle` waits for it. */
  publish(key: Digest, result: ActionResult): void {
    const { mayWrite, local } = this.#options;
    if (!mayWrite || this.#published.has(key)) return;
    this.#published.add(key);
    const blobs = blobsOf(result, local);
    if (blobs === undefined) return; // Content that is gone already cannot be offered.
    void this.#uploads.run(() => this.#publishOne(key, result, blobs));
  }

  /** Waits for what is being published, so long at most; tells how much is left. */
  async settle(ms: number): Promise<number> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      if (ms !== Infinity) timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#uploads.idle(), late]);
    clearTimeout(timer);
    return this.#uploads.size;
  }

  /** Whether it answers; undefined where it does not, of which is warned. */
  answers(): Promise<boolean | undefined> {
    return this.#guarded("reading", "asked whether it is there", this.#options.patienceMs, async (signal) => {
      await this.#options.remote.has("ac", digestOfBytes("nobody has computed this"), signal);
      return true;
    });
  }

  get mayWrite(): boolean {
    return this.#options.mayWrite;
  }

  get isSigned(): boolean {
    return this.#options.secret !== undefined;
  }

  /** Ends what is under way. */
  close(): void {
    this.#isClosed = true;
    for (const request of this.#open) request.abort(new Error("it is no longer wanted"));
  }

  async #lookUpOne(key: Digest): Promise<ActionResult | undefined> {
    const { remote, secret } = this.#options;
    this.tally.asked++;
    const { patienceMs } = this.#options;
    const bytes = await this.#guarded("reading", "asked for results", patienceMs, async (signal, alive) => {
      const entry = await remote.get("ac", key, { signal });
      return entry === undefined ? undefined : await gather(entry.bytes, longestEntryBytes, alive);
    });
    if (bytes === undefined) return undefined;
    const read = readEntry(key, bytes, secret);
    if (read.kind === "result") {
      this.tally.found++;
      return read.result;
    }
    this.#tell(read.kind, wordUnfit(this.place, read.kind));
    return undefined;
  }

  async #bringBlobs(blobs: readonly BlobRef[]): Promise<boolean> {
    let isWhole = true;
    await this.#lanes.each(blobs, async (blob) => {
      if (this.#options.local.has(blob.digest)) return;
      const coming = this.#coming.get(blob.digest) ?? this.#bringOne(blob);
      this.#coming.set(blob.digest, coming);
      if (!(await coming)) isWhole = false;
      this.#coming.delete(blob.digest);
    });
    return isWhole;
  }

  /** Whatever breaks off is gone on with from where it broke off. */
  async #bringOne({ digest, size }: BlobRef): Promise<boolean> {
    const { remote, local, staging } = this.#options;
    mkdirSync(staging, { recursive: true });
    const temporary = temporaryName(digest, staging);
    const file = await open(temporary, "wx");
    let hash = createHash("sha256");
    let got = 0;
    let isThere: boolean | undefined;
    try {
      // Breaking off is no failure while it gets on with it.
      for (let failures = 0; failures < attempts && isThere === undefined;) {
        const before = got;
        const isGettingOn = () => got > before && got - before >= Math.min(size / 10, longStretchBytes);
        isThere = await this.#guarded(
          "reading",
          "asked for content",
          this.#options.patienceMs,
          async (signal, alive) => {
            const entry = await remote.get("cas", digest, { from: got, signal });
            if (entry === undefined) return false;
            if (entry.from !== got) {
              await file.truncate(0);
              hash = createHash("sha256");
              got = 0;
            }
            for await (const bytes of entry.bytes) {
              // Nobody waits for this attempt any more, and another may be at work on the file.
              signal.throwIfAborted();
              alive();
              // No more than was promised is taken: a server that never ends would fill the disk.
              if (got + bytes.length > size) return false;
              await file.write(bytes, 0, bytes.length, got);
              hash.update(bytes);
              got += bytes.length;
            }
            if (got < size) throw new Error(`it broke off after ${got} of ${size} bytes`);
            return true;
          },
          isGettingOn,
        );
        if (!isGettingOn()) failures++;
      }
      if (isThere !== true) return false;
      if (hash.digest("hex") !== digest) {
        this.#tell("lies", `${this.place} gave other bytes than ${digest.slice(0, 12)} stands for: they are not used`);
        return false;
      }
      local.putFile(temporary, { move: true, known: { digest, size } });
      this.tally.fetchedBlobs++;
      this.tally.fetchedBytes += size;
      return true;
    } finally {
      await file.close();
      removeFile(temporary);
    }
  }

  /** Content first: a result that is there has all that it names. */
  async #publishOne(key: Digest, result: ActionResult, blobs: readonly BlobRef[]): Promise<void> {
    const { local, secret } = this.#options;
    for (const { digest, size } of blobs) {
      const file = local.pathOf(digest);
      if (file === undefined || (await this.#put("cas", digest, { file, size }, size)) === undefined) return;
    }
    const bytes = writeEntry(key, result, secret);
    const done = await this.#put("ac", key, { bytes }, bytes.length);
    if (done === "put") this.tally.publishedResults++;
    if (done === "there") this.tally.thereAlready++;
  }

  async #put(
    kind: SharedKind,
    name: Digest,
    content: SharedContent,
    size: number,
  ): Promise<"put" | "there" | undefined> {
    // An upload tells nothing before its end.
    const ms = this.#options.patienceMs + size / slowestUpload;
    const done = await this.#guarded("writing", "given results", ms, (signal) =>
      this.#options.remote.put(kind, name, content, signal),
    );
    if (done === "put") this.tally.publishedBytes += size;
    return done;
  }

  /** Undefined: it failed, which is told once, or is not even tried. `alive` puts the deadline off. */
  async #guarded<T>(
    way: "reading" | "writing",
    what: string,
    ms: number,
    act: (signal: AbortSignal, alive: () => void) => Promise<T>,
    isGettingOn: () => boolean = () => false,
  ): Promise<T | undefined> {
    const breaker = this.#options.breakers[way];
    if (this.#isClosed || !breaker.isClosed) return undefined;
    const request = new AbortController();
    this.#open.add(request);
    const { signal } = request;
    const isLate = () => request.abort(new Error(`it said nothing for ${Math.round(ms / 1000)} s`));
    let timer = setTimeout(isLate, ms);
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(isLate, ms);
    };
    try {
      // A folder whose server is gone answers no call at all, and heeds no signal.
      const value = await Promise.race([act(signal, alive), whenAborted(signal)]);
      breaker.succeeded();
      return value;
    } catch (error) {
      if (this.#isClosed || isGettingOn()) return undefined;
      breaker.failed();
      const why = signal.aborted ? (signal.reason as Error) : error;
      this.#tell(what, `the shared cache ${this.place}, ${what}: ${wordError(why)}; this goes on without it`);
      return undefined;
    } finally {
      clearTimeout(timer);
      this.#open.delete(request);
    }
  }

  #tell(kind: string, text: string): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#options.warn(text);
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

/** So many at once, in order. */
class Lanes {
  readonly #width: number;
  readonly #waiting: (() => void)[] = [];
  readonly #onIdle: (() => void)[] = [];
  #busy = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** Under way or waiting. */
  get size(): number {
    return this.#busy + this.#waiting.length;
  }

  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#busy === this.#width) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy++;
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next !== undefined) next();
      else if (--this.#busy === 0) for (const tell of this.#onIdle.splice(0)) tell();
    }
  }

  async each<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
    let next = 0;
    const lane = async () => {
      while (next < all.length) {
        const one = all[next++]!;
        await this.run(() => act(one));
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#width, all.length) }, lane));
  }

  idle(): Promise<void> {
    return this.#busy === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }
}

/** All content that a result names and that is not written in it; undefined where the store lacks some of it. */
function blobsOf(result: ActionResult, local: BlobStore): readonly BlobRef[] | undefined {
  const blobs: BlobRef[] = [];
  for (const artifact of Object.values(result.outputs)) {
    if (artifact.kind === "absent" || (artifact.kind === "file" && artifact.text !== undefined)) continue;
    blobs.push(artifact.blob);
    if (artifact.kind !== "tree") continue;
    const listing = readListing(local.read(artifact.blob.digest)?.toString("utf8") ?? "");
    if (listing === undefined) return undefined;
    for (const [, digest, size] of listing) blobs.push({ digest, size });
  }
  return blobs;
}

async function gather(bytes: AsyncIterable<Uint8Array>, most: number, alive: () => void): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    alive();
    length += piece.length;
    if (length > most) throw new Error(`an entry is longer than ${most} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function wordUnfit(place: string, kind: "newer" | "unsigned" | "wrongly signed" | "damaged"): string {
  switch (kind) {
    case "newer":
      return `${place} holds results of a newer exp, which this one cannot read: they are computed`;
    case "damaged":
      return `${place} holds results that make no sense: they are computed`;
    case "unsigned":
    case "wrongly signed":
      return `${place} holds results that are ${kind}: they are not trusted, and computed`;
  }
}

function wordError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined || message.includes(code) ? message : `${code} ${message}`;
}
