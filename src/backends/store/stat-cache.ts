// Remembers the digest of files by their stat, for files anywhere. A fact once true stays true, so writers need no lock.
// stat → xxhash → SHA-256: a file of 1 MiB and more that was touched is first compared by xxhash, three times faster.

import { renameSync, rmSync, statSync, writeFileSync, type BigIntStats } from "node:fs";
import { join } from "node:path";
import type { BlobRef, Digest } from "../../model/digest.ts";
import { AppendLog, forEachLine, parseLine, readTextLines } from "../../util/append-log.ts";
import { isMissing, removeFile, temporaryName, writeAtomic } from "../../util/fs.ts";
import { LineIndex, LineIndexBuilder } from "../../util/line-index.ts";
import { FileClock, isStill, statOf, statText, type StatText } from "../../util/stat.ts";
import { batchFiles, HashingApart, unseenTerms, type ToHash } from "./hash-apart.ts";
import { hashFile, hashResting, isQuicklySame, quickFromBytes, type HashedFile, type Xxhash } from "./hash-file.ts";
import type { HashPool } from "./hash-pool.ts";
import type { FileDigests, FoundFile } from "./store.ts";

interface Known {
  /** Path. */
  readonly p: string;
  readonly s: StatText;
  readonly d: Digest;
  /** 1: hashed within the clock's tick of its last change; to be hashed again. */
  readonly r?: 1;
  /** xxhash64 of each piece of a file of 1 MiB and more, hex, joined by `.`. */
  readonly x?: string;
}

type Unhashed = Omit<ToHash, "path">;

/** Below this, threads take longer to start than hashing takes: as many milliseconds here, and in the threads together. */
const worthThreadsMs = 150;
const msPerFile = 0.018;
const bytesPerMs = 1.2e6;

/** Of fewer, the looks that are saved are not worth the words. */
const manyFiles = 1_000;

/** Fewer lines are read as quickly as an index. */
const worthIndexing = 4_000;
/** When so large a part of the log came after its index, that is written anew; a build that was killed has not, and then all of the log is read. */
const missingPart = 1 / 4;

export class StatCache implements FileDigests {
  readonly #file: string;
  readonly #indexFile: string;
  readonly #log: AppendLog<Known>;
  readonly #clock: FileClock;
  readonly #xxhash: Xxhash | undefined;
  readonly #pool: HashPool | undefined;
  /** By path, what is known or the line that says it: of ten thousand files a build asks for a few. */
  #known: Map<string, Known | string> | undefined;
  /** What is not in `#known` may be here. */
  #index: LineIndex | undefined;
  /** Lines that it lacks. */
  readonly #news = new LineIndexBuilder();
  /** How many bytes of the log have been read. */
  #read = 0;
  #lines = 0;

  constructor(folder: string, xxhash: Xxhash | undefined, pool?: HashPool) {
    this.#file = join(folder, "stats.jsonl");
    this.#indexFile = join(folder, "stats.index");
    this.#log = new AppendLog(this.#file);
    this.#clock = new FileClock(join(folder, ".clock"));
    this.#xxhash = xxhash;
    this.#pool = pool;
  }

  get clock(): FileClock {
    return this.#clock;
  }

  digestOf(path: string, stat = statOf(path)): BlobRef | undefined {
    if (stat === undefined || !stat.isFile()) return undefined;
    const digest = this.digestSeen(path, statText(stat));
    return digest === undefined ? this.#tryHash(path, this.#knownOf(path), stat) : { digest, size: Number(stat.size) };
  }

  /** What `path` held when it was last looked at, if its stat was this one and proves it. */
  digestSeen(path: string, seen: StatText): Digest | undefined {
    const known = this.#knownOf(path);
    return known !== undefined && known.r === undefined && known.s === seen ? known.d : undefined;
  }

