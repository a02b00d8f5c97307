// What is said of an action that failed: its place in the sources, the end of its log, where the bad file was put. Items that failed alike are told once.

import { closeSync, copyFileSync, fstatSync, mkdirSync, openSync, readSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Outcome } from "../backends/executors/executor.ts";
import type { Artifact } from "../model/action.ts";
import { actionFailure, type Failure, type Place } from "../model/failure.ts";
import type { Frame } from "../planning/bundle/stack.ts";
import { readTextIfThere } from "../util/fs.ts";
import type { PreparedAction } from "./actions.ts";
import { fileNameOf, itemName, type Item } from "./fan-out.ts";
import type { Work } from "./work.ts";

const declare =
  "A file is declared as an input of the contract, a program's own files as its `code`, a variable as `env` of the rule. What is not declared can change without any target becoming stale.";
const tailLines = 20;
const tailBytes = 16_384;
const mostProblems = 20;
const mostFrames = 6;
const settle =
  "Look for a promise whose resolve is never called, an event that never comes, or a timer that was unref'd: those do not keep a program alive.";
/** So many kinds of failures of a fan-out's items are told. */
const mostKinds = 3;

/** How an action failed, before it is said which: items that failed alike have this in common. */
export interface ActionFailure {
  /** After "judge" or "judge[item]": `failed: no luck`. */
  readonly said: string;
  /** After "37 items of judge": `failed alike: no luck`. */
  readonly saidOfMany: string;
  /** What differs between failures that are said in the same words, if anything does. */
  readonly kind: string;
  readonly more: Omit<Failure, "kind" | "what">;
  readonly log: string | undefined;
}

export interface ItemFailure {
  readonly item: Item;
  readonly failure: ActionFailure;
}

export function failureOf(
  work: Work,
  action: PreparedAction,
  outcome: Extract<Outcome, { kind: "failed" }>,
  logFile: string,
): ActionFailure {
  const { session, target } = work;
  // Without a tool nothing ran: what lies there is of another day.
  const tail = outcome.why === "tool" ? [] : tailOf(logFile);
  const log = tail.length > 0 ? relative(session.root, logFile) : undefined;
  const frames = framesOf(work, action, outcome);
  const stack = outcome.why === "lost" ? lastWords(outcome) : frames.slice(0, mostFrames).map(wordFrame);
  const details = [...stack, ...(log === undefined ? [] : ["", `end of ${log}:`, ...tail])].map(session.mask);
  const message = session.mask(outcome.message);
  const where = placeOf(work, frames);
  return {
    said: `failed: ${message}`,
    saidOfMany: `failed alike: ${message}`,
    kind: where === undefined ? "" : `${where.file}:${where.line}:${where.column}`,
    more: {
      ...(where !== undefined && { where }),
      neededBy: `rule ${target.declaration.contract.name}`,
      ...(outcome.why === "unsettled" && { fix: settle }),
      ...(outcome.why === "undeclared" && { fix: declare }),
      ...(details.length > 0 && { details }),
    },
    log,
  };
}

/** An output that breaks its promise is not used by anybody; it is put where its author can look at it. */
export function brokenOutput(
  work: Work,
  slot: string,
  problems: readonly string[],
  artifact: Artifact,
  item?: Item,
): ActionFailure {
  const { session, target } = work;
  const { contract } = target.declaration;
  const { ext } = item === undefined ? contract.outputs[slot]! : contract.items!.outputs[slot]!;
  const folder = join(session.runFolder, "failed", target.name);
  const kept = join(folder, `${item === undefined ? "" : `${fileNameOf(item)}-`}${slot}${ext}`);
  mkdirSync(folder, { recursive: true });
  const order = session.contents.orderOf(slot, { format: "file", ext }, artifact);
  if (order.kind === "file" && order.path !== undefined) copyFileSync(order.path, kept);
  else if (order.kind === "file") writeFileSync(kept, order.text ?? "");
  const more = problems.length - mostProblems;
  const said = `made an output "${slot}" that breaks what the rule promises`;
  return {
    said,
    saidOfMany: said,
    kind: problems.join("\n"),
    more: {
      neededBy: `rule ${contract.name}`,
      fix: `The file was set aside for you to look at: ${relative(session.root, kept)}`,
      details: [...problems.slice(0, mostProblems), ...(more > 0 ? [`… and ${more} more`] : [])],
    },
    log: undefined,
  };
}

export function failureOfTarget({ target }: Work, { said, more }: ActionFailure): Failure {
  return actionFailure(`${target.name} ${said}`, more);
}

/** Many items that failed are a few messages: one for those that failed alike, the most frequent first, and how many more. */
export function groupFailures({ target }: Work, failures: readonly ItemFailure[], total: number): readonly Failure[] {
  const groups = new Map<string, ItemFailure[]>();
  for (const one of failures) {
    const alike = JSON.stringify([one.failure.said, one.failure.kind]);
    const group = groups.get(alike);
    if (group === undefined) groups.set(alike, [one]);
    else group.push(one);
  }
  // A sort that keeps the order of those of one size: what failed first is told first.
  const byFrequency = [...groups.values()].sort((a, b) => b.length - a.length);
  const told = byFrequency.slice(0, mostKinds);
  const more = failures.length - told.reduce((sum, group) => sum + group.length, 0);
  return [
    ...told.map((group) => failureOfGroup(target.name, group)),
    ...(more > 0 ? [actionFailure(`… and ${more} more of ${total} items of ${target.name} failed`)] : []),
  ];
}

function failureOfGroup(target: string, group: readonly ItemFailure[]): Failure {
  const [{ item, failure }] = group as readonly [ItemFailure];
  const name = itemName(item);
  if (group.length === 1) return actionFailure(`${target}[${name}] ${failure.said}`, failure.more);
  const first = `first: ${name}${failure.log === undefined ? "" : `, log at ${failure.log}`}`;
  return actionFailure(`${group.length} items of ${target} ${failure.saidOfMany}`, {
    ...failure.more,
    details: [first, ...(failure.more.details ?? [])],
  });
}

function framesOf(
  { session }: Work,
  { codeOrder }: PreparedAction,
  { stack, why }: Extract<Outcome, { kind: "failed" }>,
): readonly Frame[] {
  if (stack === undefined || why === "lost" || codeOrder.kind !== "module") return [];
  return session.mapStack(codeOrder.bundle, stack);
}

/** The last words of a worker that died are no stack. */
function lastWords({ stack }: Extract<Outcome, { kind: "failed" }>): readonly string[] {
  return stack === undefined ? [] : stack.split("\n").slice(-12);
}

function wordFrame({ name, file, line, column }: Frame): string {
  return `at ${name === undefined ? "" : `${name} `}${file}:${line}:${column}`;
}

/** Where the recipe's author is to look: the innermost frame that is in a file of the project. */
function placeOf({ session }: Work, frames: readonly Frame[]): Place | undefined {
  const frame = frames.find(({ isForeign }) => !isForeign);
  if (frame === undefined) return undefined;
  const { file, line, column } = frame;
  const text = readTextIfThere(join(session.root, file))?.split(/\r?\n/)[line - 1];
  return { file, line, column, ...(text !== undefined && { text: session.mask(text) }) };
}

/** The last lines of a log. */
function tailOf(file: string): readonly string[] {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8").trimEnd().split("\n").slice(-tailLines);
  } finally {
    closeSync(fd);
  }
}
