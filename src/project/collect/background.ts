// The collection that runs by itself: once a day after a build that computed something, in a process of its own that nobody waits for.

import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { markFile } from "../../backends/store/mark.ts";
import { statOf } from "../../util/stat.ts";
import { writeAtomic } from "../../util/fs.ts";
import type { ProjectPaths } from "../paths.ts";

const dayMs = 86_400_000;
const longLogBytes = 1 << 20;

/** Whether something of the cache is marked to go and was not swept yet. */
export function isSweepDue(paths: ProjectPaths): boolean {
  return statOf(markFile(join(paths.cache, "blobs"))) !== undefined;
}

/** Whether the last collection was a day ago. */
export function isCollectionDue(paths: ProjectPaths, now: number): boolean {
  const last = statOf(lastFile(paths));
  return last === undefined || Math.abs(now - Number(last.mtimeMs)) >= dayMs;
}

export function noteCollection(paths: ProjectPaths, figures: unknown): void {
  writeAtomic(lastFile(paths), JSON.stringify(figures, null, 2) + "\n");
}

export interface BuildEnd {
  readonly hasComputed: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly now: number;
}

/** Starts one if it is due. Whatever goes wrong with it is no trouble of the build's. */
export function collectInBackground(paths: ProjectPaths, { hasComputed, environment, now }: BuildEnd): void {
  const { EXP_GC, CI } = environment;
  if (EXP_GC === "off" || (CI !== undefined && CI !== "" && CI !== "false")) return;
  const program = process.argv[1];
  const isDue = isSweepDue(paths) || (hasComputed && isCollectionDue(paths, now));
  if (program === undefined || !isDue) return;
  try {
    mkdirSync(paths.cache, { recursive: true });
    const log = join(paths.cache, "gc.log");
    const fd = openSync(log, (statOf(log)?.size ?? 0n) > longLogBytes ? "w" : "a");
    try {
      const child = spawn(process.execPath, [program, "gc", "--background"], {
        cwd: paths.root,
        detached: true,
        stdio: ["ignore", fd, fd],
      });
      child.on("error", () => undefined);
      child.unref();
    } finally {
      closeSync(fd);
    }
  } catch {
    // The disk is full, or no process can be started: the next build tries again.
  }
}

function lastFile(paths: ProjectPaths): string {
  return join(paths.cache, "gc.json");
}
