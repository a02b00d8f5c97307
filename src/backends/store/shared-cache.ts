// What this machine has to do with a cache that others share: asks it for results, brings their content into the local store, publishes its own beside the
// build. Whatever it does wrong (slow, down, full, lying, half-written) costs a warning and a computation, and never a wrong result.

import { readFileSync } from "node:fs";
import type { ActionResult, Artifact, TreeListing } from "../../model/action.ts";
import { digestOfBytes, type BlobRef, type Digest } from "../../model/digest.ts";
import { Lanes } from "../../util/lanes.ts";
import { beginAnew, closePartial, openPartial, type Partial } from "./partial.ts";
import { gather, readResult, type SharedAccess } from "./shared-access.ts";
import {
  contentsOfPack,
  entriesOfPack,
  leastInPack,
  packContents,
  smallContentOf,
  unpackContents,
  writePack,
} from "./pack.ts";
import { isForOthers, longestEntryBytes, namedBy, readListing, writeEntry } from "./shared-entry.ts";
import { Guard, type GuardOptions } from "./shared-guard.ts";
import { usesNotedEveryMs, type SharedContent, type SharedKind, type SharedStore } from "./shared.ts";
import type { BlobStore } from "./store.ts";

export interface SharedCacheOptions {
  readonly remote: SharedStore;
  /** Content is looked for in all of them, and brought into the first. */
  readonly local: readonly [BlobStore, ...BlobStore[]];
  /** Where content lies while it comes in. */
  readonly partials: string;
  readonly breakers: GuardOptions["breakers"];
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

/** What publishing came to. */
export interface Published {
  /** Results that were to be published. */
  offered: number;
  results: number;
  bytes: number;
  /** Results that others had published for the same keys. */
  there: number;
  /** Results whose content is no longer here. */
  gone: number;
}

function nothingPublished(): Published {
  return { offered: 0, results: 0, bytes: 0, there: 0, gone: 0 };
}

/** What has come from there. */
export interface Fetched {
  results: number;
  bytes: number;
}

/** What came of publishing a result: `there`: others had published theirs before. */
type Publishing = "put" | "there" | "failed";

/** What came of asking for content. */
type Answer = "all" | "absent" | "other bytes";

const attempts = 3;
/** What was brought of large content before it broke off is worth another attempt. */
const longStretchBytes = 1 << 20;
/** So long is waited for notes of uses: what is not noted then is noted by a later build. */
const usesMs = 1000;
/** Bytes a millisecond: no upload is given less time than at this pace. */
const slowestUpload = 100;

export class SharedCache {
  readonly published = nothingPublished();
  readonly fetched: Fetched = { results: 0, bytes: 0 };
  /** Bytes of content as they come, also of what has not come to its end. */
  arrivedBytes = 0;
  readonly #options: SharedCacheOptions;
  readonly #guard: Guard;
  readonly #lanes: Lanes;
  readonly #uploads: Lanes;
  readonly #uses: Lanes;
  /** By digest: what is on its way. */
  readonly #coming = new Map<Digest, Promise<boolean>>();
  readonly #offered = new Map<Digest, Promise<Publishing>>();
  /** Results that were found there, and whose last use is not of today. */
  readonly #unusedToday = new Set<Digest>();
  /** Packs that were asked for, and small content that travels with them: with which. */
  readonly #asked = new Set<Digest>();
  readonly #packed = new Map<Digest, BlobRef>();

  constructor(options: SharedCacheOptions) {
    this.#options = options;
    const { remote, breakers, warn } = options;
    this.#guard = new Guard({ who: remote.place, breakers, warn });
    this.#lanes = new Lanes(options.width);
    this.#uploads = new Lanes(Math.max(1, options.width >> 2));
    this.#uses = new Lanes(options.width);
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
    const inside = this.#insideOf(artifacts);
    return inside !== undefined && this.#bringBlobs([...inside.values()]);
  }

