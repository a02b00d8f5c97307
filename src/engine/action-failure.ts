// What is said of an action that failed: its stack in the sources, the end of its log, where the bad file was put.

import { closeSync, copyFileSync, fstatSync, mkdirSync, openSync, readSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Outcome } from "../backends/executors/executor.ts";
import type { Artifact } from "../model/action.ts";
import { actionFailure, type Failure } from "../model/failure.ts";
import type { PreparedAction } from "./actions.ts";
import { fileNameOf, itemName, type Item } from "./fan-out.ts";
import type { Work } from "./work.ts";

const tailLines = 20;
const tailBytes = 16_384;
const mostProblems = 20;
const mostItems = 3;
const settle =
  "Look for a promise whose resolve is never called, an event that never comes, or a timer that was unref'd: those do not keep a program alive.";

export function failureOf(
  work: Work,
  action: PreparedAction,
  outcome: Extract<Outcome, { kind: "failed" }>,
  logFile: string,
  item?: Item,
): Failure {
  const { session, target } = work;
  // Without a tool nothing ran: what lies there is of another day.
  const tail = outcome.why === "tool" ? [] : tailOf(logFile);
  const log = tail.length > 0 ? ["", `end of ${relative(session.root, logFile)}:`, ...tail] : [];
  const details = [...stackOf(work, action, outcome), ...log].map(session.mask);
  return actionFailure(`${nameOf(work, item)} failed: ${session.mask(outcome.message)}`, {
    neededBy: `rule ${target.declaration.contract.name}`,
    ...(outcome.why === "unsettled" && { fix: settle }),
    ...(details.length > 0 && { details }),
  });
}

/** An output that breaks its promise is not used by anybody; it is put where its author can look at it. */
export function brokenOutput(
  work: Work,
  slot: string,
  problems: readonly string[],
  artifact: Artifact,
  item?: Item,
): Failure {
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
  return actionFailure(`${nameOf(work, item)} made an output "${slot}" that breaks what the rule promises`, {
    neededBy: `rule ${contract.name}`,
    fix: `The file was set aside for you to look at: ${relative(session.root, kept)}`,
    details: [...problems.slice(0, mostProblems), ...(more > 0 ? [`… and ${more} more`] : [])],
  });
}

/** Many items that failed are a few messages: the first in full, and how many more. */
export function groupFailures(failures: readonly Failure[], target: string, total: number): readonly Failure[] {
  const more = failures.length - mostItems;
  if (more <= 0) return failures;
  return [...failures.slice(0, mostItems), actionFailure(`… and ${more} more of ${total} items of ${target} failed`)];
}

function nameOf({ target }: Work, item: Item | undefined): string {
  return item === undefined ? target.name : `${target.name}[${itemName(item)}]`;
}

function stackOf(
  { session }: Work,
  { codeOrder }: PreparedAction,
  { stack, why }: Extract<Outcome, { kind: "failed" }>,
): readonly string[] {
  if (stack === undefined || codeOrder.kind !== "module") return [];
  // The last words of a worker that died are no stack.
  return why === "lost" ? stack.split("\n").slice(-12) : session.mapStack(codeOrder.bundle, stack);
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
