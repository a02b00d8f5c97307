// A local worker process: takes orders one at a time, runs their items in turn, sends back what they made. Knows no keys and no targets.

import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { format } from "node:util";
import type { Json } from "../../../model/json.ts";
import { readLog } from "../../../util/append-log.ts";
import type { BlobStore } from "../../store/store.ts";
import { encode } from "../../../planning/fingerprint/encode.ts";
import type { InputOrder, ItemOrder, Order, Outcome } from "../executor.ts";
import { CommandError, runCommand } from "./command.ts";
import { inputHandles, placeInputs } from "./inputs.ts";
import { instantiate } from "./modules.ts";
import { OutputError, Outputs } from "./outputs.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import { packSplit } from "./split.ts";
import { checkTools, ToolError } from "./tools.ts";

let store: BlobStore;
let scratchRoot = "";
const baseEnvironment = { ...process.env };
let folderCount = 0;
let logFile = "";
let current: { id: number; abort: AbortController } | undefined;

function send(message: FromWorker): void {
  process.send!(message);
}

// --- output of recipes goes to the log of the action at hand ---------------------------------------------------

function writeLog(text: string | Uint8Array): void {
  if (logFile === "") return;
  mkdirSync(dirname(logFile), { recursive: true });
  appendFileSync(logFile, text);
}
function captureOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (text: string | Uint8Array, encoding?: unknown, done?: () => void) => {
      writeLog(text);
      if (typeof encoding === "function") (encoding as () => void)();
      else done?.();
      return true;
    };
  }
}

// --- memory for paid calls lies with the driver -----------------------------------------------------------------

let callCount = 0;
const callsWaiting = new Map<number, (found: { readonly response: Json } | undefined) => void>();

function askDriver(
  message: Extract<FromWorker, { kind: "find" | "remember" }>,
): Promise<{ readonly response: Json } | undefined> {
  return new Promise((resolve) => {
    callsWaiting.set(message.call, resolve);
    send(message);
  });
}

type Spent = { usd: number };

function callFunction(signal: AbortSignal, spent: Spent) {
  return async (
    asked: { request: Json; draw?: number },
    ask: (signal: AbortSignal) => Promise<{ response: Json; costUsd?: number }>,
  ): Promise<Json> => {
    const draw = asked.draw ?? 0;
    encode(asked.request); // Throws here, with a stack into the recipe, if the request is not plain JSON.
    const found = await askDriver({ kind: "find", call: callCount++, request: asked.request, draw });
    if (found !== undefined) return found.response;
    const { response, costUsd = 0 } = await ask(signal);
    spent.usd += costUsd;
    await askDriver({ kind: "remember", call: callCount++, request: asked.request, draw, response, costUsd });
    return response;
  };
}

// --- running --------------------------------------------------------------------------------------------------

interface Frame {
  readonly order: Order;
  readonly folder: string;
  readonly runtime: Record<string, unknown>;
  readonly spent: Spent;
}

/** What `setup()` returned, by recipe, settings and inputs: once a worker. */
const setups = new Map<string, Promise<unknown>>();

type Runner = (context: Record<string, unknown>) => unknown;
interface RecipeObject {
  readonly vectorised?: boolean;
  readonly setup?: Runner;
  readonly run: Runner;
}

function asRecipe(exported: unknown): RecipeObject {
  if (typeof exported === "function") return { run: exported as Runner };
  if (typeof exported === "object" && exported !== null && typeof (exported as RecipeObject).run === "function")
    return exported as RecipeObject;
  throw new Error("the recipe's module exports neither a function nor an object with `run`");
}

async function setUp(
  recipe: RecipeObject,
  order: Order,
  item: ItemOrder,
  context: Record<string, unknown>,
): Promise<unknown> {
  if (recipe.setup === undefined || order.code.kind !== "module") return undefined;
  const key = [order.code.bundle, encode(order.told), encode(item.settings), JSON.stringify(item.inputs)].join("\n");
  let made = setups.get(key);
  if (made === undefined) {
    made = Promise.resolve(recipe.setup({ ...order.told, settings: item.settings, inputs: context.inputs }));
    // One failure must not poison the items that come later: they may have more luck.
    made.catch(() => setups.delete(key));
    setups.set(key, made);
  }
  return made;
}