  /** Of folders among the artifacts only what lies in them. False: it cannot be had, or makes no sense. */
  async bringListings(artifacts: readonly Artifact[]): Promise<boolean> {
    const trees = artifacts.flatMap((artifact) => (artifact.kind === "tree" ? [artifact.blob] : []));
    return (await this.#bringBlobs(trees)) && this.#insideOf(artifacts) !== undefined;
  }

  /** Where content lies, as whoever keeps the place finds it. */
  placeOf(digest: Digest): string {
    return this.#options.remote.placeOf("cas", digest);
  }

  /** Whether all content of a result is on this machine. */
  isHere(result: ActionResult): boolean {
    return this.#blobsOf(result)?.every(({ digest }) => this.#pathOf(digest) !== undefined) ?? false;
  }

  /** Beside everything else; `settle` waits for it. `isCounted`: it is what people call a result. */
  publish(key: Digest, result: ActionResult, { isCounted = true } = {}): void {
    if (!this.#options.mayWrite || !isForOthers(result) || this.#offered.has(key)) return;
    const tally = isCounted ? this.published : nothingPublished();
    tally.offered++;
    this.#offered.set(
      key,
      this.#uploads.run(() => this.#publishOne(key, result, tally)),
    );
  }

  /** Results that are asked for together, once each of those that are published beside has come there. */
  publishPack(key: Digest, results: ReadonlyMap<Digest, ActionResult>, made: Pick<ActionResult, "at" | "by">): void {
    if (!this.#options.mayWrite || this.#offered.has(key)) return;
    const act = async (): Promise<Publishing> => {
      const own = await Promise.all([...results.keys()].map(async (one) => this.#offered.get(one)));
      // Where others were first, theirs is what all get.
      const ours = [...results].filter((_, i) => own[i] === undefined || own[i] === "put");
      if (own.includes("failed") || ours.length < leastInPack) return "failed";
      const bytes = packContents(smallContentOf(ours.map(([, result]) => result)), (digest) => this.#read(digest));
      const contents = bytes && { digest: digestOfBytes(bytes), size: bytes.length };
      if (
        contents !== undefined &&
        (await this.#put("cas", contents.digest, { bytes: bytes! }, bytes!.length)) === undefined
      )
        return "failed";
      const pack = writePack(ours, this.#options.secret, { ...made, contents });
      return pack === undefined ? "failed" : this.#publishEntry(key, pack, nothingPublished());
    };
    // In turn behind those that it waits for.
    this.#offered.set(key, this.#uploads.run(act));
  }

  /** What lies under the key of a pack, of each entry that is fit. */
  async lookUpPack(key: Digest): Promise<ReadonlyMap<Digest, ActionResult>> {
    const found = new Map<Digest, ActionResult>();
    this.#asked.add(key);
    const pack = (await this.lookUp([key])).get(key);
    const contents = pack && contentsOfPack(pack);
    for (const [one, read] of (pack && entriesOfPack(pack, this.#options.secret)) ?? []) {
      if (read.kind === "result") found.set(one, read.result);
      else this.#guard.tell(read.kind, wordUnfit(this.place, read.kind));
    }
    if (contents !== undefined)
      for (const { digest } of smallContentOf(found.values())) this.#packed.set(digest, contents);
    return found;
  }

  /** Looks which content can be had together; what is not in these packs is asked for one by one. */
  async lookUpContents(packs: readonly Digest[]): Promise<void> {
    await Promise.all(packs.filter((key) => !this.#asked.has(key)).map((key) => this.lookUpPack(key)));
  }

  /** A result that was looked up is taken. `isCounted`: it is what people call a result. */
  noteUse(key: Digest, { isCounted = true } = {}): void {
    if (isCounted) this.fetched.results++;
    if (this.#options.mayWrite && this.#unusedToday.delete(key)) void this.#uses.run(() => this.#touch(key));
  }

  /** Waits for what is being published, so long at most; tells how much is left. */
  async settle(ms: number): Promise<number> {
    await within(ms, this.#uploads.idle());
    await within(Math.min(ms, usesMs), this.#uses.idle());
    return this.#uploads.size;
  }

  /** Whether it answers; undefined where it does not, of which is warned. */
  answers(): Promise<boolean | undefined> {
    const { remote, patienceMs } = this.#options;
    const act = async (signal: AbortSignal) => {
      await remote.has("ac", digestOfBytes("nobody has computed this"), signal);
      return true;
    };
    return this.#guard.ask({ way: "reading", what: "asked whether it is there", patienceMs, act });
  }

  get mayWrite(): boolean {
    return this.#options.mayWrite;
  }

  /** For who looks through it. */
  get access(): SharedAccess {
    const { remote, secret, patienceMs, width } = this.#options;
    return { remote, guard: this.#guard, secret, patienceMs, width };
  }

  /** Whether it was asked for something in vain, of which has been warned. */
  get hasFailed(): boolean {
    return this.#guard.hasFailed;
  }

  get isSigned(): boolean {
    return this.#options.secret !== undefined;
  }

  /** Ends what is under way. */
  close(): void {
    this.#guard.close();
  }

  async #lookUpOne(key: Digest): Promise<ActionResult | undefined> {
    const read = await readResult(this.access, key);
    if (read === undefined || read.kind === "absent") return undefined;
    if (read.kind === "result") {
      if (read.usedAt !== undefined && Date.now() - read.usedAt > usesNotedEveryMs) this.#unusedToday.add(key);
      return read.result;
    }
    this.#guard.tell(read.kind, wordUnfit(this.place, read.kind));
    return undefined;
  }

  /** The content of all folders, whose listings are here; undefined where one makes no sense. */
  #insideOf(artifacts: readonly Artifact[]): ReadonlyMap<Digest, BlobRef> | undefined {
    const inside = new Map<Digest, BlobRef>();
    for (const artifact of artifacts) {
      if (artifact.kind !== "tree") continue;
      const listing = this.#listingOf(artifact.blob.digest);
      if (listing === undefined) {
        this.#guard.tell(
          "listing",
          `${this.place} holds a folder whose listing makes no sense: what it belongs to is computed`,
        );
        return undefined;
      }
      for (const [, digest, size] of listing) inside.set(digest, { digest, size });
    }
    return inside;
  }

  async #bringBlobs(blobs: readonly BlobRef[]): Promise<boolean> {
    let isWhole = true;
    await this.#bringPacked(blobs);
    await this.#lanes.each(blobs, async (blob) => {
      if (this.#isHere(blob.digest)) return;
      const coming = this.#coming.get(blob.digest) ?? this.#bringOne(blob);
      this.#coming.set(blob.digest, coming);
      if (!(await coming)) isWhole = false;
      this.#coming.delete(blob.digest);
    });
    return isWhole;
  }

  /** Small content that lies together. What does not come so, or is not what it is said to be, is asked for by itself. */
  async #bringPacked(blobs: readonly BlobRef[]): Promise<void> {
    const wanted = new Map<BlobRef, Set<Digest>>();
    for (const { digest } of blobs) {
      const contents = this.#packed.get(digest);
      if (contents === undefined || this.#isHere(digest)) continue;
      wanted.set(contents, (wanted.get(contents) ?? new Set()).add(digest));
    }
    const packs = [...wanted].filter(([, digests]) => digests.size >= leastInPack);
    const { remote, patienceMs, local } = this.#options;
    await this.#lanes.each(packs, async ([{ digest, size }, digests]) => {
      const bytes = await this.#guard.ask({
        ...{ way: "reading", what: "asked for content", patienceMs },
        act: async (signal, alive) => {
          const entry = await remote.get("cas", digest, { signal });
          return entry === undefined ? Buffer.alloc(0) : gather(entry.bytes, size, alive);
        },
      });
      for (const [one, content] of unpackContents(bytes ?? Buffer.alloc(0))) {
        if (!digests.has(one)) continue;
        local[0].putBytes(content, { durable: false });
        this.fetched.bytes += content.length;
      }
      this.arrivedBytes += bytes?.length ?? 0;
    });
  }

  #isHere(digest: Digest): boolean {
    return this.#options.local.some((store) => store.has(digest));
  }

  #read(digest: Digest): Buffer | undefined {
    const path = this.#pathOf(digest);
    return path === undefined ? undefined : readFileSync(path);
  }

  /** Whatever breaks off is gone on with from where it broke off, be it by another process. */
  async #bringOne({ digest, size }: BlobRef): Promise<boolean> {
    const { local, partials } = this.#options;
    const partial = await openPartial(partials, digest, size);
    let answer: Answer | undefined;
    try {
      answer = await this.#bringInto(partial, { digest, size });
      // What was taken up may have been damaged by what ended its process.
      if (answer === "other bytes" && partial.isTakenUp) {
        await beginAnew(partial);
        answer = await this.#bringInto(partial, { digest, size });
      }
      if (answer === "other bytes")
        this.#guard.tell(
          "lies",
          `${this.place} gave other bytes than ${digest.slice(0, 12)} stands for: they are not used`,
        );
      if (answer !== "all") return false;
      this.fetched.bytes += size;
      local[0].putFile(partial.path, { move: true, known: { digest, size } });
      return true;
    } finally {
      await closePartial(partials, digest, partial, answer === undefined);
    }
  }

  /** Undefined: not all of it has come. */
  async #bringInto(partial: Partial, { digest, size }: BlobRef): Promise<Answer | undefined> {
    const { remote, patienceMs } = this.#options;
    let answer: Answer | undefined;
    // Breaking off is no failure while it gets on with it.
    for (let failures = 0; failures < attempts && answer === undefined;) {
      const before = partial.got;
      const isGettingOn = () => partial.got > before && partial.got - before >= Math.min(size / 10, longStretchBytes);
      answer = await this.#guard.ask<Answer>({
        ...{ way: "reading", what: "asked for content", patienceMs, isGettingOn },
        act: async (signal, alive) => {
          if (partial.got === size && size > 0) return "all";
          const entry = await remote.get("cas", digest, { from: partial.got, signal });
          if (entry === undefined) return "absent";
          if (entry.from !== partial.got) await beginAnew(partial);
          for await (const bytes of entry.bytes) {
            // Nobody waits for this attempt any more, and another may be at work on the file.
            signal.throwIfAborted();
            alive();
            // No more than was promised is taken: a server that never ends would fill the disk.
            if (partial.got + bytes.length > size) return "other bytes";
            await partial.file.write(bytes, 0, bytes.length, partial.got);
            partial.hash.update(bytes);
            partial.got += bytes.length;
            this.arrivedBytes += bytes.length;
          }
          if (partial.got < size) throw new Error(`it broke off after ${partial.got} of ${size} bytes`);
          return "all";
        },
      });
      if (!isGettingOn()) failures++;
    }
    return answer === "all" && partial.hash.digest("hex") !== digest ? "other bytes" : answer;
  }

