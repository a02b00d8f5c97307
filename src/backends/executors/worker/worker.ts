// A local worker process: takes orders one at a time and sends back what their actions made. Knows no keys and no targets.

import { existsSync, openSync, writeSync } from "node:fs";
import { clearTimeout, setTimeout } from "node:timers";
import { join } from "node:path";
import { removeWhole } from "../../../util/remove.ts";
import type { BlobStore } from "../../store/store.ts";
import type { Order, Outcome } from "../executor.ts";
import { CallMemory, type Spent } from "./calls.ts";
import type { InputCheck } from "./input-check.ts";
import { Lifeline, UnsettledError } from "./lifeline.ts";
import { captureOutput, type Mask } from "./log.ts";
import { homeFolder, progressFile, threadsVariable, type FromWorker, type ToWorker } from "./protocol.ts";
import { describeError, runOrder, type Frame } from "./run-order.ts";
import { catchStrays, failCourse } from "./strays.ts";
import { Surroundings } from "./surroundings.ts";
import { checkTools } from "./tools.ts";

/** Small items are reported a few at a time; none waits longer than this. */
const reportAfterMs = 10;

export interface WorkerOptions {
  readonly store: BlobStore;
  readonly scratch: string;
  /** Whether actions may only read what they declare. */
  readonly check: InputCheck | undefined;
  readonly maskFor: (secrets: Readonly<Record<string, string>>) => Mask;
}

/** Waits for its driver to say where its place is, and serves from then on. `open` decides which store it puts into. */
export function startWorker(open: (place: Extract<ToWorker, { kind: "begin" }>) => WorkerOptions): void {
  // The driver is gone: nobody waits for what this worker makes.
  process.on("disconnect", () => process.kill(-process.pid, "SIGKILL"));
  process.once("message", (first: ToWorker) => {
    if (first.kind !== "begin") throw new Error(`a worker was sent "${first.kind}" before its place`);
    const home = join(first.scratch, homeFolder);
    process.chdir(home);
    process.env.HOME = process.env.TMPDIR = home;
    serve(open(first));
  });
}

function serve(options: WorkerOptions): void {
  // Read by now, and none of a recipe's business.
  delete process.env[threadsVariable];
  const lifeline = new Lifeline();
  const calls = new CallMemory(send, lifeline);
  let running: { readonly id: number; readonly abort: AbortController } | undefined;
  let folders = 0;
  const surroundings = new Surroundings(join(options.scratch, homeFolder));
  const progress = openSync(join(options.scratch, progressFile), "r+");
  captureOutput();
  catchStrays((text) => void process.stderr.write(text));
  lifeline.watch(() => failCourse(new UnsettledError()));

  const take = async (id: number, order: Order): Promise<void> => {
    const abort = new AbortController();
    running = { id, abort };
    const folder = join(options.scratch, String(folders++));
    const report = new Report(id);
    const begin = (index: number) => void writeSync(progress, `${id} ${index} `, 0);
    let isSpoilt = false;
    const declared = { ...order.environment, ...order.secrets };
    surroundings.declare(declared);
    try {
      checkTools(order.tools, process.env);
      const mask = Object.keys(order.secrets).length === 0 ? undefined : options.maskFor(order.secrets);
      const call = (spent: Spent) =>
        calls.functionFor({ signal: abort.signal, spent, secrets: Object.keys(order.secrets), mask });
      const frame: Frame = {
        ...{
          order,
          folder,
          store: options.store,
          signal: abort.signal,
          mask,
          call,
          endCalls: (spent) => calls.end(spent),
          surroundings,
          begin,
          check: options.check,
        },
        underWay: undefined,
        isSpoilt: false,
      };
      begin(0);
      lifeline.release();
      await runOrder(frame, report.settle).finally(() => lifeline.hold());
      isSpoilt = frame.isSpoilt;
    } catch (error) {
      // Before the first action: a tool is missing, say. It holds for each of them.
      const outcome: Outcome = { kind: "failed", ...describeError(error), tookMs: 0, costUsd: 0 };
      for (let index = 0; index < (order.items?.length ?? 1); index++) report.settle(index, outcome);
    }
    // What is left of the order goes to another worker: here, something of the recipe may still be running.
    if (isSpoilt) return report.flush(() => process.exit(1));
    // What was computed is not lost, nor waited for, where more than a moment passes until this worker is free.
    const isUsed = existsSync(folder);
    if (isUsed || isChildCounted()) report.flush();
    if (Object.keys(declared).length > 0) surroundings.declare({});
    if (isUsed) {
      try {
        removeWhole(folder);
      } catch {
        // What it made is safe; the next one gets another worker.
        return report.flush(() => process.exit(1));
      }
    }
    running = undefined;
    const hasChildren = isChildCounted() && (await areChildrenRunning());
    // In one message, as a rule: to wake the driver takes longer than many a recipe.
    send({ kind: "finished", id, outcomes: report.take(), hasChildren });
  };

  process.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "run":
        void take(message.id, message.order);
        return;
      case "answer":
        calls.answer(message);
        return;
      case "abort":
        if (running?.id === message.id) running.abort.abort();
        return;
      case "begin":
        return;
    }
  });
  send({ kind: "ready" });
}

function isChildCounted(): boolean {
  return process.getActiveResourcesInfo().includes("ProcessWrap");
}

/** Node counts a process that has ended until its handle is closed, some turns after whoever waited for it was told. */
async function areChildrenRunning(): Promise<boolean> {
  for (let turn = 0; turn < 5 && isChildCounted(); turn++) await new Promise((resolve) => setImmediate(resolve));
  return isChildCounted();
}

class Report {
  readonly #id: number;
  #settled: (readonly [index: number, outcome: Outcome])[] = [];
  #sentAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(id: number) {
    this.#id = id;
  }

  readonly settle = (index: number, outcome: Outcome): void => {
    this.#settled.push([index, outcome]);
    if (performance.now() - this.#sentAt > reportAfterMs) return this.flush();
    // The next one may take an hour, or never end.
    this.#timer ??= setTimeout(() => this.flush(), reportAfterMs).unref();
  };

  flush(onSent?: () => void): void {
    const outcomes = this.take();
    const message: FromWorker = { kind: "settled", id: this.#id, outcomes };
    if (outcomes.length > 0 || onSent !== undefined) process.send!(message, () => onSent?.());
  }

  /** What is yet to be sent, by whoever takes it. */
  take(): readonly (readonly [index: number, outcome: Outcome])[] {
    const outcomes = this.#settled;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#settled = [];
    this.#sentAt = performance.now();
    return outcomes;
  }
}

function send(message: FromWorker): void {
  process.send!(message);
}
