// Writes runs into one file that another machine can import: their folders, what of the archive their records name, and the content of their results.

import {
  closeSync,
  createReadStream,
  createWriteStream,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { BlobStore, FileDigests } from "../backends/store/store.ts";
import { Trace } from "../backends/store/trace.ts";
import type { TreeListing } from "../model/action.ts";
import { startDigest, type Digest } from "../model/digest.ts";
import { isMissing, listTree, syncFolder, temporaryName } from "../util/fs.ts";
import { statOf } from "../util/stat.ts";
import { tarEnd, tarHeader, tarPadding } from "../util/tar.ts";
import type { Archive } from "./archive.ts";
import {
  contentName,
  exportFormat,
  isPassing,
  manifestName,
  type ExportHead,
  type ExportLine,
} from "./export-format.ts";
import { whatIsMissing, type Missing } from "./missing.ts";
import { digestsInRecord, namedByRun } from "./roots.ts";
import type { RunFolder } from "./run.ts";
import { copyCalls, usedCalls } from "./used-calls.ts";

export interface ExportFrom {
  readonly root: string;
  readonly archiveFolder: string;
  readonly archive: Archive;
  readonly store: BlobStore;
  readonly digests: FileDigests;
}

export interface ExportOptions {
  readonly exp: string;
  readonly logs: boolean;
  readonly calls: boolean;
  readonly signal: AbortSignal;
}

export interface Exported {
  readonly runs: readonly string[];
  /** Bytes of the file, and of what is in it. */
  readonly size: number;
  readonly content: number;
  /** Files of the runs' folders, blobs, bundles, answers to paid calls. */
  readonly files: number;
  readonly blobs: number;
  readonly code: number;
  readonly calls: number;
  /** By run, results that do not say which calls they used: for their sake all of the project's were taken. */
  readonly silent: Readonly<Record<string, number>>;
  /** Answers that results used and that are nowhere any more. */
  readonly lostCalls: number;
  /** Contents of results that are nowhere any more, by run. */
  readonly lost: Readonly<Record<string, number>>;
  /** What results were made with and is in no archive any more, by run. */
  readonly missing: Readonly<Record<string, Missing>>;
}

type TakenCalls = Pick<Exported, "calls" | "silent" | "lostCalls">;

interface Content {
  readonly path: string;
  readonly size: number;
}

/** Whoever calls this holds the runs and the stores. */
export async function exportRuns(
  from: ExportFrom,
  runs: readonly RunFolder[],
  file: string,
  options: ExportOptions,
): Promise<Exported> {
  const gathered = new Gathering(from);
  for (const run of runs) gathered.takeRun(run, options.logs);
  const head: ExportHead = { exp_export: exportFormat, exp: options.exp, runs: runs.map(({ id }) => id) };
  const callsFile = temporaryName(file);
  let calls: TakenCalls = { calls: 0, silent: {}, lostCalls: 0 };
  try {
    if (options.calls) calls = gathered.takeCalls(runs, callsFile);
    await writeExport(file, head, gathered, options.signal);
  } finally {
    rmSync(callsFile, { force: true });
  }
  const { lines, lost, missing, contents } = gathered;
  const count = (kind: "file" | "blob" | "code") => lines.filter((line) => kind in line).length;
  return {
    runs: head.runs,
    size: Number(statOf(file)!.size),
    content: [...contents.values()].reduce((sum, { size }) => sum + size, 0),
    files: count("file"),
    blobs: count("blob"),
    code: count("code"),
    ...calls,
    lost,
    missing,
  };
}

class Gathering {
  readonly lines: ExportLine[] = [];
  readonly contents = new Map<Digest, Content>();
  readonly lost: Record<string, number> = {};
  readonly missing: Record<string, Missing> = {};
  readonly #from: ExportFrom;
  readonly #codes: ReadonlySet<string>;
  /** Digests whose blobs are taken. What one run has lost another may have at its place. */
  readonly #taken = new Set<Digest>();
  readonly #takenCodes = new Set<Digest>();

  constructor(from: ExportFrom) {
    this.#from = from;
    this.#codes = new Set(namesIn(from.archive.codeFolder));
  }

  takeRun(run: RunFolder, logs: boolean): void {
    const trace = new Trace(run.folder);
    const placed = new Map<Digest, Content>();
    for (const file of listTree(run.folder)) {
      const path = join(run.folder, file);
      // Links and pipes are nothing that exp has put there.
      if (isPassing(file) || (!logs && file.startsWith("logs/")) || !lstatSync(path).isFile()) continue;
      const found = this.#from.digests.digestOf(path);
      if (found === undefined) continue;
      placed.set(found.digest, { path, size: found.size });
      this.#add({ run: run.id, file, d: found.digest, s: found.size }, path);
    }
    const asked = new Set<Digest>();
    namedByRun(run.folder, (digest) => asked.add(digest));
    // What is added on the way is visited, too.
    for (const digest of asked)
      if (!this.#taken.has(digest)) this.#takeNamed(digest, trace, placed, (named) => asked.add(named));
    const lost = this.#lostOf(trace);
    if (lost > 0) this.lost[run.id] = lost;
    const missing = whatIsMissing(trace, {
      has: (digest) => this.#taken.has(digest),
      hasCode: (code) => this.#isCodeWhole(code),
      listingOf: (digest) => this.#listingOf(digest),
    });
    if (missing !== undefined) this.missing[run.id] = missing;
  }

  /** Its record is taken with what that names, and the closure with what it names: a part of a closure cannot be printed. */
  #isCodeWhole(code: Digest): boolean {
    let isWhole = this.#takenCodes.has(code);
    const look = (digest: Digest) => void (isWhole &&= this.#taken.has(digest));
    if (!isWhole) return false;
    const path = join(this.#from.archiveFolder, "code", `${code}.json`);
    digestsInRecord(path, look);
    const { closure } = JSON.parse(readFileSync(path, "utf8")) as { readonly closure: Digest };
    const packed = this.contents.get(closure);
    if (packed !== undefined) digestsInRecord(packed.path, look);
    return isWhole;
  }

  #listingOf(digest: Digest): TreeListing | undefined {
    const path = this.contents.get(digest)?.path;
    return path === undefined ? undefined : (JSON.parse(readFileSync(path, "utf8")) as TreeListing);
  }

  #lostOf(trace: Trace): number {
    const lost = new Set<Digest>();
    const look = (digest: Digest) => void (this.#taken.has(digest) || lost.add(digest));
    for (const [, { result }] of trace.results())
      for (const artifact of Object.values(result.outputs)) {
        if (artifact.kind === "absent" || (artifact.kind === "file" && artifact.text !== undefined)) continue;
        const { digest } = artifact.blob;
        look(digest);
        if (artifact.kind === "tree" && this.#taken.has(digest)) digestsInRecord(this.contents.get(digest)!.path, look);
      }
    return lost.size;
  }

  /** `file`: where they are put together until the export is written. */
  takeCalls(runs: readonly RunFolder[], file: string): TakenCalls {
    const used = runs.map(({ id, folder }) => ({ id, ...usedCalls(folder) }));
    const keys = new Set(used.flatMap((one) => [...one.keys]));
    const silent = Object.fromEntries(used.flatMap((one) => (one.silent > 0 ? [[one.id, one.silent]] : [])));
    const isSaid = Object.keys(silent).length === 0;
    const copied = copyCalls(join(this.#from.archiveFolder, "calls"), isSaid ? keys : undefined, file);
    if (copied.answers > 0) this.#add({ calls: true, d: copied.digest, s: copied.size }, file);
    return { calls: copied.answers, silent, lostCalls: [...keys].filter((key) => !copied.found.has(key)).length };
  }

  #takeNamed(digest: Digest, trace: Trace, placed: ReadonlyMap<Digest, Content>, take: (digest: Digest) => void): void {
    const { archive, store, digests, root } = this.#from;
    if (this.#codes.has(`${digest}.json`)) {
      const path = join(archive.codeFolder, `${digest}.json`);
      const record = digests.digestOf(path);
      if (record !== undefined && archive.hasBundle(digest)) {
        this.#takenCodes.add(digest);
        this.#add({ code: digest, d: record.digest, s: record.size }, path);
        digestsInRecord(path, take);
      }
    }
    const archived = archive.blobs.pathOf(digest);
    if (archived !== undefined) {
      this.#addBlob("archive", digest, archived);
      return digestsInRecord(archived, take);
    }
    const cached = store.pathOf(digest) ?? placed.get(digest)?.path;
    if (cached !== undefined) {
      this.#addBlob("cache", digest, cached);
      if (isListing(cached)) digestsInRecord(cached, take);
      return;
    }
    // A source that was too large for the archive, if it is still what it was.
    const source = trace.sourceOf(digest);
    const path = source === undefined ? undefined : join(root, source[2]);
    if (path !== undefined && digests.digestOf(path)?.digest === digest) this.#addBlob("archive", digest, path);
  }

  #addBlob(blob: "archive" | "cache", digest: Digest, path: string): void {
    this.#taken.add(digest);
    this.#add({ blob, d: digest, s: sizeOf(path) }, path);
  }

  #add(line: ExportLine, path: string): void {
    this.lines.push(line);
    this.contents.set(line.d, { path, size: line.s });
  }
}

async function writeExport(
  file: string,
  head: ExportHead,
  { lines, contents }: Gathering,
  signal: AbortSignal,
): Promise<void> {
  // Sorted, so that what is the same is the same bytes.
  const texts = lines.map((line) => JSON.stringify(line)).sort();
  const manifest = Buffer.from([JSON.stringify(head), ...texts, ""].join("\n"));
  const temporary = temporaryName(file);
  const pieces = async function* (): AsyncGenerator<Buffer> {
    yield tarHeader({ name: manifestName, size: manifest.length });
    yield manifest;
    yield tarPadding(manifest.length);
    for (const digest of [...contents.keys()].sort()) {
      const { path, size } = contents.get(digest)!;
      yield tarHeader({ name: contentName(digest), size });
      yield* contentOf(path, size, digest);
      yield tarPadding(size);
    }
    yield tarEnd;
  };
  try {
    await pipeline(Readable.from(pieces()), createGzip({ level: 6 }), createWriteStream(temporary, { flags: "wx" }), {
      signal,
    });
    const fd = openSync(temporary, "r");
    fsyncSync(fd);
    closeSync(fd);
    renameSync(temporary, file);
    syncFolder(dirname(file));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Small contents in one read: a stream for each would cost more than they are. */
const smallBytes = 1 << 16;

async function* contentOf(path: string, size: number, digest: Digest): AsyncGenerator<Buffer> {
  const running = startDigest();
  let sum = 0;
  const pieces: AsyncIterable<Buffer> | Iterable<Buffer> =
    size === 0
      ? []
      : size <= smallBytes
        ? [readFileSync(path).subarray(0, size)]
        : (createReadStream(path, { end: size - 1, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>);
  for await (const piece of pieces) {
    running.update(piece);
    sum += piece.length;
    yield piece;
  }
  if (sum !== size || running.end() !== digest) throw new ChangedMeanwhile(path);
}

export class ChangedMeanwhile extends Error {
  readonly file: string;
  constructor(file: string) {
    super(`${file} changed while it was exported`);
    this.file = file;
  }
}

/** Whether a blob may be the listing of a tree, whose files belong to it. */
function isListing(path: string): boolean {
  const start = Buffer.alloc(3);
  const fd = openSync(path, "r");
  try {
    return readSync(fd, start, 0, 3, 0) === 3 && start.toString("latin1") === '[["';
  } finally {
    closeSync(fd);
  }
}

function sizeOf(path: string): number {
  return Number(statOf(path)?.size ?? 0n);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
