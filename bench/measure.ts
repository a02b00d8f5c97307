// Runs commands and looks at the clock. One at a time; what they print goes nowhere.

import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { globSync } from "tinyglobby";
import type { Command } from "./tool.ts";

export interface Run {
  readonly seconds: number;
  readonly status: number | null;
}

export function time({ argv, env }: Command, folder: string): Run {
  const [program, ...args] = argv;
  const start = process.hrtime.bigint();
  const { status, error } = spawnSync(program!, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: "ignore",
    timeout: 900_000,
  });
  if (error !== undefined) throw error;
  return { seconds: Number(process.hrtime.bigint() - start) / 1e9, status };
}

/** The same in seconds of the processor, of all its processes together: what a busy machine hardly changes. bash keeps that account. */
export function processorTime({ argv, env }: Command, folder: string): Run {
  const script = 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1';
  const { status, stderr } = spawnSync("bash", ["-c", script, "bash", ...argv], {
    cwd: folder,
    env: { ...process.env, ...env, LC_ALL: "C" },
    encoding: "utf8",
    timeout: 900_000,
  });
  const [user, system] = stderr.trim().split("\n").at(-1)!.split(" ").map(Number);
  return { seconds: user! + system!, status };
}

/** MiB at the peak of the process itself, looked at while it runs: not to be timed. */
export async function peakMemory({ argv, env }: Command, folder: string): Promise<number> {
  const [program, ...args] = argv;
  const child = spawn(program!, args, { cwd: folder, env: { ...process.env, ...env }, stdio: "ignore" });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
      if (kib !== undefined) peak = Math.max(peak, Number(kib) / 1024);
    } catch {
      // It has just ended.
    }
  }, 5);
  await new Promise((resolve) => child.once("exit", resolve));
  clearInterval(look);
  return peak;
}

export function remove(folder: string, patterns: readonly string[]): void {
  for (const pattern of patterns)
    for (const path of globSync(pattern, { cwd: folder, onlyFiles: false, expandDirectories: false, dot: true }))
      rmSync(join(folder, path), { recursive: true, force: true });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
