// `exp completion`: the script of a shell; with `--words`, what the script asks for: targets, runs or config keys, one a line.

import { inputFailure } from "../model/failure.ts";
import { findRoot, pathsOf } from "../project/paths.ts";
import { openRun } from "../project/open-run.ts";
import { openProject } from "../project/project.ts";
import { listRuns } from "../runs/run.ts";
import { completionScript, SHELLS, type Shell } from "../ui/completion.ts";
import type { Arguments } from "./arguments.ts";
import { showFailures, writeLines, type Screen } from "./screen.ts";
import { commandTable, exitCodes } from "./table.ts";

export async function completion(args: Arguments, screen: Screen): Promise<number> {
  const list = args.flags.words as string | undefined;
  if (list !== undefined) {
    writeLines(screen, await words(list, screen));
    return exitCodes.done;
  }
  const [shell] = args.operands;
  if (!(SHELLS as readonly string[]).includes(shell ?? "")) {
    showFailures(screen, [
      inputFailure(shell === undefined ? "which shell?" : `there is no completion for "${shell}"`, {
        fix: `exp completion ${SHELLS.join("|")}`,
      }),
    ]);
    return exitCodes.wrongInput;
  }
  screen.write(completionScript(shell as Shell, commandTable));
  return exitCodes.done;
}

/** Completion never complains: where there is no project, there are no words. */
async function words(list: string, screen: Screen): Promise<string[]> {
  const root = findRoot(screen.workingFolder);
  if (root === undefined) return [];
  if (list === "runs") return listRuns(pathsOf(root).runs);
  const project = await openProject(root, screen.environment);
  try {
    const run = await openRun(project, { config: undefined, run: undefined, overrides: [], from: [], reset: false });
    if (!run.ok) return [];
    if (list === "targets") return run.value.graph.targets.map((target) => target.name);
    return run.value.graph.targets.flatMap((target) =>
      Object.keys(target.declaration.contract.config?.shape ?? {}).map((key) => `${target.section}.${key}`),
    );
  } finally {
    project.close();
  }
}
