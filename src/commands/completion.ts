// `exp completion`: the script of a shell; with `--words`, what the script asks for, one a line: targets, outputs and config keys from the
// Expfile; runs, configs and a target's items from what lies in the project, without it.

import { inputFailure } from "../model/failure.ts";
import { join } from "node:path";
import { findRoot, pathsOf } from "../project/paths.ts";
import { listConfigs } from "../project/find-config.ts";
import { openRun, runNameOf, type RunRequest } from "../project/open-run.ts";
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
    writeLines(screen, await words(list, args.operands, screen));
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
async function words(list: string, line: readonly string[], screen: Screen): Promise<string[]> {
  const root = findRoot(screen.workingFolder);
  if (root === undefined) return [];
  if (list === "runs") return listRuns(pathsOf(root).runs);
  if (list === "configs") return listConfigs(root);
  const meant = meantBy(line);
  if (list === "items") return line[0] === undefined ? [] : itemsOf(pathsOf(root).runs, line[0], runNameOf(meant));
  const project = await openProject(root, screen.environment);
  try {
    const run = await openRun(project, {
      ...meant,
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

/** Which run the line so far says; the last word counts, as it does when the line is run. */
function meantBy(line: readonly string[]): Pick<RunRequest, "config" | "run"> {
  const valueOf = (spellings: readonly string[]) => {
    const at = line.findLastIndex((word) => spellings.some((flag) => word === flag || word.startsWith(`${flag}=`)));
    const word = line[at];
    return word === undefined ? undefined : word.includes("=") ? word.slice(word.indexOf("=") + 1) : line[at + 1];
  };
  return { config: valueOf(["--config", "-c"]), run: valueOf(["--run"]) };
}

/** More than anybody reads. */
const maxItems = 1000;

/** The items with a label as the run has them that is meant, or else the first that made any. */
function itemsOf(runsFolder: string, target: string, meant: string): string[] {
  const runs = listRuns(runsFolder);
  const first = runs.filter((name) => name === meant);
  for (const run of [...first, ...runs.filter((name) => !first.includes(name))]) {
    const trace = new Trace(join(runsFolder, run));
    const labels = [...trace.resultsBehind(target)].flatMap(([, { label }]) => label ?? []);
    trace.close();
    if (labels.length > 0) return [...new Set(labels)].slice(0, maxItems).map((label) => `${target}[${label}]`);
  }
  return [];
}
