// Commits: a result counts when it is in the trace, durably; only then may anybody be told, and others use it.

import type { Outcome } from "../backends/executors/executor.ts";
import type { ActionResult, Artifacts } from "../model/action.ts";
import type { Part, RecordedOptions, TraceLine } from "../backends/store/trace-lines.ts";
import type { ActionRecord } from "../planning/fingerprint/action-key.ts";
import type { PreparedAction } from "./actions.ts";
import { keysOf, type Settled } from "./assess.ts";
import type { Digest } from "../model/digest.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { itemName, type Item } from "./fan-out.ts";
import { filesBehind, type ResolvedInputs } from "./inputs.ts";
import { LostRun, type BuildSession } from "./session.ts";
import type { Work } from "./work.ts";

/** What is remembered of an action that has ended well: `outputs` may be more than the outcome's own. */
export function resultOf(
  session: Pick<BuildSession, "who">,
  { startedAt: at, tookMs, costUsd, calls, usage, by = session.who }: Extract<Outcome, { kind: "done" }>,
  outputs: Artifacts,
  { executor, attempts }: Pick<ActionResult, "executor" | "attempts">,
): ActionResult {
  const who = { by, executor, attempts };
  const used = usage === undefined ? {} : { usage };
  return { outputs, at, tookMs, costUsd, ...who, ...used, ...(calls !== undefined && { calls }) };
}

export async function commitAction(
  work: Work,
  part: Part,
  { action, inputs }: { readonly action: PreparedAction; readonly inputs: ResolvedInputs },
  result: ActionResult,
  how: "computed" | "cached",
): Promise<void> {
  const { session, target } = work;
  // What people handed over has been taken in already.
  if (part !== "handoff") session.keepSources([...filesBehind(inputs), ...action.codeFiles]);
  rememberRecord(session, target, action, undefined);
  session.trace.append({ t: target.name, p: part, b: session.build, c: action.core, k: action.key, r: result, how });
  await commitTrace(session);
  if (how === "computed") session.cache.put(action.key, result);
  else session.cache.noteUse(action.key, session.now());
}

/** Appends an item's result; durable after `commitTrace`. */
export function recordItem(
  work: Work,
  item: Item,
  template: PreparedAction,
  result: ActionResult,
  how: "computed" | "cached",
): void {
  const { session, target } = work;
  const label = itemName(item);
  if (how === "cached") session.cache.noteUse(item.key, session.now());
  const keys = { c: item.core, k: item.key, m: template.core, l: label };
  session.trace.append({ t: target.name, p: "item", b: session.build, ...keys, r: result, how });
}

/** The record behind a key, for explanations, and the code that it names. `recipe` names the item recipe of a template. */
export function rememberRecord(
  session: Pick<BuildSession, "trace" | "resolver" | "archive" | "keepCode" | "build">,
  target: GraphTarget,
  action: PreparedAction,
  recipe: string | undefined,
): void {
  const { core, record } = action;
  if (record.code.kind === "module") session.keepCode(record.code.digest);
  const known = session.trace.recordOf(core);
  if (known !== undefined && session.trace.lastRecord(target.name, record.part, recipe) === known) return;
  const readsSources = Object.values(target.inputs)
    .flatMap((input) => (input.kind === "list" ? input.members : [input]))
    .some(({ kind }) => kind === "source" || kind === "sources");
  if (readsSources) {
    session.trace.append({ src: session.resolver.sourcesIn(record.inputs) });
    keepListings(session, Object.values(record.inputs));
  }
  const named = recipe === undefined ? {} : { n: recipe };
  const options = recordedOptions(action.options);
  const told = Object.keys(options).length === 0 ? {} : { o: options };
  session.trace.append({ t: target.name, b: session.build, c: core, ...named, rec: record, ...told });
}

function recordedOptions({ secrets, resources, timeoutMs, varies }: PreparedAction["options"]): RecordedOptions {
  const counted = Object.entries(resources).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return {
    ...(secrets !== undefined && secrets.length > 0 && { secrets }),
    ...(counted.length > 0 && { resources: Object.fromEntries(counted) }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(varies !== undefined && { varies }),
  };
}

/** What lay in the project's folders: `why` names the files that came and went, and `reproduce` finds them. */
function keepListings(
  session: Pick<BuildSession, "resolver" | "archive">,
  inputs: readonly ActionRecord["inputs"][string][],
): void {
  for (const input of inputs) {
    if (input.kind === "list") keepListings(session, input.members);
    const listing = input.kind === "tree" ? session.resolver.listingOf(input.digest) : undefined;
    if (listing !== undefined) session.archive.putBytes(JSON.stringify(listing));
  }
}

/** A build that was suspended so long that another took over its run must not write any more. */
export async function commitTrace(session: BuildSession): Promise<void> {
  if (!(await session.trace.commit())) throw new LostRun(session.run);
}

/** Writes down on what the target stands, if that is new. */
export function noteStanding(
  session: Pick<BuildSession, "trace" | "build" | "now">,
  target: GraphTarget,
  settled: Settled,
): void {
  const line = standingAnew(session, target, settled);
  if (line !== undefined) session.trace.append(line);
}

/** The line that says so; undefined where it stands already. */
export function standingAnew(
  { trace, build, now }: Pick<BuildSession, "trace" | "build" | "now">,
  { name }: GraphTarget,
  settled: Settled,
): TraceLine | undefined {
  const { core, split, templates } = keysOf(settled);
  const last = trace.lastStandingOf(name);
  // Other code may make the same items, and so the same merge.
  if (last?.core === core && last.split === split && last.templates.join() === templates.join()) return undefined;
  return {
    t: name,
    b: build,
    at: now(),
    now: core,
    ...(split !== undefined && { s: split }),
    ...(settled.states !== undefined && { m: templates }),
  };
}

/** Writes down that the target's result was given: from then on the run needs nothing of where it came from. */
export function noteGiven({ trace, given, now, who }: BuildSession, { name }: GraphTarget, core: Digest): void {
  const from = given.get(name)?.from;
  if (from !== undefined && trace.spliceOf(name, from) !== core)
    trace.append({ t: name, spliced: from, c: core, at: now(), by: who });
}
