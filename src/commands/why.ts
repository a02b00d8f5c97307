// `exp why`: the first differing parts of a key, old and new; for what is up to date, why it was made last; also for a past build.

import { inRun } from "../model/advice.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { explainReasons } from "../project/explain.ts";
import { renderWhy, type Why } from "../report/why.ts";
import type { Arguments } from "./arguments.ts";
import { withPlan } from "./plan.ts";
import { paletteOf, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";
import type { Asked } from "./asking.ts";
import { readItemName } from "./item-name.ts";
import { whyItem } from "./why-item.ts";
import { reasonsOfStanding, whyPast } from "./why-past.ts";
import type { DecidingSession } from "../project/project.ts";
import type { Plan } from "../model/plan.ts";

export async function why(args: Arguments, screen: Screen): Promise<number> {
  const asked = args.operands.map(readName);
  const build = args.flags.build as string | undefined;
  if (build !== undefined && !/^[1-9]\d*$/.test(build)) {
    const fix = "exp runs show RUN lists its builds: run@3 is number 3.";
    showFailures(screen, [inputFailure(`--build takes the number of a build, not "${build}"`, { fix })]);
    return exitCodes.wrongInput;
  }
  if (asked.length === 0) {
    showFailures(screen, [inputFailure("which target?", { fix: "exp why TARGET, or exp why TARGET[ITEM]" })]);
    return exitCodes.wrongInput;
  }
  return withPlan(
    args,
    screen,
    asked.map(({ target }) => target),
    async (plan, run, session) => {
      const answers: Why[] = [];
      for (const { target, item } of asked) {
        const answer = await answerTo({ target, item, build }, plan, run, session);
        if ("kind" in answer) {
          showFailures(screen, [answer]);
          return exitCodes.wrongInput;
        }
        const { project, run: opened } = run;
        answers.push({
          ...answer,
          reasons: await explainReasons(project, opened, session, answer.target, answer.reasons),
        });
      }
      if (args.flags.json === true) writeJson(screen, answers);
      else
        writeLines(
          screen,
          answers.flatMap((answer) =>
            renderWhy(answer, {
              palette: paletteOf(screen),
              ...(screen.width !== undefined && { width: screen.width }),
              now: screen.now(),
            }),
          ),
        );
      return exitCodes.done;
    },
  );
}

function readName(word: string): { readonly target: string; readonly item: string | undefined } {
  const named = readItemName(word);
  // Of an output there is nothing to tell beside its item: then the whole word is no target.
  return named === undefined || named.output !== undefined ? { target: word, item: undefined } : named;
}

interface Question {
  readonly target: string;
  readonly item: string | undefined;
  readonly build: string | undefined;
}

async function answerTo(
  { target, item, build }: Question,
  plan: Plan,
  asked: Asked,
  session: DecidingSession,
): Promise<Why | Failure> {
  if (build === undefined)
    return item === undefined
      ? whyTarget(plan, asked, session, target)
      : whyItem(session, asked.run.graph, target, item);
  if (item === undefined) return whyPast(asked, session, target, build);
  return inputFailure("--build tells of whole targets", {
    fix: inRun(`exp why ${target} --build ${build}`, session.run),
  });
}

function whyTarget(plan: Plan, { run }: Asked, session: DecidingSession, name: string): Why {
  const planned = plan.targets.find((target) => target.name === name)!;
  const last = session.trace.lastStandingOf(name);
  const known = last === undefined ? undefined : session.trace.find(last.core);
  const since = known?.result.at;
  const { warnings } = planned;
  const unpaid = run.state?.targets.get(name)?.unpaid;
  const isUpToDate = planned.state === "fresh" || planned.state === "failed";
  const { trace } = session;
  const accepted =
    isUpToDate && planned.accepted !== true
      ? []
      : isUpToDate
        ? trace.acceptancesOf(name)
        : trace.acceptancesInForce(name);
  const base = {
    target: name,
    state: planned.state,
    ...(since !== undefined && { since }),
    ...(known?.how === "cached" && { fetched: { by: known.result.by, executor: known.result.executor } }),
    ...(unpaid !== undefined && planned.state !== "fresh" && { unpaid }),
    ...(planned.left !== undefined && { left: planned.left }),
    ...(warnings !== undefined && { warnings }),
    ...(accepted.length > 0 && { accepted }),
  };
  if (planned.reasons.length > 0 || planned.state !== "fresh") return { ...base, reasons: planned.reasons };
  if (accepted.length > 0) return { ...base, reasons: [] };
  const given = session.given.get(name);
  if (given !== undefined) return { ...base, reasons: [{ kind: "spliced", from: given.from }] };
  const cleaned = session.trace.lastCleanOf(name);
  // Made anew for the same key, because somebody asked for it.
  if (cleaned !== undefined && since !== undefined && since >= cleaned && last!.at < cleaned)
    return { ...base, reasons: [{ kind: "cleaned", when: new Date(cleaned).toISOString() }] };
  // Up to date: why it was made the last time.
  return {
    ...base,
    reasons: reasonsOfStanding(
      session,
      run.graph.byName.get(name)!.section,
      name,
      session.trace.standingOf(name).length - 1,
    ),
  };
}
