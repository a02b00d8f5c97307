// `exp plan`: what a build would do, by the same decisions as a build. Runs nothing.

import { planTargets } from "../engine/plan.ts";
import type { Plan } from "../model/plan.ts";
import { renderPlan } from "../report/plan.ts";
import { openSession } from "../project/project.ts";
import { explainReasons } from "../project/explain.ts";
import type { Arguments } from "./arguments.ts";
import { findProject, openAsked, type Asked } from "./asking.ts";
import { paletteOf, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function plan(args: Arguments, screen: Screen): Promise<number> {
  return withPlan(args, screen, args.operands, async (made) => {
    if (args.flags.json === true) writeJson(screen, made);
    else writeLines(screen, renderPlan(made, { palette: paletteOf(screen), width: screen.width }));
    return made.targets.every((target) => target.state === "fresh") ? exitCodes.done : exitCodes.incomplete;
  });
}

/** Opens the run, asks for every target needed, closes again. */
export async function withPlan(
  args: Arguments,
  screen: Screen,
  names: readonly string[],
  use: (plan: Plan, asked: Asked, session: ReturnType<typeof openSession>) => Promise<number>,
): Promise<number> {
  const project = await findProject(screen);
  if (!project.ok) {
    showFailures(screen, project.error);
    return exitCodes.wrongInput;
  }
  try {
    const asked = await openAsked(project.value, args, names);
    if (!asked.ok) {
      showFailures(screen, asked.error);
      return exitCodes.wrongInput;
    }
    const session = openSession(project.value, asked.value.run, {
      onSetAside: () => undefined,
      mayWrite: () => false,
    });
    const planned = await planTargets(session, asked.value.needed);
    if (!planned.ok) {
      showFailures(screen, planned.error);
      return exitCodes.wrongInput;
    }
    const { run } = asked.value;
    const targets = planned.value.map(async (target) => ({
      ...target,
      reasons: await explainReasons(project.value, run, session, target.name, target.reasons),
    }));
    const made: Plan = {
      run: run.folder.id,
      experiment: run.graph.experiment,
      overrides: run.overrides,
      targets: await Promise.all(targets),
    };
    return await use(made, asked.value, session);
  } finally {
    project.value.close();
  }
}
