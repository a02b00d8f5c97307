// Results of this machine that go to a shared cache, beside everything else: content first, so that a result that is there has all that it names; then what is
// found together. What others have published before stays. Knows nothing of what is fetched.

import type { ActionResult } from "../../model/action.ts";
import { digestOfBytes, type BlobRef, type Digest } from "../../model/digest.ts";
import { Lanes } from "../../util/lanes.ts";
import { leastInPack, packContents, smallContentOf, writePack } from "./pack.ts";
import { readResult, type SharedAccess } from "./shared-access.ts";
import { isForOthers, longestEntryBytes, writeEntry } from "./shared-entry.ts";
import type { LocalContent } from "./shared-local.ts";
import type { SharedContent, SharedKind } from "./shared.ts";

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

/** What came of publishing a result: `there`: others had published theirs before. */
type Outcome = "put" | "there" | "failed";

/** Bytes a millisecond: no upload is given less time than at this pace. */
const slowestUpload = 100;

export class Publishing {
  readonly published = nothingPublished();
  readonly #access: SharedAccess;
  readonly #here: LocalContent;
  readonly #uploads: Lanes;
  readonly #offered = new Map<Digest, Promise<Outcome>>();
  /** Content that this process has seen there, or put there: results of many items may name the same. */
  readonly #there = new Set<Digest>();

  constructor(access: SharedAccess, here: LocalContent) {
    this.#access = access;
    this.#here = here;
    this.#uploads = new Lanes(Math.max(1, access.width >> 2));
  }

  /** `isCounted`: it is what people call a result. */
  publish(key: Digest, result: ActionResult, { isCounted }: { readonly isCounted: boolean }): void {
    if (!isForOthers(result) || this.#offered.has(key)) return;
    const tally = isCounted ? this.published : nothingPublished();
    tally.offered++;
    this.#offer(key, () => this.#publishOne(key, result, tally));
  }

  /** Results that are asked for together, once each of those that are published beside has come there. */
  publishPack(key: Digest, results: ReadonlyMap<Digest, ActionResult>, made: Pick<ActionResult, "at" | "by">): void {
    // In turn behind those that it waits for.
    if (!this.#offered.has(key)) this.#offer(key, () => this.#publishPack(key, results, made));
  }

  /** What goes wrong here (a file cannot be read, too many are open) costs the others this result, and nobody else anything. */
  #offer(key: Digest, publish: () => Promise<Outcome>): void {
    const { guard, remote } = this.#access;
    const put = this.#uploads.run(publish).catch((error: Error) => {
      guard.tell(
        "offered",
        `not all that was computed goes to ${remote.place}: ${error.message}; exp cache push does the rest`,
      );
      return "failed" as const;
    });
    this.#offered.set(key, put);
  }

  idle(): Promise<void> {
    return this.#uploads.idle();
  }

  /** How much is under way or waits. */
  get size(): number {
    return this.#uploads.size;
  }

  /** Notes that an entry is used now. */
  async touch(key: Digest): Promise<void> {
    const { remote, guard, patienceMs } = this.#access;
    const { keeper } = remote;
    if (keeper === undefined) return;
    // Who may not write there reads all the same: nobody has to hear of it.
    const act = (signal: AbortSignal) => keeper.touch("ac", key, signal).catch(() => false);
    await guard.ask({ way: "writing", what: "told of uses", patienceMs, act });
  }

  async #publishOne(key: Digest, result: ActionResult, tally: Published): Promise<Outcome> {
    const blobs = this.#here.namedBy(result);
    const files = blobs?.map(({ digest }) => this.#here.pathOf(digest));
    if (blobs === undefined || files === undefined || files.includes(undefined)) {
      tally.gone++;
      return "failed";
    }
    for (const [i, blob] of blobs.entries())
      if (!(await this.#putContent(blob, { file: files[i]!, size: blob.size }))) return "failed";
    return this.#putEntry(key, result, tally);
  }

  async #publishPack(
    key: Digest,
    results: ReadonlyMap<Digest, ActionResult>,
    made: Pick<ActionResult, "at" | "by">,
  ): Promise<Outcome> {
    if (await this.#isThere(key)) return "there";
    const outcomes = await Promise.all([...results.keys()].map(async (one) => this.#offered.get(one)));
    if (outcomes.includes("failed")) return "failed";
    const own = [...results].filter((_, i) => outcomes[i] !== "there");
    const others = [...results.keys()].filter((_, i) => outcomes[i] === "there");
    const together = new Map([...own, ...(await this.#resultsThere(others))]);
    if (together.size < leastInPack) return "failed";
    const small = smallContentOf(together.values()).filter(({ digest }) => this.#here.has(digest));
    const bytes = packContents(small, (digest) => this.#here.read(digest));
    const contents = bytes && { digest: digestOfBytes(bytes), size: bytes.length };
    if (contents !== undefined && !(await this.#putContent(contents, { bytes: bytes! }))) return "failed";
    const inOrder = [...results.keys()].flatMap((one) => {
      const result = together.get(one);
      return result === undefined ? [] : [[one, result] as const];
    });
    const pack = writePack(inOrder, this.#access.secret, { ...made, contents });
    return pack === undefined ? "failed" : this.#putEntry(key, pack, nothingPublished());
  }

  /** Where others were first, theirs is what all get. */
  async #resultsThere(keys: readonly Digest[]): Promise<readonly (readonly [Digest, ActionResult])[]> {
    const found: (readonly [Digest, ActionResult])[] = [];
    await new Lanes(this.#access.width).each(keys, async (key) => {
      const read = await readResult(this.#access, key);
      if (read?.kind === "result") found.push([key, read.result]);
    });
    return found;
  }

  async #putContent({ digest, size }: BlobRef, content: SharedContent): Promise<boolean> {
    if (this.#there.has(digest)) return true;
    if ((await this.#put("cas", digest, content, size)) === undefined) return false;
    this.#there.add(digest);
    return true;
  }

  async #putEntry(key: Digest, result: ActionResult, tally: Published): Promise<Outcome> {
    const bytes = writeEntry(key, result, this.#access.secret);
    // Nobody would read it.
    if (bytes.length > longestEntryBytes) return "failed";
    const done = await this.#put("ac", key, { bytes }, bytes.length);
    if (done === "put") tally.results++;
    if (done === "there") {
      tally.there++;
      await this.touch(key);
    }
    return done ?? "failed";
  }

  async #isThere(key: Digest): Promise<boolean> {
    const { remote, guard, patienceMs } = this.#access;
    const act = (signal: AbortSignal) => remote.has("ac", key, signal);
    return (await guard.ask({ way: "writing", what: "given results", patienceMs, act })) === true;
  }

  async #put(
    kind: SharedKind,
    name: Digest,
    content: SharedContent,
    size: number,
  ): Promise<"put" | "there" | undefined> {
    const { remote, guard } = this.#access;
    // An upload tells nothing before its end.
    const patienceMs = this.#access.patienceMs + size / slowestUpload;
    const act = (signal: AbortSignal) => remote.put(kind, name, content, signal);
    const done = await guard.ask({ way: "writing", what: "given results", patienceMs, act });
    if (done === "put") this.published.bytes += size;
    return done;
  }
}
