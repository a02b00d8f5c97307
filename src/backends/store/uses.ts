// When results were last taken from the cache: a log of its own, because touching blobs would disturb their stats. A segment for each
// process; what a crash loses of it makes something look older than it is, and no more.

import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../model/digest.ts";
import { AppendLog, forEachLine } from "../../util/append-log.ts";
import { isMissing, writeAtomic } from "../../util/fs.ts";
import { hasEnded, processTag } from "../../util/host.ts";

interface UseLine {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Action keys. */
  readonly k: readonly Digest[];
}

const keysInLine = 1000;

export class Uses {
  readonly #log: AppendLog<UseLine>;
  #keys: Digest[] = [];

  constructor(folder: string) {
    this.#log = new AppendLog(join(folder, `${processTag()}-${randomBytes(4).toString("hex")}.jsonl`));
  }

  note(key: Digest, at: number): void {
    this.#keys.push(key);
    if (this.#keys.length === keysInLine) this.#flush(at);
  }

  close(at: number): void {
    if (this.#keys.length > 0) this.#flush(at);
    this.#log.close();
  }

  #flush(at: number): void {
    this.#log.append({ at, k: this.#keys });
    this.#keys = [];
  }
}

export function forEachUse(folder: string, take: (key: Digest, at: number) => void): void {
  for (const name of segmentsOf(folder))
    forEachLine<UseLine>(join(folder, name), ({ at, k }) => {
      for (const key of k) take(key, at);
    });
}

/** Segments that nobody writes any more become one: the last use of each key that `isKept`. */
export function mergeUses(folder: string, isKept: (key: Digest) => boolean): void {
  const ended = segmentsOf(folder).filter((name) => name.startsWith("merged") || hasEnded(name));
  if (ended.length < 2) return;
  const last = new Map<Digest, number>();
  for (const name of ended)
    forEachLine<UseLine>(join(folder, name), ({ at, k }) => {
      for (const key of k) if (isKept(key)) last.set(key, Math.max(at, last.get(key) ?? 0));
    });
  const byTime = new Map<number, Digest[]>();
  for (const [key, at] of last) {
    const keys = byTime.get(at);
    if (keys === undefined) byTime.set(at, [key]);
    else keys.push(key);
  }
  const lines = [...byTime].map(([at, k]) => JSON.stringify({ at, k } satisfies UseLine) + "\n");
  writeAtomic(join(folder, `merged-${randomBytes(4).toString("hex")}.jsonl`), lines.join(""));
  for (const name of ended) rmSync(join(folder, name), { force: true });
}

function segmentsOf(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
