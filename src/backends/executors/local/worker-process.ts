// One worker process as its driver sees it: started, sent to, listened to, ended. Knows no orders.

import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readTextIfThere } from "../../../util/fs.ts";
import { checkFile, tracedCalls, traceFile, type CheckSetup } from "../worker/input-check.ts";
import { homeFolder, progressFile, type FromWorker, type ToWorker } from "../worker/protocol.ts";
import { forkWorker, takeSpare } from "./fork-worker.ts";
import { endGroup } from "./processes.ts";

export interface WorkerSetup {
  readonly workerFile: string;
  readonly blobsFolder: string;
  /** A folder of its own; those of its actions lie in it. */
  readonly scratch: string;
  /** What it may see of the environment beside what an action declares. */
  readonly environment: NodeJS.ProcessEnv;
  readonly check: CheckSetup | undefined;
  /** Started already, to be used if it lives. */
  readonly spare: ChildProcess | undefined;
  readonly onMessage: (message: Exclude<FromWorker, { kind: "ready" }>) => void;
  readonly onExit: (exit: WorkerExit) => void;
}

export interface WorkerExit {
  readonly status: number | null;
  readonly killedBy: NodeJS.Signals | null;
  /** What native code wrote past the capture, and what Node itself says when it dies (out of memory, say). */
  readonly lastWords: string;
}

const lastWordsLength = 4000;
export class WorkerProcess {
  readonly pid: number;
  readonly scratch: string;
  /** Also when it has died instead. */
  readonly ready: Promise<void>;
  readonly exited: Promise<void>;
  readonly #process: ChildProcess;

  /** Rejects with what the system says when it starts no process (too many files are open, say). */
  static async start(setup: WorkerSetup): Promise<WorkerProcess> {
    const { workerFile, blobsFolder, scratch, environment, check, spare } = setup;
    mkdirSync(join(scratch, homeFolder), { recursive: true });
    // Here and not by the worker: where no more files fit onto the disk, it would die of it without a sentence.
    writeFileSync(join(scratch, progressFile), "");
    if (check !== undefined) writeFileSync(join(scratch, checkFile), JSON.stringify(check));
    const child =
      (check === undefined && spare !== undefined ? takeSpare(spare) : undefined) ??
      forkWorker(workerFile, environment, check === undefined ? {} : underStrace(scratch));
    if (child.pid === undefined)
      await new Promise<never>((_, reject) => {
        child.once("error", reject);
      });
    const worker = new WorkerProcess(setup, child);
    worker.send({ kind: "begin", blobsFolder, scratch });
    return worker;
  }

  private constructor(setup: WorkerSetup, child: ChildProcess) {
    this.scratch = setup.scratch;
    this.#process = child;
    this.pid = child.pid!;
    let lastWords = "";
    for (const stream of [child.stdout!, child.stderr!])
      stream.on("data", (piece: Buffer) => (lastWords = (lastWords + piece.toString("utf8")).slice(-lastWordsLength)));
    let isReady!: () => void;
    this.ready = new Promise((resolve) => (isReady = resolve));
    child.on("message", (message: FromWorker) => {
      if (message.kind === "ready") isReady();
      else setup.onMessage(message);
    });
    child.on("error", () => isReady());
    this.exited = new Promise((resolve) =>
      child.once("exit", (status, killedBy) => {
        isReady();
        setup.onExit({ status, killedBy, lastWords });
        resolve();
      }),
    );
  }

  send(message: ToWorker): void {
    // A worker that dies between the check and the send is dealt with when its exit is seen.
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  end(): void {
    endGroup(this.pid);
  }

  /** Undefined when it died before it began with the order. */
  itemAtWork(order: number): number | undefined {
    const [id, index] = (readTextIfThere(join(this.scratch, progressFile)) ?? "").split(" ");
    return id === String(order) ? Number(index) : undefined;
  }
}

/** Strace starts Node, which inherits the channel through it. */
function underStrace(scratch: string): { readonly execPath: string; readonly execArgv: string[] } {
  const file = join(scratch, traceFile);
  const how = ["-f", "-qq", "-y", "--seccomp-bpf", "-e", `trace=${tracedCalls}`, "-e", "signal=none", "-o", file];
  return { execPath: "strace", execArgv: [...how, "--", process.execPath] };
}
