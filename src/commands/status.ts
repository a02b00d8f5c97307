// `exp status`: the run at a glance: state by the same decisions as a build, and what is remembered of each stage.

import { renderStatus, type StatusRow } from "../report/status.ts";
import { renderUsage } from "../report/usage.ts";
import { headline } from "../report/reasons.ts";
import type { DecidingSession } from "../project/project.ts";
import type { StageState } from "../runs/stages.ts";
import type { PlannedTarget } from "../model/plan.ts";
import { who } from "../util/who.ts";
import type { Arguments } from "./arguments.ts";
import { withPlan } from "./plan.ts";
import { warnOfHistory } from "./runs.ts";
import { paletteOf, writeJson, writeLines, type Screen } from "./screen.ts";
import { usageOf } from "./status-usage.ts";
import { exitCodes } from "./table.ts";

export async function status(args: Arguments, screen: Screen): Promise<number> {
  return withPlan(args, screen, args.operands, async (plan, { run }, session) => {
    warnOfHistory(run.folder, screen);
    if (args.flags.usage === true) {
      const usage = usageOf(
        session.trace,
        plan.targets.map(({ name }) => name),
      );
      if (args.flags.json === true) writeJson(screen, { run: plan.run, targets: usage });
      else writeLines(screen, renderUsage(usage, paletteOf(screen)));
      return exitCodes.done;
    }
    const stages = run.state?.targets;
    const rows = plan.targets.map((target) => rowOf(target, stages?.get(target.name), keptWhy(session, target)));
    if (args.flags.json === true)
      writeJson(screen, {
        run: plan.run,
        experiment: plan.experiment,
        builds: run.state?.builds ?? 0,
        config: { source: run.source, overrides: run.overrides },
        targets: rows,
      });
    else {
      const builds = run.state?.builds ?? 0;
      const title = [
        `run ${plan.run}${builds > 0 ? `@${builds}` : ""}`,
        plan.experiment,
        run.source,
        ...(run.overrides.length > 0 ? [run.overrides.join(" ")] : []),
      ];
      writeLines(
        screen,
        renderStatus(rows, { palette: paletteOf(screen), width: screen.width, now: screen.now(), title }),
      );
    }
    return exitCodes.done;
  });
}

function rowOf(target: PlannedTarget, stage: StageState | undefined, kept: string | undefined): StatusRow {
  const failed = stage?.status === "failed" && target.state !== "fresh";
  const reason = failed
    ? stage.failure
    : target.reasons.length > 0
      ? headline(target.reasons)
      : target.state === "fresh"
        ? kept
        : undefined;
  return {
    target: target.name,
    state: failed ? "failed" : target.state,
    ...(stage?.at !== undefined && { finishedAt: Date.parse(stage.at) }),
    ...(stage?.took_ms !== undefined && { tookMs: stage.took_ms }),
    ...(stage?.cost_usd !== undefined && stage.cost_usd > 0 && { costUsd: stage.cost_usd }),
    ...(stage?.executor !== undefined && { executor: stage.executor }),
    ...(target.items !== undefined && { items: target.items }),
    ...(stage?.waits_for !== undefined && target.state === "waiting" && { waitsFor: stage.waits_for.join(", ") }),
    ...(reason !== undefined && { reason }),
    ...(stage?.unpaid !== undefined && target.state !== "fresh" && { unpaid: stage.unpaid }),
    ...(target.left !== undefined && { left: target.left }),
    ...(target.warnings !== undefined && { warnings: target.warnings }),
  };
}

/** What is to be known of a result that is not simply this run's own. */
function keptWhy({ trace, given }: DecidingSession, { name, accepted: isAccepted }: PlannedTarget): string | undefined {
  const from = given.get(name)?.from;
  if (from !== undefined) return `given: taken from ${from}`;
  const accepted = isAccepted === true ? trace.acceptancesOf(name).at(-1) : undefined;
  if (accepted !== undefined) return `accepted by ${accepted.by}: ${accepted.because}`;
  const last = trace.lastStandingOf(name);
  const known = last === undefined ? undefined : trace.find(last.core);
  return known?.how === "cached" && known.result.by !== who() ? `computed by ${known.result.by}` : undefined;
}
