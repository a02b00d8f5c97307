// Whose outputs `exp show` is asked for: a target, one of its outputs, an item of a fan-out; and what was meant where there is no such thing.

import { itemName } from "../engine/fan-out.ts";
import { inRun } from "../model/advice.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { DecidingSession } from "../project/project.ts";
import { formatAgo, formatCount } from "../report/amounts.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { suggest } from "../util/suggest.ts";
import type { Asked } from "./asking.ts";
import { findItem, noSuchItem, type NamedItem } from "./item-name.ts";
import { itemsWithResults, standingOutputs, type Standing } from "./show-outputs.ts";

/** Whose outputs are shown. */
export interface Subject {
  /** The target, or `target[item]`. */
  readonly name: string;
  readonly target: string;
  /** The one output that was asked for. */
  readonly slot: string | undefined;
  readonly standing: Standing;
  readonly when: string;
  readonly about: Readonly<Record<string, unknown>>;
}

export function findSubject(
  word: string,
  named: NamedItem | undefined,
  { run }: Asked,
  session: DecidingSession,
  now: number,
): Result<Subject, readonly Failure[]> {
  const [own, ...more] = word.split(".");
  const name = named?.target ?? own!;
  const target = run.graph.byName.get(name);
  if (named !== undefined && target !== undefined) {
    const found = findItemOutputs(named, target, session, run);
    if (!found.ok) return fail([found.error]);
    const { label, standing, slot } = found.value;
    const about = { run: run.folder.id, target: name, item: label, build: standing.build, since: standing.at };
    const when = `of build ${formatCount(standing.build)}, ${formatAgo(standing.at, now)}`;
    return ok({ name: `${name}[${label}]`, target: name, slot, standing, when, about });
  }
  const slot = named === undefined && more.length > 0 ? more.join(".") : undefined;
  const slots = Object.keys(target?.declaration.contract.outputs ?? {});
  if (target === undefined || (slot !== undefined && !slots.includes(slot)))
    return fail([unknownOutput(named === undefined ? word : name, run)]);
  const standing = standingOutputs(session, target);
  if (standing === undefined) return fail([notBuilt(name, run)]);
  const about = { run: run.folder.id, target: name, build: standing.build, since: standing.at };
  return ok({ name, target: name, slot, standing, when: whenMade(standing, name, run, now), about });
}

interface ItemSubject {
  readonly label: string;
  readonly slot: string | undefined;
  readonly standing: Standing;
}

/** Of an item that makes one thing only, that is what is shown. */
function findItemOutputs(
  { item, output }: NamedItem,
  target: GraphTarget,
  session: DecidingSession,
  run: Asked["run"],
): Result<ItemSubject, Failure> {
  const { name, declaration } = target;
  if (declaration.work.kind !== "fan-out")
    return fail(inputFailure(`${name} has no items`, { fix: inRun(`exp show ${name}`, run.folder.id) }));
  const slots = Object.keys(declaration.contract.items?.outputs ?? {});
  if (output !== undefined && !slots.includes(output)) {
    const near = suggest(output, slots);
    const fix =
      near === undefined ? `Outputs of an item: ${slots.join(", ")}.` : `Did you mean "${name}[${item}].${near}"?`;
    return fail(inputFailure(`items of ${name} have no output "${output}"`, { fix }));
  }
  const { items, are } = itemsWithResults(session, target);
  if (items.length === 0) return fail(notBuilt(name, run));
  const found = findItem(items, item);
  if (found === undefined) return fail(noSuchItem(name, item, items, are));
  const label = itemName(found);
  const standing = found.standing();
  if (standing === undefined)
    return fail(
      inputFailure(`${name}[${label}] has no result in run ${run.folder.id}`, { fix: buildCommand(name, run) }),
    );
  return ok({ label, slot: output ?? (slots.length === 1 ? slots[0] : undefined), standing });
}

/** `as of build 3, 2 h ago`; and that a later one failed, so that nobody takes the old result for its outcome. */
function whenMade({ build, at }: Standing, name: string, run: Asked["run"], now: number): string {
  const stage = run.state?.targets.get(name);
  const failed = stage?.status === "failed" ? `; it failed in build ${formatCount(stage.build ?? 0)}` : "";
  return `as of build ${formatCount(build)}, ${formatAgo(at, now)}${failed}`;
}

function unknownOutput(word: string, { graph }: Asked["run"]): Failure {
  const targets = graph.targets.map(({ name }) => name);
  const outputs = graph.targets.flatMap(({ name, declaration }) =>
    Object.keys(declaration.contract.outputs).map((slot) => ({ name: `${name}.${slot}`, slot })),
  );
  const target = graph.byName.get(word.split(".")[0]!);
  const near =
    outputs.find(({ slot }) => slot === word)?.name ??
    suggest(word, [...targets, ...outputs.map(({ name }) => name)]) ??
    (word.includes(".") && target === undefined ? suggest(word.split(".")[0]!, targets) : undefined);
  if (near !== undefined) return inputFailure(`unknown output "${word}"`, { fix: `Did you mean "${near}"?` });
  const own = outputs.filter(({ name }) => name.startsWith(`${target?.name}.`)).map(({ slot }) => slot);
  const fix =
    target === undefined
      ? `Targets of ${graph.experiment}: ${targets.slice(0, 12).join(", ")}${targets.length > 12 ? " …" : ""}.`
      : `Outputs of ${target.name}: ${own.join(", ")}.`;
  return inputFailure(`unknown ${word.includes(".") ? "output" : "target"} "${word}"`, { fix });
}

function notBuilt(name: string, run: Asked["run"]): Failure {
  const stage = run.state?.targets.get(name);
  const why =
    stage?.status === "failed"
      ? `: ${stage.failure ?? "it failed"}`
      : stage?.unpaid !== undefined
        ? `: ${stage.unpaid}`
        : stage?.status === "waiting"
          ? `: it waits for ${stage.waits_for?.join(", ") ?? "people"}`
          : stage?.status === "cleaned"
            ? ": it was cleaned"
            : "";
  return inputFailure(`${name} has no result in run ${run.folder.id}${why}`, { fix: buildCommand(name, run) });
}

export function buildCommand(name: string, { folder }: Asked["run"]): string {
  return inRun(`exp build ${name}`, folder.id);
}
