// `exp runs diff A B`: how two runs, or two points of one, differ. A question and no check: it exits with 0 whatever it finds.

import { inputFailure, type Failure } from "../model/failure.ts";
import { comparePoints } from "../project/compare-runs.ts";
import { openProject } from "../project/project.ts";
import { renderComparison } from "../report/comparison.ts";
import { findPoint, type RunPoint } from "../runs/point.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { Arguments } from "./arguments.ts";
import { paletteOf, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function diffRuns(
  root: string,
  names: readonly string[],
  args: Arguments,
  screen: Screen,
): Promise<number> {
  const project = await openProject(root, screen.environment);
  try {
    const points = findPoints(project.paths.runs, names);
    if (!points.ok) {
      showFailures(screen, [points.error]);
      return exitCodes.wrongInput;
    }
    const comparison = await comparePoints(project, ...points.value);
    if (args.flags.json === true) writeJson(screen, comparison);
    else
      writeLines(
        screen,
        renderComparison(comparison, {
          palette: paletteOf(screen),
          ...(screen.width !== undefined && { width: screen.width }),
          all: args.flags.all === true,
        }),
      );
    return exitCodes.done;
  } finally {
    project.close();
  }
}

function findPoints(runs: string, [first = "", second]: readonly string[]): Result<[RunPoint, RunPoint], Failure> {
  const one = findPoint(runs, first);
  if (!one.ok) return one;
  if (second !== undefined) {
    const other = findPoint(runs, second);
    return other.ok ? ok([one.value, other.value]) : other;
  }
  const { run, entry } = one.value;
  const before = run.history().findLast(({ build }) => build < (entry?.build ?? 0));
  if (before !== undefined) {
    const former = findPoint(runs, `${run.id}@${before.build}`);
    return former.ok ? ok([former.value, one.value]) : former;
  }
  return fail(
    inputFailure(`there is no build before ${first} to compare it with`, { fix: `exp runs diff ${first} OTHER` }),
  );
}
