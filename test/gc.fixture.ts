// Collections of a bench's project, and what they tell.

import { readdirSync } from "node:fs";
import { benchOf, chain, type Bench } from "./reliability/bench.ts";
import type { Finished, Rig } from "./rig.ts";

export interface Amount {
  readonly blobs: number;
  readonly results: number;
  readonly bytes: number;
}
export interface Told {
  readonly dryRun: boolean;
  readonly cache: { now: Amount; reached: Amount; goes: Amount & { tookMs: number; costUsd: number } };
  readonly archive: { now: { blobs: number }; goes: { blobs: number; bundles: number } };
  readonly gone: { cache: Amount; archive: { blobs: number; bundles: number; bytes: number } } | null;
  readonly leftovers: { files: number };
  readonly waitsFor: readonly string[];
}

export const told = (done: Finished): Told => JSON.parse(done.stdout) as Told;

export async function gc(rig: Rig, ...flags: string[]): Promise<Told> {
  const done = await rig.exp("gc", "--json", ...flags);
  if (done.code !== 0) throw new Error(`exit code ${done.code}:\n${done.stdout}${done.stderr}`);
  return told(done);
}

/** Beside a build that is at work: it may have found something that has to wait. */
export async function gcBeside(rig: Rig, ...flags: string[]): Promise<Told> {
  const done = await rig.exp("gc", "--json", ...flags);
  if (done.code !== 0 && done.code !== 3) throw new Error(`exit code ${done.code}:\n${done.stdout}${done.stderr}`);
  return told(done);
}

export const everythingOld = ["--max-age", "0s"];

export function blobsOf(rig: Rig, store = "cache"): string[] {
  return readdirSync(rig.path(`${store}/blobs`), { recursive: true })
    .map(String)
    .flatMap((name) => /[0-9a-f]{64}$/.exec(name)?.[0] ?? [])
    .sort();
}

export const epoch = (n: number) => ["--set", `numbers.epoch=${n}`];

/** What the first build made, nothing stands on any more. */
export async function builtTwice(): Promise<Bench> {
  const bench = benchOf(chain);
  await bench.build(epoch(1));
  await bench.build(epoch(2));
  bench.marks.clear();
  return bench;
}
