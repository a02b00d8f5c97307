// What this machine has to do with a cache that others share: asks it for results, brings their content into the local store, publishes its own beside the
// build. Whatever it does wrong (slow, down, full, lying, half-written) costs a warning and a computation, and never a wrong result.

import type { ActionResult, Artifact } from "../../model/action.ts";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import { Lanes } from "../../util/lanes.ts";
import { contentsOfPack, entriesOfPack, smallContentOf } from "./pack.ts";
import { readResult, type SharedAccess } from "./shared-access.ts";
import { Bringing } from "./shared-bring.ts";
import { Guard, type GuardOptions } from "./shared-guard.ts";
import { LocalContent } from "./shared-local.ts";
import { Publishing, type Published } from "./shared-publish.ts";
import { usesNotedEveryMs, type SharedStore } from "./shared.ts";
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

/** What has come from there. */
export interface Fetched {
  readonly results: number;
  readonly bytes: number;
}

/** So long is waited for notes of uses: what is not noted then is noted by a later build. */
const usesMs = 1000;

export class SharedCache {
  /** For who looks through it. */
  readonly access: SharedAccess;
  readonly mayWrite: boolean;
  readonly #guard: Guard;
  readonly #here: LocalContent;
  readonly #bringing: Bringing;
  readonly #publishing: Publishing;
  readonly #lanes: Lanes;
  readonly #uses: Lanes;
  #taken = 0;
  /** Results that were found there, and whose last use is not of today. */
  readonly #unusedToday = new Set<Digest>();
  /** Packs that were asked for. */
  readonly #asked = new Set<Digest>();

  constructor({ remote, local, partials, breakers, secret, mayWrite, width, patienceMs, warn }: SharedCacheOptions) {
    this.#guard = new Guard({ who: remote.place, breakers, warn });
    this.access = { remote, guard: this.#guard, secret, patienceMs, width };
    this.mayWrite = mayWrite;
    this.#here = new LocalContent(local);
    this.#bringing = new Bringing({ access: this.access, here: this.#here, store: local[0], partials });
    this.#publishing = new Publishing(this.access, this.#here);
    this.#lanes = new Lanes(width);
    this.#uses = new Lanes(width);
  }

  get place(): string {
    return this.access.remote.place;
  }

  get published(): Readonly<Published> {
    return this.#publishing.published;
  }

  get fetched(): Fetched {
    return { results: this.#taken, bytes: this.#bringing.fetchedBytes };
  }

  /** Bytes of content as they come, also of what has not come to its end. */
  get arrivedBytes(): number {
    return this.#bringing.arrivedBytes;
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

  /** What lies under the key of a pack, of each entry that is fit. */
  async lookUpPack(key: Digest): Promise<ReadonlyMap<Digest, ActionResult>> {
    const found = new Map<Digest, ActionResult>();
    this.#asked.add(key);
    const pack = (await this.lookUp([key])).get(key);
    const contents = pack && contentsOfPack(pack);
    for (const [one, read] of (pack && entriesOfPack(pack, this.access.secret)) ?? []) {
      if (read.kind === "result") found.set(one, read.result);
      else this.#guard.tell(read.kind, wordUnfit(this.place, read.kind));
    }
    if (contents !== undefined) this.#bringing.noteTogether(smallContentOf(found.values()), contents);
    return found;
  }

  /** Looks which content can be had together; what is not in these packs is asked for one by one. */
  async lookUpContents(packs: readonly Digest[]): Promise<void> {
    await Promise.all(packs.filter((key) => !this.#asked.has(key)).map((key) => this.lookUpPack(key)));
  }

  /** Brings the content of artifacts into the local store. False: some of it cannot be had. */
  bring(artifacts: readonly Artifact[]): Promise<boolean> {
    return this.#bringing.bring(artifacts);
  }

  /** Of folders among the artifacts only what lies in them. False: it cannot be had, or makes no sense. */
  bringListings(artifacts: readonly Artifact[]): Promise<boolean> {
    return this.#bringing.bringListings(artifacts);
  }

  /** Where content lies, as whoever keeps the place finds it. */
  placeOf(digest: Digest): string {
    return this.access.remote.placeOf("cas", digest);
  }

  /** Whether all content of a result is on this machine. */
  isHere(result: ActionResult): boolean {
    return this.#here.namedBy(result)?.every(({ digest }) => this.#here.pathOf(digest) !== undefined) ?? false;
  }

  /** Beside everything else; `settle` waits for it. `isCounted`: it is what people call a result. */
  publish(key: Digest, result: ActionResult, { isCounted = true } = {}): void {
    if (this.mayWrite) this.#publishing.publish(key, result, { isCounted });
  }

  /** Results that are asked for together, once each of those that are published beside has come there. */
  publishPack(key: Digest, results: ReadonlyMap<Digest, ActionResult>, made: Pick<ActionResult, "at" | "by">): void {
    if (this.mayWrite) this.#publishing.publishPack(key, results, made);
  }

  /** A result that was looked up is taken. `isCounted`: it is what people call a result. */
  noteUse(key: Digest, { isCounted = true } = {}): void {
    if (isCounted) this.#taken++;
    if (this.mayWrite && this.#unusedToday.delete(key)) void this.#uses.run(() => this.#publishing.touch(key));
  }

  /** Waits for what is being published, so long at most; tells how much is left. */
  async settle(ms: number): Promise<number> {
    await within(ms, this.#publishing.idle());
    await within(Math.min(ms, usesMs), this.#uses.idle());
    return this.#publishing.size;
  }

  /** Whether it answers; undefined where it does not, of which is warned. */
  answers(): Promise<boolean | undefined> {
    const { remote, patienceMs } = this.access;
    const act = async (signal: AbortSignal) => {
      await remote.has("ac", digestOfBytes("nobody has computed this"), signal);
      return true;
    };
    return this.#guard.ask({ way: "reading", what: "asked whether it is there", patienceMs, act });
  }

  /** Whether it was asked for something in vain, of which has been warned. */
  get hasFailed(): boolean {
    return this.#guard.hasFailed;
  }

  get isSigned(): boolean {
    return this.access.secret !== undefined;
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
