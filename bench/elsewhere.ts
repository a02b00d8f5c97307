// What a fan-out costs beside its items, on this machine and on a cluster: its items do next to nothing, so that all of the time is exp's and Slurm's.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { globSync } from "tinyglobby";
import { BenchCluster, slurmIsMissing, type Calls } from "./cluster.ts";
import { forget, openFanOut } from "./fan-out.ts";
import { amountIn, median, peakMemory, time, timeBeside, type Amount } from "./measure.ts";
import type { Setup } from "./setup.ts";

export type Place = "here" | "slurm";

/** One size of fan-out at one place. */
export interface Sample {
  readonly place: Place;
  readonly items: number;
  readonly batches: number;
  /** Of a first build, and of one that finds nothing to do. */
  readonly seconds: readonly number[];
  readonly idle: readonly number[];
  /** Of the driver. */
  readonly peakMib: number;
  /** What lies in cache/ and runs/ afterwards. */
  readonly kept: Amount;
  readonly slurm?: OnSlurm;
}

/** What only a cluster is asked for. */
export interface OnSlurm {
  /** Requests of one build. */
  readonly calls: Calls;
  /** Syncs to the disk by the driver; undefined: there is no strace here. */
  readonly syncs: number | undefined;
  /** Seconds of as many batches that do nothing at all, submitted without exp. */
  readonly bare: readonly number[];
  /** What the driver wrote to submit, and what the batches wrote for it. */
  readonly submitted: Amount;
  readonly answered: Amount;
}

export interface Elsewhere {
  /** Batches that the cluster runs at once; undefined: there is none, because of what `missing` names. */
  readonly processors: number | undefined;
  readonly missing: string | undefined;
  readonly samples: readonly Sample[];
}

export interface Sizes {
  readonly few: number;
  readonly many: number;
  readonly batches: readonly number[];
}

export async function measureElsewhere(setup: Setup, sizes: Sizes, tell: (text: string) => void): Promise<Elsewhere> {
  const { few, many, batches } = sizes;
  const shapes = [...batches.map((count) => ({ items: few, batches: count })), { items: many, batches: batches[1]! }];
  const samples: Sample[] = [];
  const take = async (cluster: BenchCluster | undefined): Promise<void> => {
    for (const shape of shapes) {
      tell(`  ${cluster === undefined ? "here" : "Slurm"}: ${shape.items} items in ${shape.batches} batches`);
      samples.push(await sample(setup, shape, cluster));
    }
  };
  await take(undefined);
  if (slurmIsMissing !== undefined) return { processors: undefined, missing: slurmIsMissing, samples };
  const cluster = await BenchCluster.start(setup.scratch);
  try {
    await take(cluster);
  } finally {
    await cluster.stop();
  }
  return { processors: cluster.processors, missing: undefined, samples };
}

async function sample(
  setup: Setup,
  shape: { readonly items: number; readonly batches: number },
  cluster: BenchCluster | undefined,
): Promise<Sample> {
  const { items } = shape;
  const batch = Math.ceil(items / shape.batches);
  const batches = Math.ceil(items / batch);
  const folder = openFanOut(setup.scratch, { count: items, batch });
  const build = buildOn(setup, cluster);
  const timed = () => {
    const { seconds, status } = time(build, folder);
    if (status !== 0) throw new Error(`${build.argv.join(" ")} ended with ${status} in ${folder}`);
    return seconds;
  };
  const seconds: number[] = [];
  const idle: number[] = [];
  const bare: number[] = [];
  let calls: Calls = {};
  for (let round = 0; round < setup.repetitions; round++) {
    forget(folder);
    cluster?.takeCalls();
    seconds.push(timed());
    calls = cluster?.takeCalls() ?? {};
    idle.push(timed());
    if (cluster !== undefined) bare.push(await cluster.timeNothing(batches));
  }
  const kept = addUp(amountIn(join(folder, "cache")), amountIn(join(folder, "runs")));
  forget(folder);
  const peakMib = await peakMemory(build, folder);
  const taken: Sample = {
    ...{ place: cluster === undefined ? "here" : "slurm", items, batches },
    ...{ seconds, idle, peakMib, kept },
    ...(cluster !== undefined && {
      slurm: {
        calls,
        bare,
        syncs: await syncsOf(build, folder),
        ...(await submissionOf(build, folder, batches, cluster)),
      },
    }),
  };
  rmSync(folder, { recursive: true });
  return taken;
}

/** A collection in the background would outlive the build, and what it was to collect. */
export const withoutCollection = { EXP_GC: "off" } as const;

/** A build that submits to the cluster, if there is one. */
export function buildOn(
  { node, program }: Setup,
  cluster: BenchCluster | undefined,
): { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const argv = [node, program, "build"];
  if (cluster === undefined) return { argv, env: withoutCollection };
  return { argv: [...argv, "--executor", "slurm"], env: { ...withoutCollection, ...cluster.environment } };
}

/** Seconds that a fan-out takes beyond a build that finds nothing to do. */
export function overheadOf({ seconds, idle }: Sample): number {
  return median(seconds) - median(idle);
}

interface Submission {
  readonly submitted: Amount;
  readonly answered: Amount;
}

/** The driver is killed once it has submitted: then its folders stay, and the batches go on until all that they write is there. */
async function submissionOf(
  { argv, env }: ReturnType<typeof buildOn>,
  folder: string,
  batches: number,
  cluster: BenchCluster,
): Promise<Submission> {
  forget(folder);
  const [node, ...args] = argv;
  const driver = spawn(node!, args, { cwd: folder, env: { ...process.env, ...env }, stdio: "ignore" });
  const ended = new Promise((resolve) => driver.once("exit", resolve));
  const submissions = join(folder, "runs", "default", ".submitted");
  const countOf = (pattern: string) => (existsSync(submissions) ? globSync(pattern, { cwd: submissions }).length : 0);
  const isSubmitted = () => countOf("*/orders/*.json") === batches && countOf("*/job") === countOf("*/intent.json");
  while (driver.exitCode === null && !isSubmitted()) await new Promise((resolve) => setTimeout(resolve, 20));
  driver.kill("SIGKILL");
  await ended;
  await cluster.idle();
  const isAnswer = (path: string) => /^[^/]+\/(?:results|out)\//.test(path);
  return {
    submitted: amountIn(submissions, (path) => !isAnswer(path)),
    answered: amountIn(submissions, isAnswer),
  };
}

const isTracing = spawnSync("strace", ["-V"]).status === 0;

/** Of the driver; undefined: there is no strace here. */
export async function syncsOf({ argv, env }: ReturnType<typeof buildOn>, folder: string): Promise<number | undefined> {
  if (!isTracing) return undefined;
  forget(folder);
  const log = join(folder, "syncs");
  const watched = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-o", log, ...argv];
  if ((await timeBeside({ argv: watched, env }, folder)).status !== 0 || !existsSync(log)) return undefined;
  const text = readFileSync(log, "utf8");
  rmSync(log);
  return text.split("\n").filter((line) => /\bf(?:data)?sync\(/.test(line)).length;
}

function addUp(a: Amount, b: Amount): Amount {
  return { files: a.files + b.files, bytes: a.bytes + b.bytes };
}
