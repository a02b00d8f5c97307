// Content that comes from a shared cache into the local store: small content of a fan-out's items together, the rest one by one; verified, and gone on with
// where it broke off. Knows nothing of results, nor of what is published.

import type { Artifact } from "../../model/action.ts";
import type { BlobRef, Digest } from "../../model/digest.ts";
import { Lanes } from "../../util/lanes.ts";
import { leastInPack, unpackContents } from "./pack.ts";
import { beginAnew, closePartial, openPartial, type Partial } from "./partial.ts";
import { gather, type SharedAccess } from "./shared-access.ts";
import type { LocalContent } from "./shared-local.ts";
import type { BlobStore } from "./store.ts";

export interface BringingOptions {
  readonly access: SharedAccess;
  readonly here: LocalContent;
  /** Where content is brought to. */
  readonly store: BlobStore;
  /** Where it lies while it comes in. */
  readonly partials: string;
}

/** What came of asking for content. */
type Answer = "all" | "absent" | "other bytes";

const attempts = 3;
/** What was brought of large content before it broke off is worth another attempt. */
const longStretchBytes = 1 << 20;

export class Bringing {
  /** Bytes of content that has come to its end. */
  fetchedBytes = 0;
  /** Bytes as they come, also of what has not. */
  arrivedBytes = 0;
  readonly #options: BringingOptions;
  readonly #lanes: Lanes;
  /** By digest: what is on its way. */
  readonly #coming = new Map<Digest, Promise<boolean>>();
  /** Small content that travels together: with which. */
  readonly #packed = new Map<Digest, BlobRef>();

  constructor(options: BringingOptions) {
    this.#options = options;
    this.#lanes = new Lanes(options.access.width);
  }

  /** False: some of it cannot be had. */
  async bring(artifacts: readonly Artifact[]): Promise<boolean> {
    const blobs = new Map<Digest, BlobRef>();
    for (const artifact of artifacts)
      if (artifact.kind === "tree" || (artifact.kind === "file" && artifact.text === undefined))
        blobs.set(artifact.blob.digest, artifact.blob);
    if (!(await this.#bringBlobs([...blobs.values()]))) return false;
    const inside = this.#insideOf(artifacts);
    return inside !== undefined && this.#bringBlobs(inside);
  }

  /** Of folders among the artifacts only what lies in them. False: it cannot be had, or makes no sense. */
  async bringListings(artifacts: readonly Artifact[]): Promise<boolean> {
    const trees = artifacts.flatMap((artifact) => (artifact.kind === "tree" ? [artifact.blob] : []));
    return (await this.#bringBlobs(trees)) && this.#insideOf(artifacts) !== undefined;
  }

  /** From now on this content is asked for together. */
  noteTogether(small: readonly BlobRef[], contents: BlobRef): void {
    for (const { digest } of small) this.#packed.set(digest, contents);
  }

  #insideOf(artifacts: readonly Artifact[]): readonly BlobRef[] | undefined {
    const { access, here } = this.#options;
    const inside = here.insideOf(artifacts);
    if (inside === undefined)
      access.guard.tell(
        "listing",
        `${access.remote.place} holds a folder whose listing makes no sense: what it belongs to is computed`,
      );
    return inside;
  }

  async #bringBlobs(blobs: readonly BlobRef[]): Promise<boolean> {
    let isWhole = true;
    await this.#bringPacked(blobs);
    await this.#lanes.each(blobs, async (blob) => {
      if (this.#options.here.has(blob.digest)) return;
      const coming = this.#coming.get(blob.digest) ?? this.#bringOne(blob);
      this.#coming.set(blob.digest, coming);
      try {
        if (!(await coming)) isWhole = false;
      } finally {
        this.#coming.delete(blob.digest);
      }
    });
    return isWhole;
  }

  /** What does not come so, or is not what it is said to be, is asked for by itself. */
  async #bringPacked(blobs: readonly BlobRef[]): Promise<void> {
    const { access, here, store } = this.#options;
    const wanted = new Map<BlobRef, Set<Digest>>();
    for (const { digest } of blobs) {
      const contents = this.#packed.get(digest);
      if (contents === undefined || here.has(digest)) continue;
      wanted.set(contents, (wanted.get(contents) ?? new Set()).add(digest));
    }
    const packs = [...wanted].filter(([, digests]) => digests.size >= leastInPack);
    const { remote, patienceMs, guard } = access;
    await this.#lanes.each(packs, async ([{ digest, size }, digests]) => {
      const bytes = await guard.ask({
        ...{ way: "reading", what: "asked for content", patienceMs },
        act: async (signal, alive) => {
          const entry = await remote.get("cas", digest, { signal });
          return entry === undefined ? Buffer.alloc(0) : gather(entry.bytes, size, alive);
        },
      });
      for (const [one, content] of unpackContents(bytes ?? Buffer.alloc(0))) {
        if (!digests.has(one)) continue;
        store.putBytes(content, { durable: false });
        this.fetchedBytes += content.length;
      }
      this.arrivedBytes += bytes?.length ?? 0;
    });
  }

  /** Whatever breaks off is gone on with from where it broke off, be it by another process. */
  async #bringOne({ digest, size }: BlobRef): Promise<boolean> {
    const { access, store, partials } = this.#options;
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
        access.guard.tell(
          "lies",
          `${access.remote.place} gave other bytes than ${digest.slice(0, 12)} stands for: they are not used`,
        );
      if (answer !== "all") return false;
      this.fetchedBytes += size;
      store.putFile(partial.path, { move: true, known: { digest, size } });
      return true;
    } finally {
      await closePartial(partials, digest, partial, answer === undefined);
    }
  }

  /** Undefined: not all of it has come. */
  async #bringInto(partial: Partial, { digest, size }: BlobRef): Promise<Answer | undefined> {
    const { remote, patienceMs, guard } = this.#options.access;
    let answer: Answer | undefined;
    // Breaking off is no failure while it gets on with it.
    for (let failures = 0; failures < attempts && answer === undefined;) {
      const before = partial.got;
      const isGettingOn = () => partial.got > before && partial.got - before >= Math.min(size / 10, longStretchBytes);
      answer = await guard.ask<Answer>({
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
}
