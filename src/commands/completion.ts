// `exp completion`: the script of a shell; with `--words`, what the script asks for, one a line: targets, outputs and config keys from the
// Expfile; runs, configs and a target's items from what lies in the project, without it.

import { inputFailure } from "../model/failure.ts";
import { join } from "node:path";
import { findRoot, pathsOf } from "../project/paths.ts";
import { listConfigs } from "../project/find-config.ts";
import { openRun } from "../project/open-run.ts";
import { openProject } from "../project/project.ts";
import { Trace } from "../backends/store/trace.ts";
import { listRuns } from "../runs/run.ts";
import { completionScript, SHELLS, type Shell } from "../ui/completion.ts";
import { suggest } from "../util/suggest.ts";
import type { Arguments } from "./arguments.ts";
import { showFailures, writeLines, type Screen } from "./screen.ts";
import { commandTable, exitCodes } from "./table.ts";

export async function completion(args: Arguments, screen: Screen): Promise<number> {
  const list = args.flags.words as string | undefined;
  if (list !== undefined) {
    writeLines(screen, await words(list, args.operands[0], screen));
    return exitCodes.done;
  }
  const [shell] = args.operands;
  if (!(SHELLS as readonly string[]).includes(shell ?? "")) {
    const near = shell === undefined ? undefined : suggest(shell, SHELLS);
    showFailures(screen, [
      inputFailure(shell === undefined ? "which shell?" : `there is no completion for "${shell}"`, {
        fix: near === undefined ? `exp completion ${SHELLS.join("|")}` : `Did you mean "exp completion ${near}"?`,
      }),
    ]);
    return exitCodes.wrongInput;
  }
  screen.write(completionScript(shell as Shell, commandTable));
  return exitCodes.done;
}

/** Completion never complains: where there is no project, there are no words. */
async function words(list: string, target: string | undefined, screen: Screen): Promise<string[]> {
  const root = findRoot(screen.workingFolder);
  if (root === undefined) return [];
  if (list === "runs") return listRuns(pathsOf(root).runs);
  if (list === "configs") return listConfigs(root);
  if (list === "items") return target === undefined ? [] : itemsOf(pathsOf(root).runs, target);
  const project = await openProject(root, screen.environment);
  try {
    const run = await openRun(project, {
      config: undefined,
      run: undefined,
      overrides: [],
      from: [],
      reset: false,
      unknownRun: "may-begin",
    });
    if (!run.ok) return [];
    if (list === "targets") return run.value.graph.targets.map((target) => target.name);
    if (list === "outputs")
      return run.value.graph.targets.flatMap(({ name, declaration }) => [
        name,
        ...Object.keys(declaration.contract.outputs).map((slot) => `${name}.${slot}`),
      ]);
    const keys = run.value.graph.targets.flatMap(({ declaration, section }) =>
      Object.keys(declaration.contract.config?.shape ?? {}).map((key) => `${section}.${key}`),
    );
    return [...new Set([...keys, "seed", "control", "experiment"])];
  } finally {
    project.close();
  }
}

/** More than anybody reads. */
const maxItems = 1000;

/** The items with a label as the first run has them that made any, the default one before others. */
function itemsOf(runsFolder: string, target: string): string[] {
  const runs = listRuns(runsFolder);
  for (const run of [...runs.filter((name) => name === "default"), ...runs.filter((name) => name !== "default")]) {
    const trace = new Trace(join(runsFolder, run));
    const labels = [...trace.resultsBehind(target)].flatMap(([, { label }]) => label ?? []);
    trace.close();
    if (labels.length > 0) return [...new Set(labels)].slice(0, maxItems).map((label) => `${target}[${label}]`);
  }
  return [];
}
