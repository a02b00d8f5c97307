// The action cache of this machine and, behind it, what others have published. Asked ahead for what decisions will need, because decisions do not wait.

import type { ActionResult, Artifact } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import type { ActionCache } from "./action-cache.ts";
import { leastInPack, packsOf } from "./pack.ts";
import type { SharedCache } from "./shared-cache.ts";
import { isForOthers } from "./shared-entry.ts";

export class TeamActionCache implements ActionCache {
  readonly #local: ActionCache;
  readonly #shared: SharedCache;
  readonly #asked = new Set<Digest>();
  /** Results whose content lies with the others yet. They go before this machine's own of the same key, whose content is not here. */
  readonly #offered = new Map<Digest, ActionResult>();
  readonly #content = new Set<Digest>();
  /** What was computed here, and what lies there. */
  readonly #made = new Map<Digest, ActionResult>();
  readonly #found = new Map<Digest, ActionResult>();
  /** Of items that were found together: in which pack. */
  readonly #packOf = new Map<Digest, Digest>();
  /** What others cannot find together yet: it was computed here, or found alone. */
  readonly #alone = new Set<Digest>();
  readonly #who: string;
  readonly #onPack: (key: Digest) => void;

  /** `onPack`: told of each pack that was found or is published. */
  constructor(
    local: ActionCache,
    shared: SharedCache,
    { who, onPack }: { readonly who: string; readonly onPack: (key: Digest) => void },
  ) {
    this.#local = local;
    this.#shared = shared;
    this.#who = who;
    this.#onPack = onPack;
  }

  get(key: Digest): ActionResult | undefined {
    return this.#offered.get(key) ?? this.#local.get(key);
  }

  put(key: Digest, result: ActionResult): void {
    this.#local.put(key, result);
    this.#shared.publish(key, result);
    this.#made.set(key, result);
    this.#alone.add(key);
  }

  async ahead(keys: readonly Digest[]): Promise<void> {
    const unknown = keys.filter((key) => !this.#asked.has(key) && !this.#isHere(key));
    for (const key of unknown) this.#asked.add(key);
    for (const [key, result] of await this.#shared.lookUp(unknown)) {
      this.#offer(key, result);
      this.#alone.add(key);
    }
  }

  async aheadOfItems(all: readonly Digest[], wanted: readonly Digest[]): Promise<void> {
    const unknown = new Set(wanted.filter((key) => !this.#asked.has(key) && !this.#isHere(key)));
    const packs = unknown.size < leastInPack ? [] : packsOf(all);
    await Promise.all(
      packs.map(async ({ key: pack, items }) => {
        if (items.filter((key) => unknown.has(key)).length < leastInPack) return;
        const found = await this.#shared.lookUpPack(pack);
        if (found.size > 0) this.#onPack(pack);
        for (const key of items) {
          const result = unknown.has(key) ? found.get(key) : undefined;
          if (result === undefined) continue;
          this.#asked.add(key);
          unknown.delete(key);
          this.#offer(key, result);
          this.#packOf.set(key, pack);
        }
      }),
    );
    await this.ahead([...unknown]);
  }

  aheadOfContents(all: readonly Digest[], wanted: ReadonlySet<Digest>): Promise<void> {
    const packs = wanted.size < leastInPack ? [] : packsOf(all);
    const useful = packs.filter(({ items }) => items.filter((key) => wanted.has(key)).length >= leastInPack);
    return this.#shared.lookUpContents(useful.map(({ key }) => key));
  }

  together(keys: readonly Digest[], at: number): void {
    if (!this.#shared.mayWrite) return;
    for (const { key: pack, items } of packsOf(keys)) {
      if (!items.some((key) => this.#alone.has(key))) continue;
      const results = new Map<Digest, ActionResult>();
      for (const key of items) {
        // What was accepted in its place is this run's alone, and no result of this key.
        const result = this.#found.get(key) ?? this.#made.get(key) ?? this.#local.get(key);
        if (result === undefined || !isForOthers(result)) continue;
        results.set(key, result);
        // What the run had before may never have come there.
        if (!this.#found.has(key)) this.#shared.publish(key, result, { isCounted: false });
      }
      this.#shared.publishPack(pack, results, { at, by: this.#who });
      this.#onPack(pack);
    }
  }

  #offer(key: Digest, result: ActionResult): void {
    this.#offered.set(key, result);
    this.#found.set(key, result);
    for (const artifact of Object.values(result.outputs))
      if (artifact.kind !== "absent") this.#content.add(artifact.blob.digest);
  }

  isOffered(artifact: Artifact): boolean {
    return artifact.kind === "absent" || this.#content.has(artifact.blob.digest);
  }

  withdraw(key: Digest): void {
    this.#offered.delete(key);
  }

  /** From now on the result is this machine's too. */
  noteUse(key: Digest, at: number): void {
    const offered = this.#offered.get(key);
    if (offered !== undefined) {
      this.#offered.delete(key);
      this.#local.put(key, offered);
      this.#shared.noteUse(key);
      const pack = this.#packOf.get(key);
      if (pack !== undefined) this.#shared.noteUse(pack, { isCounted: false });
    }
    this.#local.noteUse(key, at);
  }

  /** Of items that were fetched and never read, this machine has the results alone. */
  #isHere(key: Digest): boolean {
    const own = this.#local.get(key);
    return own !== undefined && this.#shared.isHere(own);
  }

  refresh(): void {
    this.#local.refresh();
  }

  close(at: number): void {
    this.#local.close(at);
  }
}
