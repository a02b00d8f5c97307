// A collection, phase by phase: look, mark, ask who is at work, look again, sweep. It may be killed between any two of its lines: what is marked and
// not swept is swept by the next one. How it stays out of the way of builds is told in backends/store/mark.ts.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { endedSegments, mergeSegments } from "../../backends/store/action-cache.ts";
import { LocalCollection } from "../../backends/store/local-collection.ts";
import type { CollectableStore } from "../../backends/store/store.ts";
import { mergeUses } from "../../backends/store/uses.ts";
import type { Digest } from "../../model/digest.ts";
import { livingHolders, type Holder } from "../../runs/lease.ts";
import { runFolders } from "../../runs/roots.ts";
import { isMissing, readTextIfThere, writeAtomic } from "../../util/fs.ts";
import type { ProjectPaths } from "../paths.ts";
import { archiveAmount, ArchiveReach, everyMember, type ArchiveAmount } from "./archive.ts";
import { findLeftovers, removeLeftovers, type Leftover } from "./leftovers.ts";
import { addTo, amount, planCache, type Amount, type CachePlan, type Limits } from "./plan.ts";
import { Reach } from "./reach.ts";

export interface CollectOptions {
  readonly limits: Limits;
  readonly isDryRun: boolean;
  /** Whether to look through the archive too. */
  readonly withArchive: boolean;
  readonly now: number;
}

export interface Files {
  readonly files: number;
  readonly bytes: number;
}

export interface Collected {
  /** What was there, what of it runs reach, and what was to go. */
  readonly cache: Pick<CachePlan, "now" | "reached" | "goes">;
  readonly archive: { readonly now: ArchiveAmount; readonly goes: ArchiveAmount } | undefined;
  readonly leftovers: Files;
  /** What went. Undefined: it was a dry run. */
  readonly gone:
    { readonly cache: Amount; readonly archive: ArchiveAmount | undefined; readonly leftovers: Files } | undefined;
  /** Who is at work and may rely on what is marked: it goes when they have ended. */
  readonly waitsFor: readonly string[];
}

export async function collect(paths: ProjectPaths, options: CollectOptions): Promise<Collected> {
  const collection = new Collection(paths, options);
  if (options.isDryRun) return collection.tell(undefined, []);
  return collection.run();
}

interface Going {
  readonly store: CollectableStore;
  readonly reach: { readonly blobs: Reach["blobs"]; readonly isReached: readonly boolean[] };
  readonly members: readonly number[];
  readonly gone: Set<number>;
}

class Collection {
  readonly #paths: ProjectPaths;
  readonly #cacheStore: CollectableStore;
  readonly #archiveStore: CollectableStore;
  readonly #reach: Reach;
  readonly #archive: ArchiveReach | undefined;
  readonly #plan: CachePlan;
  readonly #archiveGoes: ArchiveAmount | undefined;
  readonly #leftovers: readonly Leftover[];
  readonly #all: readonly Going[];

