// The action cache of this machine and, behind it, what others have published. Asked ahead for what decisions will need, because decisions do not wait.

import type { ActionResult, Artifact } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import type { ActionCache } from "./action-cache.ts";
import type { SharedCache } from "./shared-cache.ts";

export class TeamActionCache implements ActionCache {
  readonly #local: ActionCache;
  readonly #shared: SharedCache;
  readonly #asked = new Set<Digest>();
  /** Results whose content lies with the others yet. They go before this machine's own of the same key, whose content is not here. */
  readonly #offered = new Map<Digest, ActionResult>();
  readonly #content = new Set<Digest>();

  constructor(local: ActionCache, shared: SharedCache) {
    this.#local = local;
    this.#shared = shared;
  }

  get(key: Digest): ActionResult | undefined {
    return this.#offered.get(key) ?? this.#local.get(key);
  }

  put(key: Digest, result: ActionResult): void {
    this.#local.put(key, result);
    this.#shared.publish(key, result);
  }

  async ahead(keys: readonly Digest[]): Promise<void> {
    const unknown = keys.filter((key) => !this.#asked.has(key) && !this.#isHere(key));
    for (const key of unknown) this.#asked.add(key);
    for (const [key, result] of await this.#shared.lookUp(unknown)) {
      this.#offered.set(key, result);
      for (const artifact of Object.values(result.outputs))
        if (artifact.kind !== "absent") this.#content.add(artifact.blob.digest);
    }
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
