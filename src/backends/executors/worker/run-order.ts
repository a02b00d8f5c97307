// Runs one order: instantiates the recipe for each action, hands it its context, takes in what it wrote. Knows no messages.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { format } from "node:util";
import type { Json } from "../../../model/json.ts";
import { secretIn } from "../../../planning/config/mask.ts";
import { readLog } from "../../../util/append-log.ts";
import { kept } from "../../../util/kept.ts";
import type { BlobStore } from "../../store/store.ts";
import type { InputOrder, ItemOrder, Order, Outcome } from "../executor.ts";
import type { Spent } from "./calls.ts";
import { CommandError, runCommand } from "./command.ts";
import { UndeclaredError, type InputCheck } from "./input-check.ts";
import { inputHandles, placeInputs } from "./inputs.ts";
import { ActionLog, logTo, type Mask } from "./log.ts";
import { UnsettledError } from "./lifeline.ts";
import { instantiate } from "./modules.ts";
import { OutputError, Outputs } from "./outputs.ts";
import { placeOf } from "./place.ts";
import { startCpu } from "./processor-time.ts";
import { packSplit } from "./split.ts";
import { inCourse } from "./strays.ts";
import type { Surroundings } from "./surroundings.ts";
import { ToolError } from "./tools.ts";

export interface Frame {
  readonly order: Order;
  /** Of this order; removed afterwards. */
  readonly folder: string;
  readonly store: BlobStore;
  readonly signal: AbortSignal;
  readonly mask: Mask | undefined;
  /** The `call` of the context; what it pays is added to `spent`. */
  readonly call: (spent: Spent) => unknown;
  /** The action for which it was spent has ended. */
  readonly endCalls: (spent: Spent) => void;
  readonly surroundings: Surroundings;
  /** Told of each item before it begins. */
  readonly begin: (index: number) => void;
  readonly check: InputCheck | undefined;
  /** The function of the recipe that was called last. */
  underWay: Runner | undefined;
  /** Set when an error strayed: what threw it may still be running here, so nothing else should. */
  isSpoilt: boolean;
}

type Settle = (index: number, outcome: Outcome) => void;
type Context = Record<string, unknown>;

export async function runOrder(frame: Frame, settle: Settle): Promise<void> {
  const { order } = frame;
  if (order.part !== "item") {
    const outputs = new Outputs(order.outputs, frame.folder);
    settle(0, await action(frame, order.logFile, outputs, (spent) => runOne(frame, outputs, spent)));
  } else if (order.code.kind === "module" && order.code.vectorised) await runVectorised(frame, settle);
  else await runItems(frame, settle);
}

async function runOne(frame: Frame, outputs: Outputs, spent: Spent): Promise<Json | undefined> {
  const { order, folder } = frame;
  if (order.code.kind === "command") {
    mkdirSync(folder, { recursive: true });
    placeInputs(order.inputs, folder);
    await runCommand(order.code, folder, process.env);
    return undefined;
  }
  const recipe = asRecipe(instantiate(order.code));
  const context = contextOf(frame, folder, spent, {
    inputs: inputHandles(order.inputs, folder),
    outputs: outputs.handles,
    ...(order.itemsFile !== undefined && { items: readItems(order.itemsFile, folder) }),
  });
  frame.underWay = recipe.run;
  const value = await recipe.run(context);
  if (order.part === "split") return withoutSecrets(frame, "what the split returned", packSplit(value));
  return order.part === "gate" ? withoutSecrets(frame, "the verdict", (value ?? null) as Json) : undefined;
}

/** What is kept for ever and shown to everybody: labels name files and lines of the screen. */
function withoutSecrets({ order, mask }: Frame, what: string, value: Json): Json {
  const name = mask === undefined ? undefined : secretIn(value, Object.keys(order.secrets), mask);
  if (name !== undefined) throw new OutputError(`${what} holds the value of the secret ${name}, and would be kept`);
  return value;
}

