// `exp clean`: the run's results of the targets named are to be computed anew. Nothing that others rely on is deleted.

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inputFailure, type Failure } from "../model/failure.ts";
import { LostRun } from "../engine/session.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { countOf, formatDuration, formatMoney } from "../report/amounts.ts";
import { openSession, type DecidingSession } from "../project/project.ts";
import type { Lease } from "../runs/lease.ts";
import type { Trace } from "../backends/store/trace.ts";
import type { StageState } from "../runs/stages.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { Arguments } from "./arguments.ts";
import { withAsked, type Asked } from "./asking.ts";
import { endElsewhere, wordLeft, type WorkLeft } from "./clean-elsewhere.ts";
import { holdingRun } from "./holding.ts";
import { showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export function clean(args: Arguments, screen: Screen): Promise<number> {
  return withAsked(args, screen, async (asked) => {
    const { folder } = asked.run;
    if (existsSync(folder.folder)) {
      let told: Told | undefined;
      const code = await holdingRun(folder, "exp clean", screen, async (lease) => {
        const cleaned = await cleanAsked(asked, lease, args, screen);
        if (!cleaned.ok) showFailures(screen, [cleaned.error]);
        else told = cleaned.value;
        return cleaned.ok ? exitCodes.done : exitCodes.failed;
      });
      if (told === undefined) return code;
      const names = told.onlyOutputs ? [] : told.cleaned.map(({ target }) => target);
      tell(folder.id, told, await endElsewhere(asked, names, args, screen), args, screen);
      return code;
    }
    const what = `there is no run "${folder.id}", so there is nothing to clean`;
    showFailures(screen, [inputFailure(what, { fix: "exp runs lists them." })]);
    return exitCodes.wrongInput;
  });
}

async function cleanAsked(
  { project, run, asked }: Asked,
  lease: Lease,
  args: Arguments,
  screen: Screen,
): Promise<Result<Told, Failure>> {
  const onlyOutputs = args.flags.outputs === true;
  const calls = args.flags.calls === true;
  const names = asked.map((index) => run.graph.targets[index]!.name);
  const setAside: SetAside[] = [];
  const session = openSession(project, run, {
    onSetAside: (target, file, to) => void setAside.push({ target, file, to }),
    mayWrite: () => lease.isHeld(),
  });
  const { trace } = session;
  const cleaned = names.map((name) => ({ target: name, ...costBehind(trace, name) }));
  const twins = onlyOutputs ? [] : twinsOf(trace, names, run.graph.targets);
  try {
    // Edits of outputs are nobody's result, and are nowhere else.
    for (const index of asked) {
      const { name, declaration } = run.graph.targets[index]!;
      if (lease.isHeld()) session.places.saveEdits(name, declaration.contract.outputs);
    }
    if (!onlyOutputs)
      for (const name of names) trace.append({ t: name, clean: screen.now(), ...(calls && { calls: true as const }) });
    if (!(await trace.commit())) return fail(new LostRun(run.folder.id).failure);
    // "Fetched back" must be true: what lies nowhere else is taken into the store first.
    if (onlyOutputs) session.store.heedMark();
    if (onlyOutputs) for (const index of asked) keepOutputs(session, run.graph.targets[index]!);
    for (const name of names) rmSync(join(run.folder.folder, name), { recursive: true, force: true });
    // A clean run.yaml: what is gone is said to be gone.
    const state = run.folder.load();
    if (state !== undefined && !onlyOutputs) {
      const known = names.filter((name) => state.targets.get(name) !== undefined);
      const cleaned = new Map(known.map((name): [string, StageState] => [name, { status: "cleaned" }]));
      run.folder.save({ ...state, targets: state.targets.with(cleaned) });
    }
  } finally {
    session.close();
  }
  const dependents = dependentsOf(asked, run.graph.targets);
  return ok({ cleaned, twins, dependents, setAside, onlyOutputs, calls, isAll: args.operands.length === 0 });
}

function tell(run: string, told: Told, elsewhere: readonly WorkLeft[], args: Arguments, screen: Screen): void {
  const { cleaned, twins, dependents, setAside, onlyOutputs, calls } = told;
  if (args.flags.json === true)
    writeJson(screen, {
      ...{ run, cleaned, twins, dependents, set_aside: setAside },
      ...{ outputs_only: onlyOutputs, calls, elsewhere },
    });
  else writeLines(screen, [...wordClean(run, told), ...elsewhere.map(wordLeft)]);
}

function keepOutputs({ trace, places }: DecidingSession, { name, declaration }: GraphTarget): void {
  const standing = trace.lastStandingOf(name);
  const outputs = standing === undefined ? undefined : trace.find(standing.core)?.result.outputs;
  for (const [slot, artifact] of Object.entries(outputs ?? {})) {
    const shape = declaration.contract.outputs[slot];
    if (shape !== undefined) places.recover(name, slot, shape, artifact);
  }
}

interface Cleaned {
  readonly target: string;
  readonly tookMs: number;
  readonly costUsd: number;
  readonly results: number;
  /** How many of the results are a fan-out's items, and how many its merges. */
  readonly items: number;
  readonly merges: number;
}

function costBehind(trace: Trace, target: string): Omit<Cleaned, "target"> {
  let tookMs = 0;
  let costUsd = 0;
  let results = 0;
  let items = 0;
  let merges = 0;
  for (const [, known] of trace.resultsBehind(target)) {
    tookMs += known.result.tookMs;
    costUsd += known.result.costUsd;
    results++;
    if (known.part === "item") items++;
    if (known.part === "merge") merges++;
  }
  return { tookMs, costUsd, results, items, merges };
}

/** Other targets that stand on a result that goes: all of them is equal to one that is cleaned, or its split or items are. */
function twinsOf(trace: Trace, names: readonly string[], targets: readonly GraphTarget[]): string[] {
  const going = new Map(names.flatMap((name) => [...trace.resultsBehind(name)]));
  const templates = new Set([...going.values()].map((known) => known.template));
  return targets
    .map((target) => target.name)
    .filter((name) => {
      const last = trace.lastStandingOf(name);
      if (names.includes(name) || last === undefined) return false;
      const isSplitGoing = last.split !== undefined && going.has(last.split);
      return going.has(last.core) || isSplitGoing || last.templates.some((template) => templates.has(template));
    });
}

function dependentsOf(asked: readonly number[], targets: readonly GraphTarget[]): string[] {
  const reached = new Set(asked);
  const names: string[] = [];
  for (const target of targets) {
    if (reached.has(target.index) || !target.dependsOn.some((upstream) => reached.has(upstream))) continue;
    reached.add(target.index);
    names.push(target.name);
  }
  return names;
}

/** `750 items and the merge`: of a fan-out, what its author knows of it. Its splits are small and go without saying. */
function wordResults({ results, items, merges }: Cleaned): string {
  if (items === 0) return countOf(results, "result");
  const merged = merges === 0 ? "" : merges === 1 ? " and the merge" : ` and ${countOf(merges, "merge")}`;
  return countOf(items, "item") + merged;
}

/** An output that somebody had edited; paths from the run's folder. */
interface SetAside {
  readonly target: string;
  readonly file: string;
  readonly to: string;
}

interface Told {
  readonly cleaned: readonly Cleaned[];
  readonly twins: readonly string[];
  readonly dependents: readonly string[];
  readonly setAside: readonly SetAside[];
  readonly onlyOutputs: boolean;
  readonly calls: boolean;
  /** No target was named. */
  readonly isAll: boolean;
}

function wordClean(run: string, { cleaned, twins, dependents, setAside, onlyOutputs, calls, isAll }: Told): string[] {
  const lines = cleaned.map((one) => {
    const { target, tookMs, costUsd, results } = one;
    if (onlyOutputs) return `${target}: files removed; the next build fetches them back`;
    if (results === 0) return `${target}: there was nothing to clean`;
    const cost = costUsd > 0 ? ` and ${formatMoney(costUsd)}` : "";
    return `${target}: cleaned; ${wordResults(one)} took ${formatDuration(tookMs)}${cost} to compute`;
  });
  for (const { file, to } of setAside)
    lines.push(`${join("runs", run, file)} had been edited: the edited version is now ${join("runs", run, to)}`);
  if (twins.length > 0) lines.push(`has results in common, which are made anew too: ${twins.join(", ")}`);
  if (dependents.length > 0 && !onlyOutputs)
    lines.push(
      `depends on ${cleaned.length === 1 ? "it" : "them"}: ${dependents.join(", ")} (re-run only if the outputs differ)`,
    );
  if (!onlyOutputs && !calls && cleaned.some(({ costUsd }) => costUsd > 0))
    lines.push("paid calls are kept and will be answered from memory; --calls pays them again");
  return onlyOutputs ? lines : [...lines, ...wordWhole(run, cleaned, isAll)];
}

/** What it comes to, and the way back. */
function wordWhole(run: string, cleaned: readonly Cleaned[], isAll: boolean): string[] {
  const sum = (field: "results" | "tookMs") => cleaned.reduce((total, one) => total + one[field], 0);
  const makes = `exp build makes ${cleaned.length === 1 ? "it" : "them"} anew`;
  if (sum("results") === 0) return [`run ${run}: ${makes}`];
  const all = `all ${countOf(cleaned.length, "target")} cleaned, ${countOf(sum("results"), "result")} of ${formatDuration(sum("tookMs"))}`;
  return [
    `run ${run}: ${isAll ? `${all}; ` : ""}${makes}`,
    `the results are hidden from this run, not deleted: exp build --run OTHER fetches them, exp build --from OTHER:TARGET takes one back from there`,
  ];
}
