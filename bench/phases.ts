// One workload, all tools in turn, several times over: what each phase took.

import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { peakMemory, remove, time, type Run } from "./measure.ts";
import type { Command, Tool } from "./tool.ts";
import { leafOf, makeWorkload, writeSources, type Shape, type Workload } from "./workload.ts";

export const phases = [
  "cold",
  "nothing to do",
  "touched",
  "one leaf changed",
  "restored",
  "run deleted",
  "plan",
] as const;
export type Phase = (typeof phases)[number];

export interface Job {
  readonly shape: Shape;
  readonly size: number;
  /** How often each phase is timed; "cold" is, where it says so, only timed once. */
  readonly repetitions: number;
  readonly coldOnce: boolean;
  readonly phases: readonly Phase[];
}

export interface Measured {
  readonly shape: Shape;
  readonly size: number;
  readonly tool: string;
  readonly phase: Phase;
  readonly seconds: readonly number[];
  /** It ended with another code than 0. */
  readonly failed: boolean;
}

export interface Peak {
  /** Targets, or items. */
  readonly size: number;
  readonly tool: string;
  readonly phase: Phase | "items";
  readonly mib: number;
}

/** How a run is timed. */
export type Clock = (command: Command, folder: string) => Run;

interface Place {
  readonly tool: Tool;
  readonly folder: string;
  readonly leaf: string;
  readonly taken: Map<Phase, Run[]>;
}

export function runJob(
  job: Job,
  tools: readonly Tool[],
  { scratch, tell, clock }: { scratch: string; tell: (text: string) => void; clock: Clock },
): Measured[] {
  const workload = makeWorkload(job.shape, job.size);
  const places = tools
    .filter(({ version, most }) => version !== undefined && most >= job.size)
    .map((tool) => openPlace(tool, workload, scratch));
  for (let round = 0; round < job.repetitions; round++) {
    // Whoever comes first changes with each round, so that no tool always has the quiet or the busy moment.
    for (const place of [...places.slice(round % places.length), ...places.slice(0, round % places.length)])
      runRound(place, job, round, clock);
    tell(`  round ${round + 1} of ${job.repetitions}`);
  }
  const measured = places.flatMap(({ tool, taken }) =>
    [...taken].map(([phase, runs]) => ({
      ...{ shape: job.shape, size: job.size, tool: tool.name, phase },
      seconds: runs.map(({ seconds }) => seconds),
      failed: runs.some(({ status }) => status !== 0),
    })),
  );
  for (const { folder } of places) rmSync(folder, { recursive: true });
  return measured;
}

function openPlace(tool: Tool, workload: Workload, scratch: string): Place {
  const folder = join(scratch, "work", tool.name.replace(/\W+/g, "-"));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeSources(folder, workload);
  tool.prepare(folder, workload);
  const leaf = leafOf(workload);
  return { tool, folder, leaf: tool.sourceAt?.(leaf, workload) ?? leaf, taken: new Map() };
}

function runRound({ tool, folder, leaf, taken }: Place, job: Job, round: number, clock: Clock): void {
  const source = join(folder, leaf);
  const take = (phase: Phase, command = tool.build) => {
    const run = clock(command, folder);
    taken.set(phase, [...(taken.get(phase) ?? []), run]);
  };
  const wants = (phase: Phase) => job.phases.includes(phase);
  // A process that builds nothing: only to compare with.
  if (tool.outputs.length === 0) return take("nothing to do");
  if (round === 0 || !job.coldOnce) {
    remove(folder, [...tool.outputs, ...tool.memory]);
    if (tool.outputs.includes("out")) mkdirSync(join(folder, "out"));
    take("cold");
    // What a tool does only once after its first build is no part of "nothing to do".
    time(tool.build, folder);
  }
  if (wants("nothing to do")) take("nothing to do");
  pause();
  if (wants("touched")) {
    const now = new Date();
    utimesSync(source, now, now);
    take("touched");
  }
  pause();
  if (wants("one leaf changed")) {
    writeFileSync(source, `changed in round ${round}\n`);
    take("one leaf changed");
  }
  if (wants("restored") && tool.restores) {
    remove(folder, tool.outputs);
    if (tool.outputs.includes("out")) mkdirSync(join(folder, "out"));
    take("restored");
  }
  if (wants("run deleted") && tool.run !== undefined) {
    remove(folder, tool.run);
    take("run deleted");
  }
  if (wants("plan") && tool.plan !== undefined) take("plan", tool.plan);
}

/** Tools that go by times miss an edit in the very tick in which an output was written. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
}

export async function peaksOf(job: Job, tools: readonly Tool[], scratch: string): Promise<Peak[]> {
  const workload = makeWorkload(job.shape, job.size);
  const peaks: Peak[] = [];
  for (const tool of tools) {
    const { folder, leaf } = openPlace(tool, workload, scratch);
    const take = async (phase: Phase, command = tool.build) =>
      peaks.push({ size: job.size, tool: tool.name, phase, mib: await peakMemory(command, folder) });
    await take("cold");
    await take("nothing to do");
    writeFileSync(join(folder, leaf), "changed\n");
    if (tool.plan !== undefined) await take("plan", tool.plan);
    await take("one leaf changed");
    rmSync(folder, { recursive: true });
  }
  return peaks;
}
