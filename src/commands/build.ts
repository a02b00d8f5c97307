// `exp build`: takes the run, brings the targets up to date, writes down where every stage stands.

import { rmSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { fileNameOf } from "../api/slot.ts";
import { buildTargets, type TargetEnd } from "../engine/build.ts";
import type { Limits } from "../engine/resources.ts";
import { LostRun } from "../engine/session.ts";
import type { Counts, Emit, Event } from "../model/event.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { Json } from "../model/json.ts";
import { maskStrings } from "../planning/config/mask.ts";
import { openBuildSession, machineLimits, openSession, type DecidingSession } from "../project/project.ts";
import { writeStamp, stampFile } from "../project/stamp.ts";
import { RunRecord } from "./run-record.ts";
import { Lease } from "../runs/lease.ts";
import { renderFailure } from "../report/messages.ts";
import type { Reporter } from "../ui/reporter.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { Arguments } from "./arguments.ts";
import { findProject, openAsked, type Asked } from "./asking.ts";
import { plan } from "./plan.ts";
import { paletteOf, showFailures, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function build(args: Arguments, screen: Screen): Promise<number> {
  if (args.flags["dry-run"] === true) return plan(args, screen);
  const options = readOptions(args);
  const project = options.ok ? await findProject(screen) : options;
  if (!options.ok || !project.ok) {
    showFailures(screen, options.ok ? (project as { error: readonly Failure[] }).error : options.error);
    return exitCodes.wrongInput;
  }
  try {
    const asked = await openAsked(project.value, args);
    if (!asked.ok) {
      showFailures(screen, asked.error);
      return exitCodes.wrongInput;
    }
    return await buildAsked(asked.value, args, options.value, screen);
  } finally {
    project.value.close();
  }
}

interface BuildOptions {
  readonly limits: Limits;
  readonly keepGoing: boolean;
}

async function buildAsked(first: Asked, args: Arguments, options: BuildOptions, screen: Screen): Promise<number> {
  const { project } = first;
  const startedAt = screen.now();
  const names = first.asked.map((index) => first.run.graph.targets[index]!.name);
  const output: string[] = [];
  const reporter = await makeReporter(
    args,
    screen,
    first.needed.map((index) => first.run.graph.targets[index]!.name),
    output,
  );
  const isSilent = { failed: false };
  const emit: Emit = (event) => {
    if (event.kind === "target-failed" || event.kind === "warning") isSilent.failed = true;
    reporter.emit(maskEvent(event, first.run.secrets.mask));
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

  const lease = await Lease.take(
    join(first.run.folder.folder, "lock"),
    args.operands.length === 0 ? "exp build" : `exp build ${args.operands.join(" ")}`,
    {
      onWait: (holder) => emit({ kind: "waiting-for-lock", run: first.run.folder.id, holder }),
      signal: screen.signal,
    },
  );
  const stamp = stampFile(project.paths, screen);
  // The old stamp goes before the work that would make it wrong.
  rmSync(stamp.file, { force: true });
  if (lease === undefined) {
    reporter.close();
    return exitCodes.interrupted;
  }
  try {
    // Another build may have held the run meanwhile: what it remembered is read again.
    const asked = await openAsked(project, args);
    if (!asked.ok) {
      showFailures(screen, asked.error);
      return exitCodes.wrongInput;
    }
    const { run, needed } = asked.value;
    const mayWrite = () => lease.isHeld();
    const deciding = openSession(project, run, {
      onSetAside: (target, file, to) => emit({ kind: "output-set-aside", target, file, to }),
      mayWrite,
    });
    const buildNumber = (run.state?.builds ?? 0) + 1;
    const session = openBuildSession(project, run, deciding, {
      build: buildNumber,
      lease,
      limits: options.limits,
      keepGoing: options.keepGoing,
      emit,
    });
    const record = new RunRecord(run, { startedAt, build: buildNumber, mayWrite });
    record.begin();
    let ends: ReadonlyMap<number, TargetEnd>;
    try {
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
    const summary = isLost ? { ...summarise(ends, screen), outcome: "failed" as const } : summarise(ends, screen);
    if (isLost) emit({ kind: "warning", text: new LostRun(run.folder.id).failure.what });
    record.save(summary.outcome, [...screen.argv], screen.now());
    const reports = reportsOf(asked.value, ends, screen);
    emit({
      kind: "build-finished",
      outcome: summary.outcome,
      run: run.folder.id,
      counts: summary.counts,
      tookMs: screen.now() - startedAt,
      savedMs: summary.savedMs,
      costUsd: summary.costUsd,
      reports,
    });
    reporter.close();
    deciding.close();
    if (
      (summary.outcome === "done" || summary.outcome === "up-to-date") &&
      !isSilent.failed &&
      run.expfile.impure.length === 0
    ) {
      await rememberUpToDate(asked.value, deciding, ends, startedAt, reports, args, screen);
    }
    return summary.outcome === "failed" && !isLost && isInputWrong(ends)
      ? exitCodes.wrongInput
      : exitCodeOf(summary.outcome);
  } finally {
    lease.release();
    reporter.close();
  }
}

/** The stamp holds what the next build prints when it finds nothing to do. */
async function rememberUpToDate(
  asked: Asked,
  deciding: DecidingSession,
  ends: ReadonlyMap<number, TargetEnd>,
  startedAt: number,
  reports: readonly string[],
  args: Arguments,
  screen: Screen,
): Promise<void> {
  const { run } = asked;
  const text: string[] = [];
  const reporter = await makeReporter(
    args,
    { ...screen, write: (piece) => void text.push(piece), isTerminal: false },
    [],
    [],
  );
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
    reports,
  });
  reporter.close();
  const outputs = (target: number) => {
    const end = ends.get(target);
    return end?.kind === "done" ? end.artifacts : undefined;
  };
  await writeStamp(asked.project, run, deciding, asked.needed, outputs, text.join(""), screen);
}

function readOptions(args: Arguments): Result<BuildOptions, readonly Failure[]> {
  const failures: Failure[] = [];
  const { jobs } = args.flags as { jobs?: string };
  if (jobs !== undefined && !(Number.isInteger(Number(jobs)) && Number(jobs) > 0))
    failures.push(inputFailure(`-j takes a whole number above 0, not "${jobs}"`));
  const named: Record<string, number> = {};
  for (const text of (args.flags.limit ?? []) as readonly string[]) {
    const match = /^(.+)=(\d+(?:\.\d+)?)$/.exec(text);
    if (match === null)
      failures.push(inputFailure(`--limit takes NAME=NUMBER, not "${text}"`, { fix: "--limit api:anthropic=4" }));
    else named[match[1]!] = Number(match[2]);
  }
  if (failures.length > 0) return fail(failures);
  return ok({
    limits: machineLimits(jobs === undefined ? undefined : Number(jobs), named),
    keepGoing: args.flags["keep-going"] === true,
  });
}

async function makeReporter(
  args: Arguments,
  screen: Screen,
  targets: readonly string[],
  _output: string[],
): Promise<Reporter> {
  if (args.flags.json === true) {
    const { createNdjsonReporter } = await import("../ui/ndjson.ts");
    return createNdjsonReporter({ write: screen.write });
  }
  const shared = {
    renderFailure: (failure: Failure) => renderFailure(failure, { color: screen.color }),
    palette: paletteOf(screen),
    again: againOf(screen),
    targets,
  };
  if (screen.isTerminal) {
    const { createTerminalReporter } = await import("../ui/terminal.ts");
    return createTerminalReporter({ ...shared, stream: process.stdout });
  }
  const { createPlainReporter } = await import("../ui/plain.ts");
  return createPlainReporter({ ...shared, write: screen.write });
}

function againOf(screen: Screen): string {
  return ["exp", ...screen.argv]
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}

function maskEvent(event: Event, mask: (text: string) => string): Event {
  const text = JSON.stringify(event);
  return mask(text) === text ? event : (maskStrings(event as unknown as Json, mask) as unknown as Event);
}

interface Summary {
  readonly outcome: "done" | "up-to-date" | "failed" | "waiting" | "interrupted";
  readonly counts: Counts;
  readonly savedMs: number;
  readonly costUsd: number;
}

function summarise(ends: ReadonlyMap<number, TargetEnd>, screen: Screen): Summary {
  const counts = { computed: 0, cached: 0, fresh: 0 };
  let savedMs = 0;
  let costUsd = 0;
  const kinds = new Set<TargetEnd["kind"]>();
  for (const end of ends.values()) {
    kinds.add(end.kind);
    if ("counts" in end) for (const name of ["computed", "cached", "fresh"] as const) counts[name] += end.counts[name];
    if (end.kind === "done") savedMs += end.savedMs;
    if (end.kind === "done" || end.kind === "failed") costUsd += end.costUsd;
  }
  const nothingDone = [...ends.values()].every((end) => end.kind === "done" && end.origin === "fresh");
  const outcome =
    screen.signal.aborted || kinds.has("interrupted")
      ? "interrupted"
      : kinds.has("failed")
        ? "failed"
        : kinds.has("waits")
          ? "waiting"
          : nothingDone
            ? "up-to-date"
            : "done";
  return { outcome, counts, savedMs, costUsd };
}

function exitCodeOf(outcome: Summary["outcome"]): number {
  switch (outcome) {
    case "done":
    case "up-to-date":
      return exitCodes.done;
    case "failed":
      return exitCodes.failed;
    case "waiting":
      return exitCodes.incomplete;
    case "interrupted":
      return exitCodes.interrupted;
  }
}

/** Nothing that ran has failed: a source is missing, or a recipe does not compile. */
function isInputWrong(ends: ReadonlyMap<number, TargetEnd>): boolean {
  const failures = [...ends.values()].flatMap((end) => (end.kind === "failed" ? end.failures : []));
  return failures.every((failure) => failure.kind === "input");
}

/** What a person would open first: pages, else Markdown, of the targets asked for; else of everything that was built. */
function reportsOf(asked: Asked, ends: ReadonlyMap<number, TargetEnd>, screen: Screen): string[] {
  for (const indices of [asked.asked, asked.needed]) {
    for (const ext of [".html", ".md"]) {
      const found = indices.flatMap((index) => {
        const target = asked.run.graph.targets[index]!;
        const end = ends.get(index);
        if (end?.kind !== "done") return [];
        return Object.entries(target.declaration.contract.outputs).flatMap(([slot, shape]) =>
          shape.ext === ext && end.artifacts[slot]?.kind === "file"
            ? [join(asked.run.folder.folder, target.name, fileNameOf(slot, shape))]
            : [],
        );
      });
      if (found.length > 0) return found.map((path) => nearPath(path, screen.workingFolder));
    }
  }
  return [];
}

function nearPath(path: string, from: string): string {
  const near = relative(from, path);
  return isAbsolute(near) ? path : near;
}
