// Runs orders in warm worker processes on this machine: which worker takes which order, and who ends when. Unaware of what an order says.

import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { isMissing } from "../../util/fs.ts";
import type { CallDesk, Executor, Order, Outcome, RunSignals } from "./executor.ts";
import { Crew } from "./local/crew.ts";
import { Assignment, settleAll, settleNotBegun, type Settle } from "./local/assignment.ts";
import { PaidCalls } from "./local/paid-calls.ts";
import type { Devices, Grant } from "./local/devices.ts";
import { askForGpus, readLook } from "./local/gpus.ts";
import { endThoseOf, groupsMemoryMiB } from "./local/processes.ts";
import { ScratchFolder } from "./local/scratch.ts";
import { isFolderThere, vanished, whatVanished } from "./local/vanished.ts";
import { Watchdog } from "./local/watchdog.ts";
import { WorkerProcess, type WorkerExit } from "./local/worker-process.ts";
import type { CheckSetup } from "./worker/input-check.ts";
import type { FromWorker } from "./worker/protocol.ts";

export interface LocalExecutorOptions {
  readonly workerFile: string;
  readonly blobsFolder: string;
  /** A folder of this build; workers keep their actions' folders in it. */
  readonly scratch: string;
  /** What a worker may see of the environment beside what an action declares. */
  readonly environment: NodeJS.ProcessEnv;
  readonly calls: CallDesk;
  /** A worker that was started before it was known whether there would be an order. */
  readonly spare?: ChildProcess | undefined;
  /** Actions may only read what they declare. */
  readonly check?: CheckSetup | undefined;
  /** GPUs to be given to the actions that want some; undefined: whoever started this process has seen to it. */
  readonly devices?: (() => Promise<Devices>) | undefined;
  /** Told what the user should know, though nothing failed. */
  readonly warn: (text: string) => void;
}

interface Worker {
  readonly process: WorkerProcess;
  readonly calls: PaidCalls;
  assignment: Assignment | undefined;
  /** GPUs that its recipes were given: a library that has been told which to use cannot be told otherwise. */
  devices: readonly string[];
  /** How it ended, if it has. */
  exit: WorkerExit | undefined;
}

/** Between two looks at whether orders that wait need another worker. */
const momentMs = 20;
/** What part of a moment this process was at work, to be what they wait for. */
const busyFrom = 0.75;

const memoryPollMs = 250;
/** What ends sooner is not looked at. */
const usagePollMs = 1_000;
const gpuPollMs = 5_000;

