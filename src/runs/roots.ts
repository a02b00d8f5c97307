// What runs keep from being collected. Two kinds: results, by what the runs stand on; and whatever their records name, for the archive.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { submissionsOf } from "../backends/executors/remote/submission.ts";
import { DigestTable } from "../backends/store/digest-table.ts";
import { TraceIndex } from "../backends/store/trace-index.ts";
import type { TraceLine } from "../backends/store/trace-lines.ts";
import { refuseNewer } from "../backends/store/trace-known.ts";
import type { ActionResult } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import { forEachLine } from "../util/append-log.ts";
import { isMissing, readPieces } from "../util/fs.ts";
import { statOf, statText } from "../util/stat.ts";
import { pinFile, readPin } from "./pin.ts";
import { presentItems, type ReadText } from "./present-items.ts";

/** A result that a run has in its trace. */
export interface RunResult {
  /** Its action key. */
  readonly key: Digest;
  readonly result: ActionResult;
  /** Whether the run stands on it, or is on its way to. */
  readonly isReached: boolean;
  /** Until when the run stood on it, as far as that is known. */
  readonly usedUntil: number;
}

/** Every run's folder by name. A run may be a link to another disk: overlooked, it would lose what it stands on. */
export function runFolders(runsFolder: string): ReadonlyMap<string, string> {
  const names = namesIn(runsFolder).filter((name) => !name.startsWith("."));
  const folders = names.map((name) => [name, join(runsFolder, name)] as const);
  return new Map(folders.filter(([, folder]) => statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true));
}

/** Changes whenever what a run reaches may have changed. */
export function stateOfRun(runFolder: string): string {
  return [join(runFolder, "trace", "trace.jsonl"), pinFile(runFolder)]
    .map((file) => statOf(file))
    .map((stat) => (stat === undefined ? "" : statText(stat)))
    .join();
}

/**
 * A run reaches what its targets stand on now, and what was made since: a fan-out that was interrupted half-way stands on nothing yet. A pinned run
 * reaches everything that it ever made.
 */
export function forEachResultOfRun(runFolder: string, readText: ReadText, take: (result: RunResult) => void): void {
  if (readPin(runFolder) !== undefined) return forEachResultEver(runFolder, take);
  const trace = new TraceIndex(runFolder);
  const present = new DigestTable();
  /** Templates of which all items count, because it cannot be told which. */
  const presentTemplates = new Set<Digest>();
  const lastBuild = new Map<string, number>();
  const usedUntil = new Map<Digest, number>();
  for (const target of trace.targets()) {
    const standing = trace.standingOf(target);
    lastBuild.set(target, standing.at(-1)!.build);
    for (const [i, one] of standing.entries()) {
      const next = standing[i + 1];
      const keys = [one.core, ...(one.split === undefined ? [] : [one.split])];
      if (next !== undefined) {
        for (const key of [...keys, ...one.templates]) usedUntil.set(key, Math.max(next.at, usedUntil.get(key) ?? 0));
        continue;
      }
      for (const key of keys) present.add(key);
      const items = one.templates.length === 0 ? [] : presentItems(trace, one, readText);
      for (const { cores } of items ?? []) for (const core of cores) present.add(core);
      if (items === undefined) for (const template of one.templates) presentTemplates.add(template);
    }
  }
  trace.forEachResult(({ core, target, key, result, build, template }) => {
    const isPresent = present.has(core) || (template !== undefined && presentTemplates.has(template));
    const isReached = isPresent || build >= (lastBuild.get(target) ?? 0);
    take({ key, result, isReached, usedUntil: Math.max(result.at, usedUntil.get(template ?? core) ?? 0) });
  });
}

function forEachResultEver(runFolder: string, take: (result: RunResult) => void): void {
  const file = join(runFolder, "trace", "trace.jsonl");
  forEachLine<TraceLine>(file, (line) => {
    if ("v" in line) refuseNewer(line.v, file);
    if ("r" in line) take({ key: line.k, result: line.r, isReached: true, usedUntil: line.r.at });
  });
}

/**
 * Every digest in the records of a run: its trace, its history, its config. Taken by its looks, not by the meaning of fields: what a later
 * exp writes down about a run keeps what it names as well.
 */
export function namedByRun(runFolder: string, take: (digest: Digest) => void): void {
  for (const file of recordsOfRun(runFolder)) digestsInFile(file, take);
}

/** Content that work elsewhere reads, or has made and nobody has taken in yet. */
export function namedBySubmissions(runFolder: string, take: (digest: Digest) => void): void {
  for (const { path } of submissionsOf(runFolder))
    for (const part of ["orders", "results"])
      for (const name of namesIn(join(path, part))) digestsInFile(join(path, part, name), take);
}

export function recordsOfRun(runFolder: string): readonly string[] {
  const folders = [runFolder, join(runFolder, "trace")];
  return folders
    .flatMap((folder) => namesIn(folder).map((name) => join(folder, name)))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true);
}

/** What the archive's own records name, beside bundles and blobs: aliases, paid calls. */
export function namedByArchive(archiveFolder: string, take: (digest: Digest) => void): void {
  const walk = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else digestsInFile(path, take);
    }
  };
  for (const name of namesIn(archiveFolder)) {
    if (name === "blobs" || name === "code") continue;
    const path = join(archiveFolder, name);
    if (statSync(path).isDirectory()) walk(path);
    else digestsInFile(path, take);
  }
}

const digestLength = 64;
const largestRecord = 64 * 2 ** 20;

/** What a blob names, if it is a record: a closure, the listing of a tree. */
export function digestsInRecord(file: string, take: (digest: Digest) => void): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size < digestLength || size > largestRecord) return;
  const bytes = readFileSync(file);
  if (bytes[0] === 0x7b || bytes[0] === 0x5b) digestsIn(bytes.toString("latin1"), take);
}

export function digestsInFile(file: string, take: (digest: Digest) => void): void {
  let rest = "";
  try {
    readPieces(file, (piece) => {
      const text = rest + piece.toString("latin1");
      digestsIn(text, take);
      rest = text.slice(-(digestLength - 1));
    });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function digestsIn(text: string, take: (digest: Digest) => void): void {
  for (const [digest] of text.matchAll(/[0-9a-f]{64}/g)) take(digest as Digest);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
