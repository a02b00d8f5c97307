// Removing a run, and what of it is people's work: what exp did not put there, or not like that.

import { readdirSync, renameSync, rmSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Trace } from "../backends/store/trace.ts";
import type { FileDigests } from "../backends/store/store.ts";
import { digestOfBytes } from "../model/digest.ts";
import { isMissing, listTree } from "../util/fs.ts";
import { statOf } from "../util/stat.ts";

const removedPrefix = ".removed-";

/** What exp keeps in a run's folder beside outputs. */
const ownNames = new Set([
  "run.yaml",
  "config.yaml",
  "history.jsonl",
  "pin.json",
  "trace",
  "logs",
  "failed",
  "set-aside",
  "differs",
  "lock",
  "lock.break",
]);

/** A hidden folder holds what is under way, here or elsewhere. */
const isOwn = (name: string) => name.startsWith(".") || ownNames.has(name);

export interface PeoplesWork {
  readonly kind: "handed over" | "set aside" | "edited" | "not made by exp";
  /** From the run's folder. */
  readonly path: string;
}

export interface RunContent {
  readonly bytes: number;
  readonly results: number;
  readonly tookMs: number;
  readonly costUsd: number;
  readonly peoplesWork: readonly PeoplesWork[];
}

export function contentOfRun(folder: string, digests: FileDigests): RunContent {
  const trace = new Trace(folder);
  const results = [...trace.results()].map(([, known]) => known);
  const handedOver = results.flatMap(({ part, target }) =>
    part === "handoff" ? [{ kind: "handed over" as const, path: join(target, "files") }] : [],
  );
  const files = listTree(folder);
  return {
    bytes: files.reduce((sum, name) => sum + Number(statOf(join(folder, name))?.size ?? 0n), 0),
    results: results.length,
    tookMs: results.reduce((sum, { result }) => sum + result.tookMs, 0),
    costUsd: results.reduce((sum, { result }) => sum + result.costUsd, 0),
    peoplesWork: [...new Map(handedOver.map((one) => [one.path, one])).values(), ...editedIn(folder, trace, digests)],
  };
}

function editedIn(folder: string, trace: Trace, digests: FileDigests): PeoplesWork[] {
  const found: PeoplesWork[] = namesIn(join(folder, "set-aside")).map((name) => ({
    kind: "set aside",
    path: join("set-aside", name),
  }));
  const look = (path: string) => {
    const isFolder = statOf(join(folder, path))?.isDirectory() === true;
    const placed = trace.placedAt(path);
    if (placed !== undefined) {
      const now = isFolder ? digestOfTree(join(folder, path), digests) : digests.digestOf(join(folder, path))?.digest;
      if (now !== placed) found.push({ kind: "edited", path });
    } else if (isFolder) for (const name of namesIn(join(folder, path))) look(join(path, name));
    else found.push({ kind: "not made by exp", path });
  };
  for (const name of namesIn(folder)) if (!isOwn(name) && !name.endsWith(".tmp")) look(name);
  return found;
}

function digestOfTree(folder: string, digests: FileDigests): string {
  const listing = listTree(folder).map((name) => {
    const blob = digests.digestOf(join(folder, name));
    return [name, blob?.digest ?? "", blob?.size ?? 0];
  });
  return digestOfBytes(JSON.stringify(listing));
}

/** Whole or not at all: under its name there is all of it, or nothing. Whoever calls this holds the run. */
export function removeRun(runsFolder: string, id: string): void {
  const aside = join(runsFolder, `${removedPrefix}${id}-${randomBytes(4).toString("hex")}`);
  renameSync(join(runsFolder, id), aside);
  sweepRemoved(runsFolder);
}

/** What is left of runs whose removal was broken off. */
export function sweepRemoved(runsFolder: string): void {
  for (const name of namesIn(runsFolder))
    if (name.startsWith(removedPrefix)) rmSync(join(runsFolder, name), { recursive: true, force: true });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
