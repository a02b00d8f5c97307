// `exp reproduce`: runs a past run again as it was, with its archived code, config and inputs, whatever the sources say today.

import { inputFailure } from "../model/failure.ts";
import { findProjectFolder } from "../project/paths.ts";
import { openProject } from "../project/project.ts";
import { Trace } from "../backends/store/trace.ts";
import { findPoint } from "../runs/point.ts";
import { suggest } from "../util/suggest.ts";
import type { Arguments } from "./arguments.ts";
import { recheck } from "./rechecking.ts";
import { showFailures, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function reproduce(args: Arguments, screen: Screen): Promise<number> {
  const wrong = (what: string, fix: string) => {
    showFailures(screen, [inputFailure(what, { fix })]);
    return exitCodes.wrongInput;
  };
  // The Expfile may be gone: what is reproduced needs none of today's sources.
  const root = findProjectFolder(screen.workingFolder);
  if (root === undefined)
    return wrong("there is neither an Expfile.ts nor a folder with runs here or above", "Go to the project's folder.");
  const [name, ...targets] = args.operands;
  if (name === undefined) return wrong("which run?", "exp reproduce RUN, or RUN@BUILD; exp runs lists them");
  const project = await openProject(root, screen.environment);
  try {
    const point = findPoint(project.paths.runs, name);
    if (!point.ok) {
      showFailures(screen, [point.error]);
      return exitCodes.wrongInput;
    }
    const { run, build, entry } = point.value;
    const known = new Trace(run.folder, { until: build }).targets();
    const unknown = targets.find((target) => !known.includes(target));
    if (unknown !== undefined) {
      const near = suggest(unknown, known);
      return wrong(
        `${name} has no target "${unknown}"`,
        near === undefined ? `It has: ${known.join(", ")}` : `Did you mean "${near}"?`,
      );
    }
    const title =
      entry === undefined ? [] : [`${run.id}@${entry.build} of ${entry.at}, exp ${entry.exp}, node ${entry.node}`];
    return await recheck(project, args, screen, {
      point: point.value,
      targets: targets.length === 0 ? undefined : targets,
      isolated: false,
      asMade: true,
      sample: Infinity,
      title,
    });
  } finally {
    project.close();
  }
}
