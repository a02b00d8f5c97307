// What the program's first file loads, and nothing else, to start a worker ahead of the program: a bundle of its own.

import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { forkSpare } from "../backends/executors/local/fork-worker.ts";
import { inheritedFrom } from "../backends/executors/local/inherited.ts";

/** Sees of the environment what any worker sees. */
export function startSpare(environment: NodeJS.ProcessEnv): ChildProcess {
  return forkSpare(join(__dirname, "worker.js"), inheritedFrom(environment));
}
