// `exp why`: the first differing parts of a key, old and new; for what is up to date, why it was made last; also for a past build.

import { inputFailure, type Failure } from "../model/failure.ts";
import type { Reason } from "../model/reason.ts";
import { explain } from "../planning/fingerprint/explain.ts";
import { explainReasons } from "../project/explain-code.ts";
import { measureInputs } from "../project/measure-inputs.ts";
import { selectTargets } from "../planning/graph.ts";
import { renderWhy, type Why } from "../report/why.ts";
import { assess } from "../engine/assess.ts";
import { itemName } from "../engine/fan-out.ts";
import { suggest } from "../util/suggest.ts";
import type { Arguments } from "./arguments.ts";
import { withPlan } from "./plan.ts";
import { paletteOf, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";
import type { Asked } from "./asking.ts";
import type { DecidingSession } from "../project/project.ts";
import type { Plan } from "../model/plan.ts";
import type { Artifacts } from "../model/action.ts";

export async function why(args: Arguments, screen: Screen): Promise<number> {
  const asked = args.operands.map(readName);
  const build = args.flags.build as string | undefined;
  if (build !== undefined && !/^\d+$/.test(build)) {
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
        const answer =
          build !== undefined
            ? await whyPast(run, session, target, Number(build))
            : item === undefined
              ? await whyTarget(plan, run, session, target)
              : await whyItem(run, session, target, item);
        if ("kind" in answer) {
          showFailures(screen, [answer]);
          return exitCodes.wrongInput;
        }
        answers.push({
          ...answer,
          reasons: await measureInputs(
            run.project,
            run.run,
            session,
            answer.target,
            await explainReasons(run.project, answer.reasons),
          ),
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
  const match = /^([^[\]]+)\[(.*)\]$/.exec(word);
  return match === null ? { target: word, item: undefined } : { target: match[1]!, item: match[2] };
}

async function whyTarget(plan: Plan, { run }: Asked, session: DecidingSession, name: string): Promise<Why | Failure> {
  const planned = plan.targets.find((target) => target.name === name)!;
  const last = session.trace.standingOf(name).at(-1);
  const since = last === undefined ? undefined : session.trace.find(last.core)?.result.at;
  const { warnings } = planned;
  const base = {
    target: name,
    state: planned.state,
    ...(since !== undefined && { since }),
    ...(warnings !== undefined && { warnings }),
  };
  if (planned.reasons.length > 0 || planned.state !== "fresh") return { ...base, reasons: planned.reasons };
  const cleaned = session.trace.lastCleanOf(name);
  // Made anew because somebody asked for it, whatever else is the same.
  if (cleaned !== undefined && since !== undefined && since >= cleaned)
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

/** What differed between the `n`-th standing of the target and the one before it. */
function reasonsOfStanding(session: DecidingSession, section: string, target: string, n: number): readonly Reason[] {
  const standing = session.trace.standingOf(target);
  const now = standing[n];
  const record = now === undefined ? undefined : session.trace.recordOf(now.core);
  if (now === undefined || record === undefined) return [];
  const before = standing[n - 1];
  if (before === undefined) return [{ kind: "new" }];
  if (before.core === now.core) return [];
  const reasons = explain(session.trace.recordOf(before.core), record, section);
  if (record.part !== "merge") return reasons;
  // A merge changed because its items did: what its templates say is nearer to the cause.
  const templates = session.trace
    .recordsOfBuild(target, now.build)
    .flatMap(({ record: own, before: old }) => explain(old, own, section));
  const telling = templates.filter((reason) => reason.kind !== "new" && reason.kind !== "items");
  return telling.length > 0 ? telling : reasons;
}

async function whyPast({ run }: Asked, session: DecidingSession, name: string, build: number): Promise<Why | Failure> {
  const standing = session.trace.standingOf(name);
  const n = standing.findLastIndex((one) => one.build <= build);
  if (!Number.isInteger(build) || build > (run.state?.builds ?? 0) || n < 0) {
    const builds = standing.map((one) => one.build);
    return inputFailure(`build ${build} of run ${run.folder.id} has no ${name}`, {
      fix:
        builds.length === 0 ? "It has not been built yet." : `It was made by build ${[...new Set(builds)].join(", ")}.`,
    });
  }
  const at = standing[n]!;
  return {
    target: name,
    state: "fresh",
    since: at.at,
    reasons: at.build === build ? reasonsOfStanding(session, run.graph.byName.get(name)!.section, name, n) : [],
  };
}

async function whyItem(
  { run, needed }: Asked,
  session: DecidingSession,
  name: string,
  label: string,
): Promise<Why | Failure> {
  const target = run.graph.byName.get(name)!;
  if (target.declaration.work.kind !== "fan-out")
    return inputFailure(`${name} has no items`, { fix: `exp why ${name}` });
  const known = new Map<number, Artifacts>();
  const upstream = selectTargets(run.graph, [name]);
  for (const index of upstream.ok ? upstream.value.needed : needed) {
    const one = run.graph.targets[index]!;
    const found = await assess(session, one, (up) => ({
      artifacts: known.get(up) ?? {},
      target: run.graph.targets[up]!,
    }));
    if (index === target.index) {
      const states =
        found.kind === "settled"
          ? found.states
          : found.kind === "due"
            ? found.stage.kind === "items"
              ? found.stage.states
              : found.stage.items
            : undefined;
      const items = states?.items.all ?? [];
      const item = items.find((candidate) => itemName(candidate) === label) ?? items[Number(label)];
      if (item === undefined || states === undefined) {
        const near = suggest(label, items.slice(0, 2000).map(itemName));
        return inputFailure(
          items.length === 0
            ? `the items of ${name} are not known before its split has run`
            : `${name} has no item "${label}"`,
          {
            fix: near
              ? `Did you mean "${name}[${near}]"?`
              : items.length > 0
                ? `It has ${items.length}, from ${itemName(items[0]!)} to ${itemName(items.at(-1)!)}.`
                : `exp build ${name}`,
          },
        );
      }
      const decision = states.decisions[item.index]!;
      const own = session.trace.find(item.core);
      const template = states.items.templates.get(item.recipe)!;
      const reasons =
        decision.kind === "stale"
          ? session.rebuilder.explain({
              target: name,
              section: target.section,
              part: "item",
              recipe: item.recipe,
              core: template.core,
              key: template.key,
              record: template.record,
            })
          : [];
      const told =
        reasons.length > 0
          ? reasons
          : decision.kind === "stale"
            ? [{ kind: "item", before: undefined, after: { settings: item.settings, item: item.item } } as const]
            : [];
      return {
        target: name,
        label: itemName(item),
        state: decision.kind,
        ...(own !== undefined && { since: own.result.at }),
        reasons: told,
      };
    }
    if (found.kind === "settled") known.set(index, found.result.outputs);
    else if (found.kind === "due" && found.stage.kind === "action" && found.stage.adopt !== undefined)
      known.set(index, found.stage.adopt.outputs);
    else return { target: name, label, state: "unknown", reasons: [{ kind: "upstream", target: one.name }] };
  }
  throw new Error(`target ${name} is not among what it needs`);
}
