// The local action cache: action key → result. Each process appends to a segment of its own; all read all. It may be deleted at any time.

import { randomBytes } from "node:crypto";
import { closeSync, openSync, readdirSync, renameSync, rmSync, writeSync, type BigIntStats } from "node:fs";
import { join } from "node:path";
import type { ActionResult, Artifact } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import { AppendLog, forEachLine } from "../../util/append-log.ts";
import { isMissing, temporaryName } from "../../util/fs.ts";
import { hasEnded, hostTag } from "../../util/host.ts";
import { LineIndexBuilder } from "../../util/line-index.ts";
import { isSameStat, statOf, type FileClock } from "../../util/stat.ts";
import { DigestTable } from "./digest-table.ts";
import { indexFileOf, keepIndex, Segment, segmentEnding, type Entry } from "./segment.ts";
import { Uses } from "./uses.ts";

const segmentsBeforeMerge = 24;
/** A segment is read in one piece by builds, and no string may be longer than half a GiB. */
const mergedLength = 128 * 2 ** 20;
const pieceLength = 1 << 20;

export interface ActionCache {
  get(key: Digest): ActionResult | undefined;
  put(key: Digest, result: ActionResult): void;
  /** To be awaited before `get` is asked for these keys: others may have what this machine does not. */
  ahead(keys: readonly Digest[]): Promise<void>;
  /** The same of those of a fan-out's items that are `wanted`; `all` of them are in the order of their split. */
  aheadOfItems(all: readonly Digest[], wanted: readonly Digest[]): Promise<void>;
  /** To be awaited before content of the `wanted` ones of a fan-out's items is brought: others may have it together. `all`: in that order. */
  aheadOfContents(all: readonly Digest[], wanted: ReadonlySet<Digest>): Promise<void>;
  /** All items of a fan-out, in that order, have results: others are to find them together. */
  together(keys: readonly Digest[], at: number): void;
  /** Whether the content of a result that `get` gave lies with others, to be brought when it is needed. */
  isOffered(artifact: Artifact): boolean;
  /** The content of a result cannot be had after all: it is not given again. */
  withdraw(key: Digest): void;
  /** Notes that a result was taken from here, for collections. */
  noteUse(key: Digest, at: number): void;
  /** Reads what other processes have added since. */
  refresh(): void;
  /** `at`: the time, of uses that are noted now. */
  close(at: number): void;
}

export class LocalActionCache implements ActionCache {
  readonly #root: string;
  readonly #own: AppendLog<Entry>;
  readonly #uses: Uses;
  readonly #ownName = `${randomBytes(4).toString("hex")}-${process.pid}-${hostTag()}${segmentEnding}`;
  readonly #ownEntries = new Map<Digest, ActionResult>();
  readonly #ownIndex = new LineIndexBuilder();
  /** Segments of other processes, by name. */
  #others: Map<string, Segment> | undefined;
  readonly #clock: FileClock | undefined;
  /** The folder as it was before they were listed, and a tick of then. */
  #listed: { readonly stat: BigIntStats; readonly at: bigint } | undefined;

  /** `clock`: of the file system of `root`. Without it, every refresh lists the folder. */
  constructor(root: string, usesFolder: string, clock?: FileClock) {
    this.#root = root;
    this.#uses = new Uses(usesFolder);
    this.#clock = clock;
    this.#own = new AppendLog(join(root, this.#ownName));
  }

  /** The first of a key, by the names of segments, counts: for collections too. */
  get(key: Digest): ActionResult | undefined {
    for (const segment of this.#segments.values()) {
      const result = segment.get(key);
      if (result !== undefined) return result;
    }
    return this.#ownEntries.get(key);
  }

  /** The first published result stays: others may rely on it. */
  put(key: Digest, result: ActionResult): void {
    if (this.get(key) !== undefined) return;
    this.#ownEntries.set(key, result);
    this.#ownIndex.add(key, this.#own.append({ k: key, r: result }));
    this.#own.write();
  }

  ahead(): Promise<void> {
    return Promise.resolve();
  }

  aheadOfItems(): Promise<void> {
    return Promise.resolve();
  }

  aheadOfContents(): Promise<void> {
    return Promise.resolve();
  }

  together(): void {
    return;
  }

  isOffered(): boolean {
    return false;
  }

  /** A result of this machine's whose content is missing is a miss anyway. */
  withdraw(): void {
    return;
  }