  /** Looks, and decides. */
  constructor(paths: ProjectPaths, options: CollectOptions) {
    this.#paths = paths;
    this.#cacheStore = new LocalCollection(join(paths.cache, "blobs"));
    this.#archiveStore = new LocalCollection(join(paths.archive, "blobs"));
    const [blobs, archived] = [this.#cacheStore.census(), this.#archiveStore.census()];
    this.#reach = new Reach(paths, blobs, archived);
    this.#reach.readRuns();
    this.#reach.readEntries();
    const { limits, now, withArchive } = options;
    this.#plan = planCache(this.#reach, limits, this.#cacheStore.markedIn(blobs), now);
    this.#archive = withArchive ? new ArchiveReach(paths, archived) : undefined;
    this.#archive?.readRuns();
    const { going = [], goingBundles = [] } = this.#archive ?? {};
    this.#archiveGoes = this.#archive && archiveAmount(archived, going, goingBundles.length);
    this.#leftovers = findLeftovers(paths, limits.maxAgeMs, now);
    this.#all = [
      { store: this.#cacheStore, reach: this.#reach, members: this.#plan.blobs, gone: new Set() },
      ...(this.#archive === undefined
        ? []
        : [{ store: this.#archiveStore, reach: this.#archive, members: going, gone: new Set<number>() }]),
    ];
  }

  async run(): Promise<Collected> {
    const bundles = new Set<Digest>();
    // Who was at work when an earlier collection set its mark may have begun before it; so those are asked before the traces were read.
    if (this.#all.some(({ store }) => store.hasMark())) {
      const old = await this.#livingHolders(readHolders(this.#paths));
      if (old.length > 0) return this.tell(this.#gone(bundles, amount(), []), wordsOf(old));
      this.#readAgain();
      this.#sweep(bundles);
    }
    const due = this.#all.filter(({ members, gone }) => members.some((member) => !gone.has(member)));
    for (const { store, reach, members, gone } of due)
      store.mark(
        reach.blobs,
        members.filter((member) => !gone.has(member)),
      );
    writeHolders(this.#paths, undefined);
    const holders = await this.#livingHolders(undefined);
    writeHolders(this.#paths, holders);
    if (due.length > 0 && holders.length === 0) {
      this.#readAgain();
      this.#sweep(bundles);
    }
    const waitsFor = due.length > 0 ? wordsOf(holders) : [];
    const results = waitsFor.length > 0 ? amount() : this.#compactEntries();
    const leftovers = holders.length > 0 ? [] : removeLeftovers(this.#paths, this.#leftovers);
    return this.tell(this.#gone(bundles, results, leftovers), waitsFor);
  }

  tell(gone: Collected["gone"], waitsFor: readonly string[]): Collected {
    const { now, reached, goes } = this.#plan;
    return {
      cache: { now, reached, goes },
      archive: this.#archive && {
        now: archiveAmount(this.#archive.blobs, everyMember(this.#archive.blobs.digests), this.#archive.bundles.size),
        goes: this.#archiveGoes!,
      },
      leftovers: filesOf(this.#leftovers),
      gone,
      waitsFor,
    };
  }

  /** What the builds that ended meanwhile have come to rely on is in their traces. */
  #readAgain(): void {
    this.#reach.readRuns();
    this.#archive?.readRuns();
  }

  #sweep(bundles: Set<Digest>): void {
    for (const { store, reach, gone } of this.#all) {
      if (!store.hasMark()) continue;
      if (reach === this.#archive) {
        const marked = new Set(store.markedIn(reach.blobs));
        for (const code of this.#archive.removeBundles((member) => marked.has(member))) bundles.add(code);
      }
      for (const member of store.sweep(reach.blobs, (one) => reach.isReached[one] === true)) gone.add(member);
    }
  }

  /** Entries go with their content, or by themselves where they hold it. What live builds append to is left alone. */
  #compactEntries(): Amount {
    const dropped = amount();
    const folder = join(this.#paths.cache, "actions");
    if (this.#plan.goes.results === 0 && this.#reach.idleBytes === 0) return dropped;
    const { entries } = this.#reach;
    const isGone = (digest: Digest) => {
      const member = this.#reach.blobs.digests.indexOf(digest);
      return member >= 0 ? this.#all[0]!.gone.has(member) : !this.#isOnDisk(digest);
    };
    mergeSegments(folder, endedSegments(folder), (key, result) => {
      const entry = entries.keys.indexOf(key);
      const isReached = entry >= 0 && entries.isReached[entry] === true;
      const hasContent = () => [...this.#reach.contentOf(result)].every((digest) => !isGone(digest));
      if (isReached || (!this.#plan.isEntryGoing(key) && hasContent())) return true;
      if (entry >= 0) addTo(dropped, "results", entries.sizes[entry]!);
      return false;
    });
    mergeUses(join(this.#paths.cache, "uses"), (key) => entries.keys.has(key));
    return dropped;
  }

  #isOnDisk(digest: Digest): boolean {
    const { cache, archive } = this.#paths;
    return [cache, archive].some((root) => existsSync(join(root, "blobs", digest.slice(0, 2), digest)));
  }

  #gone(bundles: ReadonlySet<Digest>, results: Amount, leftovers: readonly Leftover[]): Collected["gone"] {
    const cache = { ...results };
    for (const member of this.#all[0]!.gone) addTo(cache, "blobs", this.#reach.blobs.sizes[member]!);
    return {
      cache,
      archive: this.#archive && archiveAmount(this.#archive.blobs, this.#all[1]!.gone, bundles.size),
      leftovers: filesOf(leftovers),
    };
  }

  /** Leases of builds, and the locks of runs: those are there even when the cache was deleted under a build. */
  async #livingHolders(among: ReadonlySet<string> | undefined): Promise<readonly Holder[]> {
    const leases = namesIn(join(this.#paths.cache, "leases")).map((name) => join(this.#paths.cache, "leases", name));
    const locks = [...runFolders(this.#paths.runs).values()].map((folder) => join(folder, "lock"));
    const living = await livingHolders([...leases, ...locks]);
    return living.filter(({ id }) => among?.has(id) !== false);
  }
}

function wordsOf(holders: readonly Holder[]): readonly string[] {
  return [...new Set(holders.map(({ words }) => words))].sort();
}

function filesOf(leftovers: readonly Leftover[]): Files {
  return { files: leftovers.length, bytes: leftovers.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Who was at work when the mark was set. */
function writeHolders(paths: ProjectPaths, holders: readonly Holder[] | undefined): void {
  writeAtomic(holdersFile(paths), JSON.stringify({ format: 1, holders: holders?.map(({ id }) => id) ?? null }) + "\n");
}

/** Undefined: it is not known, because a collection ended before it was written. Then it may be anybody. */
function readHolders(paths: ProjectPaths): ReadonlySet<string> | undefined {
  try {
    const text = readTextIfThere(holdersFile(paths)) ?? "{}";
    const { holders } = JSON.parse(text) as { readonly holders?: readonly string[] | null };
    return holders === undefined || holders === null ? undefined : new Set(holders);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function holdersFile(paths: ProjectPaths): string {
  return join(paths.cache, "gc.holders.json");
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.includes(".tmp"));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