  /** Content first: a result that is there has all that it names. */
  async #publishOne(key: Digest, result: ActionResult, tally: Published): Promise<Publishing> {
    const blobs = this.#blobsOf(result);
    const files = blobs?.map(({ digest }) => this.#pathOf(digest));
    if (blobs === undefined || files === undefined || files.includes(undefined)) {
      tally.gone++;
      return "failed";
    }
    for (const [i, { digest, size }] of blobs.entries())
      if ((await this.#put("cas", digest, { file: files[i]!, size }, size)) === undefined) return "failed";
    return this.#publishEntry(key, result, tally);
  }

  async #publishEntry(key: Digest, result: ActionResult, tally: Published): Promise<Publishing> {
    const bytes = writeEntry(key, result, this.#options.secret);
    // Nobody would read it.
    if (bytes.length > longestEntryBytes) return "failed";
    const done = await this.#put("ac", key, { bytes }, bytes.length);
    if (done === "put") tally.results++;
    if (done === "there") {
      tally.there++;
      await this.#touch(key);
    }
    return done ?? "failed";
  }

  async #touch(key: Digest): Promise<void> {
    const { remote, patienceMs } = this.#options;
    const { keeper } = remote;
    if (keeper === undefined) return;
    // Who may not write there reads all the same: nobody has to hear of it.
    const act = (signal: AbortSignal) => keeper.touch("ac", key, signal).catch(() => false);
    await this.#guard.ask({ way: "writing", what: "told of uses", patienceMs, act });
  }

  async #put(
    kind: SharedKind,
    name: Digest,
    content: SharedContent,
    size: number,
  ): Promise<"put" | "there" | undefined> {
    // An upload tells nothing before its end.
    const patienceMs = this.#options.patienceMs + size / slowestUpload;
    const act = (signal: AbortSignal) => this.#options.remote.put(kind, name, content, signal);
    const done = await this.#guard.ask({ way: "writing", what: "given results", patienceMs, act });
    if (done === "put") this.published.bytes += size;
    return done;
  }

  /** All content that a result names and that is not written in it; undefined where a folder's listing is not here. */
  #blobsOf(result: ActionResult): readonly BlobRef[] | undefined {
    const blobs: BlobRef[] = [];
    for (const { blob, isTree } of namedBy(result)) {
      blobs.push(blob);
      if (!isTree) continue;
      const listing = this.#listingOf(blob.digest);
      if (listing === undefined) return undefined;
      for (const [, digest, size] of listing) blobs.push({ digest, size });
    }
    return blobs;
  }

  #listingOf(tree: Digest): TreeListing | undefined {
    const path = this.#pathOf(tree);
    return path === undefined ? undefined : readListing(readFileSync(path, "utf8"));
  }

  /** The file of content that is here: splits are in the archive, what else was made in the cache. */
  #pathOf(digest: Digest): string | undefined {
    for (const store of this.#options.local) {
      const path = store.pathOf(digest);
      if (path !== undefined) return path;
    }
    return undefined;
  }
}

async function within(ms: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    if (ms !== Infinity) timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
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
