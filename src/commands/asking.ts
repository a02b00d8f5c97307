// What every command that asks about a run begins with: the project, the run, the targets.

import type { Brought } from "../engine/output-needs.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { selectTargets } from "../planning/graph.ts";
import { openRun, type OpenRun, type RunRequest } from "../project/open-run.ts";
import { findRoot } from "../project/paths.ts";
import { openProject, type Project } from "../project/project.ts";
import type { SharedRequest } from "../project/shared.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { Arguments } from "./arguments.ts";
import { showFailures, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export interface Asked {
  readonly project: Project;
  readonly run: OpenRun;
  /** Numbers of the targets named, and of everything that they need. */
  readonly asked: readonly number[];
  readonly needed: readonly number[];
}

export async function findProject(screen: Screen): Promise<Result<Project, readonly Failure[]>> {
  const root = findRoot(screen.workingFolder);
  if (root === undefined)
    return fail([
      inputFailure("there is no Expfile.ts here or in a folder above", {
        fix: "exp init makes this folder a project.",
      }),
    ]);
  return ok(await openProject(root, screen.environment));
}

const builds: ReadonlySet<string> = new Set(["build", "watch"]);
/** They tell what a build would do, or bring what it needs. */
const plans: ReadonlySet<string> = new Set(["plan", "graph", "cache"]);

export function requestOf(args: Arguments): RunRequest {
  return {
    config: args.flags.config as string | undefined,
    run: args.flags.run as string | undefined,
    overrides: args.overrides,
    from: (args.flags.from ?? []) as readonly string[],
    reset: args.flags.reset === true,
    unknownRun: builds.has(args.command) ? "begins" : plans.has(args.command) ? "may-begin" : "is-wrong",
  };
}

export function sharedRequest(args: Arguments, run: OpenRun, warn: (text: string) => void): SharedRequest {
  return {
    flag: args.flags.shared as string | undefined,
    declared: run.expfile.experiments.settings?.cache?.shared,
    warn,
  };
}

/** Which outputs a build brings here: by flag, else as the Expfile says. */
export function broughtBy(args: Arguments, run: OpenRun): Brought {
  const shared = run.expfile.experiments.settings?.cache?.shared;
  const declared = typeof shared === "object" ? shared.outputs : undefined;
  return (args.flags.outputs as Brought | undefined) ?? declared ?? "all";
}

export async function openAsked(
  project: Project,
  args: Arguments,
  names: readonly string[] = args.operands,
): Promise<Result<Asked, readonly Failure[]>> {
  const run = await openRun(project, requestOf(args));
  if (!run.ok) return run;
  const selected = selectTargets(run.value.graph, names);
  if (!selected.ok) return selected;
  return ok({ project, run: run.value, ...selected.value });
}

/** Opens the project and what is asked of it, and closes it again; what is wrong with either is told, with its exit code. */
export async function withAsked(
  args: Arguments,
  screen: Screen,
  use: (asked: Asked) => Promise<number>,
  names: readonly string[] = args.operands,
): Promise<number> {
  const wrong = (failures: readonly Failure[]) => {
    showFailures(screen, failures);
    return exitCodes.wrongInput;
  };
  const project = await findProject(screen);
  if (!project.ok) return wrong(project.error);
  try {
    const asked = await openAsked(project.value, args, names);
    return asked.ok ? await use(asked.value) : wrong(asked.error);
  } finally {
    project.value.close();
  }
}
