// What `reproduce` and `verify` share: running actions again, telling what came of it, the exit code.

import { inputFailure, type Failure } from "../model/failure.ts";
import type { Recheck } from "../model/recheck.ts";
import { AbortedError } from "../engine/resources.ts";
import { recheckRun } from "../project/recheck.ts";
import type { Project } from "../project/project.ts";
import { countOf } from "../report/amounts.ts";
import { renderRechecks } from "../report/recheck.ts";
import type { RunPoint } from "../runs/point.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { Arguments } from "./arguments.ts";
import { whyReadsAreUnseen } from "../project/reads-seen.ts";
import { isWholeAboveZero, readLimits } from "./limits.ts";
import { readBudget } from "./money.ts";
import { paletteOf, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export interface Rechecking {
  readonly point: RunPoint;
  readonly targets: readonly string[] | undefined;
  /** Each action alone in a new process. */
  readonly isolated: boolean;
  /** What was accepted is run as it was made, not with the code that was accepted. */
  readonly asMade: boolean;
  /** If `--sample` does not say. */
  readonly sample: number;
  /** Lines before the rest, for people. */
  readonly title: readonly string[];
}

export async function recheck(
  project: Project,
  args: Arguments,
  screen: Screen,
  { point, targets, isolated, asMade, sample, title }: Rechecking,
): Promise<number> {
  const limits = readLimits(args);
  const chosen = readSample(args, sample);
  const budget = readBudget(args, screen);
  if (!limits.ok || !chosen.ok || !budget.ok) {
    const others = [chosen, budget].flatMap((read) => (read.ok ? [] : [read.error]));
    showFailures(screen, [...(limits.ok ? [] : limits.error), ...others]);
    return exitCodes.wrongInput;
  }
  const unseen = args.flags["check-inputs"] === true ? whyReadsAreUnseen() : undefined;
  if (unseen !== undefined) {
    showFailures(screen, [unseen]);
    return exitCodes.wrongInput;
  }
  const isJson = args.flags.json === true;
  if (!isJson) writeLines(screen, title);
  const rechecks: Recheck[] = [];
  let restored: number;
  try {
    ({ restored } = await recheckRun(project, point.run, {
      build: point.build,
      targets,
      isolated,
      asMade,
      sample: chosen.value,
      mayPay: args.flags.paid === true,
      budget: budget.value,
      checksInputs: args.flags["check-inputs"] === true,
      limits: limits.value,
      signal: screen.signal,
      onChecked: (one) => void rechecks.push(one),
    }));
  } catch (error) {
    if (error instanceof AbortedError || screen.signal.aborted) return exitCodes.interrupted;
    throw error;
  }
  if (isJson) {
    const { run, build } = point;
    writeJson(screen, { run: run.id, build: build ?? point.state.builds, restored, actions: rechecks });
  } else {
    writeLines(screen, renderRechecks(rechecks, { palette: paletteOf(screen), width: screen.width }));
    if (restored > 0)
      writeLines(screen, [
        `${countOf(restored, "result")} had lost ${restored === 1 ? "its" : "their"} content, which is back in the cache`,
      ]);
  }
  return exitCodeOf(rechecks);
}

/** A difference that the rule declares is no failure; what could not be run leaves the answer open. */
function exitCodeOf(rechecks: readonly Recheck[]): number {
  const isWrong = rechecks.some(
    ({ verdict }) => verdict.kind === "failed" || (verdict.kind === "differs" && !verdict.isDeclared),
  );
  if (isWrong) return exitCodes.failed;
  // Nothing has been shown where there was nothing to be run.
  return rechecks.length === 0 || rechecks.some(({ verdict }) => verdict.kind === "not-run")
    ? exitCodes.incomplete
    : exitCodes.done;
}

function readSample(args: Arguments, otherwise: number): Result<number, Failure> {
  const { sample } = args.flags as { sample?: string };
  if (sample === undefined) return ok(otherwise);
  if (sample === "all") return ok(Infinity);
  return isWholeAboveZero(sample)
    ? ok(Number(sample))
    : fail(inputFailure(`--sample takes a whole number above 0, or "all", not "${sample}"`, { fix: "--sample 20" }));
}