async function runItems(frame: Frame, settle: Settle): Promise<void> {
  const handles = new SharedInputs(frame.folder);
  for (const [index, item] of frame.order.items!.entries()) {
    const folder = join(frame.folder, String(index));
    const outputs = new Outputs(frame.order.outputs, folder);
    frame.begin(index);
    const outcome = await action(frame, item.logFile, outputs, async (spent) => {
      const recipe = asRecipe(instantiateModule(frame.order));
      const shared = { settings: item.settings, inputs: handles.of(item) };
      const setup = await setUp(recipe, frame, item, shared);
      frame.underWay = recipe.run;
      await recipe.run(
        contextOf(frame, folder, spent, { ...shared, item: item.item, outputs: outputs.handles, setup }),
      );
      return undefined;
    });
    settle(index, outcome);
    if (frame.isSpoilt) return;
  }
}

/** Many items in one call. They succeed or fail together; time and cost are shared out evenly, and each rests on all answers. */
async function runVectorised(frame: Frame, settle: Settle): Promise<void> {
  const items = frame.order.items!;
  const [first] = items;
  const all = items.map((_, index) => new Outputs(frame.order.outputs, join(frame.folder, String(index))));
  const whole = await action(frame, first!.logFile, undefined, async (spent) => {
    const recipe = asRecipe(instantiateModule(frame.order));
    const shared = { settings: first!.settings, inputs: new SharedInputs(frame.folder).of(first!) };
    const setup = await setUp(recipe, frame, first!, shared);
    frame.underWay = recipe.run;
    const list = items.map((item, index) => ({ item: item.item, outputs: all[index]!.handles }));
    await recipe.run(contextOf(frame, frame.folder, spent, { ...shared, setup, items: list }));
    return undefined;
  });
  for (const [index, outputs] of all.entries()) {
    if (whole.kind === "not-begun") throw new Error("an action that was run was not begun");
    const share = { tookMs: whole.tookMs / items.length, costUsd: whole.costUsd / items.length };
    if (whole.kind !== "done") {
      settle(index, { ...whole, ...share });
      continue;
    }
    const own = await action(frame, first!.logFile, outputs, () => Promise.resolve(undefined), true);
    const usage = { cpuMs: (whole.usage?.cpuMs ?? 0) / items.length };
    const calls = whole.calls ?? [];
    settle(index, own.kind === "done" ? { ...own, ...share, usage, calls } : { ...own, ...share });
  }
}

/** Runs `work` with its output going to `logFile`, and takes its outputs into the store. */
async function action(
  frame: Frame,
  logFile: string,
  outputs: Outputs | undefined,
  work: (spent: Spent) => Promise<Json | undefined>,
  keepsLog = false,
): Promise<Outcome> {
  const log = new ActionLog(logFile, frame.mask);
  if (!keepsLog && frame.order.attempt === 1) log.clear();
  logTo(log);
  const spent: Spent = { usd: 0, open: new Set(), calls: new Set() };
  const startedAt = Date.now();
  const start = process.hrtime.bigint();
  const cpu = startCpu(frame.order.code.kind === "command");
  const tookMs = () => Number(process.hrtime.bigint() - start) / 1e6;
  try {
    frame.check?.begin(frame.order);
    const value = await inCourse(
      () => work(spent),
      () => (frame.isSpoilt = true),
    );
    if (spent.unaffordable !== undefined) throw new Error(spent.unaffordable);
    if (spent.refused !== undefined) throw new Error(spent.refused);
    frame.check?.end();
    const artifacts = (await outputs?.collect(frame.store)) ?? {};
    const took = { tookMs: tookMs(), costUsd: spent.usd, startedAt, usage: { cpuMs: cpu() } };
    // A program has nothing to ask with.
    const calls = frame.order.code.kind === "command" ? {} : { calls: [...spent.calls].sort() };
    return { kind: "done", outputs: artifacts, ...(value !== undefined && { value }), ...took, ...calls };
  } catch (error) {
    // Whatever the recipe threw instead.
    if (spent.unaffordable !== undefined)
      return { kind: "unaffordable", message: spent.unaffordable, tookMs: tookMs(), costUsd: spent.usd };
    const stack = error instanceof UnsettledError && frame.underWay !== undefined && placeOf(frame.underWay);
    const described = { ...describeError(error), ...(typeof stack === "string" && { stack }) };
    // Whatever the recipe threw instead: asking again would be refused again.
    if (spent.refused !== undefined) Object.assign(described, { message: spent.refused, retryable: false });
    return { kind: "failed", ...described, tookMs: tookMs(), costUsd: spent.usd };
  } finally {
    frame.endCalls(spent);
    logTo(undefined);
    try {
      frame.surroundings.restore(setups.size > 0);
    } catch {
      // What has come out is right all the same: what comes next gets another worker.
      frame.isSpoilt = true;
    }
  }
}

