// `exp watch`: builds, waits until something that the build read is edited, and builds again. What fails is shown, and watching goes on.

import { unpaid } from "../backends/executors/executor.ts";
import { inRun } from "../model/advice.ts";
import type { Event } from "../model/event.ts";
import { actionFailure, FailureError, type Failure } from "../model/failure.ts";
import type { OpenRun } from "../project/open-run.ts";
import { findRoot } from "../project/paths.ts";
import { openProject } from "../project/project.ts";
import { areAsRead, pathsOf, type Reads } from "../project/reads.ts";
import { watchedPaths, withWholeProject } from "../project/watched-paths.ts";
import { Watcher } from "../project/watcher.ts";
import { fail, type Result } from "../util/result.ts";
import { statOf } from "../util/stat.ts";
import type { Arguments } from "./arguments.ts";
import { makeReporter } from "./build-reporter.ts";
import { buildOnce, type Built, type BuildOptions } from "./build.ts";
import { readLimits } from "./limits.ts";
import { readBudget } from "./money.ts";
import { showFailures, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

/** Its last build, as far as waiting needs it. */
interface Past {
  readonly built: Result<Built, readonly Failure[]>;
  readonly startedAt: number;
  /** Of the last build that came so far: a config with a mistake is watched with all that it extended before. */
  readonly reads: Reads | undefined;
}

export async function watch(args: Arguments, screen: Screen): Promise<number> {
  const limits = readLimits(args);
  // One for all of its builds: nobody sits there and adds up.
  const budget = readBudget(args, screen);
  if (!limits.ok || !budget.ok) {
    showFailures(screen, [...(limits.ok ? [] : limits.error), ...(budget.ok ? [] : [budget.error])]);
    return exitCodes.wrongInput;
  }
  const root = findRoot(screen.workingFolder);
  const mayPay = args.flags.paid === true;
  const options = {
    ...{ limits: limits.value, budget: budget.value, keepGoing: true, mayPay, checksInputs: false, writesStamp: false },
    show: mayPay ? (event: Event) => event : sayWhatCosts,
  };
  let reads: Reads | undefined;
  let watcher: Watcher | undefined;
  try {
    for (;;) {
      watcher?.forget();
      const startedAt = screen.now();
      const built = await tryToBuild(args, screen, { ...options, onRead: (read) => void (reads = read) });
      if (screen.signal.aborted) return exitCodes.interrupted;
      if (root === undefined) {
        if (!built.ok) showFailures(screen, built.error);
        return exitCodes.wrongInput;
      }
      const past: Past = { built, startedAt, reads };
      const waited = await waitForEdit(root, past, watcher, args, screen);
      watcher = waited.watcher;
      if (waited.failures !== undefined) {
        showFailures(screen, waited.failures);
        return exitCodes.failed;
      }
      if (screen.signal.aborted) return exitCodes.interrupted;
    }
  } finally {
    await watcher?.close();
  }
}

async function tryToBuild(
  args: Arguments,
  screen: Screen,
  options: BuildOptions,
): Promise<Result<Built, readonly Failure[]>> {
  try {
    return await buildOnce(args, screen, options);
  } catch (error) {
    if (error instanceof FailureError) return fail(error.failures);
    throw error;
  }
}

interface Waited {
  readonly watcher: Watcher | undefined;
  /** Why nothing can be watched. */
  readonly failures?: readonly Failure[];
}

/** Returns when there is something to build. */
async function waitForEdit(
  root: string,
  past: Past,
  first: Watcher | undefined,
  args: Arguments,
  screen: Screen,
): Promise<Waited> {
  let watcher = first;
  let isTold = false;
  for (;;) {
    const followed = await follow(root, past, watcher);
    if (!followed.ok) return { watcher: undefined, failures: followed.error };
    watcher = followed.value;
    // Edits from before it was listened to are found by looking.
    if (!(await isAsBuilt(root, past, screen))) {
      // Not in the middle of an edit.
      if (!isTold) watcher.hear();
      const changed = isTold ? undefined : await watcher.change(screen.signal);
      return { watcher, ...(changed?.ok === false && { failures: changed.error }) };
    }
    if (!isTold) await tell(past, watcher, args, screen);
    isTold = true;
    const changed = await watcher.change(screen.signal);
    if (!changed.ok) return { watcher, failures: changed.error };
    if (screen.signal.aborted || isWrong(past)) return { watcher };
    watcher.forget();
  }
}

/** A watcher of all that matters now: another one only where that has changed. */
async function follow(
  root: string,
  past: Past,
  watcher: Watcher | undefined,
): Promise<Result<Watcher, readonly Failure[]>> {
  const none = { files: new Set<string>(), folders: new Set<string>(), absent: new Set<string>() };
  const read = watchedPaths(root, past.reads === undefined ? none : pathsOf(past.reads));
  const watched = isWrong(past) ? withWholeProject(root, read) : read;
  if (watcher?.listensTo(watched) === true) return { ok: true, value: watcher };
  const next = await Watcher.start(watched, past.startedAt);
  if (next.ok && watcher?.isChanged === true) next.value.hear();
  await watcher?.close();
  return next;
}

/** After a mistake any edit may be what puts it right, and one that leaves the bytes as they are asks to try again. */
function isWrong({ built }: Past): boolean {
  return !built.ok || built.value.outcome === "failed";
}

async function isAsBuilt(root: string, past: Past, screen: Screen): Promise<boolean> {
  const { reads } = past;
  if (isWrong(past) || reads === undefined) return true;
  const project = await openProject(root, screen.environment);
  try {
    const appeared = [...reads.absent].some((path) => statOf(path) !== undefined);
    return !appeared && areAsRead(reads, (path) => project.digests.digestOf(path));
  } finally {
    project.close();
  }
}

async function tell({ built }: Past, watcher: Watcher, args: Arguments, screen: Screen): Promise<void> {
  const outcome = built.ok && built.value.outcome !== "interrupted" ? built.value.outcome : undefined;
  const reporter = await makeReporter(args, screen);
  reporter.emit({ kind: "watching", files: watcher.files, outcome, failures: built.ok ? [] : built.error });
  reporter.close();
}

/** What was refused because nothing may be paid is no fault of the recipe. */
function sayWhatCosts(event: Event, { folder }: OpenRun): Event {
  if (event.kind !== "target-failed" || !event.failures.some(({ what }) => what.includes(unpaid))) return event;
  const others = event.failures.filter(({ what }) => !what.includes(unpaid));
  const costs = actionFailure(`${event.target} would have to be paid: it asks for what is not remembered`, {
    fix: `${inRun(`exp build ${event.target}`, folder.id)}, or exp watch --paid`,
  });
  return { ...event, failures: [costs, ...others] };
}