/** Item inputs of a batch are mostly the same files: their handles, and so their places on disk, are shared. */
function itemInputs(
  frame: Frame,
  shared: Map<string, Record<string, unknown>>,
  item: ItemOrder,
): Record<string, unknown> {
  const key = JSON.stringify(item.inputs);
  let handles = shared.get(key);
  if (handles === undefined)
    shared.set(key, (handles = inputHandles(item.inputs, join(frame.folder, `shared${shared.size}`))));
  return handles;
}

async function runAll(frame: Frame, settle: (index: number, outcome: Outcome) => void): Promise<void> {
  const { order } = frame;
  if (order.part !== "item") {
    const outputs = new Outputs(order.outputs, frame.folder);
    settle(0, await timed(frame, outputs, () => runOne(frame, outputs)));
    return;
  }
  const items = order.items!;
  if (order.code.kind === "module" && order.code.vectorised) return runVectorised(frame, settle);
  const shared = new Map<string, Record<string, unknown>>();
  for (const [index, item] of items.entries()) {
    const outputs = new Outputs(order.outputs, join(frame.folder, String(index)));
    const outcome = await timed(frame, outputs, async () => {
      const recipe = asRecipe(instantiate(order.code as never));
      const context = {
        ...order.told,
        ...frame.runtime,
        settings: item.settings,
        item: item.item,
        inputs: itemInputs(frame, shared, item),
        outputs: outputs.handles,
      };
      await recipe.run({ ...context, setup: await setUp(recipe, order, item, context) });
      return undefined;
    });
    settle(index, outcome);
  }
}

/** Many items in one call. They succeed or fail together; time and cost are shared out evenly. */
async function runVectorised(frame: Frame, settle: (index: number, outcome: Outcome) => void): Promise<void> {
  const { order } = frame;
  const items = order.items!;
  const all = items.map((_, index) => new Outputs(order.outputs, join(frame.folder, String(index))));
  const inputs = itemInputs(frame, new Map(), items[0]!);
  const whole = await timed(frame, undefined, async () => {
    const recipe = asRecipe(instantiate(order.code as never));
    const context = { ...order.told, ...frame.runtime, settings: items[0]!.settings, inputs };
    const setup = await setUp(recipe, order, items[0]!, context);
    await recipe.run({
      ...context,
      setup,
      items: items.map((item, index) => ({ item: item.item, outputs: all[index]!.handles })),
    });
    return undefined;
  });
  for (const [index, outputs] of all.entries()) {
    if (whole.kind !== "done") settle(index, whole);
    else {
      const share = { tookMs: whole.tookMs / items.length, costUsd: whole.costUsd / items.length };
      const own = await timed({ ...frame, spent: { usd: 0 } }, outputs, async () => undefined);
      settle(index, own.kind === "not-begun" ? own : { ...own, ...share });
    }
  }
}

async function runOne(frame: Frame, outputs: Outputs): Promise<Json | undefined> {
  const { order, folder } = frame;
  if (order.code.kind === "command") {
    mkdirSync(folder, { recursive: true });
    placeInputs(order.inputs, folder);
    await runCommand(order.code, folder, process.env, order.logFile);
    return undefined;
  }
  const recipe = asRecipe(instantiate(order.code));
  const context: Record<string, unknown> = {
    ...order.told,
    ...frame.runtime,
    inputs: inputHandles(order.inputs, folder),
    outputs: outputs.handles,
  };
  if (order.itemsFile !== undefined) context.items = readItems(order.itemsFile, folder);
  const value = await recipe.run(context);
  if (order.part === "split") return packSplit(value);
  if (order.part === "gate") return (value ?? null) as Json;
  return undefined;
}

interface ItemLine {
  readonly recipe: string;
  readonly settings: Json;
  readonly item: Json;
  readonly outputs: Record<string, InputOrder>;
}

