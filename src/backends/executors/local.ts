// Runs orders in warm worker processes on this machine. Each worker leads a process group of its own, so that all it started ends with it.

import { fork, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../../model/json.ts";
import type { CallDesk, Executor, Order, Outcome } from "./executor.ts";
import { readTextIfThere } from "../../util/fs.ts";
import { homeFolder, progressFile, type FromWorker, type ToWorker } from "./worker/protocol.ts";

export interface LocalExecutorOptions {
  readonly workerFile: string;
  readonly blobsFolder: string;
  /** A folder of this build; workers keep their actions' folders in it. */
  readonly scratch: string;
  /** What a worker may see of the environment beside what an action declares. */
  readonly environment: NodeJS.ProcessEnv;
  readonly calls: CallDesk;
}

interface Running {
  readonly id: number;
  readonly order: Order;
  readonly settle: (index: number, outcome: Outcome) => void;
  readonly open: Set<number>;
  readonly finish: () => void;
  timer: NodeJS.Timeout | undefined;
  /** Why the worker was ended by us, if it was. */
  ended: { readonly why: "timeout" | "memory"; readonly message: string } | "aborted" | undefined;
}

interface Worker {
  readonly process: ChildProcess;
  readonly scratch: string;
  readonly pid: number;
  ready: Promise<void>;
  running: Running | undefined;
  /** Requests that its recipe is paying for. */
  readonly openCalls: Set<OpenCall>;
}
interface OpenCall {
  readonly request: Json;
  readonly draw: number;
}

const memoryPollMs = 250;

export class LocalExecutor implements Executor {
  readonly name = "local";
  readonly #options: LocalExecutorOptions;
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  #orders = 0;
  #started = 0;
  #memoryPoll: NodeJS.Timeout | undefined;
  #watchdog: ChildProcess | undefined;

  constructor(options: LocalExecutorOptions) {
    this.#options = options;
  }

  async run(order: Order, settle: (index: number, outcome: Outcome) => void, signal: AbortSignal): Promise<void> {
    const count = order.items?.length ?? 1;
    const open = new Set(Array.from({ length: count }, (_, i) => i));
    if (signal.aborted) return settleAll(open, settle, { kind: "not-begun" });
    const worker = this.#idle.pop() ?? (await this.#start());
    if (signal.aborted) {
      this.#end(worker);
      return settleAll(open, settle, { kind: "not-begun" });
    }
    const onAbort = () => {
      if (worker.running === undefined) return;
      worker.running.ended = "aborted";
      this.#end(worker);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await new Promise<void>((finish) => {
        worker.running = { id: this.#orders++, order, settle, open, finish, timer: undefined, ended: undefined };
        void worker.ready.then(() => {
          if (worker.running === undefined) return;
          this.#armTimer(worker);
          this.#watchMemory();
          sendTo(worker, { kind: "run", id: worker.running.id, order });
        });
      });
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#memoryPoll);
    const ended = [...this.#all].map(
      (worker) =>
        new Promise<void>((resolve) =>
          worker.process.exitCode !== null || worker.process.signalCode !== null
            ? resolve()
            : worker.process.once("exit", () => resolve()),
        ),
    );
    for (const worker of this.#all) this.#end(worker);
    await Promise.all(ended);
    this.#watchdog?.stdin?.end();
    rmSync(this.#options.scratch, { recursive: true, force: true });
  }

  async #start(): Promise<Worker> {
    const scratch = join(this.#options.scratch, String(this.#started++));
    const home = join(scratch, homeFolder);
    mkdirSync(home, { recursive: true });
    const child = fork(this.#options.workerFile, [this.#options.blobsFolder, scratch], {
      cwd: home,
      env: { ...this.#options.environment, HOME: home, TMPDIR: home, TZ: "UTC", LC_ALL: "C.UTF-8" },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      execArgv: [],
      detached: true,
    });
    await hasStarted(child);
    let isReady!: () => void;
    const worker: Worker = {
      process: child,
      scratch,
      pid: child.pid!,
      ready: new Promise((resolve) => (isReady = resolve)),
      running: undefined,
      openCalls: new Set(),
    };
    this.#all.add(worker);
    this.#guard(`+${worker.pid}`);
    // What native code writes past the capture, and what Node itself says when it dies (out of memory, say).
    let lastWords = "";
    for (const stream of [child.stdout!, child.stderr!])
      stream.on("data", (piece: Buffer) => (lastWords = (lastWords + piece.toString("utf8")).slice(-4000)));
    child.on("message", (message: FromWorker) => {
      if (message.kind === "ready") isReady();
      else this.#receive(worker, message);
    });
    child.on("error", () => isReady());
    child.once("exit", (status, killedBy) => {
      isReady();
      this.#lost(worker, lastWords, status, killedBy);
    });
    return worker;
  }

  #receive(worker: Worker, message: Exclude<FromWorker, { kind: "ready" }>): void {
    const { running } = worker;
    switch (message.kind) {
      case "settled":
        if (running?.id !== message.id) return;
        for (const [index, outcome] of message.outcomes) {
          if (running.open.delete(index)) running.settle(index, outcome);
        }
        this.#armTimer(worker);
        return;
      case "finished":
        if (running?.id !== message.id) return;
        clearTimeout(running.timer);
        worker.running = undefined;
        // Processes that its recipe left behind would run beside the actions of others, and may write to what it handed over.
        if (message.hasChildren) this.#end(worker);
        else this.#idle.push(worker);
        running.finish();
        return;
      case "find":
        void this.#find(worker, message);
        return;
      case "remember":
        void this.#remember(worker, message);
        return;
      case "abandon":
        this.#closeCall(worker, message);
        this.#options.calls.abandon(message.request, message.draw);
        return;
    }
  }

  async #find(worker: Worker, { call, request, draw }: Extract<FromWorker, { kind: "find" }>): Promise<void> {
    const found = await this.#options.calls.find(request, draw);
    if (found === undefined) {
      worker.openCalls.add({ request, draw });
      // It may have died while it waited for somebody else's answer.
      if (!this.#all.has(worker)) return this.#abandonAll(worker);
    }
    sendTo(worker, { kind: "answer", call, found });
  }

  async #remember(worker: Worker, message: Extract<FromWorker, { kind: "remember" }>): Promise<void> {
    const { call, request, draw } = message;
    this.#closeCall(worker, message);
    try {
      await this.#options.calls.remember(request, draw, message);
      sendTo(worker, { kind: "answer", call, found: undefined });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      sendTo(worker, { kind: "answer", call, found: undefined, error: why });
    }
  }

  #closeCall(worker: Worker, { request, draw }: OpenCall): void {
    const text = JSON.stringify([request, draw]);
    for (const open of worker.openCalls)
      if (JSON.stringify([open.request, open.draw]) === text) worker.openCalls.delete(open);
  }

  #abandonAll(worker: Worker): void {
    for (const { request, draw } of worker.openCalls) this.#options.calls.abandon(request, draw);
    worker.openCalls.clear();
  }

  /** The worker has ended, by us or by itself: what it had not settled is settled here. */
  #lost(worker: Worker, lastWords: string, status: number | null, killedBy: NodeJS.Signals | null): void {
    this.#all.delete(worker);
    const idle = this.#idle.indexOf(worker);
    if (idle >= 0) this.#idle.splice(idle, 1);
    killGroup(worker.pid);
    this.#guard(`-${worker.pid}`);
    this.#abandonAll(worker);
    const { running } = worker;
    if (running === undefined) return;
    worker.running = undefined;
    clearTimeout(running.timer);
    // Items run in turn: one was at work. Those before it may have ended and not have been reported yet; they are ordered again like those after it.
    const atWork = itemAtWork(worker, running.id) ?? Math.min(...running.open);
    for (const index of running.open) {
      const isConcerned = index === atWork || vectorised(running.order);
      running.settle(index, isConcerned ? howItEnded(running, lastWords, status, killedBy) : { kind: "not-begun" });
    }
    running.finish();
  }

  /** Per item: armed again whenever one has ended. */
  #armTimer(worker: Worker): void {
    const { running } = worker;
    if (running?.order.timeoutMs === undefined) return;
    clearTimeout(running.timer);
    const { timeoutMs } = running.order;
    running.timer = setTimeout(() => {
      running.ended = { why: "timeout", message: `ran longer than its timeout of ${timeoutMs} ms and was ended` };
      this.#end(worker);
    }, timeoutMs);
  }

  #watchMemory(): void {
    if (this.#memoryPoll !== undefined || process.platform !== "linux") return;
    if (![...this.#all].some((worker) => worker.running?.order.memoryMiB !== undefined)) return;
    this.#memoryPoll = setInterval(() => {
      for (const worker of this.#all) {
        const limit = worker.running?.order.memoryMiB;
        if (limit === undefined) continue;
        const used = groupMemoryMiB(worker.pid);
        if (used <= limit) continue;
        worker.running!.ended = {
          why: "memory",
          message: `used ${Math.round(used)} MiB, more than its limit of ${limit} MiB, and was ended`,
        };
        this.#end(worker);
      }
    }, memoryPollMs);
    this.#memoryPoll.unref();
  }

  #end(worker: Worker): void {
    killGroup(worker.pid);
  }

  /**
   * A driver that is killed cannot end its workers, and one that is busy does not notice that its driver is gone. A shell that waits on a pipe does:
   * it is told which groups live, and ends them when the pipe closes.
   * (`kill -9 -- -pid` is the proper form; the shell of Debian does not know it.)
   */
  #guard(line: string): void {
    if (this.#watchdog === undefined) {
      const script = `g=; while read -r l; do case $l in +*) g="$g \${l#+} ";; -*) g=$(printf %s "$g" | sed "s/ \${l#-} / /");; esac; done; for p in $g; do kill -9 "-$p" 2>/dev/null; done`;
      const watchdog = spawn("/bin/sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"], detached: true });
      watchdog.on("error", () => undefined);
      // With too few open files there is none yet: the next worker tries again.
      if (watchdog.pid === undefined) return;
      watchdog.unref();
      watchdog.stdin.on("error", () => undefined);
      (watchdog.stdin as unknown as { unref?(): void }).unref?.();
      this.#watchdog = watchdog;
      for (const worker of this.#all) if (line !== `+${worker.pid}`) watchdog.stdin.write(`+${worker.pid}\n`);
    }
    this.#watchdog.stdin!.write(`${line}\n`);
  }
}

