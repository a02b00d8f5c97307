// `exp accept`: what changed does not matter, the result is kept. Who said so, when and why stays in the run's trace.

import { acceptTarget, type Accepted, type AcceptSession } from "../engine/accept.ts";
import { assess } from "../engine/assess.ts";
import { LostRun } from "../engine/session.ts";
import { inRun } from "../model/advice.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { Artifacts } from "../model/action.ts";
import { openAcceptSession, openSession, useStores } from "../project/project.ts";
import { countOf } from "../report/amounts.ts";
import { wordReason } from "../report/reasons.ts";
import type { Lease } from "../runs/lease.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { Arguments } from "./arguments.ts";
import { withAsked, type Asked } from "./asking.ts";
import { holdingRun } from "./holding.ts";
import type { StageState } from "../runs/stages.ts";
import { acceptedOf } from "./run-record.ts";
import { showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function accept(args: Arguments, screen: Screen): Promise<number> {
  const wrong = (failures: readonly Failure[]) => {
    showFailures(screen, failures);
    return exitCodes.wrongInput;
  };
  const because = (args.flags.because as string | undefined)?.trim();
  if (args.operands.length === 0)
    return wrong([inputFailure("which target?", { fix: 'exp accept TARGET --because "…"' })]);
  if (because === undefined || because === "")
    return wrong([
      inputFailure("why does the change not matter?", {
        fix: `exp accept ${args.operands.join(" ")} --because "…": it is kept with the result, for whoever asks \`exp why\` later.`,
      }),
    ]);
  return withAsked(args, screen, (asked) =>
    holdingRun(asked.run.folder, "exp accept", screen, (lease) => acceptAsked(asked, lease, because, args, screen)),
  );
}

async function acceptAsked(
  asked: Asked,
  lease: Lease,
  because: string,
  args: Arguments,
  screen: Screen,
): Promise<number> {
  const { project, run } = asked;
  // Code goes into the archive.
  const using = useStores(project, "exp accept");
  const deciding = openSession(project, run, { onSetAside: () => undefined, mayWrite: () => lease.isHeld() });
  const session = openAcceptSession(project, run, deciding, { build: run.state?.builds ?? 0, lease });
  const names = asked.asked.map((index) => run.graph.targets[index]!.name);
  try {
    const accepted = await acceptInOrder(session, asked, because);
    if (!accepted.ok) {
      showFailures(screen, accepted.error);
      return exitCodes.wrongInput;
    }
    if (!(await session.trace.keepHeld())) {
      showFailures(screen, [new LostRun(run.folder.id).failure]);
      return exitCodes.failed;
    }
    noteInState(asked, session, accepted.value);
    if (args.flags.json === true)
      writeJson(
        screen,
        names.map((target) => ({ target, because, by: session.who, ...accepted.value.get(target) })),
      );
    else
      writeLines(
        screen,
        names.flatMap((name) => wordAccepted(name, accepted.value.get(name)!, run.folder.id)),
      );
    return [...accepted.value.values()].some(({ left }) => left > 0) ? exitCodes.incomplete : exitCodes.done;
  } finally {
    deciding.close();
    using?.release();
  }
}

/** Each target that is asked for, after those that it reads: these have to be up to date, or accepted just now. */
async function acceptInOrder(
  session: AcceptSession,
  { asked, needed }: Asked,
  because: string,
): Promise<Result<ReadonlyMap<string, Accepted>, readonly Failure[]>> {
  const accepted = new Map<string, Accepted>();
  const known = new Map<number, Artifacts>();
  const upstream = (index: number) => ({ artifacts: known.get(index)!, target: session.graph.targets[index]! });
  for (const index of needed) {
    const target = session.graph.targets[index]!;
    if (asked.includes(index)) {
      const one = await acceptTarget(session, target, upstream, because);
      if (!one.ok) return one;
      accepted.set(target.name, one.value);
    }
    const assessment = await assess(session, target, upstream);
    if (assessment.kind === "wrong") return fail(assessment.failures);
    const own =
      assessment.kind === "settled"
        ? assessment.result
        : assessment.kind === "due" && assessment.stage.kind === "action" && assessment.stage.part !== "split"
          ? session.trace.find(assessment.stage.action.core)?.result
          : undefined;
    if (own !== undefined) known.set(index, own.outputs);
    else if (!asked.includes(index) || index !== asked.at(-1)) {
      const first = session.graph.targets[asked[0]!]!.name;
      return fail([
        inputFailure(`${target.name} is not up to date, so it is not known what ${first} would read`, {
          neededBy: "exp accept",
          fix: `First exp build ${target.name}, or exp accept ${target.name} too.`,
        }),
      ]);
    }
  }
  return ok(accepted);
}

function noteInState({ run }: Asked, { trace }: AcceptSession, accepted: ReadonlyMap<string, Accepted>): void {
  const state = run.folder.load();
  if (state === undefined) return;
  const changed = new Map<string, StageState>();
  for (const [name, { results, core }] of accepted) {
    const stage = state.targets.get(name);
    if (stage === undefined || results === 0 || core === undefined) continue;
    changed.set(name, { ...stage, key: core, accepted: acceptedOf(trace.acceptancesInForce(name).at(-1)) });
  }
  run.folder.save({ ...state, targets: state.targets.with(changed) });
}

function wordAccepted(target: string, { results, left, reasons }: Accepted, run: string): string[] {
  if (results === 0 && left === 0) return [`${target} is up to date: there is nothing to accept`];
  if (results === 0) return [`${target}: no earlier result answers to its ${countOf(left, "item")}`];
  return [
    `${target}: ${countOf(results, "result")} kept, although`,
    ...reasons.map((reason) => `  ${wordReason(reason)}`),
    ...(left > 0
      ? [
          `${countOf(left, "item")} ${left === 1 ? "is" : "are"} new: ${inRun("exp build", run)} makes ${left === 1 ? "it" : "them"}`,
        ]
      : []),
    `${inRun(`exp why ${target}`, run)} will say so; ${inRun(`exp clean ${target}`, run)} takes it back`,
  ];
}
