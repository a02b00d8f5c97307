// Makes a shared cache small again: results that nobody has used for long go, and content that no result needs which stays. No content goes that a result
// names which stays, also while others publish and fetch:
//
//   results go first, content after; what has been published or used since is looked at in between
//   content counts as used when it is published again, so that who finds it there can rely on it for a day, and nothing younger than two days goes
//   results that came last and name what has gone all the same are removed, too

import type { Digest } from "../../model/digest.ts";
import { Lanes } from "../../util/lanes.ts";
import { entriesOfPack } from "./pack.ts";
import { gather, readResult, type SharedAccess } from "./shared-access.ts";
import { namedBy, readListing } from "./shared-entry.ts";
import { probeName } from "./shared-once.ts";
import type { Listed, SharedKeeper, SharedKind } from "./shared.ts";

/** Uses are noted once a day. */
export const leastSweepAgeMs = 2 * 86_400_000;

export interface SweepOptions {
  /** What was last used before this time goes: milliseconds since 1970. */
  readonly before: number;
  readonly isDryRun: boolean;
}

/** Entries of both kinds together with their bytes. */
export interface Amount {
  results: number;
  contents: number;
  bytes: number;
}

export interface Swept {
  readonly there: Amount;
  /** Of it, what is to go. */
  readonly idle: Amount;
  readonly gone: Amount;
}

/** `unseen`: something could not be looked at, of which has been warned; nothing goes then that could be needed. `newer`: results of a newer exp name what this one cannot know. */
export type SweepEnd =
  { readonly kind: "swept"; readonly swept: Swept } | { readonly kind: "unseen" | "newer"; readonly swept: Swept };

const attempts = 3;
const longestListingBytes = 1 << 30;

export async function sweepShared(
  access: SharedAccess,
  keeper: SharedKeeper,
  options: SweepOptions,
): Promise<SweepEnd> {
  const sweep = new Sweep(access, keeper, options);
  try {
    await sweep.run();
    return { kind: "swept", swept: sweep };
  } catch (error) {
    if (error instanceof Unknown) return { kind: error.kind, swept: sweep };
    throw error;
  }
}

/** Not all is known of what must stay. */
class Unknown extends Error {
  readonly kind: "unseen" | "newer";
  constructor(kind: "unseen" | "newer") {
    super(kind);
    this.kind = kind;
  }
}

class Sweep implements Swept {
  readonly there: Amount = { results: 0, contents: 0, bytes: 0 };
  readonly idle: Amount = { results: 0, contents: 0, bytes: 0 };
  readonly gone: Amount = { results: 0, contents: 0, bytes: 0 };
  readonly #access: SharedAccess;
  readonly #keeper: SharedKeeper;
  readonly #options: SweepOptions;
  readonly #lanes: Lanes;
  /** Results of which is known what they need. */
  readonly #staying = new Set<Digest>();
  /**
   * Content that they need, and results that lie in packs among them, too: what finds one finds the other. And what tells who publishes here how this server
   * puts.
   */
  readonly #needed = new Set<Digest>([probeName]);
  readonly #packed = new Set<Digest>();
  readonly #insides = new Map<Digest, Promise<readonly Digest[]>>();

  constructor(access: SharedAccess, keeper: SharedKeeper, options: SweepOptions) {
    // Whoever signed them, results that lie there name content.
    this.#access = { ...access, secret: undefined };
    this.#keeper = keeper;
    this.#options = options;
    this.#lanes = new Lanes(access.width);
  }