export class LocalExecutor implements Executor {
  readonly name = "local";
  readonly #options: LocalExecutorOptions;
  readonly #scratch: ScratchFolder;
  readonly #watchdog: Watchdog;
  readonly #crew = new Crew<Worker>({
    start: () => this.#tryStart(),
    hasEnded: ({ exit }) => exit !== undefined,
    isFit: ({ process: child }) => isFolderThere(child.scratch),
    dismiss: ({ process: child }) => child.end(),
    soon: (look) => {
      const before = performance.eventLoopUtilization();
      setTimeout(() => look(performance.eventLoopUtilization(before).utilization > busyFrom), momentMs);
    },
  });
  readonly #all = new Set<Worker>();
  #orders = 0;
  #isClosing = false;
  #spare: ChildProcess | undefined;
  #memoryPoll: NodeJS.Timeout | undefined;
  #usagePoll: NodeJS.Timeout | undefined;
  #gpusAt = 0;

  constructor(options: LocalExecutorOptions) {
    this.#options = options;
    this.#scratch = new ScratchFolder(options.scratch);
    this.#watchdog = new Watchdog(options.scratch, options.environment);
    this.#spare = options.spare;
    // It is there: the sooner it is told its place, the sooner it is ready.
    if (this.#spare !== undefined) this.#crew.expect();
  }

  expectOrders(): void {
    this.#crew.expect();
  }

  async run(order: Order, settle: Settle, { stop: signal }: RunSignals): Promise<void> {
    const isOver = () => signal.aborted || this.#isClosing;
    if (isOver()) return settleNotBegun(order, settle);
    const { worker, grant } = await this.#workerFor(order, signal);
    try {
      if (isOver()) {
        if (worker !== undefined && worker.exit === undefined) this.#crew.free(worker);
        return settleNotBegun(order, settle);
      }
      if (worker === undefined) {
        const unspent = { tookMs: 0, costUsd: 0 };
        return settleAll(order, settle, vanished(this.#scratch.path, unspent));
      }
      const assignment = new Assignment(this.#orders++, granted(order, grant), settle, grant);
      await this.#assign(worker, assignment, signal);
    } finally {
      grant?.release();
    }
  }

  /** With GPUs, if the order wants any. A recipe runs in a worker that has not been given others. */
  async #workerFor(order: Order, signal: AbortSignal): Promise<{ worker: Worker | undefined; grant?: Grant }> {
    const { gpu = 0 } = order.resources;
    const devices = gpu > 0 ? await this.#options.devices?.() : undefined;
    for (;;) {
      const worker = await this.#crew.take(signal);
      if (worker === undefined || devices === undefined) return { worker };
      const held = new Set([...this.#all].flatMap((each) => each.devices));
      const grant = devices.take(gpu, worker.devices, held);
      if (grant === undefined || order.code.kind === "command") return { worker, ...(grant && { grant }) };
      if (worker.devices.length === 0 || worker.devices.join() === grant.names.join()) {
        worker.devices = grant.names;
        return { worker, grant };
      }
      grant.release();
      worker.process.end();
      await worker.process.exited;
    }
  }

  async #assign(worker: Worker, assignment: Assignment, signal: AbortSignal): Promise<void> {
    if (worker.exit !== undefined) {
      const { scratch } = worker.process;
      return assignment.lose(undefined, worker.exit, existsSync(scratch) ? undefined : scratch);
    }
    worker.assignment = assignment;
    const onAbort = () => {
      assignment.end("aborted");
      worker.process.end();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      this.#send(worker, assignment);
      await assignment.finished;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#crew.close();
    clearInterval(this.#memoryPoll);
    clearInterval(this.#usagePoll);
    const all = new Set(this.#all);
    for (const worker of all) worker.process.end();
    // Those that are being started are ended as soon as they are there.
    await this.#crew.settled();
    for (const worker of this.#all) all.add(worker);
    const exits = [...all].map((worker) => worker.process.exited);
    const groups = new Set([...all].map((worker) => worker.process.pid));
    await Promise.all(exits);
    if (this.#scratch.wasUsed) this.#endLeftBehind(groups);
    this.#watchdog.close();
    try {
      this.#scratch.remove();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.warn(`what recipes left in ${this.#scratch.path} could not be removed: ${why}. Nobody needs it`);
    }
  }

  /** Undefined: its folder was deleted before it was started there. */
  async #tryStart(): Promise<Worker | undefined> {
    const spare = this.#spare;
    this.#spare = undefined;
    const scratch = this.#scratch.next();
    try {
      const worker = await this.#start(scratch, spare);
      // One that was started ahead and died knew of no order: who waits for it has another.
      const isLost = spare !== undefined && worker.exit !== undefined && !this.#isClosing;
      return isLost ? await this.#start(this.#scratch.next(), undefined) : worker;
    } catch (error) {
      if (isMissing(error) && !existsSync(scratch)) return undefined;
      throw error;
    }
  }

  async #start(scratch: string, spare: ChildProcess | undefined): Promise<Worker> {
    const { workerFile, blobsFolder, environment } = this.#options;
    const child = await WorkerProcess.start({
      workerFile,
      blobsFolder,
      scratch,
      environment,
      check: this.#options.check,
      spare,
      onMessage: (message) => this.#receive(worker, message),
      onExit: (exit) => this.#lost(worker, exit),
    });
    const calls = new PaidCalls(this.#options.calls, {
      answer: (message) => child.send(message),
      onWait: (isWaiting) => worker.assignment?.pauseTimer(isWaiting),
    });
    const worker: Worker = { process: child, calls, assignment: undefined, devices: [], exit: undefined };
    this.#all.add(worker);
    this.#watchdog.began(child.pid);
    if (this.#isClosing) child.end();
    await child.ready;
    return worker;
  }

  #send(worker: Worker, assignment: Assignment): void {
    assignment.armTimer(() => worker.process.end());
    if (assignment.order.memoryMiB !== undefined) this.#watchMemory();
    this.#usagePoll ??= setInterval(() => this.#lookAtUsage(), usagePollMs).unref();
    worker.process.send({ kind: "run", id: assignment.id, order: assignment.order });
  }

  #receive(worker: Worker, message: Exclude<FromWorker, { kind: "ready" }>): void {
    const { assignment } = worker;
    switch (message.kind) {
      case "settled":
        if (assignment?.id !== message.id) return;
        this.#settle(worker, assignment, message.outcomes);
        assignment.armTimer(() => worker.process.end());
        return;
      case "finished":
        if (assignment?.id !== message.id) return;
        if (message.outcomes.length > 0) this.#settle(worker, assignment, message.outcomes);
        worker.assignment = undefined;
        // Processes that its recipe left behind would run beside the actions of others, and may write to what it handed over.
        assignment.finish();
        if (message.hasChildren) worker.process.end();
        else this.#crew.free(worker);
        return;
      case "find":
      case "remember":
      case "abandon":
      case "leave":
        worker.calls.take(message);
        return;
    }
  }

  #settle(worker: Worker, assignment: Assignment, outcomes: readonly (readonly [index: number, Outcome])[]): void {
    const hasFailed = outcomes.some(([, outcome]) => outcome.kind === "failed");
    const gone = whatVanished(worker.process.scratch, assignment.order, hasFailed);
    for (const [index, outcome] of outcomes)
      assignment.settle(index, gone === undefined || outcome.kind === "not-begun" ? outcome : vanished(gone, outcome));
    assignment.forgetSeen();
  }

  /** The worker has ended, by us or by itself: what it had not settled is settled here. */
  #lost(worker: Worker, exit: WorkerExit): void {
    const { process: child, calls, assignment } = worker;
    this.#all.delete(worker);
    this.#crew.lose(worker);
    child.end();
    if (!this.#isClosing) endThoseOf(child.scratch);
    this.#watchdog.ended(child.pid);
    calls.close();
    worker.exit = exit;
    worker.assignment = undefined;
    assignment?.lose(child.itemAtWork(assignment.id), exit, whatVanished(child.scratch, assignment.order, true));
  }

  /**
   * What left its worker's group and outlived it: whoever waits for it waits in vain, since its home and its temporary files go now.
   * `groups`: those that were ended just now; what is left of them is on its way out.
   */
  #endLeftBehind(groups: ReadonlySet<number>): void {
    const left = endThoseOf(this.#scratch.path).filter(({ group }) => group === undefined || !groups.has(group));
    const programs = left.map(({ program }) => program);
    if (programs.length === 0) return;
    const names = [...new Set(programs)].sort().join(", ");
    this.#options.warn(
      `processes that recipes had started in the background were still running and were ended with the build: ${names}. A recipe's result must not depend on them: wait for them or end them in the recipe`,
    );
  }

  #watchMemory(): void {
    if (process.platform !== "linux") return;
    this.#memoryPoll ??= setInterval(() => {
      const limited = [...this.#all].filter(({ assignment }) => assignment?.order.memoryMiB !== undefined);
      const memory = groupsMemoryMiB(limited.map(({ process: child }) => child.pid));
      for (const { process: child, assignment } of limited) {
        const limit = assignment!.order.memoryMiB!;
        const used = memory.get(child.pid)!;
        if (used <= limit) continue;
        const message = `used ${Math.round(used)} MiB, more than its limit of ${limit} MiB, and was ended`;
        assignment!.end({ why: "memory", message });
        child.end();
      }
    }, memoryPollMs).unref();
  }

  /** Once a second, at those that have been at work for as long. */
  #lookAtUsage(): void {
    const long = [...this.#all].filter(({ assignment }) => (assignment?.sinceMs ?? 0) >= usagePollMs);
    if (long.length === 0) return;
    const memory = groupsMemoryMiB(long.map(({ process: child }) => child.pid));
    for (const { process: child, assignment } of long) assignment!.see({ memoryMiB: memory.get(child.pid)! });
    const now = performance.now();
    const onGpus = long.flatMap(({ assignment }) => ((assignment!.order.resources.gpu ?? 0) > 0 ? [assignment!] : []));
    if (onGpus.length === 0 || now - this.#gpusAt < gpuPollMs) return;
    this.#gpusAt = now;
    const { environment } = this.#options;
    void askForGpus(environment).then((text) => {
      for (const assignment of onGpus) {
        const { CUDA_VISIBLE_DEVICES: visible = environment.CUDA_VISIBLE_DEVICES } = assignment.order.environment;
        const gpu = readLook(text, visible);
        if (gpu !== undefined) assignment.see({ gpu });
      }
    });
  }
}

/** What the rule itself declares is part of the key: it stays as it is. */
function granted(order: Order, grant: Grant | undefined): Order {
  return grant === undefined ? order : { ...order, environment: { ...grant.variables, ...order.environment } };
}
