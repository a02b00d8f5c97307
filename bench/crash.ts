// A driver that is killed half-way through a fan-out, and the build after it: is anything computed twice that had been finished?

import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ActionResult, Artifacts } from "../src/model/action.ts";
import { BenchCluster, slurmIsMissing } from "./cluster.ts";
import { buildOn, type Place } from "./elsewhere.ts";
import { openFanOut } from "./fan-out.ts";
import { time } from "./measure.ts";
import type { Setup } from "./setup.ts";

export interface Crash {
  readonly place: Place;
  readonly items: number;
  /** When the driver was killed: items that had been begun, and those of them whose results were in the trace. */
  readonly begun: number;
  readonly recorded: number;
  /** Of what had been finished: here what the trace had; on a cluster all, because batches outlive the driver. */
  readonly twice: number;
  /** Begun twice, because they were under way when their workers went with the driver. */
  readonly again: number;
  /** Of the second build. */
  readonly seconds: number;
}

export async function measureCrashes(setup: Setup, items: number): Promise<readonly Crash[]> {
  const here = await crash(setup, items, undefined);
  if (slurmIsMissing !== undefined) return [here];
  const cluster = await BenchCluster.start(setup.scratch);
  try {
    return [here, await crash(setup, items, cluster)];
  } finally {
    await cluster.stop();
  }
}

async function crash(setup: Setup, items: number, cluster: BenchCluster | undefined): Promise<Crash> {
  const journal = join(setup.scratch, "work", "journal");
  rmSync(journal, { force: true });
  const folder = openFanOut(setup.scratch, { count: items, journal });
  const build = buildOn(setup, cluster);
  const [node, ...args] = build.argv;
  const driver = spawn(node!, args, { cwd: folder, env: { ...process.env, ...build.env }, stdio: "ignore" });
  const ended = new Promise((resolve) => driver.once("exit", resolve));
  while (driver.exitCode === null && numbersIn(journal).length < items / 2)
    await new Promise((resolve) => setTimeout(resolve, 5));
  driver.kill("SIGKILL");
  await ended;
  const begun = numbersIn(journal).length;
  const recorded = itemsInTrace(join(folder, "runs", "default", "trace", "trace.jsonl"));
  const { seconds, status } = time(build, folder);
  if (status !== 0) throw new Error(`the build after the kill ended with ${status} in ${folder}`);
  const repeated = repeatedOf(numbersIn(journal));
  const twice = cluster === undefined ? repeated.filter((number) => recorded.has(number)) : repeated;
  const all = new Set(numbersIn(journal)).size;
  if (all !== items) throw new Error(`${items - all} items were never computed in ${folder}`);
  rmSync(folder, { recursive: true });
  return {
    ...{ place: cluster === undefined ? "here" : "slurm", items, begun, recorded: recorded.size },
    ...{ twice: twice.length, again: repeated.length - twice.length, seconds },
  };
}

/** Of a journal: a number a line. */
export function numbersIn(journal: string): readonly number[] {
  if (!existsSync(journal)) return [];
  return readFileSync(journal, "utf8").split("\n").slice(0, -1).map(Number);
}

/** Those that are there more than once, each once. */
export function repeatedOf(numbers: readonly number[]): readonly number[] {
  const seen = new Set<number>();
  const repeated = new Set<number>();
  for (const number of numbers) {
    if (seen.has(number)) repeated.add(number);
    seen.add(number);
  }
  return [...repeated];
}

/** Numbers of items with a result. */
function itemsInTrace(file: string): ReadonlySet<number> {
  return new Set(readTrace(file).flatMap(({ outputs }) => numberOf(outputs) ?? []));
}

/** Of a trace. A torn last line is none. */
export function readTrace(file: string): readonly ActionResult[] {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
  return lines.flatMap((line) => (JSON.parse(line) as { readonly r?: ActionResult }).r ?? []);
}

/** An item's output is the square of its number, and short enough to lie in the trace itself. */
export function numberOf({ square }: Artifacts): number | undefined {
  return square?.kind === "file" && square.text !== undefined ? Math.round(Math.sqrt(Number(square.text))) : undefined;
}