/** What the system refuses to start (too many files are open, say) has no number, and tells why a moment later. */
async function hasStarted(child: ChildProcess): Promise<void> {
  if (child.pid === undefined)
    await new Promise<never>((_, reject) => {
      child.once("error", reject);
    });
}

function sendTo(worker: Worker, message: ToWorker): void {
  // A worker that dies between the check and the send is dealt with when its exit is seen.
  if (worker.process.connected) worker.process.send(message, () => undefined);
}

function vectorised(order: Order): boolean {
  return order.code.kind === "module" && order.code.vectorised;
}

function howItEnded(
  running: Running,
  lastWords: string,
  status: number | null,
  killedBy: NodeJS.Signals | null,
): Outcome {
  const unknown = { tookMs: 0, costUsd: 0 };
  if (running.ended === "aborted") return { kind: "not-begun" };
  if (running.ended !== undefined) return { kind: "failed", ...running.ended, retryable: true, ...unknown };
  if (/JavaScript heap out of memory/.test(lastWords)) {
    return { kind: "failed", why: "memory", message: "ran out of JavaScript heap memory", retryable: true, ...unknown };
  }
  const how = killedBy === null ? `exit code ${status}` : killedBy;
  return {
    kind: "failed",
    why: "lost",
    message: `its worker process ended by itself (${how})`,
    ...(lastWords !== "" && { stack: lastWords.trim() }),
    retryable: killedBy !== null,
    ...unknown,
  };
}

/** Undefined when the worker died before it began with the order. */
function itemAtWork(worker: Worker, order: number): number | undefined {
  const [id, index] = (readTextIfThere(join(worker.scratch, progressFile)) ?? "").split(" ");
  return id === String(order) ? Number(index) : undefined;
}

function settleAll(
  open: ReadonlySet<number>,
  settle: (index: number, outcome: Outcome) => void,
  outcome: Outcome,
): void {
  for (const index of open) settle(index, outcome);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Resident memory of a process group, MiB. Shared pages count once a process: an upper bound. */
function groupMemoryMiB(group: number): number {
  const pageMiB = 4096 / 2 ** 20;
  let pages = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The fields after the command's name, which may itself hold spaces and brackets.
      const fields = readFileSync(`/proc/${name}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ");
      if (Number(fields[2]) === group) pages += Number(fields[21]);
    } catch {
      // It ended while we looked.
    }
  }
  return pages * pageMiB;
}
