// A second machine that finds everything in the team's cache: two clones of this project build the experiment on peptides, one after the other.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { CacheServer } from "./cache-server.ts";
import { withoutCollection } from "./elsewhere.ts";
import { forget } from "./fan-out.ts";
import { amountIn, timeBeside } from "./measure.ts";
import type { Setup } from "./setup.ts";

export interface Shared {
  readonly place: "a folder" | "HTTP";
  /** Seconds of the first machine, which computes and publishes, of the second, and of one without any cache that others share. */
  readonly first: readonly number[];
  readonly second: readonly number[];
  readonly alone: readonly number[];
  /** Results that the second machine took from the cache: items, and whatever else computes. */
  readonly results: number;
  /** What it did itself all the same: splits, and taking in what people hand over. */
  readonly computed: number;
  /** Content that it has in its store afterwards, and of that what lies at a place in its run. */
  readonly fetchedBytes: number;
  readonly placedBytes: number;
  /** Of the second machine, over HTTP: by method, and bytes of all answers. */
  readonly requests?: Readonly<Record<string, number>>;
  readonly answeredBytes?: number;
}

export async function measureTeam(setup: Setup, root: string): Promise<readonly Shared[]> {
  const machines = ["first", "second"].map((name) => cloneOf(root, join(setup.scratch, "work", name)));
  const [first, second] = machines as [string, string];
  const store = join(setup.scratch, "work", "team-cache");
  const server = await CacheServer.start(store);
  try {
    const shared: Shared[] = [];
    for (const place of ["a folder", "HTTP"] as const) {
      const isServed = place === "HTTP";
      const at = isServed ? server.url : store;
      const seconds = { first: [] as number[], second: [] as number[], alone: [] as number[] };
      let counts: Counts = { computed: 0, cached: 0 };
      let traffic = server.takeTraffic();
      for (let round = 0; round < setup.repetitions; round++) {
        for (const machine of machines) forget(machine);
        rmSync(store, { recursive: true, force: true });
        mkdirSync(store);
        seconds.alone.push((await build(setup, first, "off")).seconds);
        forget(first);
        seconds.first.push((await build(setup, first, at)).seconds);
        server.takeTraffic();
        const built = await build(setup, second, at);
        traffic = server.takeTraffic();
        seconds.second.push(built.seconds);
        counts = built.counts;
      }
      shared.push({
        ...{ place, ...seconds, results: counts.cached, computed: counts.computed },
        ...{ fetchedBytes: amountIn(join(second, "cache", "blobs")).bytes, placedBytes: placedIn(second) },
        ...(isServed && { requests: traffic.requests, answeredBytes: traffic.bytesOut }),
      });
    }
    return shared;
  } finally {
    server.stop();
    for (const folder of [...machines, store]) rmSync(folder, { recursive: true, force: true });
  }
}

function cloneOf(root: string, folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  execFileSync("git", ["clone", "--quiet", root, folder]);
  execFileSync("npm", ["ci", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: folder, stdio: "ignore" });
  return folder;
}

interface Counts {
  readonly computed: number;
  readonly cached: number;
}

async function build(
  { node }: Setup,
  folder: string,
  at: string,
): Promise<{ readonly seconds: number; readonly counts: Counts }> {
  const command = {
    argv: [node, join(folder, "bin", "exp.cjs"), "build", "analyse", "--json"],
    env: { ...withoutCollection, EXP_SHARED_CACHE: at },
  };
  const { seconds, status, stdout } = await timeBeside(command, folder);
  const last = stdout.trimEnd().split("\n").at(-1)!;
  const { event, counts } = JSON.parse(last) as { readonly event: string; readonly counts?: Counts };
  if (status !== 0 || event !== "build-finished" || counts === undefined)
    throw new Error(`exp build analyse ended with ${status} in ${folder}: ${last}`);
  return { seconds, counts };
}

/** What exp says in the trace that it put into the run's folder. */
function placedIn(folder: string): number {
  const run = join(folder, "runs", "default");
  const lines = readFileSync(join(run, "trace", "trace.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  const paths = new Set(
    lines.flatMap((line) => {
      const { out } = JSON.parse(line) as { readonly out?: string };
      return out === undefined ? [] : [out];
    }),
  );
  return [...paths].reduce((sum, path) => sum + statSync(join(run, path)).size, 0);
}
