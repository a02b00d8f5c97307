// The local action cache: action key → result. Each process appends to a segment of its own; all read all. It may be deleted at any time.

import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ActionResult } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import { AppendLog, LogTail, readLog } from "../../util/append-log.ts";
import { isMissing, writeAtomic } from "../../util/fs.ts";
import { hasEnded, hostTag } from "../../util/host.ts";

interface Entry {
  readonly k: Digest;
  readonly r: ActionResult;
}

const segmentsBeforeMerge = 24;

export interface ActionCache {
  get(key: Digest): ActionResult | undefined;
  put(key: Digest, result: ActionResult): void;
  /** Reads what other processes have added since. */
  refresh(): void;
  close(): void;
}

export class LocalActionCache implements ActionCache {
  readonly #root: string;
  readonly #own: AppendLog<Entry>;
  readonly #ownName = `${randomBytes(4).toString("hex")}-${process.pid}-${hostTag()}.jsonl`;
  /** Segments of other processes, each read as far as it was whole. */
  readonly #tails = new Map<string, LogTail<Entry>>();
  #entries: Map<Digest, ActionResult> | undefined;

  constructor(root: string) {
    this.#root = root;
    this.#own = new AppendLog(join(root, this.#ownName));
  }

  get(key: Digest): ActionResult | undefined {
    return this.#load().get(key);
  }

  /** The first published result stays: others may rely on it. */
  put(key: Digest, result: ActionResult): void {
    const entries = this.#load();
    if (entries.has(key)) return;
    entries.set(key, result);
    this.#own.append({ k: key, r: result });
    this.#own.write();
  }

  refresh(): void {
    if (this.#entries !== undefined) this.#readNews(this.#entries);
  }

  close(): void {
    this.#own.close();
    this.#mergeSegments();
  }

  #load(): Map<Digest, ActionResult> {
    return (this.#entries ??= this.#readNews(new Map<Digest, ActionResult>()));
  }

  #segments(): string[] {
    try {
      return readdirSync(this.#root)
        .filter((name) => name.endsWith(".jsonl"))
        .sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /** Adds what other processes have written since the last time. The first result for a key stays. */
  #readNews(entries: Map<Digest, ActionResult>): Map<Digest, ActionResult> {
    for (const name of this.#segments()) {
      if (name === this.#ownName) continue;
      let tail = this.#tails.get(name);
      if (tail === undefined) this.#tails.set(name, (tail = new LogTail(join(this.#root, name))));
      for (const { k, r } of tail.read()) if (!entries.has(k)) entries.set(k, r);
    }
    return entries;
  }

  /** Many small builds leave many small segments: those that no live process can still be writing become one. */
  #mergeSegments(): void {
    const names = this.#segments().filter((name) => name !== this.#ownName && !isWriterAlive(name));
    if (names.length < segmentsBeforeMerge) return;
    const entries = new Map<Digest, ActionResult>();
    for (const name of names)
      for (const { k, r } of readLog<Entry>(join(this.#root, name)).lines) if (!entries.has(k)) entries.set(k, r);
    const merged = join(this.#root, `0-merged-${randomBytes(4).toString("hex")}.jsonl`);
    writeAtomic(merged, [...entries].map(([k, r]) => JSON.stringify({ k, r }) + "\n").join(""));
    for (const name of names) rmSync(join(this.#root, name), { force: true });
  }
}

/** Segments of other hosts (a cache on a shared disk) are theirs to merge: only here can a process be asked. */
function isWriterAlive(name: string): boolean {
  const [, pid, host] = name.split(/[-.]/);
  return pid !== "merged" && !hasEnded(`${host}-${pid}`);
}