  async run(): Promise<void> {
    const isIdle = ({ usedAt }: Listed) => usedAt < this.#options.before;
    const results = await this.#list("ac");
    this.#count(this.there, "ac", results);
    await this.#keep(results.filter((one) => !isIdle(one)));
    const contents = await this.#list("cas");
    this.#count(this.there, "cas", contents);
    const idleResults = results.filter((one) => isIdle(one) && !this.#packed.has(one.name));
    await this.#keep(results.filter((one) => isIdle(one) && this.#packed.has(one.name)));
    const idleContents = contents.filter((one) => isIdle(one) && !this.#needed.has(one.name));
    this.#count(this.idle, "ac", idleResults);
    this.#count(this.idle, "cas", idleContents);
    if (this.#options.isDryRun) return;

    await this.#remove("ac", idleResults);
    await this.#keep(await this.#list("ac"));
    const removed = await this.#remove(
      "cas",
      idleContents.filter(({ name }) => !this.#needed.has(name)),
    );
    await this.#removeDangling(removed);
    await this.#ask("swept", (signal) => this.#keeper.removeLeftovers(this.#options.before, signal));
  }

  /** What these results need stays. */
  async #keep(results: readonly Listed[]): Promise<void> {
    const unread = results.filter(({ name }) => !this.#staying.has(name));
    await this.#lanes.each(unread, async ({ name }) => {
      for (const digest of await this.#neededBy(name)) this.#needed.add(digest);
      this.#staying.add(name);
    });
  }

  async #neededBy(key: Digest): Promise<readonly Digest[]> {
    const found = await readResult(this.#access, key);
    if (found === undefined || found.kind === "newer") throw new Unknown(found?.kind ?? "unseen");
    // What makes no sense is of use to nobody, nor is what it may have named.
    if (found.kind !== "result") return [];
    const results = [found.result];
    for (const [one, read] of entriesOfPack(found.result, undefined) ?? []) {
      if (read.kind === "newer") throw new Unknown(read.kind);
      if (read.kind !== "result") continue;
      this.#packed.add(one);
      results.push(read.result);
    }
    const needed: Digest[] = [];
    for (const { blob, isTree } of results.flatMap(namedBy)) {
      needed.push(blob.digest);
      if (isTree) needed.push(...(await this.#inside(blob.digest)));
    }
    return needed;
  }

  /** Results that lie alone and in packs name the same. */
  #inside(tree: Digest): Promise<readonly Digest[]> {
    const known = this.#insides.get(tree) ?? this.#readInside(tree);
    this.#insides.set(tree, known);
    return known;
  }

  async #readInside(tree: Digest): Promise<readonly Digest[]> {
    const text = await this.#ask("looked through", async (signal, alive) => {
      const entry = await this.#access.remote.get("cas", tree, { signal });
      return entry === undefined ? "" : (await gather(entry.bytes, longestListingBytes, alive)).toString("utf8");
    });
    return readListing(text)?.map(([, digest]) => digest) ?? [];
  }

  async #remove(kind: SharedKind, entries: readonly Listed[]): Promise<ReadonlySet<Digest>> {
    const removed = new Set<Digest>();
    await this.#lanes.each(entries, async (entry) => {
      if (!(await this.#removeOne(kind, entry.name, this.#options.before))) return;
      removed.add(entry.name);
      this.#count(this.gone, kind, [entry]);
    });
    return removed;
  }

  async #removeDangling(removed: ReadonlySet<Digest>): Promise<void> {
    const late = (await this.#list("ac")).filter(({ name }) => !this.#staying.has(name));
    await this.#lanes.each(late, async ({ name }) => {
      const needed = await this.#neededBy(name);
      if (needed.some((digest) => removed.has(digest))) await this.#removeOne("ac", name, Infinity);
    });
  }

  /** A server that stumbles once does not end a sweep of many. */
  #removeOne(kind: SharedKind, name: Digest, unusedSince: number): Promise<boolean> {
    return this.#ask("swept", async (signal) => {
      for (let attempt = 1; ; attempt++)
        try {
          return await this.#keeper.remove(kind, name, unusedSince, signal);
        } catch (error) {
          if (attempt === attempts || signal.aborted) throw error;
        }
    });
  }

  #list(kind: SharedKind): Promise<readonly Listed[]> {
    return this.#ask("listed", async (signal, alive) => {
      const all: Listed[] = [];
      for await (const some of this.#keeper.list(kind, signal)) {
        alive();
        all.push(...some);
      }
      return all;
    });
  }

  async #ask<T>(what: string, act: (signal: AbortSignal, alive: () => void) => Promise<T>): Promise<T> {
    const { guard, patienceMs } = this.#access;
    const answer = await guard.ask({
      ...{ way: "reading", what, patienceMs },
      act: async (signal, alive) => ({ value: await act(signal, alive) }),
    });
    if (answer === undefined) throw new Unknown("unseen");
    return answer.value;
  }

  #count(amount: Amount, kind: SharedKind, entries: readonly Listed[]): void {
    amount[kind === "ac" ? "results" : "contents"] += entries.length;
    for (const { size } of entries) amount.bytes += size;
  }
}
