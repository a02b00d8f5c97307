// What a collection knows of the cache: its blobs and results, which of them runs reach, and when each was last used.

import { join } from "node:path";
import { forEachEntry } from "../../backends/store/action-cache.ts";
import { DigestTable } from "../../backends/store/digest-table.ts";
import type { Census } from "../../backends/store/store.ts";
import { forEachUse } from "../../backends/store/uses.ts";
import type { ActionResult, TreeListing } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import { forEachResultOfRun, namedBySubmissions, runFolders, stateOfRun } from "../../runs/roots.ts";
import { readTextIfThere } from "../../util/fs.ts";
import type { ProjectPaths } from "../paths.ts";

/** Entries of the action cache, by number, as the census has blobs. */
export interface Entries {
  readonly keys: DigestTable;
  readonly sizes: number[];
  readonly lastUsed: number[];
  readonly isReached: boolean[];
}

export class Reach {
  readonly blobs: Census;
  readonly lastUsed: number[];
  readonly isReached: boolean[];
  readonly entries: Entries = { keys: new DigestTable(), sizes: [], lastUsed: [], isReached: [] };
  /** Lines of the action cache that another one for the same key makes idle. */
  idleBytes = 0;
  readonly #paths: ProjectPaths;
  readonly #archived: Census;
  /** Keys of results that runs reach. */
  readonly #reachedKeys = new DigestTable();
  /** By run, the state in which its trace was read. */
  readonly #read = new Map<string, string>();
  readonly #listings = new Map<Digest, readonly Digest[] | undefined>();

  constructor(paths: ProjectPaths, blobs: Census, archived: Census) {
    this.#paths = paths;
    this.blobs = blobs;
    this.#archived = archived;
    this.lastUsed = [...blobs.putAt];
    this.isReached = blobs.putAt.map(() => false);
  }

  /** Reads the runs' traces; those that have changed since the last time. What was reached stays so. */
  readRuns(): void {
    for (const [, folder] of runFolders(this.#paths.runs)) {
      namedBySubmissions(folder, (digest) => this.#reachBlob(digest));
      const state = stateOfRun(folder);
      if (this.#read.get(folder) === state) continue;
      this.#read.set(folder, state);
      forEachResultOfRun(folder, this.#readText, ({ key, result, isReached, usedUntil }) => {
        if (isReached) this.#reachedKeys.add(key);
        for (const digest of this.contentOf(result)) {
          const member = this.blobs.digests.indexOf(digest);
          if (member < 0) continue;
          if (isReached) this.isReached[member] = true;
          this.lastUsed[member] = Math.max(this.lastUsed[member]!, usedUntil);
        }
      });
    }
    for (let entry = 0; entry < this.entries.keys.size; entry++)
      if (this.#reachedKeys.has(this.entries.keys.digestAt(entry))) this.entries.isReached[entry] = true;
  }

  #reachBlob(digest: Digest): void {
    const member = this.blobs.digests.indexOf(digest);
    if (member >= 0) this.isReached[member] = true;
  }

  /** Reads the action cache; after the runs. */
  readEntries(): void {
    const used = new Map<number, number>();
    const keys = new DigestTable();
    forEachUse(join(this.#paths.cache, "uses"), (key, at) => {
      const index = keys.add(key);
      used.set(index, Math.max(at, used.get(index) ?? 0));
    });
    const { entries } = this;
    forEachEntry(join(this.#paths.cache, "actions"), (key, result, bytes) => {
      if (entries.keys.has(key)) return void (this.idleBytes += bytes);
      const lastUsed = Math.max(result.at, used.get(keys.indexOf(key)) ?? 0);
      entries.keys.add(key);
      entries.sizes.push(bytes);
      entries.lastUsed.push(lastUsed);
      entries.isReached.push(this.#reachedKeys.has(key));
      for (const digest of this.contentOf(result)) {
        const member = this.blobs.digests.indexOf(digest);
        if (member >= 0) this.lastUsed[member] = Math.max(this.lastUsed[member]!, lastUsed);
      }
    });
  }

  /** Every result that is in the cache or in a run's trace and not reached, once a key; what it took is what it costs to get it back. */
  forEachUnreached(take: (key: Digest, result: ActionResult) => void): void {
    const seen = new DigestTable();
    const takeOnce = (key: Digest, result: ActionResult) => {
      if (seen.has(key) || this.#reachedKeys.has(key)) return;
      seen.add(key);
      take(key, result);
    };
    forEachEntry(join(this.#paths.cache, "actions"), takeOnce);
    for (const [, folder] of runFolders(this.#paths.runs))
      forEachResultOfRun(folder, this.#readText, ({ key, result, isReached }) => {
        if (!isReached) takeOnce(key, result);
      });
  }

  /** The blobs that hold a result's content: trees with their files. What is kept inline needs none. */
  *contentOf({ outputs }: ActionResult): Iterable<Digest> {
    for (const slot in outputs) {
      const artifact = outputs[slot]!;
      if (artifact.kind === "absent" || (artifact.kind === "file" && artifact.text !== undefined)) continue;
      yield artifact.blob.digest;
      if (artifact.kind === "tree") yield* this.#listed(artifact.blob.digest) ?? [];
    }
  }

  /** Whether a blob of either store is there: splits and handed-over files are in the archive. */
  isPresent(digest: Digest): boolean {
    return this.blobs.digests.has(digest) || this.#archived.digests.has(digest);
  }

  #listed(digest: Digest): readonly Digest[] | undefined {
    if (!this.#listings.has(digest)) this.#listings.set(digest, this.#readListing(digest));
    return this.#listings.get(digest);
  }

  #readListing(digest: Digest): readonly Digest[] | undefined {
    try {
      return (JSON.parse(this.#readText(digest) ?? "null") as TreeListing | null)?.map(([, file]) => file);
    } catch (error) {
      // Damaged: then the tree is no more, whatever becomes of its files.
      if (!(error instanceof SyntaxError)) throw error;
      return undefined;
    }
  }

  readonly #readText = (digest: Digest): string | undefined => {
    for (const root of [this.#paths.cache, this.#paths.archive]) {
      const text = readTextIfThere(join(root, "blobs", digest.slice(0, 2), digest));
      if (text !== undefined) return text;
    }
    return undefined;
  };
}
