// Takes in what `exp runs export` wrote. Everything is unpacked aside and held to its digest first; then blobs go into their stores, and last the runs
// appear under their names. Whoever wrote the file is trusted with the code in it, as with any code, and with nothing else.

import {
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { createGunzip } from "node:zlib";
import type { BlobStore } from "../backends/store/store.ts";
import { startDigest, type Digest } from "../model/digest.ts";
import { callKey } from "../planning/fingerprint/call-key.ts";
import { AppendLog, forEachLine } from "../util/append-log.ts";
import { copyNew, hasCode, isMissing, syncAll, syncFolder } from "../util/fs.ts";
import { hasEnded, processTag } from "../util/host.ts";
import { BadTar, TarReader } from "../util/tar.ts";
import type { Archive } from "./archive.ts";
import { callFiles, type CallLine } from "./calls.ts";
import {
  BadExport,
  contentName,
  manifestName,
  parseHead,
  parseLine,
  type ExportHead,
  type ExportLine,
} from "./export-format.ts";
import { RunFolder, UnreadableRun } from "./run.ts";

const stagingPrefix = ".importing-";
/** A list of some millions of contents; more is not held in memory for a file that may lie. */
const largestManifest = 2 ** 29;

export interface ImportInto {
  readonly runsFolder: string;
  readonly archiveFolder: string;
  readonly archive: Archive;
  readonly store: BlobStore;
}

export interface ImportOptions {
  /** Another name for the run; then there may be only one in the file. */
  readonly as: string | undefined;
  readonly signal: AbortSignal;
}

export interface Imported {
  readonly runs: readonly string[];
  readonly files: number;
  readonly blobs: number;
  readonly code: number;
  /** Answers to paid calls that were not remembered here. */
  readonly calls: number;
}

/** Throws `BadExport`, before anything has appeared. Whoever calls this holds the stores. */
export async function importRuns(into: ImportInto, file: string, { as, signal }: ImportOptions): Promise<Imported> {
  mkdirSync(into.runsFolder, { recursive: true });
  sweepImports(into.runsFolder);
  const staging = join(into.runsFolder, `${stagingPrefix}${processTag()}`);
  try {
    const { head, lines } = await unpack(file, staging, signal, (runs) => checkNames(into.runsFolder, runs, as));
    const named = (run: string) => as ?? run;
    const runFolders = head.runs.map((run) => new RunFolder(join(staging, "runs"), named(run)));
    const content = (digest: Digest) => join(staging, contentName(digest));
    await placeFiles(lines, content, (line) => join(staging, "runs", named(line.run), line.file));
    for (const folder of runFolders) checkRun(folder);
    const calls = await takeCalls(into, lines, content);
    await placeBlobs(into, lines, content);
    for (const folder of runFolders) {
      try {
        renameSync(folder.folder, join(into.runsFolder, folder.id));
      } catch (error) {
        // Somebody was quicker.
        if (hasCode(error, "ENOTEMPTY") || hasCode(error, "EEXIST")) throw new BadExport(alreadyThere(folder.id));
        throw error;
      }
    }
    syncFolder(into.runsFolder);
    const count = (kind: "file" | "blob" | "code") => lines.filter((line) => kind in line).length;
    return { runs: head.runs.map(named), files: count("file"), blobs: count("blob"), code: count("code"), calls };
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** What the file holds of runs, once it is known that they may come. */
interface Unpacked {
  readonly head: ExportHead;
  readonly lines: readonly ExportLine[];
}

async function unpack(
  file: string,
  staging: string,
  signal: AbortSignal,
  onHead: (runs: readonly string[]) => void,
): Promise<Unpacked> {
  const source = createReadStream(file, { signal });
  const unzipped = createGunzip({ chunkSize: 1 << 18 });
  source.once("error", (error) => unzipped.destroy(error));
  source.pipe(unzipped);
  try {
    const tar = new TarReader(unzipped as AsyncIterable<Buffer>);
    const first = await tar.next();
    if (first?.name !== manifestName) throw new BadExport("was not written by exp runs export");
    if (first.size > largestManifest) throw new BadExport("has a manifest larger than 512 MiB");
    const { head, lines } = await readManifest(tar, onHead);
    const sizes = sizesOf(lines);
    mkdirSync(join(staging, "content"), { recursive: true });
    checkRoom(staging, sizes);
    const open = new Map([...sizes].map(([digest, size]) => [contentName(digest), { digest, size }]));
    for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
      const expected = open.get(entry.name);
      if (expected === undefined)
        throw new BadExport(`holds what its manifest does not name: ${JSON.stringify(entry.name)}`);
      open.delete(entry.name);
      if (entry.size !== expected.size) throw new BadExport(`lies about a size: ${entry.name}`);
      await unpackOne(tar, join(staging, entry.name), expected.digest);
    }
    const [missing] = open.keys();
    if (missing !== undefined) throw new BadExport(`is not whole: ${missing} is missing`);
    return { head, lines };
  } catch (error) {
    if (error instanceof BadTar) throw new BadExport(error.message);
    if (error instanceof Error && (error as NodeJS.ErrnoException).code?.startsWith("Z_") === true)
      throw new BadExport(hasCode(error, "Z_BUF_ERROR") ? "is cut short" : "is damaged, or no file of exp runs export");
    throw error;
  } finally {
    source.destroy();
    unzipped.destroy();
  }
}

async function readManifest(tar: TarReader, onHead: (runs: readonly string[]) => void): Promise<Unpacked> {
  let head: ExportHead | undefined;
  const lines: ExportLine[] = [];
  const take = (text: string) => {
    if (head !== undefined) return void lines.push(parseLine(text, head.runs));
    head = parseHead(text);
    onHead(head.runs);
  };
  let rest: Buffer[] = [];
  for await (const piece of tar.content()) {
    const end = piece.lastIndexOf(0x0a) + 1;
    if (end > 0) {
      const whole = Buffer.concat([...rest, piece.subarray(0, end - 1)]).toString("utf8");
      rest = [];
      for (const line of whole.split("\n")) take(line);
    }
    rest.push(Buffer.from(piece.subarray(end)));
  }
  if (head === undefined || rest.some(({ length }) => length > 0))
    throw new BadExport("is damaged: its manifest is not whole");
  const files = lines.flatMap((line) => ("file" in line ? [`${line.run}/${line.file}`] : []));
  if (new Set(files).size < files.length) throw new BadExport("names a file of a run twice");
  return { head, lines };
}

function sizesOf(lines: readonly ExportLine[]): ReadonlyMap<Digest, number> {
  const sizes = new Map<Digest, number>();
  for (const { d, s } of lines) {
    if ((sizes.get(d) ?? s) !== s) throw new BadExport(`names two sizes of one content: ${d}`);
    sizes.set(d, s);
  }
  return sizes;
}

/** Before a file that claims to be huge fills the disk. */
function checkRoom(folder: string, sizes: ReadonlyMap<Digest, number>): void {
  const needed = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const { bavail, bsize } = statfsSync(folder);
  if (needed > bavail * bsize)
    throw new BadExport(`holds ${needed} bytes, and the disk has room for ${bavail * bsize}: make room first`);
}

async function unpackOne(tar: TarReader, path: string, digest: Digest): Promise<void> {
  const running = startDigest();
  const fd = openSync(path, "wx");
  try {
    for await (const piece of tar.content()) {
      running.update(piece);
      for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at);
    }
  } finally {
    closeSync(fd);
  }
  if (running.end() !== digest)
    throw new BadExport(`is damaged: the content of ${contentName(digest)} is not what its name says`);
}

function checkNames(runsFolder: string, runs: readonly string[], as: string | undefined): void {
  if (as !== undefined && runs.length > 1)
    throw new BadExport(`holds ${runs.length} runs (${runs.join(", ")}), and --as names one: import it without --as`);
  const there = runs.map((run) => as ?? run).find((run) => existsSync(join(runsFolder, run)));
  if (there !== undefined) throw new BadExport(alreadyThere(there));
}

function alreadyThere(run: string): string {
  return `holds the run "${run}", and there is one already: name it anew with --as NAME, or remove the other (exp runs rm ${run})`;
}

async function placeFiles(
  lines: readonly ExportLine[],
  content: (digest: Digest) => string,
  placeOf: (line: Extract<ExportLine, { file: string }>) => string,
): Promise<void> {
  const places: string[] = [];
  for (const line of lines) {
    if (!("file" in line)) continue;
    const place = placeOf(line);
    try {
      mkdirSync(dirname(place), { recursive: true });
      copyNew(content(line.d), place);
    } catch (error) {
      if (["EEXIST", "ENOTDIR", "EISDIR"].some((code) => hasCode(error, code)))
        throw new BadExport(`names a file below a file: ${JSON.stringify(line.file)}`);
      throw error;
    }
    places.push(place);
  }
  await syncAll(places);
}

/** That what appears as a run is one that this exp can read, under the name that it gets. */
function checkRun(folder: RunFolder): void {
  try {
    const state = folder.load();
    if (state === undefined) throw new BadExport(`holds no record of the run "${folder.id}"`);
    if (state.run !== folder.id) folder.save({ ...state, run: folder.id });
  } catch (error) {
    if (!(error instanceof UnreadableRun)) throw error;
    // Where it was staged for a moment tells nobody anything.
    const [, why] = error.message.split(" cannot be read: ");
    throw new BadExport(`holds the run "${folder.id}", whose run.yaml cannot be read: ${why ?? error.message}`);
  }
}

async function placeBlobs(
  { archive, store }: ImportInto,
  lines: readonly ExportLine[],
  content: (digest: Digest) => string,
): Promise<void> {
  // Read first: a blob takes its file away.
  const records = lines.flatMap((line) =>
    "code" in line ? [[line.code, readFileSync(content(line.d), "utf8")] as const] : [],
  );
  const put: Record<"archive" | "cache", Digest[]> = { archive: [], cache: [] };
  const stores = { archive: archive.blobs, cache: store };
  const moved = new Set<Digest>();
  for (const line of lines) {
    if (!("blob" in line) || moved.has(line.d)) continue;
    stores[line.blob].putFile(content(line.d), { move: true, known: { digest: line.d, size: line.s }, durable: false });
    moved.add(line.d);
    put[line.blob].push(line.d);
  }
  await archive.blobs.sync(put.archive);
  await store.sync(put.cache);
  for (const [code, text] of records) archive.adoptBundle(code, text);
}

/**
 * Answers that this project has already stay as they are: its own results rest on them. Of a call that it has not, all come: a run from which earlier
 * answers are hidden rests on a later one.
 */
async function takeCalls(
  { archiveFolder }: ImportInto,
  lines: readonly ExportLine[],
  content: (digest: Digest) => string,
): Promise<number> {
  const logs = lines.filter((line) => "calls" in line);
  if (logs.length === 0) return 0;
  const folder = join(archiveFolder, "calls");
  const known = new Set<Digest>();
  for (const name of callFiles(folder)) forEachLine<CallLine>(join(folder, name), ({ k }) => known.add(k));
  const answers = new Set<string>();
  const log = new AppendLog<CallLine>(join(folder, `imported-${randomBytes(8).toString("hex")}.jsonl`));
  let taken = 0;
  try {
    for (const { d } of logs)
      forEachLine<CallLine>(content(d), (line) => {
        const answer = `${line.k} ${line.at}`;
        if (known.has(line.k) || answers.has(answer) || line.k !== callKey(line.request, line.draw)) return;
        answers.add(answer);
        log.append(line);
        taken += 1;
        if (taken % 1_000 === 0) log.write();
      });
    if (taken > 0) await log.commit();
  } finally {
    log.close();
  }
  return taken;
}

/** What is left of imports that were broken off. */
export function sweepImports(runsFolder: string): void {
  for (const name of namesIn(runsFolder))
    if (name.startsWith(stagingPrefix) && hasEnded(name.slice(stagingPrefix.length)))
      rmSync(join(runsFolder, name), { recursive: true, force: true });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
