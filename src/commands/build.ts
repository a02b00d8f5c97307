// `exp build`: takes the run, brings the targets up to date, writes down where every stage stands.

import type { StatText } from "../util/stat.ts";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { TargetEnd } from "../engine/bring-up.ts";
import { buildTargets } from "../engine/build.ts";
import type { Budget } from "../backends/executors/budget.ts";
import type { SharedCache } from "../backends/store/shared-cache.ts";
import type { Limits } from "../engine/resources.ts";
import { LostRun } from "../engine/session.ts";
import { OutputNeeds } from "../engine/output-needs.ts";
import type { Artifacts } from "../model/action.ts";
import type { Emit, Event, SharedTraffic } from "../model/event.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { collectInBackground } from "../project/collect/background.ts";
import { chooseExecutor } from "../project/executors.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { openShared, whereShared } from "../project/shared.ts";
import { openBuildSession, openSession, type DecidingSession } from "../project/project.ts";
import type { OpenRun } from "../project/open-run.ts";
import { readsOf, type Reads } from "../project/reads.ts";
import { whyReadsAreUnseen } from "../project/reads-seen.ts";
import { writeStamp, stampFile } from "../project/stamp.ts";
import { RunRecord } from "./run-record.ts";
import { wordStayed } from "../report/shared.ts";
import { Lease } from "../runs/lease.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { takeAll } from "../util/steps.ts";
import type { Arguments } from "./arguments.ts";
import { broughtBy, findProject, openAsked, sharedRequest, type Asked } from "./asking.ts";
import { exitCodeOf, isInputWrong, reportsOf, summarise, type Summary } from "./build-end.ts";
import { makeReporter, maskEvent } from "./build-reporter.ts";
import { readLimits } from "./limits.ts";
import { maxUsdVariable, readBudget, tellSpending } from "./money.ts";
import { plan } from "./plan.ts";
import { showFailures, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

const nothingChecked =
  "nothing was due, so nothing was run and nothing was checked: exp verify --check-inputs runs finished actions again";

export interface BuildOptions {
  readonly limits: Limits;
  readonly keepGoing: boolean;
  /** Otherwise a recipe that asks for what is not remembered fails with `unpaid`. */
  readonly mayPay: boolean;
  /** What it may spend, or counts only. */
  readonly budget: Budget;
  /** A recipe that reads what it does not declare fails. */
  readonly checksInputs: boolean;
  /** Whether the next build of this command line may be answered unseen. */
  readonly writesStamp: boolean;
  /** What is shown of an event. */
  readonly show: (event: Event, run: OpenRun) => Event;
  /** Told what the build has read, before it is forgotten. */
  readonly onRead?: (reads: Reads) => void;
}

export interface Built {
  readonly exitCode: number;
  /** Undefined: the run was not to be had. */
  readonly outcome: Summary["outcome"] | undefined;
}

export async function build(args: Arguments, screen: Screen): Promise<number> {
  if (args.flags["dry-run"] === true) return plan(args, screen);
  const limits = readLimits(args);
  const budget = readBudget(args, screen);
  if (!limits.ok || !budget.ok) {
    showFailures(screen, [...(limits.ok ? [] : limits.error), ...(budget.ok ? [] : [budget.error])]);
    return exitCodes.wrongInput;
  }
  const checksInputs = args.flags["check-inputs"] === true;
  const unseen = checksInputs ? whyReadsAreUnseen() : undefined;
  if (unseen !== undefined) {
    showFailures(screen, [unseen]);
    return exitCodes.wrongInput;
  }
  const built = await buildOnce(args, screen, {
    limits: limits.value,
    keepGoing: args.flags["keep-going"] === true,
    mayPay: true,
    budget: budget.value,
    checksInputs,
    // What was fresh was not checked: that is to be said each time. And a stamp knows the command line, not this variable, which programs are told.
    writesStamp: !checksInputs && !(args.flags.json === true && screen.environment[maxUsdVariable] !== undefined),
    show: (event) => event,
  });
  if (built.ok) return built.value.exitCode;
  showFailures(screen, built.error);
  return exitCodes.wrongInput;
}

/** Knows nothing of an earlier build of this process: everything is opened anew. Fails when the build cannot begin. */
export async function buildOnce(
  args: Arguments,
  screen: Screen,
  options: BuildOptions,
): Promise<Result<Built, readonly Failure[]>> {
  const project = await findProject(screen);
  if (!project.ok) return project;
  try {
    const asked = await openAsked(project.value, args);
    return asked.ok ? await buildAsked(asked.value, args, screen, options) : asked;
  } finally {
    project.value.close();
  }
}

async function buildAsked(
  first: Asked,
  args: Arguments,
  screen: Screen,
  options: BuildOptions,
): Promise<Result<Built, readonly Failure[]>> {
  const { project } = first;
  const startedAt = screen.now();
  const names = first.asked.map((index) => first.run.graph.targets[index]!.name);
  const reporter = await makeReporter(
    args,
    screen,
    first.needed.map((index) => first.run.graph.targets[index]!.name),
  );
  const isSilent = { failed: false };
  /** What was under way when an error ended the build still ends, one by one, without its run: that says nothing of why. */
  let isOver = false;
  const emit: Emit = (event) => {
    if (isOver) return;
    if (event.kind === "target-failed" || event.kind === "warning") isSilent.failed = true;
    reporter.emit(maskEvent(options.show(event, first.run), first.run.secrets.mask));
  };
  emit({
    kind: "build-started",
    run: first.run.folder.id,
    experiment: first.run.graph.experiment,
    targets: names,
    config: first.run.source,
    overrides: first.run.overrides,
    at: startedAt,
  });
  for (const text of first.run.warnings) emit({ kind: "warning", text });
  const { budget } = options;
  const spentBeforeUsd = budget.spentUsd;

  let hasWaited = false;
  const lease = await Lease.take(
    join(first.run.folder.folder, "lock"),
    ["exp", args.command, ...args.operands].join(" "),
    {
      onWait: (holder) => {
        hasWaited = true;
        emit({ kind: "waiting-for-lock", run: first.run.folder.id, holder });
      },
      signal: screen.signal,
    },
  );
  const stamp = stampFile(project.paths, screen);
  // The old stamp goes before the work that would make it wrong.
  rmSync(stamp.file, { force: true });
  if (lease === undefined) {
    reporter.close();
    return ok({ exitCode: exitCodes.interrupted, outcome: undefined });
  }
  let hasComputed = false;
  let shared: SharedCache | undefined;
  let isTold = false;
  const stopTelling = tellSpending(budget, emit);
  try {
    // Another build may have held the run meanwhile: what it remembered is read again, and what was edited while this one waited.
    const isAsRead = !hasWaited && first.run.folder.recordStat() === first.run.recordSeen;
    const asked = isAsRead ? ok(first) : await openAsked(project, args);
    if (!asked.ok) return asked;
    const { run, needed } = asked.value;
    const mayWrite = () => lease.isHeld();
    const request = sharedRequest(args, run, (text) =>
      isTold ? screen.writeError(`warning: ${text}\n`) : emit({ kind: "warning", text }),
    );
    const opened = await openShared(project, request);
    if (!opened.ok) return opened;
    shared = opened.value;
    const chosen = await chooseExecutor(
      project,
      args.flags.executor as string | undefined,
      run.expfile.experiments.settings,
      whereShared(project, request),
    );
    if (!chosen.ok) return chosen;
    if (chosen.value !== undefined && options.checksInputs) return fail([checkedElsewhere]);
    const deciding = openSession(project, run, {
      shared,
      onSetAside: (target, file, to) => emit({ kind: "output-set-aside", target, file, to }),
      mayWrite,
      assessesAll: !options.writesStamp,
      needs: new OutputNeeds({
        brought: broughtBy(args, run),
        asked: names,
        onStayed: (target) => emit({ kind: "warning", text: wordStayed(target) }),
      }),
    });
    const leftOf = (target: GraphTarget, artifacts: Artifacts) =>
      deciding.places.leftOf(target.name, target.declaration.contract.outputs, artifacts);
    const buildNumber = (run.state?.builds ?? 0) + 1;
    const session = openBuildSession(project, run, deciding, {
      build: buildNumber,
      lease,
      limits: options.limits,
      keepGoing: options.keepGoing,
      mayPay: options.mayPay,
      budget,
      checksInputs: options.checksInputs,
      spare: chosen.value === undefined ? screen.spare : undefined,
      emit,
      elsewhere: chosen.value,
      onInterrupt: (batches) =>
        leaveOrEnd(batches, chosen.value?.name === "modal" ? "at Modal" : "on Slurm", args, screen),
    });
    const keep = (text: string) => project.archive.blobs.putBytes(text, { durable: true }).digest;
    const record = new RunRecord(run, { startedAt, build: buildNumber, mayWrite, keep, leftOf });
    let ends: ReadonlyMap<number, TargetEnd>;
    try {
      record.begin();
      ends = await buildTargets(session, {
        needed,
        signal: screen.signal,
        shuffleSeed: screen.environment.EXP_SHUFFLE === undefined ? undefined : Number(screen.environment.EXP_SHUFFLE),
        onEnd: (target, end) => record.note(target, end),
      });
    } finally {
      await session.closeBuild();
    }
    const isLost = !lease.isHeld();
    const summary = { ...summarise(ends, screen.signal), ...(isLost && { outcome: "failed" as const }) };
    hasComputed = summary.counts.computed > 0;
    if (isLost) emit({ kind: "warning", text: new LostRun(run.folder.id).failure.what });
    if (options.checksInputs && summary.outcome === "up-to-date") emit({ kind: "warning", text: nothingChecked });
    stopTelling();
    // Its own count knows of containers' starts and of calls of what has failed; on a cluster, results may know more.
    const costUsd = Math.max(summary.costUsd, budget.spentUsd - spentBeforeUsd);
    record.save({ ...summary, costUsd, maxUsd: budget.maxUsd }, [...screen.argv], screen.now());
    const reports = reportsOf(asked.value, ends, screen);
    emit({
      kind: "build-finished",
      outcome: summary.outcome,
      run: run.folder.id,
      counts: summary.counts,
      tookMs: screen.now() - startedAt,
      savedMs: summary.savedMs,
      costUsd,
      spentUsd: budget.spentUsd,
      maxUsd: budget.maxUsd,
      reports,
      shared: shared === undefined ? undefined : trafficOf(shared, countLeft(run, ends, leftOf)),
    });
    reporter.close();
    isTold = true;
    options.onRead?.(readsOf(project, run, deciding));
    deciding.close();
    if (
      options.writesStamp &&
      (summary.outcome === "done" || summary.outcome === "up-to-date") &&
      !isSilent.failed &&
      run.expfile.impure.length === 0
    ) {
      await rememberUpToDate(
        asked.value,
        deciding,
        ends,
        { startedAt, reports, maxUsd: budget.maxUsd, recordKnown: record.known },
        args,
        screen,
      );
    }
    const isWrong = summary.outcome === "failed" && !isLost && isInputWrong(ends);
    return ok({ exitCode: isWrong ? exitCodes.wrongInput : exitCodeOf(summary.outcome), outcome: summary.outcome });
  } finally {
    isOver = true;
    const { environment } = screen;
    await takeAll([
      stopTelling,
      () => reporter.close(),
      () => lease.release(),
      () => shared && settle(shared, screen),
      () => collectInBackground(project.paths, { hasComputed, environment, now: screen.now() }),
    ]);
  }
}

function countLeft(
  { graph }: OpenRun,
  ends: ReadonlyMap<number, TargetEnd>,
  leftOf: (target: GraphTarget, artifacts: Artifacts) => ReadonlyMap<string, string>,
): number {
  let left = 0;
  for (const [index, end] of ends)
    if (end.kind === "done" && end.origin !== "fresh") left += leftOf(graph.targets[index]!, end.artifacts).size;
  return left;
}

function trafficOf(shared: SharedCache, left: number): SharedTraffic | undefined {
  const { place, fetched, published } = shared;
  const { results: taken, bytes: fetchedBytes } = fetched;
  if (taken + fetchedBytes + published.offered + left === 0) return undefined;
  const given = { given: published.offered, published: published.results, publishedBytes: published.bytes };
  return { place, taken, fetchedBytes, ...given, left };
}

/** The build is told as done by now: what is still being published is worth a moment, and the user may leave at any time. */
async function settle(shared: SharedCache, screen: Screen): Promise<void> {
  if ((await shared.settle(quietMs)) > 0) {
    const told = `publishing what was computed to ${shared.place}; Ctrl-C leaves it for exp cache push\n`;
    screen.writeError(told);
    const isInterrupted = new Promise<void>((resolve) =>
      screen.signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    const left = screen.signal.aborted ? 0 : await Promise.race([shared.settle(longestMs), isInterrupted]);
    if (typeof left === "number" && left > 0)
      screen.writeError(`warning: not all of it was published in time; exp cache push does the rest\n`);
  }
  shared.close();
}

const quietMs = 1000;
const longestMs = 600_000;

/** Asked of who sits there; of a script the flag decides. */
async function leaveOrEnd(batches: number, where: string, args: Arguments, screen: Screen): Promise<"leave" | "end"> {
  const what = `${batches === 1 ? "1 batch waits or runs" : `${batches} batches wait or run`} ${where}`;
  const question = `${what}. Leave ${batches === 1 ? "it" : "them"} to go on, for the next build to take up? [Y/n] `;
  const answer = args.flags.detach === true ? "yes" : ((await screen.ask(question)) ?? "no");
  const isLeft = !/^n/i.test(answer.trim());
  const left = "left running, for the next build to take up (see exp ps, exp sweep)";
  screen.writeError(`${what}: ${isLeft ? left : "ended (--detach leaves such work running)"}\n`);
  return isLeft ? "leave" : "end";
}

const checkedElsewhere = inputFailure("--check-inputs watches what runs on this machine", {
  fix: "Add --executor local.",
});

interface UpToDate {
  readonly startedAt: number;
  readonly reports: readonly string[];
  readonly maxUsd: number | undefined;
  readonly recordKnown: StatText | undefined;
}

/** The stamp holds what the next build prints when it finds nothing to do. */
async function rememberUpToDate(
  asked: Asked,
  deciding: DecidingSession,
  ends: ReadonlyMap<number, TargetEnd>,
  { startedAt, reports, maxUsd, recordKnown }: UpToDate,
  args: Arguments,
  screen: Screen,
): Promise<void> {
  const { run } = asked;
  const text: string[] = [];
  const reporter = await makeReporter(args, { ...screen, write: (piece) => void text.push(piece), isTerminal: false });
  reporter.emit({
    kind: "build-started",
    run: run.folder.id,
    experiment: run.graph.experiment,
    targets: asked.asked.map((index) => run.graph.targets[index]!.name),
    config: run.source,
    overrides: run.overrides,
    at: startedAt,
  });
  const fresh = [...ends.values()].reduce((sum, end) => sum + (end.kind === "done" ? (end.items ?? 1) : 0), 0);
  reporter.emit({
    kind: "build-finished",
    outcome: "up-to-date",
    run: run.folder.id,
    counts: { computed: 0, cached: 0, fresh },
    tookMs: 0,
    savedMs: 0,
    costUsd: 0,
    spentUsd: 0,
    maxUsd,
    reports,
    shared: undefined,
  });
  reporter.close();
  const outputs = (target: number) => {
    const end = ends.get(target);
    return end?.kind === "done" ? end : undefined;
  };
  await writeStamp(asked.project, run, deciding, asked.needed, outputs, text.join(""), screen, recordKnown);
}
