// `exp plan`: what a build would do, by the same decisions as a build. Runs nothing.

import { planTargets } from "../engine/plan.ts";
import type { Plan } from "../model/plan.ts";
import { renderPlan, withLimit } from "../report/plan.ts";
import { openSession, type DecidingSession } from "../project/project.ts";
import { ratesOf } from "../project/executors.ts";
import { openShared } from "../project/shared.ts";
import { explainReasons } from "../project/explain.ts";
import { ok } from "../util/result.ts";
import type { Arguments } from "./arguments.ts";
import { broughtBy, sharedRequest, withAsked, type Asked } from "./asking.ts";
import { readMaxUsd } from "./money.ts";
import { paletteOf, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function plan(args: Arguments, screen: Screen): Promise<number> {
  const maxUsd = readMaxUsd(args, screen);
  if (!maxUsd.ok) {
    showFailures(screen, [maxUsd.error]);
    return exitCodes.wrongInput;
  }
  return withPlan(args, screen, args.operands, async (found) => {
    const made = maxUsd.value === undefined ? found : withLimit(found, maxUsd.value);
    if (args.flags.json === true) writeJson(screen, made);
    else writeLines(screen, renderPlan(made, { palette: paletteOf(screen), width: screen.width }));
    return made.targets.every((target) => target.state === "fresh") ? exitCodes.done : exitCodes.incomplete;
  });
}

/** Others ask about a run as it is, not about a build of the same command line. */
function foretells({ command }: Arguments): boolean {
  return command === "plan" || command === "build";
}

/** As a build of the same command line would; who only asks brings nothing. */
function bringing(args: Arguments, { run, asked }: Asked): (target: string) => boolean {
  if (!foretells(args)) return () => false;
  const names = new Set(asked.map((index) => run.graph.targets[index]!.name));
  return broughtBy(args, run) === "all" ? () => true : (target) => names.has(target);
}

/** Opens the run, asks for every target needed, closes again. */
export function withPlan(
  args: Arguments,
  screen: Screen,
  names: readonly string[],
  use: (plan: Plan, asked: Asked, session: DecidingSession) => Promise<number>,
): Promise<number> {
  const planned = async (asked: Asked) => {
    const { project, run } = asked;
    const shared = await openShared(
      project,
      sharedRequest(args, run, (text) => screen.writeError(`warning: ${text}\n`)),
    );
    if (!shared.ok) {
      showFailures(screen, shared.error);
      return exitCodes.wrongInput;
    }
    const flag = args.flags.executor as string | undefined;
    const rates = foretells(args) ? await ratesOf(project, flag, run.expfile.experiments.settings) : ok(undefined);
    if (!rates.ok) {
      showFailures(screen, rates.error);
      return exitCodes.wrongInput;
    }
    const session = openSession(project, run, {
      onSetAside: () => undefined,
      mayWrite: () => false,
      shared: shared.value,
    });
    const found = await planTargets(session, asked.needed, {
      brings: bringing(args, asked),
      rates: rates.value,
    });
    if (!found.ok) {
      showFailures(screen, found.error);
      return exitCodes.wrongInput;
    }
    const targets = found.value.map(async (target) => ({
      ...target,
      reasons: await explainReasons(project, run, session, target.name, target.reasons),
    }));
    const made: Plan = {
      run: run.folder.id,
      experiment: run.graph.experiment,
      overrides: run.overrides,
      ...(rates.value !== undefined && { pricesOf: rates.value.executor }),
      targets: await Promise.all(targets),
    };
    return use(made, asked, session);
  };
  return withAsked(args, screen, planned, names);
}