/** What the recipe is told and given, on top of what every recipe has. `scratch` is made when it is asked for. */
function contextOf(frame: Frame, folder: string, spent: Spent, given: Context): Context {
  const scratch = join(folder, "scratch");
  return {
    log: (line: string) => void process.stdout.write(`${line}\n`),
    signal: frame.signal,
    get scratch() {
      mkdirSync(scratch, { recursive: true });
      return scratch;
    },
    attempt: frame.order.attempt,
    call: frame.call(spent),
    ...frame.order.told,
    ...given,
  };
}

// --- recipes ----------------------------------------------------------------------------------------------------

type Runner = (context: Context) => unknown;
interface RecipeObject {
  readonly setup?: Runner;
  readonly run: Runner;
}

function instantiateModule(order: Order): unknown {
  if (order.code.kind !== "module") throw new Error("items are made by recipes in TypeScript");
  return instantiate(order.code);
}

function asRecipe(exported: unknown): RecipeObject {
  if (typeof exported === "function") return { run: exported as Runner };
  if (typeof exported === "object" && exported !== null && typeof (exported as RecipeObject).run === "function")
    return exported as RecipeObject;
  throw new Error("the recipe's module exports neither a function nor an object with `run`");
}

/** What `setup()` returned, by what decides it: once a worker. */
const setups = new Map<string, Promise<unknown>>();

async function setUp(recipe: RecipeObject, frame: Frame, item: ItemOrder, given: Context): Promise<unknown> {
  const { order } = frame;
  if (recipe.setup === undefined || order.code.kind !== "module") return undefined;
  return kept(setups, item.setupKey, () => {
    frame.underWay = recipe.setup;
    const run = async () => recipe.setup!({ ...order.told, ...given });
    return frame.check === undefined ? run() : frame.check.inSetup(run);
  });
}

/** Item inputs of a batch are mostly the same files: their handles, and so their places on disk, are shared. */
class SharedInputs {
  readonly #folder: string;
  readonly #handles = new Map<string, Context>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  of(item: ItemOrder): Context {
    const key = JSON.stringify(item.inputs);
    let handles = this.#handles.get(key);
    if (handles === undefined) {
      handles = inputHandles(item.inputs, join(this.#folder, `shared${this.#handles.size}`));
      this.#handles.set(key, handles);
    }
    return handles;
  }
}

// --- merges -----------------------------------------------------------------------------------------------------

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

// --- errors -----------------------------------------------------------------------------------------------------

type ErrorText = Pick<Extract<Outcome, { kind: "failed" }>, "why" | "message" | "stack" | "retryable">;

export function describeError(error: unknown): ErrorText {
  if (!(error instanceof Error)) {
    return { why: "threw", message: `threw ${format("%s", error)}, which is not an Error`, retryable: false };
  }
  const { message } = error;
  if (error instanceof CommandError) return { why: "exit-code", message, retryable: true };
  if (error instanceof OutputError) return { why: "output", message, retryable: false };
  if (error instanceof UndeclaredError) return { why: "undeclared", message, retryable: false };
  if (error instanceof UnsettledError) return { why: "unsettled", message, retryable: false };
  if (error instanceof ToolError) return { why: "tool", message, retryable: false };
  // A recipe knows best what may pass by itself: `Object.assign(new Error("busy"), { retryable: true })`.
  const retryable = (error as { retryable?: unknown }).retryable === true;
  return {
    why: "threw",
    message: wordError(error),
    retryable,
    ...(error.stack !== undefined && { stack: error.stack }),
  };
}

/** With what tells it from others: its class, unless that is `Error`, and what caused it. */
function wordError(error: Error): string {
  const cause = error.cause instanceof Error ? ` (caused by ${nameAndMessage(error.cause)})` : "";
  return nameAndMessage(error) + cause;
}

function nameAndMessage({ name, message }: Error): string {
  if (message === "") return name;
  return name === "Error" ? message : `${name}: ${message}`;
}
