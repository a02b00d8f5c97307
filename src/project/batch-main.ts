// The entry of a batch on a node of a cluster: which store it puts into, and what runs its actions, is decided here.
// Arguments: the submission's folder, the number of the batch, how often Slurm has started it before.

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LocalExecutor } from "../backends/executors/local.ts";
import { isAsSeen, runBatch, type ResultLine } from "../backends/executors/remote/batch.ts";
import { SubmissionFolder } from "../backends/executors/remote/submission.ts";
import { digestOfFile } from "../backends/store/local.ts";
import { Calls } from "../runs/calls.ts";
import { Lease } from "../runs/lease.ts";
import { AppendLog, readLog } from "../util/append-log.ts";
import { hasEnded, processTag } from "../util/host.ts";
import { who } from "../util/who.ts";

/** What tells programs which GPUs are theirs; part of no key, as the machine is not. */
const deviceVariables = [
  "CUDA_VISIBLE_DEVICES",
  "NVIDIA_VISIBLE_DEVICES",
  "ROCR_VISIBLE_DEVICES",
  "GPU_DEVICE_ORDINAL",
];

async function main(path: string, batch: number, start: number): Promise<void> {
  const folder = new SubmissionFolder(path);
  if (!folder.isThere || folder.isGivenUp) return;
  const setup = folder.setup();
  const log = new AppendLog<ResultLine>(folder.resultFile(batch, start));
  const nodeMajor = Number(process.versions.node.split(".")[0]);
  if (nodeMajor !== setup.nodeMajor) {
    const message = `Node ${process.versions.node} is what ${who()} has, and Node ${setup.nodeMajor} is what keys were made for: load a module that brings it, or name its path (slurm: node, in exp.local.yaml)`;
    log.append({ refused: message });
    await log.commit();
    return log.close();
  }
  // Against collections, as a build takes one: what is put into the store here belongs to no run yet.
  const lease = Lease.tryTake(join(setup.cacheFolder, "leases", `${processTag()}-${batch}`), `Slurm, ${setup.what}`);
  const calls = new Calls(setup.callsFolder, { now: Date.now, notBefore: setup.callsNotBefore, mayPay: setup.mayPay });
  removeLeftovers();
  const variables = ["PATH", ...deviceVariables].filter((name) => process.env[name] !== undefined);
  const executor = new LocalExecutor({
    workerFile: join(dirname(fileURLToPath(import.meta.url)), "worker.js"),
    blobsFolder: setup.blobsFolder,
    scratch: join(tmpdir(), `${scratchPrefix}${processTag()}`),
    environment: Object.fromEntries(variables.map((name) => [name, process.env[name]])),
    calls,
    warn: (text) => console.error(text),
  });
  const stop = new AbortController();
  // Slurm gives some seconds before it kills.
  process.once("SIGTERM", () => stop.abort());
  const ended = new Set<number>();
  for (let earlier = 0; earlier < start; earlier++)
    for (const line of readLog<ResultLine>(folder.resultFile(batch, earlier)).lines) if ("i" in line) ended.add(line.i);
  try {
    await runBatch(
      {
        order: folder.order(batch),
        ended,
        executor,
        log,
        by: who(),
        memoryKills,
        isAsSeen: (file) => isAsSeen(file, (each) => digestIfThere(each)),
      },
      stop.signal,
    );
  } finally {
    await executor.close();
    calls.close();
    log.close();
    lease?.release();
  }
}

const scratchPrefix = "exp-";

/** Folders of batches that were killed on this machine. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(scratchPrefix) || !hasEnded(name.slice(scratchPrefix.length))) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** By the kernel's own count of the control group that the cluster has put this batch into; 0 where there is none. */
function memoryKills(): number {
  try {
    const groups = readFileSync("/proc/self/cgroup", "utf8");
    const first = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1];
    const file =
      first === undefined
        ? join("/sys/fs/cgroup", /^0::(.*)$/m.exec(groups)?.[1] ?? "", "memory.events")
        : join("/sys/fs/cgroup/memory", first, "memory.oom_control");
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function digestIfThere(path: string): string | undefined {
  try {
    return digestOfFile(path).digest;
  } catch {
    return undefined; // Deleted, or not to be read any more: other than it was.
  }
}

const [path, batch, start] = process.argv.slice(2) as [string, string, string];
await main(path, Number(batch), Number(start));
// A recipe's library may keep a connection open: everything is written down by now.
process.exit(0);