function readItems(file: string, folder: string): unknown[] {
  return readLog<ItemLine>(file).lines.map(({ recipe, settings, item, outputs }, i) => ({
    recipe,
    settings,
    item,
    outputs: inputHandles(outputs, join(folder, "items", String(i))),
  }));
}

async function timed(
  frame: Frame,
  outputs: Outputs | undefined,
  work: () => Promise<Json | undefined>,
): Promise<Outcome> {
  const startedAt = Date.now();
  const start = process.hrtime.bigint();
  const tookMs = () => Number(process.hrtime.bigint() - start) / 1e6;
  const before = frame.spent.usd;
  try {
    const value = await work();
    const artifacts = outputs?.collect(store) ?? {};
    return {
      kind: "done",
      outputs: artifacts,
      ...(value !== undefined && { value }),
      tookMs: tookMs(),
      costUsd: frame.spent.usd - before,
      startedAt,
    };
  } catch (error) {
    return { kind: "failed", ...describeError(error), tookMs: tookMs(), costUsd: frame.spent.usd - before };
  }
}

function describeError(error: unknown): {
  why: "threw" | "exit-code" | "output" | "tool";
  message: string;
  stack?: string;
  retryable: boolean;
} {
  if (!(error instanceof Error))
    return { why: "threw", message: `threw ${format("%s", error)}, which is not an Error`, retryable: false };
  const why =
    error instanceof CommandError
      ? "exit-code"
      : error instanceof OutputError
        ? "output"
        : error instanceof ToolError
          ? "tool"
          : "threw";
  const retryable = (error as { retryable?: unknown }).retryable === true || why === "exit-code";
  return {
    why,
    message: error.message || error.name,
    ...(why === "threw" && error.stack !== undefined && { stack: error.stack }),
    retryable,
  };
}

async function handle(id: number, order: Order): Promise<void> {
  const folder = join(scratchRoot, String(folderCount++));
  const abort = new AbortController();
  const scratch = join(folder, "scratch");
  const spent: Spent = { usd: 0 };
  current = { id, abort };
  logFile = order.logFile;
  const runtime: Record<string, unknown> = {
    log: (line: string) => writeLog(`${line}\n`),
    signal: abort.signal,
    get scratch() {
      mkdirSync(scratch, { recursive: true });
      return scratch;
    },
    attempt: order.attempt,
    call: callFunction(abort.signal, spent),
  };
  Object.assign(process.env, order.environment);
  let settled: (readonly [number, Outcome])[] = [];
  let lastSent = performance.now();
  const flush = () => {
    if (settled.length > 0) send({ kind: "settled", id, outcomes: settled });
    settled = [];
    lastSent = performance.now();
  };
  try {
    checkTools(order.tools, process.env);
    await runAll({ order, folder, runtime, spent }, (index, outcome) => {
      settled.push([index, outcome]);
      // Small items are reported a few at a time; none waits longer than 10 ms.
      if (performance.now() - lastSent > 10) flush();
    });
  } catch (error) {
    // Before the first item: a tool is missing, say. It holds for each of them.
    const outcome: Outcome = { kind: "failed", ...describeError(error), tookMs: 0, costUsd: 0 };
    for (let index = 0; index < (order.items?.length ?? 1); index++) settled.push([index, outcome]);
  }
  flush();
  for (const name of Object.keys(process.env)) if (!(name in baseEnvironment)) delete process.env[name];
  Object.assign(process.env, baseEnvironment);
  rmSync(folder, { recursive: true, force: true });
  current = undefined;
  logFile = "";
  send({ kind: "finished", id });
}

/** Starts to serve. The process that is told to do so decides which store it puts into. */
export function startWorker(into: BlobStore, scratch: string): void {
  store = into;
  scratchRoot = scratch;
  captureOutput();
  process.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "run":
        void handle(message.id, message.order);
        return;
      case "answer":
        callsWaiting.get(message.call)?.(message.found);
        callsWaiting.delete(message.call);
        return;
      case "abort":
        if (current?.id === message.id) current.abort.abort();
        return;
    }
  });
  // The driver is gone: nobody waits for what this worker makes.
  process.on("disconnect", () => process.kill(-process.pid, "SIGKILL"));
  send({ kind: "ready" });
}
