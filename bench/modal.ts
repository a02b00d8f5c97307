// What a fan-out costs in Modal containers beside its items, against the local Modal: time, requests, bytes, syncs. And one whose driver is killed while
// containers are taken back: what is done twice, and what all of it costs.

import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { countsOf, Told } from "../test/modal/told.ts";
import { numberOf, numbersIn, readTrace } from "./crash.ts";
import { syncsOf, withoutCollection } from "./elsewhere.ts";
import { forget, openFanOut } from "./fan-out.ts";
import { amountIn, median, peakMemory, timeBeside, type Amount } from "./measure.ts";
import { BenchModal, modalIsMissing, type Paid, type Traffic } from "./modal-server.ts";
import type { Setup } from "./setup.ts";

/** One size of fan-out. */
export interface ModalSample {
  readonly items: number;
  readonly batches: number;
  /** Of a first build, of one that finds nothing to do, and of as many containers that do nothing, begun without exp. */
  readonly seconds: readonly number[];
  readonly idle: readonly number[];
  readonly bare: readonly number[];
  /** How long a container ran, of the last build. */
  readonly containerSeconds: number;
  /** Of the driver. */
  readonly peakMib: number;
  readonly syncs: number | undefined;
  /** Of one build. */
  readonly traffic: Traffic;
  /** What lies on the volume afterwards; before, there was none. */
  readonly onVolume: Amount;
  /** What lies in cache/ and runs/ afterwards. */
  readonly kept: Amount;
}

export interface ModalCrash {
  readonly items: number;
  readonly containers: number;
  /** Those that were taken back, or lost with their machine. */
  readonly struck: number;
  /** When the driver was killed: items that had been begun, and those whose results lay on the volume. */
  readonly begun: number;
  readonly finished: number;
  /** Finished, and begun again after that; and begun again before. */
  readonly twice: number;
  readonly again: number;
  /** Of the second build. */
  readonly seconds: number;
  readonly spend: Spend;
}

export interface Spend {
  /** All that was paid for, by the seconds of containers, and what of it is in the results. */
  readonly paid: Paid;
  readonly inResultsUsd: number;
}

/** A build that may not spend what all of its items cost. */
export interface Limited {
  readonly items: number;
  readonly finished: number;
  readonly maxUsd: number;
  readonly paid: Paid;
}

export interface AtModal {
  /** Undefined: something is missing, and nothing was measured. */
  readonly missing: string | undefined;
  readonly parallel: number;
  readonly poll: number;
  readonly gpu: string;
  readonly samples: readonly ModalSample[];
  /** Of a folder of so many files. */
  readonly list: { readonly files: number; readonly seconds: number } | undefined;
  readonly longestArgv: number;
  readonly crash: ModalCrash | undefined;
  readonly limited: Limited | undefined;
}

export interface ModalSizes {
  readonly few: number;
  readonly many: number;
  readonly batches: readonly number[];
  readonly listed: number;
  readonly crashed: number;
}

/** More containers at once than there are processors only wait for one another. */
const parallel = 4;
const poll = 0.5;
const gpu = "L4";
const settings = `modal: { parallel: ${parallel}, poll: ${poll}, gpu: ${gpu} }\n`;

export async function measureModal(setup: Setup, sizes: ModalSizes, tell: (text: string) => void): Promise<AtModal> {
  const none = { samples: [], list: undefined, longestArgv: 0, crash: undefined, limited: undefined };
  if (modalIsMissing !== undefined) return { missing: modalIsMissing, parallel, poll, gpu, ...none };
  const { few, many, batches } = sizes;
  const shapes = [...batches.map((count) => ({ items: few, batches: count })), { items: many, batches: batches[1]! }];
  const samples: ModalSample[] = [];
  const modal = await BenchModal.start(setup.node);
  try {
    for (const shape of shapes) {
      tell(`  ${shape.items} items in ${shape.batches} containers`);
      samples.push(await sample(setup, shape, modal));
    }
    const { longestArgv } = modal;
    modal.forget();
    const list = { files: sizes.listed, seconds: await modal.timeList(sizes.listed) };
    tell(`  ${sizes.crashed} items, a driver that is killed, and containers that are taken back`);
    const crash = await measureCrash(setup, sizes.crashed);
    tell("  a build that may not spend what its items cost");
    const limited = await measureLimit(setup);
    return { missing: undefined, parallel, poll, gpu, samples, list, longestArgv, crash, limited };
  } finally {
    await modal.stop();
  }
}

/** Seconds that a container may take, at most, and items that take a part of it each. */
const limit = { maxUsd: 0.01, minutes: 0.1, items: 400, batch: 10, restMs: 50 } as const;

