// The entry of a batch on a node of a cluster: which store it puts into, and what runs its actions, is decided here.
// Arguments: the submission's folder, or the digest and size of the manifest that was sent; the number of the batch; how often it was started before.

import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Budget } from "../backends/executors/budget.ts";
import type { CallDesk, Order, Outcome } from "../backends/executors/executor.ts";
import { inheritedFrom } from "../backends/executors/local/inherited.ts";
import { LocalExecutor } from "../backends/executors/local.ts";
import { isAsSeen, runBatch, toldCalls, type ResultLine, type ResultLog } from "../backends/executors/remote/batch.ts";
import { Lacking, sentCalls, takeUp } from "../backends/executors/remote/errand.ts";
import { Seal } from "../backends/executors/remote/seal.ts";
import { SubmissionFolder, type BatchSetup } from "../backends/executors/remote/submission.ts";
import { exitCodes } from "../backends/executors/remote/exit-codes.ts";
import { digestOfFile, freshDigests, LocalStore } from "../backends/store/local.ts";
import type { BlobRef, Digest } from "../model/digest.ts";
import { Calls, type CallLine } from "../runs/calls.ts";
import { Lease } from "../runs/lease.ts";
import { AppendLog, readLog } from "../util/append-log.ts";
import { hasCode } from "../util/fs.ts";
import { hasEnded, processTag } from "../util/host.ts";
import { who } from "../util/who.ts";
import { removeWhole } from "../util/remove.ts";
import { batchVariable, openPlace, type PlaceGiven } from "./places.ts";

const scratchPrefix = "exp-";
/** Of a folder into which a script has unpacked this program. */
const startPrefix = "exp-start-";
const longestStartMs = 3_600_000;

/** A batch as it was found, wherever it came from. */
interface Found {
  readonly setup: Pick<BatchSetup, "callsNotBefore" | "mayPay" | "maxUsd" | "nodeMajor" | "what">;
  readonly order: Order;
  readonly ended: ReadonlySet<number>;
  /** What earlier starts of it have paid for calls. */
  readonly spentUsd: number;
  readonly log: ResultLog;
  readonly workerFile: string;
  readonly blobsFolder: string;
  readonly callsFolder: string;
  readonly callsLog?: string;
  readonly desk: (calls: Calls) => CallDesk;
  readonly asSent: (outcome: Outcome) => Outcome;
  /** For people who look into how the batch fared. */
  readonly say: (text: string) => void;
  /** Undone at the end. */
  readonly close: () => void;
}

/** Of its own on this machine. */
const work = join(tmpdir(), `${scratchPrefix}${processTag()}`);

/** In the folder of the submission, which lies in the project. */
function findInFolder(path: string, batch: number, start: number): Found | undefined {
  const folder = new SubmissionFolder(path);
  if (!folder.isThere || folder.isGivenUp) return undefined;
  const setup = folder.setup();
  const log = new AppendLog<ResultLine>(folder.resultFile(batch, start));
  // Against collections, as a build takes one: what is put into the store here belongs to no run yet.
  const lease = Lease.tryTake(join(setup.cacheFolder, "leases", `${processTag()}-${batch}`), `Slurm, ${setup.what}`);
  const ended = new Set<number>();
  const callsLogOf = (one: number) => `${basename(path)}-${batch}.${one}`;
  let spentUsd = 0;
  for (let earlier = 0; earlier < start; earlier++) {
    for (const line of readLog<ResultLine>(folder.resultFile(batch, earlier)).lines) if ("i" in line) ended.add(line.i);
    const paid = readLog<CallLine>(join(setup.callsFolder, `${callsLogOf(earlier)}.jsonl`)).lines;
    spentUsd += paid.reduce((sum, { costUsd }) => sum + costUsd, 0);
  }
  return {
    ...{ setup, ended, spentUsd, log, blobsFolder: setup.blobsFolder, callsFolder: setup.callsFolder },
    callsLog: callsLogOf(start),
    order: folder.order(batch),
    workerFile: join(dirname(fileURLToPath(import.meta.url)), "worker.js"),
    desk: (calls) => toldCalls(calls, log),
    asSent: (outcome) => outcome,
    say: (text) => console.error(text),
    close() {
      log.close();
      lease?.release();
    },
  };
}

