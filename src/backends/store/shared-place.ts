// A shared cache as the place through which a driver and its batches reach one another: content as everybody's, messages among the results. Unlike a build,
// which goes on without its cache, whoever asks here hears of every failure.

import type { Artifact } from "../../model/action.ts";
import type { BlobRef, Digest } from "../../model/digest.ts";
import { Lanes } from "../../util/lanes.ts";
import { Breaker } from "./breaker.ts";
import { gather } from "./shared-access.ts";
import { SharedCache } from "./shared-cache.ts";
import type { SharedContent, SharedKind, SharedStore } from "./shared.ts";
import type { BlobStore } from "./store.ts";

export interface SharedPlaceOptions {
  readonly remote: SharedStore;
  readonly local: BlobStore;
  /** Where content lies while it comes in. */
  readonly staging: string;
  readonly width: number;
  /** How long it may say nothing, milliseconds: before its answer, and between any two pieces of it. */
  readonly patienceMs: number;
}

/** Bytes a millisecond: no upload is given less time than at this pace. */
const slowestUpload = 100;
const longestMessageBytes = 64 << 20;

export class SharedPlace {
  readonly #options: SharedPlaceOptions;
  readonly #lanes: Lanes;
  /** What lies there, as far as this process has seen. */
  readonly #there = new Set<Digest>();
  /** What went wrong last. */
  #trouble = "";

  constructor(options: SharedPlaceOptions) {
    this.#options = options;
    this.#lanes = new Lanes(options.width);
  }

  get name(): string {
    return `the shared cache ${this.#options.remote.place}`;
  }

  async put(blobs: readonly BlobRef[]): Promise<void> {
    const { local } = this.#options;
    const unique = new Map(blobs.map((blob) => [blob.digest, blob]));
    await this.#lanes.each([...unique.values()], async ({ digest, size }) => {
      if (this.#there.has(digest)) return;
      const file = local.pathOf(digest);
      if (file === undefined) throw new Error(`content that is to be sent is not in the store any more: ${digest}`);
      await this.#putOne("cas", digest, { file, size }, size);
      this.#there.add(digest);
    });
  }

  async bring(blobs: readonly BlobRef[]): Promise<readonly BlobRef[]> {
    const wanted = [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
    const cache = this.#cache();
    // Each by itself: one that is not there does not keep the others.
    const missing: BlobRef[] = [];
    this.#trouble = "";
    await Promise.all(
      wanted.map(async (blob) => {
        const artifact: Artifact = { kind: "file", blob };
        if (!(await cache.bring([artifact]))) missing.push(blob);
      }),
    );
    cache.close();
    const absent: BlobRef[] = [];
    for (const blob of missing) if (await this.#isLacking(blob)) absent.push(blob);
    if (absent.length < missing.length) throw new Error(this.#trouble || `${this.name} does not answer`);
    return absent;
  }

  async write(name: Digest, bytes: Buffer): Promise<void> {
    await this.#putOne("ac", name, { bytes }, bytes.length);
  }

  read(name: Digest): Promise<Buffer | undefined> {
    const { remote, patienceMs } = this.#options;
    return this.#ask(patienceMs, async (signal, alive) => {
      const entry = await remote.get("ac", name, { signal });
      return entry === undefined ? undefined : gather(entry.bytes, longestMessageBytes, alive);
    });
  }

  /** Whether it is not there, or was seen to be something else: then it is put out of the way of the right one, if there is a way. */
  async #isLacking({ digest }: BlobRef): Promise<boolean> {
    const { remote, patienceMs } = this.#options;
    return this.#ask(patienceMs, async (signal) => {
      if (!(await remote.has("cas", digest, signal))) return true;
      if (!/other bytes/.test(this.#trouble)) return false;
      await remote.keeper?.remove("cas", digest, Infinity, signal);
      return true;
    });
  }

  async #putOne(kind: SharedKind, name: Digest, content: SharedContent, size: number): Promise<void> {
    const { remote, patienceMs } = this.#options;
    // An upload tells nothing before its end.
    await this.#ask(patienceMs + size / slowestUpload, (signal) => remote.put(kind, name, content, signal));
  }

  /** Brings as a build does: verified, and going on where it broke off. */
  #cache(): SharedCache {
    const { remote, local, staging, width, patienceMs } = this.#options;
    const never = () => new Breaker({ after: Infinity, restMs: 0, now: () => 0 });
    return new SharedCache({
      ...{ remote, local: [local], staging, width, patienceMs, secret: undefined, mayWrite: false },
      breakers: { reading: never(), writing: never() },
      warn: (text) => (this.#trouble = text.replace(/; this goes on without it$/, "")),
    });
  }

  async #ask<T>(patienceMs: number, act: (signal: AbortSignal, alive: () => void) => Promise<T>): Promise<T> {
    const request = new AbortController();
    const late = () => request.abort(new Error(`it said nothing for ${Math.round(patienceMs / 1000)} s`));
    let timer = setTimeout(late, patienceMs);
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(late, patienceMs);
    };
    // A folder whose server is gone answers no call at all, and heeds no signal.
    const aborted = new Promise<never>((_, reject) =>
      request.signal.addEventListener("abort", () => reject(request.signal.reason as Error), { once: true }),
    );
    try {
      return await Promise.race([act(request.signal, alive), aborted]);
    } catch (error) {
      throw new Error(`${this.name}: ${(error as Error).message}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}