  #tryHash(path: string, known: Known | undefined, stat: BigIntStats): FoundFile | undefined {
    try {
      return this.#hash(path, known, stat);
    } catch (error) {
      if (isMissing(error)) return undefined; // Deleted between the look and the reading.
      throw error;
    }
  }

  /**
   * The digests of many files, with the stats for which they hold; without those that are no files. Where there is much to hash, several threads do it
   * beside this one. `isPlain`: of what was just seen to be a plain file, and may be opened to see the rest.
   */
  async digestsOf(
    paths: readonly string[],
    isPlain: (path: string) => boolean = () => false,
  ): Promise<ReadonlyMap<string, FoundFile>> {
    const found = new Map<string, FoundFile>();
    const all = new Set(paths);
    if (all.size >= manyFiles) await this.#hashUnseen([...all].filter(isPlain), found);
    const unknown = new Map<string, Unhashed>();
    let apart: HashingApart | undefined;
    let [looked, ms] = [0, 0];
    const handOver = (pool: HashPool) => {
      const hashing = this.#apart(pool, (path, file) => {
        unknown.delete(path);
        found.set(path, file);
      });
      for (const [path, file] of unknown) hashing.add({ path, ...file });
      return hashing;
    };
    for (const path of all) {
      looked++;
      if (found.has(path)) continue;
      const stat = statOf(path);
      if (stat?.isFile() !== true) continue;
      const seen = statText(stat);
      const digest = this.digestSeen(path, seen);
      if (digest !== undefined) {
        found.set(path, { digest, size: Number(stat.size), seen });
        continue;
      }
      const known = this.#knownOf(path);
      const file = { stat, known: known?.x === undefined ? undefined : { digest: known.d, quick: known.x } };
      unknown.set(path, file);
      apart?.add({ path, ...file });
      ms += msPerFile + Number(stat.size) / bytesPerMs;
      // What has been looked at tells how much there will be: threads need not wait for the last of ten thousand looks.
      const isMuch =
        apart === undefined && unknown.size % batchFiles === 0 && (ms * all.size) / looked >= worthThreadsMs;
      if (isMuch && this.#pool !== undefined) apart = handOver(this.#pool);
    }
    if (apart === undefined && this.#pool !== undefined && ms >= worthThreadsMs) apart = handOver(this.#pool);
    await apart?.done();
    for (const [path, { stat }] of unknown) {
      const one = this.#tryHash(path, this.#knownOf(path), stat);
      if (one !== undefined) found.set(path, one);
    }
    return found;
  }

  /** Many files of which nothing is known: a look at each before it is opened would tell nothing. */
  async #hashUnseen(paths: readonly string[], found: Map<string, FoundFile>): Promise<void> {
    const unseen = paths.filter((path) => this.#knownOf(path) === undefined);
    if (unseen.length < manyFiles) return;
    if (this.#pool !== undefined && unseen.length * msPerFile >= worthThreadsMs) {
      const apart = this.#apart(this.#pool, (path, file) => found.set(path, file));
      apart.addUnseen(unseen);
      return apart.done();
    }
    const terms = unseenTerms(this.#clock);
    for (let i = 0; i < unseen.length; i++) {
      const path = unseen[i]!;
      const hashed = hashResting(path, terms, undefined);
      if (hashed !== undefined) found.set(path, this.#learn(path, hashed));
      // Others get their turn.
      if (i % batchFiles === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #apart(pool: HashPool, onFound: (path: string, file: FoundFile) => void): HashingApart {
    const means = { pool, clock: this.#clock, xxhash: this.#xxhash };
    return new HashingApart(means, (path, hashed) => onFound(path, this.#learn(path, hashed)));
  }

  /** Whether the last answer for `path` is to be taken with care: it was hashed within the tick of its last change. */
  isRacy(path: string): boolean {
    return this.#knownOf(path)?.r === 1;
  }

  /** The stat for which the last answer held. */
  statTextOf(path: string): StatText | undefined {
    return this.#knownOf(path)?.s;
  }

  /**
   * Takes the word of whoever wrote the file (a worker, this process) that it holds `digest`, if it still has the stat that they saw. `past`: the time of
   * the clock that they gave it.
   */
  note(path: string, digest: Digest, seen: StatText, stat = statOf(path), past?: number): void {
    if (stat === undefined || statText(stat) !== seen) return;
    if (this.#clock.hasTime(stat, past)) return this.#remember({ p: path, s: seen, d: digest });
    const at = this.#clock.tickFor(stat);
    this.#remember({ p: path, s: seen, d: digest, ...(this.#clock.isRacy(stat, at) && { r: 1 as const }) });
  }

  close(): void {
    const isCompact = this.#compact();
    this.#log.close();
    if (!isCompact) this.#keepIndex();
    this.#index?.close();
    this.#clock.close();
  }

  #hash(path: string, known: Known | undefined, first: BigIntStats): FoundFile | undefined {
    for (let stat: BigIntStats | undefined = first, tries = 0; ; stat = statOf(path), tries++) {
      if (stat?.isFile() !== true) return undefined;
      // What changes from here on is racy by this tick.
      const at = this.#clock.tickFor(stat);
      const isRacy = this.#clock.isRacy(stat, at);
      const size = Number(stat.size);
      const seen = statText(stat);
      if (known?.x !== undefined && this.#xxhash !== undefined && size >= quickFromBytes) {
        const isSame = isQuicklySame(path, size, known.x, this.#xxhash);
        if (isSame && isStill(path, seen))
          return this.#learn(path, { seen, size, digest: known.d, quick: known.x, isRacy });
      }
      const made = hashFile(path, this.#xxhash);
      if (made === undefined) return undefined;
      // Edited while it was read: read it again; a file that never rests is taken as it was read, and as racy.
      if (!made.rested && tries < 3) continue;
      const own = { seen: statText(made.stat), size: Number(made.stat.size) };
      return this.#learn(path, { ...made, ...own, isRacy: !made.rested || this.#clock.isRacy(made.stat, at) });
    }
  }

  #learn(path: string, { seen, size, digest, quick, isRacy }: HashedFile): FoundFile {
    const known = { p: path, s: seen, d: digest };
    // Of ten thousand files, most are neither.
    const isPlain = !isRacy && quick === undefined;
    this.#remember(
      isPlain ? known : { ...known, ...(isRacy && { r: 1 as const }), ...(quick !== undefined && { x: quick }) },
    );
    return { digest, size, seen };
  }

  #remember(known: Known): void {
    this.#load().set(known.p, known);
    this.#news.add(known.p, this.#log.append(known));
    this.#lines++;
  }

  #knownOf(path: string): Known | undefined {
    const all = this.#load();
    const known = all.get(path) ?? this.#lineOf(path);
    if (typeof known !== "string") return known;
    const parsed = parseLine<Known>(known);
    if (parsed === undefined) all.delete(path);
    else all.set(path, parsed);
    return parsed;
  }

  #load(): Map<string, Known | string> {
    if (this.#known !== undefined) return this.#known;
    this.#known = new Map();
    this.#index = this.#openIndex();
    for (const { text, offset } of readTextLines(this.#file, this.#index?.end)) {
      this.#lines++;
      this.#read = offset + Buffer.byteLength(text) + 1;
      const path = pathAtFront(text) ?? parseLine<Known>(text)?.p;
      // A line that was torn makes its file be hashed again.
      if (path === undefined) continue;
      this.#known.set(path, text);
      this.#news.add(path, offset);
    }
    return this.#known;
  }

  #openIndex(): LineIndex | undefined {
    const index = LineIndex.open(this.#indexFile, this.#file);
    if (index === undefined) return undefined;
    const size = statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
    if (size - index.end <= size * missingPart) return index;
    index.close();
    return undefined;
  }

  /** The last one. */
  #lineOf(path: string): string | undefined {
    if (this.#index === undefined) return undefined;
    for (const offset of this.#index.offsetsOf(path).toReversed()) {
      const text = this.#index.lineAt(offset);
      if ((pathAtFront(text) ?? parseLine<Known>(text)?.p) === path) return text;
    }
    return undefined;
  }

  #keepIndex(): void {
    const known = this.#index?.size ?? 0;
    const news = this.#news.size;
    if (known + news < worthIndexing || news < known * missingPart) return;
    const end = this.#log.end ?? this.#read;
    // Another build has written to it meanwhile: where its lines lie is not known, and not for sure where ours do.
    if (statSync(this.#file, { throwIfNoEntry: false })?.size !== end) return;
    // Without an index, the next build reads all of the log, and writes it anew.
    if (isWorthCompacting(known + news, this.#countPaths())) removeFile(this.#indexFile);
    else this.#news.save(this.#indexFile, this.#file, { earlier: this.#index, end });
  }

  #countPaths(): number {
    if (this.#index === undefined) return this.#known!.size;
    const paths = new Set<number>();
    for (const one of [this.#index, this.#news]) one.forEach((hash) => paths.add(hash));
    return paths.size;
  }

  /** Whether it was written anew. Who goes by an index does not know how many lines say nothing any more. */
  #compact(): boolean {
    if (this.#known === undefined || this.#index !== undefined) return false;
    if (!isWorthCompacting(this.#lines, this.#known.size)) return false;
    this.#log.close();
    // Two builds may do this at once: whole files, or lines of both would be mixed.
    writeAtomic(
      this.#file,
      [...this.#known.keys()]
        .flatMap((path) => this.#knownOf(path) ?? [])
        .map((known) => JSON.stringify(known) + "\n")
        .join(""),
    );
    return true;
  }
}

function isWorthCompacting(lines: number, paths: number): boolean {
  return lines >= 1000 && lines >= 3 * paths;
}

const front = '{"p":"';

/** The path of a line as this file writes it; undefined where it is not written as it is. */
function pathAtFront(text: string): string | undefined {
  const end = text.indexOf('"', front.length);
  const path = text.startsWith(front) ? text.slice(front.length, end) : "\\";
  return path.includes("\\") ? undefined : path;
}

/** Worth rewriting from here on. */
const longBytes = 1 << 20;

/**
 * Leaves out facts about files that are gone or are not as they were. One that is written meanwhile may be lost: the file is then hashed once
 * more.
 */
export function compactStats(folder: string): void {
  const file = join(folder, "stats.jsonl");
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < longBytes) return;
  const temporary = temporaryName(file);
  const log = new AppendLog<Known>(temporary);
  let waiting = 0;
  try {
    // A log makes its file with its first line, and it may be that nothing stays: the project was moved.
    writeFileSync(temporary, "", { flag: "wx" });
    forEachLine<Known>(file, (known) => {
      const stat = statOf(known.p);
      // An xxhash helps a file that was only touched, too.
      if (stat === undefined || (known.x === undefined && known.s !== statText(stat))) return;
      log.append(known);
      if (++waiting % 1000 === 0) log.write();
    });
    log.close();
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
}