/** In a place that this machine reaches, by the digest of the manifest. */
async function findInPlace(root: BlobRef, batch: number, start: number): Promise<Found | undefined> {
  // Nobody else is to see it: the environment goes on to what is started from here.
  const given = JSON.parse(process.env[batchVariable]!) as PlaceGiven;
  Reflect.deleteProperty(process.env, batchVariable);
  const blobsFolder = join(work, "blobs");
  const store = new LocalStore(blobsFolder, freshDigests);
  const place = await openPlace(given, store, join(work, "coming"));
  // The program itself has been loaded.
  if (given.unpacked) rmSync(dirname(fileURLToPath(import.meta.url)), { recursive: true, force: true });
  if (place === undefined) return endUnreachable(`${given.at} cannot be opened`);
  const seal = new Seal(given.key);
  const found = await takeUp({
    place,
    seal,
    root,
    batch,
    start,
    folder: work,
    store,
    warn: (text) => console.error(text),
  });
  if (found.kind === "unreachable") return endUnreachable(found.message);
  if (found.kind === "given-up") return undefined;
  return {
    ...found,
    blobsFolder,
    desk: (calls) => sentCalls(calls, found.log, Date.now),
    close: () => undefined,
  };
}

/** There is no way to tell the driver but this. */
function endUnreachable(message: string): never {
  console.error(message);
  process.exit(exitCodes.reachesNoPlace);
}

async function main(argument: string, batch: number, start: number): Promise<void> {
  removeLeftovers();
  const [, digest, size] = /^([0-9a-f]{64}):(\d+)$/.exec(argument) ?? [];
  const found =
    digest === undefined
      ? findInFolder(argument, batch, start)
      : await findInPlace({ digest: digest as Digest, size: Number(size) }, batch, start);
  if (found === undefined) return;
  const { setup, log, asSent } = found;
  const nodeMajor = Number(process.versions.node.split(".")[0]);
  if (nodeMajor !== setup.nodeMajor) {
    const message = `Node ${process.versions.node} is what ${who()} has, and Node ${setup.nodeMajor} is what keys were made for: load a module that brings it or name its path (slurm: modules, node), or name an image that has it (modal: image)`;
    log.append({ refused: message });
    await log.commit();
    return found.close();
  }
  const budget = new Budget(setup.maxUsd);
  budget.add(found.spentUsd);
  const calls = new Calls(found.callsFolder, {
    now: Date.now,
    notBefore: setup.callsNotBefore,
    mayPay: setup.mayPay,
    ...(found.callsLog !== undefined && { logName: found.callsLog }),
    money: { budget, spender: "this batch", warn: found.say },
  });
  const executor = new LocalExecutor({
    workerFile: found.workerFile,
    blobsFolder: found.blobsFolder,
    scratch: join(work, "scratch"),
    environment: inheritedFrom(process.env),
    calls: found.desk(calls),
    warn: found.say,
  });
  const stop = new AbortController();
  // Slurm gives some seconds before it kills.
  process.once("SIGTERM", () => stop.abort());
  try {
    await runBatch(
      {
        order: found.order,
        ended: found.ended,
        executor: {
          name: executor.name,
          run: (order, settle, signals) =>
            executor.run(order, (index, outcome) => settle(index, asSent(outcome)), signals),
          close: () => executor.close(),
        },
        log,
        by: who(),
        memoryKills,
        isAsSeen: (file) => isAsSeen(file, (each) => digestIfThere(each)),
      },
      stop.signal,
    );
  } catch (error) {
    found.say(`exp itself has failed: ${(error as Error).stack}`);
    await log.commit();
    throw error;
  } finally {
    await executor.close();
    calls.close();
    found.close();
  }
}

/** Folders of batches that were killed on this machine, some of them while they began. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name);
    const isDead = name.startsWith(startPrefix)
      ? Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > longestStartMs
      : name.startsWith(scratchPrefix) && hasEnded(name.slice(scratchPrefix.length));
    // Those of other people, who work on this machine too, are theirs.
    if (isDead) rmIfAllowed(folder);
  }
}

function rmIfAllowed(folder: string): void {
  try {
    removeWhole(folder);
  } catch (error) {
    if (!hasCode(error, "EACCES") && !hasCode(error, "EPERM")) throw error;
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

const [argument, batch, start] = process.argv.slice(2) as [string, string, string];
try {
  await main(argument, Number(batch), Number(start));
} catch (error) {
  // Its driver has been told, and sends it again.
  if (!(error instanceof Lacking)) throw error;
  console.error(error.message);
} finally {
  removeWhole(work);
}
// A recipe's library may keep a connection open: everything is written down by now.
process.exit(0);
