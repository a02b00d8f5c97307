// Stages of other runs that a run takes as given: looked up once, then kept in its own trace, so that the other run may go on or go away.

import { Trace } from "../backends/store/trace.ts";
import { Contents } from "../engine/contents.ts";
import { Places } from "../engine/places.ts";
import type { Given } from "../engine/splice.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { Graph } from "../planning/graph.ts";
import { findPoint } from "../runs/point.ts";
import type { RunFolder } from "../runs/run.ts";
import { parseSplice, type SpliceName } from "../runs/splice.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { suggest } from "../util/suggest.ts";
import type { Project } from "./project.ts";

/** By target. What is asked for now replaces what is remembered of the same target. */
export function findSplices(
  project: Project,
  run: RunFolder,
  graph: Graph,
  remembered: readonly string[],
  asked: readonly string[],
): Result<ReadonlyMap<string, Given>, readonly Failure[]> {
  const found = new Map<string, Given>();
  if (remembered.length + asked.length === 0) return ok(found);
  const own = new Trace(run.folder);
  const failures: Failure[] = [];
  for (const text of [...remembered, ...asked]) {
    const name = parseSplice(text);
    if (!name.ok) {
      failures.push(name.error);
      continue;
    }
    const { target } = name.value;
    const known = own.spliceOf(target, text);
    const result = known === undefined ? undefined : own.find(known)?.result;
    const record = known === undefined ? undefined : own.recordOf(known);
    const splice =
      result !== undefined && record !== undefined
        ? ok({ from: text, result, outputs: record.outputs })
        : lookUp(project, run, graph, name.value);
    const problem = splice.ok ? misfit(graph, target, splice.value) : splice.error;
    if (problem !== undefined) failures.push(problem);
    else if (splice.ok) found.set(target, splice.value);
  }
  return failures.length > 0 ? fail(failures) : ok(found);
}

function lookUp(
  project: Project,
  run: RunFolder,
  graph: Graph,
  { point: name, target }: SpliceName,
): Result<Given, Failure> {
  const point = findPoint(project.paths.runs, name);
  if (!point.ok) return point;
  const { run: other, state, build = state.builds } = point.value;
  if (other.id === run.id)
    return fail(inputFailure(`--from ${name}:${target} names the run itself`, { fix: "Name another run." }));
  const trace = new Trace(other.folder, { until: point.value.build });
  const from = `${other.id}@${build}:${target}`;
  const core = trace.lastStandingOf(target)?.core;
  const known = core === undefined ? undefined : trace.find(core);
  const record = core === undefined ? undefined : trace.recordOf(core);
  if (known === undefined || record === undefined) {
    const near = suggest(
      target,
      trace.targets().filter((name) => name !== target),
    );
    return fail(
      inputFailure(`${name} has no result of "${target}"`, {
        fix: near === undefined ? `exp build ${target} --run ${other.id} makes one.` : `Did you mean ${name}:${near}?`,
      }),
    );
  }
  const given: Given = { from, result: known.result, outputs: record.outputs };
  const problem = misfit(graph, target, given);
  if (problem !== undefined) return fail(problem);
  // What lies only in the other run's folder is taken into the store.
  const places = new Places({
    runFolder: other.folder,
    contents: new Contents([project.store, project.archiveBlobs], undefined),
    store: project.store,
    digests: project.digests,
    trace,
    onSetAside: () => undefined,
  });
  const slots = graph.byName.get(target)!.declaration.contract.outputs;
  const lost = Object.entries(known.result.outputs).find(
    ([slot, artifact]) => slots[slot] !== undefined && !places.recover(target, slot, slots[slot], artifact),
  );
  if (lost !== undefined) {
    const [slot, artifact] = lost;
    if (places.wasLeft(target, slot, slots[slot]!, artifact))
      return fail(
        inputFailure(`the content of "${slot}" of ${from} was left in the shared cache`, {
          fix: `exp fetch ${target} --run ${other.id} brings it.`,
        }),
      );
    return fail(
      inputFailure(`the content of "${slot}" of ${from} is nowhere any more`, {
        fix: `exp reproduce ${other.id}@${build} ${target} makes it again.`,
      }),
    );
  }
  return ok(given);
}

/** What is given has to be what the target's rule declares that it makes. */
function misfit(graph: Graph, target: string, { from, outputs }: Given): Failure | undefined {
  const declared = graph.byName.get(target)?.declaration.contract.outputs;
  if (declared === undefined) {
    const near = suggest(target, graph.byName.keys());
    return inputFailure(`unknown target "${target}"`, {
      neededBy: `--from ${from}`,
      ...(near !== undefined && { fix: `Did you mean "${near}"?` }),
    });
  }
  for (const [slot, { format, ext }] of Object.entries(declared)) {
    const [givenFormat, givenExt] = (outputs[slot] ?? "nothing").split(" ");
    if (givenFormat === format && (givenExt ?? "") === ext) continue;
    return inputFailure(
      `${from} does not fit: "${slot}" is ${format} ${ext} here, and ${outputs[slot]?.trim() ?? "not among its outputs"} there`,
      { neededBy: `target "${target}"`, fix: "Its rule has changed since: build the target here." },
    );
  }
  return undefined;
}
