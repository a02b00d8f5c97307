// `exp fetch`: brings outputs that were left in the shared cache to their places, and content of items into this machine's cache. Takes the results on which the
// run stands as they are; whether they are stale is not asked.

import type { SharedCache } from "../backends/store/shared-cache.ts";
import { LostRun } from "../engine/session.ts";
import type { Artifact, Artifacts } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { openSession, useStores, type DecidingSession } from "../project/project.ts";
import { openShared } from "../project/shared.ts";
import { countOf, formatBytes } from "../report/amounts.ts";
import type { StageState } from "../runs/stages.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { statOf } from "../util/stat.ts";
import type { Arguments } from "./arguments.ts";
import { sharedRequest, withAsked, type Asked } from "./asking.ts";
import { noShared } from "./cache.ts";
import { holdingRun } from "./holding.ts";
import { itemName } from "../engine/fan-out.ts";
import { readItemName } from "./item-name.ts";
import { nearPath, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { itemsWithResults, standingOutputs, type Output } from "./show-outputs.ts";
import { buildCommand, findSubject } from "./show-subject.ts";
import { exitCodes } from "./table.ts";

export function fetch(args: Arguments, screen: Screen): Promise<number> {
  const isThere = async (asked: Asked) => {
    const { folder } = asked.run;
    if (asked.run.state !== undefined)
      return holdingRun(folder, "exp fetch", screen, (lease) => fetchAsked(asked, () => lease.isHeld(), args, screen));
    showFailures(screen, [
      inputFailure(`there is no run "${folder.id}", so there is nothing to bring`, { fix: "exp runs lists them." }),
    ]);
    return exitCodes.wrongInput;
  };
  return withAsked(args, screen, isThere, []);
}

/** Outputs of a target, or of one of its items. */
interface Subject {
  readonly name: string;
  readonly target: string;
  readonly outputs: readonly Output[];
  /** Of an item that was asked for with all others of its target: others may have them together. */
  readonly among?: { readonly key: Digest; readonly all: readonly Digest[] };
}

interface Brought {
  readonly name: string;
  readonly output: string;
  readonly size: number;
  readonly path?: string;
}

interface Missing {
  readonly name: string;
  readonly output: string;
  readonly at: string;
}

async function fetchAsked(asked: Asked, isHeld: () => boolean, args: Arguments, screen: Screen): Promise<number> {
  const { project, run } = asked;
  const wrong = (failures: readonly Failure[]) => {
    showFailures(screen, failures);
    return exitCodes.wrongInput;
  };
  const warn = (text: string) => screen.writeError(`warning: ${text}\n`);
  const opened = await openShared(project, sharedRequest(args, run, warn));
  if (!opened.ok) return wrong(opened.error);
  const shared = opened.value;
  if (shared === undefined) return wrong([noShared()]);
  const leave = () => shared.close();
  screen.signal.addEventListener("abort", leave, { once: true });
  // What comes must not be swept meanwhile.
  const using = useStores(project, "exp fetch");
  const setAside: string[] = [];
  const session = openSession(project, run, {
    shared,
    mayWrite: isHeld,
    onSetAside: (_target, file, to) => void setAside.push(`${file} had been edited: your version is now ${to}`),
  });
  try {
    const subjects = subjectsOf(args, asked, session, screen);
    if (!subjects.ok) return wrong(subjects.error);
    const { brought, missing } = await bringAll(subjects.value, session, shared, screen);
    if (!(await place(subjects.value, asked, session, isHeld))) {
      showFailures(screen, [new LostRun(run.folder.id).failure]);
      return exitCodes.failed;
    }
    if (args.flags.json === true)
      writeJson(screen, { place: shared.place, run: run.folder.id, brought, missing, bytes: shared.fetched.bytes });
    else writeLines(screen, [...setAside, ...wordFetched(brought, missing, run, subjects.value)]);
    if (screen.signal.aborted) return exitCodes.interrupted;
    return missing.length > 0 ? exitCodes.failed : exitCodes.done;
  } finally {
    screen.signal.removeEventListener("abort", leave);
    session.close();
    using?.release();
    shared.close();
  }
}

/** None named: all targets of which something was left. */
function subjectsOf(
  args: Arguments,
  asked: Asked,
  session: DecidingSession,
  screen: Screen,
): Result<readonly Subject[], readonly Failure[]> {
  const { graph } = asked.run;
  const subjects: Subject[] = [];
  const failures: Failure[] = [];
  for (const word of args.operands) {
    const named = readItemName(word);
    const found = findSubject(word, named, asked, session, screen.now());
    if (!found.ok) {
      failures.push(...found.error);
      continue;
    }
    const { name, target, slot, standing } = found.value;
    const outputs = standing.outputs.filter((output) => slot === undefined || output.slot === slot);
    subjects.push({ name, target, outputs });
    if (args.flags.items === true && named === undefined) subjects.push(...itemsOf(session, graph.byName.get(target)!));
  }
  if (failures.length > 0) return fail(failures);
  if (args.operands.length > 0) return ok(subjects);
  for (const target of graph.targets) {
    const outputs = standingOutputs(session, target)?.outputs ?? [];
    if (outputs.some(({ left }) => left !== undefined))
      subjects.push({ name: target.name, target: target.name, outputs });
    if (args.flags.items === true) subjects.push(...itemsOf(session, target));
  }
  return ok(subjects);
}

function itemsOf(session: DecidingSession, target: GraphTarget): readonly Subject[] {
  if (target.declaration.work.kind !== "fan-out") return [];
  const items = itemsWithResults(session, target).items.flatMap((item) => {
    const standing = item.standing();
    return standing === undefined ? [] : [{ name: itemName(item), standing }];
  });
  const all = items.map(({ standing }) => standing.key);
  return items.map(({ name, standing: { key, outputs } }) => ({
    ...{ name: `${target.name}[${name}]`, target: target.name, outputs },
    among: { key, all },
  }));
}

async function bringAll(
  subjects: readonly Subject[],
  { contents, cache }: DecidingSession,
  shared: SharedCache,
  screen: Screen,
): Promise<{ readonly brought: readonly Brought[]; readonly missing: readonly Missing[] }> {
  const wanted = subjects.flatMap(({ name, outputs, among }) =>
    outputs.flatMap((output) => {
      const { artifact, place } = output;
      const isMissing = place === undefined ? !contents.isStored(artifact) : statOf(place) === undefined;
      const isWanted = artifact.kind !== "absent" && isMissing;
      return isWanted ? [{ name, output, artifact, among }] : [];
    }),
  );
  const stop = showProgress(shared, sum(wanted.map(({ artifact }) => sizeOf(artifact))), screen);
  const brought: Brought[] = [];
  const missing: Missing[] = [];
  try {
    const together = bringItems(wanted, cache, contents);
    await Promise.all(
      wanted.map(async ({ name, output: { slot, place, left }, artifact, among }) => {
        if (among !== undefined) await together;
        if (among === undefined ? await contents.bring([artifact]) : contents.isStored(artifact))
          brought.push({
            ...{ name, output: slot, size: sizeOf(artifact) },
            ...(place !== undefined && { path: nearPath(screen, place) }),
          });
        else missing.push({ name, output: slot, at: left ?? shared.placeOf(artifact.blob.digest) });
      }),
    );
  } finally {
    stop();
  }
  return { brought, missing };
}

/** Content of the items of fan-outs, as far as it can be had: what is small in packs. */
async function bringItems(
  wanted: readonly { readonly artifact: Artifact; readonly among: Subject["among"] }[],
  cache: DecidingSession["cache"],
  contents: DecidingSession["contents"],
): Promise<void> {
  const keys = new Map<readonly Digest[], Set<Digest>>();
  for (const { among } of wanted)
    if (among !== undefined) keys.set(among.all, (keys.get(among.all) ?? new Set()).add(among.key));
  for (const [all, some] of keys) await cache.aheadOfContents(all, some);
  await contents.bring(wanted.flatMap(({ artifact, among }) => (among === undefined ? [] : [artifact])));
}

/** Puts outputs of targets at their places; false: the run was taken over. */
async function place(
  subjects: readonly Subject[],
  { run }: Asked,
  { contents, places, trace }: DecidingSession,
  isHeld: () => boolean,
): Promise<boolean> {
  const state = run.folder.load();
  const stages = new Map(state === undefined ? [] : [...state.targets]);
  const changed = new Map<string, StageState>();
  for (const { target, name, outputs } of subjects) {
    if (name !== target) continue;
    if (!isHeld()) return false;
    const slots = run.graph.byName.get(target)!.declaration.contract.outputs;
    const some = outputs.filter(
      ({ place: at, artifact }) => at !== undefined && statOf(at) === undefined && contents.isStored(artifact),
    );
    const shapes = Object.fromEntries(some.map(({ slot }) => [slot, slots[slot]!]));
    const artifacts: Artifacts = Object.fromEntries(some.map(({ slot, artifact }) => [slot, artifact]));
    await places.place(target, shapes, artifacts);
    const stage = stages.get(target);
    if (stage?.left === undefined) continue;
    const left = Object.entries(stage.left).filter(([slot]) => artifacts[slot] === undefined);
    const { left: _, ...rest } = stage;
    changed.set(target, left.length > 0 ? { ...rest, left: Object.fromEntries(left) } : rest);
  }
  if (!(await trace.commit())) return false;
  if (state !== undefined && changed.size > 0) run.folder.save({ ...state, targets: state.targets.with(changed) });
  return true;
}

/** On a terminal; returns what ends it. */
function showProgress(shared: SharedCache, bytes: number, screen: Screen): () => void {
  if (!screen.isTerminal || bytes === 0) return () => undefined;
  const before = shared.arrivedBytes;
  const timer = setInterval(() => {
    const arrived = Math.min(bytes, shared.arrivedBytes - before);
    screen.writeError(`\r\u001b[K${formatBytes(arrived)} of ${formatBytes(bytes)} from ${shared.place}`);
  }, progressMs);
  return () => {
    clearInterval(timer);
    screen.writeError("\r\u001b[K");
  };
}

const progressMs = 200;

function wordFetched(
  brought: readonly Brought[],
  missing: readonly Missing[],
  run: Asked["run"],
  subjects: readonly Subject[],
): readonly string[] {
  const targetOf = new Map(subjects.map(({ name, target }) => [name, target]));
  const names = [...new Set(brought.map(({ name }) => name))];
  const lines = names.slice(0, mostLines).map((name) => {
    const own = brought.filter((one) => one.name === name);
    return `${name}: brought ${own.map(({ output }) => output).join(", ")}, ${formatBytes(sum(own.map(({ size }) => size)))}`;
  });
  if (names.length > mostLines)
    lines.push(`and of ${names.length - mostLines} more, ${countOf(brought.length, "output")} in all`);
  for (const { name, output, at } of missing.slice(0, mostLines))
    lines.push(
      `${name}.${output} cannot be had: ${at} does not give it. ${buildCommand(targetOf.get(name)!, run)} makes it again`,
    );
  if (missing.length > mostLines) lines.push(`and ${missing.length - mostLines} more cannot be had`);
  return lines.length > 0 ? lines : ["nothing to bring: what was asked for is here"];
}

const mostLines = 20;

function sizeOf(artifact: Exclude<Artifact, { kind: "absent" }>): number {
  return artifact.kind === "tree" ? artifact.size : artifact.blob.size;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
