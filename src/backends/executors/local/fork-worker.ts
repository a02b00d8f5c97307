// Starts the process of a worker, which waits to be told where its place is.

import { fork, type ChildProcess, type ForkOptions } from "node:child_process";
import { dirname } from "node:path";
import { syncsAtOnce } from "../../../util/fs.ts";
import { threadsVariable } from "../worker/protocol.ts";

/** It leads a process group of its own, so that what it starts ends with it. `environment`: what it may see of that beside what an action declares. */
export function forkWorker(workerFile: string, environment: NodeJS.ProcessEnv, how: ForkOptions = {}): ChildProcess {
  // Node has four threads if it is not told otherwise when it starts. The worker takes the variable away before a recipe can see it.
  const env = { ...environment, TZ: "UTC", LC_ALL: "C.UTF-8", [threadsVariable]: String(syncsAtOnce) };
  return fork(workerFile, [], {
    ...{ cwd: dirname(workerFile), env, stdio: ["ignore", "pipe", "pipe", "ipc"], execArgv: [], detached: true },
    ...how,
  });
}

/** A worker that is started before it is known whether there will be an order: this process does not wait for it. */
export function forkSpare(workerFile: string, environment: NodeJS.ProcessEnv): ChildProcess {
  const child = forkWorker(workerFile, environment);
  // Whoever wants it sees that it is not there.
  child.on("error", () => undefined);
  for (const handle of handlesOf(child)) handle.unref?.();
  return child;
}

/** Undefined: it never lived, or has died. */
export function takeSpare(child: ChildProcess): ChildProcess | undefined {
  if (child.pid === undefined || !child.connected || child.exitCode !== null || child.signalCode !== null)
    return undefined;
  for (const handle of handlesOf(child)) handle.ref?.();
  return child;
}

interface Handle {
  ref?(): void;
  unref?(): void;
}

function handlesOf(child: ChildProcess): readonly Handle[] {
  return [child, child.channel, child.stdout as Handle | null, child.stderr as Handle | null].filter(
    (handle) => handle !== null && handle !== undefined,
  );
}