  noteUse(key: Digest, at: number): void {
    this.#uses.note(key, at);
  }

  refresh(): void {
    if (this.#others === undefined) return;
    for (const segment of this.#others.values()) segment.refresh();
    // A build of ten thousand actions asks as often, and others that begin meanwhile are few.
    const { stat, at } = this.#listed ?? {};
    const now = stat === undefined ? undefined : statOf(this.#root);
    const isAsListed = now !== undefined && isSameStat(now, stat!) && !this.#clock!.isRacy(now, at!);
    if (!isAsListed) this.#others = this.#readOthers(this.#others);
  }

  close(at: number): void {
    this.#own.close();
    // Whoever reads it next need not read all of it.
    keepIndex(join(this.#root, this.#ownName), this.#ownIndex);
    this.#uses.close(at);
    for (const segment of this.#others?.values() ?? []) segment.close();
    // Many small builds leave many small segments.
    const names = endedSegments(this.#root).filter((name) => name !== this.#ownName);
    if (names.length >= segmentsBeforeMerge) mergeSegments(this.#root, names, () => true);
  }

  get #segments(): ReadonlyMap<string, Segment> {
    return (this.#others ??= this.#readOthers(new Map()));
  }

  /** One that was merged into another is still known: what it said stays true. */
  #readOthers(known: ReadonlyMap<string, Segment>): Map<string, Segment> {
    const stat = this.#clock === undefined ? undefined : statOf(this.#root);
    this.#listed = stat && { stat, at: this.#clock!.tickFor(stat) };
    const all = new Map(known);
    for (const name of segmentsOf(this.#root))
      if (name !== this.#ownName && !known.has(name)) all.set(name, new Segment(this.#root, name, isWriterAlive(name)));
    return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Every entry with its bytes on the disk. The first of a key is the one that counts; later ones come too. */
export function forEachEntry(root: string, take: (key: Digest, result: ActionResult, bytes: number) => void): void {
  for (const name of segmentsOf(root))
    forEachLine<Entry>(join(root, name), ({ k, r }, bytes) => {
      take(k, r, bytes);
    });
}

/** Segments that no live process can still be writing. */
export function endedSegments(root: string): string[] {
  return segmentsOf(root).filter((name) => !isWriterAlive(name));
}

/** Puts what `isKept` of ended segments into one (into several, when that would be too long); they go when it is whole. */
export function mergeSegments(
  root: string,
  names: readonly string[],
  isKept: (key: Digest, result: ActionResult) => boolean,
): void {
  const seen = new DigestTable();
  let merged: SegmentWriter | undefined;
  for (const name of names)
    forEachLine<Entry>(join(root, name), (entry) => {
      if (seen.has(entry.k) || !isKept(entry.k, entry.r)) return;
      seen.add(entry.k);
      merged ??= new SegmentWriter(join(root, `0-merged-${randomBytes(4).toString("hex")}.jsonl`));
      merged.add(entry);
      if (merged.length > mergedLength) merged = void merged.close();
    });
  merged?.close();
  for (const name of names)
    for (const file of [join(root, name), indexFileOf(join(root, name))]) rmSync(file, { force: true });
}

/** A segment that appears when it is whole. */
class SegmentWriter {
  length = 0;
  readonly #file: string;
  readonly #temporary: string;
  readonly #fd: number;
  #waiting = "";

  constructor(file: string) {
    this.#file = file;
    this.#temporary = temporaryName(file);
    this.#fd = openSync(this.#temporary, "wx");
  }

  add(entry: Entry): void {
    const line = JSON.stringify(entry) + "\n";
    this.#waiting += line;
    this.length += line.length;
    if (this.#waiting.length > pieceLength) this.#write();
  }

  close(): void {
    this.#write();
    closeSync(this.#fd);
    renameSync(this.#temporary, this.#file);
  }

  #write(): void {
    const bytes = Buffer.from(this.#waiting, "utf8");
    for (let written = 0; written < bytes.length;) written += writeSync(this.#fd, bytes, written);
    this.#waiting = "";
  }
}

function segmentsOf(root: string): string[] {
  try {
    return readdirSync(root)
      .filter((name) => name.endsWith(segmentEnding))
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Segments of other hosts (a cache on a shared disk) are theirs to merge: only here can a process be asked. */
function isWriterAlive(name: string): boolean {
  const [, pid, host] = name.split(/[-.]/);
  return pid !== "merged" && !hasEnded(`${host}-${pid}`);
}
