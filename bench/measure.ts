// Runs commands and looks at the clock. One at a time; what they print goes nowhere.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
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

/** As `time`, while this process goes on: it may be what the command speaks to. */
export async function timeBeside({ argv, env }: Command, folder: string): Promise<Run & { readonly stdout: string }> {
  const [program, ...args] = argv;
  const start = process.hrtime.bigint();
  const child = spawn(program!, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 900_000,
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { seconds: Number(process.hrtime.bigint() - start) / 1e9, status, stdout };
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

export interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** Files in a folder and below, as far as they are there. */
export function amountIn(folder: string, isMeant: (path: string) => boolean = () => true): Amount {
  if (!existsSync(folder)) return { files: 0, bytes: 0 };
  let [files, bytes] = [0, 0];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !isMeant(relative(folder, path))) continue;
    files += 1;
    bytes += statSync(path).size;
  }
  return { files, bytes };
}