async function measureLimit(setup: Setup): Promise<Limited> {
  const { maxUsd, minutes, items, batch, restMs: rest } = limit;
  const short = settings.replace(" }", `, time: ${minutes} }`);
  const folder = openFanOut(setup.scratch, { count: items, batch, restMs: rest, settings: short });
  const modal = await BenchModal.start(setup.node);
  try {
    const { argv, env } = buildAt(setup, modal);
    const build = { argv: [...argv, "--max-usd", String(maxUsd)], env };
    const { status } = await timeBeside(build, folder);
    if (status !== 3) throw new Error(`a build that may not spend enough ended with ${status} in ${folder}`);
    await modal.idle();
    const finished = readTrace(join(folder, "runs", "default", "trace", "trace.jsonl")).length;
    rmSync(folder, { recursive: true });
    return { items, finished, maxUsd, paid: modal.paid() };
  } finally {
    await modal.stop();
  }
}

async function sample(
  setup: Setup,
  { items, batches }: { readonly items: number; readonly batches: number },
  modal: BenchModal,
): Promise<ModalSample> {
  const folder = openFanOut(setup.scratch, { count: items, batch: Math.ceil(items / batches), settings });
  const build = buildAt(setup, modal);
  const timed = async () => {
    const { seconds, status } = await timeBeside(build, folder);
    if (status !== 0) throw new Error(`${build.argv.join(" ")} ended with ${status} in ${folder}`);
    return seconds;
  };
  const afresh = () => {
    forget(folder);
    modal.forget();
    modal.takeTraffic();
  };
  const seconds: number[] = [];
  const idle: number[] = [];
  const bare: number[] = [];
  let traffic = modal.takeTraffic();
  let containerSeconds = 0;
  for (let round = 0; round < setup.repetitions; round++) {
    afresh();
    seconds.push(await timed());
    traffic = modal.takeTraffic();
    containerSeconds = modal.paid().seconds / batches;
    idle.push(await timed());
    bare.push(await modal.timeNothing(batches, parallel, gpu));
  }
  const onVolume = modal.onVolume();
  const kept = [amountIn(join(folder, "cache")), amountIn(join(folder, "runs"))].reduce((a, b) => ({
    ...{ files: a.files + b.files, bytes: a.bytes + b.bytes },
  }));
  afresh();
  const peakMib = await peakMemory(build, folder);
  afresh();
  const syncs = await syncsOf(build, folder);
  rmSync(folder, { recursive: true });
  return { items, batches, seconds, idle, bare, containerSeconds, peakMib, syncs, traffic, onVolume, kept };
}

function buildAt({ node, program }: Setup, { environment }: BenchModal) {
  const argv = [node, program, "build", "--executor", "modal"];
  return { argv, env: { ...withoutCollection, ...environment } };
}

/** Seconds that a fan-out takes beyond a build that finds nothing to do. */
export function overheadAt({ seconds, idle }: ModalSample): number {
  return median(seconds) - median(idle);
}

/** Every so many containers, one is taken back in the middle of its work, in turn with and without a warning. */
const struckEvery = 4;
const restMs = 5;
const batchesOfCrash = 40;

async function measureCrash(setup: Setup, items: number): Promise<ModalCrash> {
  const journal = join(setup.scratch, "work", "journal");
  const batch = Math.ceil(items / batchesOfCrash);
  const folder = openFanOut(setup.scratch, { count: items, batch, journal, restMs, settings });
  rmSync(journal, { force: true });
  const modal = await BenchModal.start(setup.node, [join(setup.scratch, "work")]);
  try {
    let [begunContainers, struck] = [0, 0];
    modal.server.settings.misfortune = () => {
      if (++begunContainers % struckEvery !== 0) return undefined;
      const kind = struck++ % 2 === 0 ? "preempted" : "lost";
      return { kind, afterMs: 1000 + (batch * restMs) / 2 };
    };
    const told = new Told(modal.server, numberOf, () => countsOf(numbersIn(journal)));
    const build = buildAt(setup, modal);
    const [node, ...args] = build.argv;
    const driver = spawn(node!, args, { cwd: folder, env: { ...process.env, ...build.env }, stdio: "ignore" });
    const ended = new Promise((resolve) => driver.once("exit", resolve));
    while (driver.exitCode === null && numbersIn(journal).length < items / 2)
      await new Promise((resolve) => setTimeout(resolve, 20));
    driver.kill("SIGKILL");
    await ended;
    const [begun, finished] = [numbersIn(journal).length, told.count];
    const { seconds, status } = await timeBeside(build, folder);
    if (status !== 0) throw new Error(`the build after the kill ended with ${status} in ${folder}`);
    await modal.idle();
    const counts = countsOf(numbersIn(journal));
    if (counts.size !== items) throw new Error(`${items - counts.size} items were never computed in ${folder}`);
    if (told.count !== items) throw new Error(`${items - told.count} items were never told in ${folder}`);
    const twice = told.twice(counts).length;
    const repeated = [...counts.values()].filter((count) => count > 1).length;
    const paid = modal.paid();
    const results = readTrace(join(folder, "runs", "default", "trace", "trace.jsonl"));
    const inResultsUsd = results.reduce((sum, { costUsd }) => sum + costUsd, 0);
    rmSync(folder, { recursive: true });
    return {
      ...{ items, containers: paid.containers, struck, begun, finished, twice, again: repeated - twice, seconds },
      spend: { paid, inResultsUsd },
    };
  } finally {
    await modal.stop();
  }
}
