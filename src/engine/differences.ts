// What of a target differs from what it stands on, in all its parts, as far as it is known: code, config and sources need no upstream result.
// Decides nothing; `assess` does.

import type { Artifact, Artifacts } from "../model/action.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { Reason } from "../model/reason.ts";
import { explain, type Words } from "../planning/fingerprint/explain.ts";
import type { ActionRecord } from "../planning/fingerprint/action-key.ts";
import type { GraphInput, GraphTarget } from "../planning/graph.ts";
import type { Trace } from "../backends/store/trace.ts";
import type { Keys, Standing } from "../backends/store/trace-known.ts";
import type { PreparedAction } from "./actions.ts";
import type { ResolvedInputs } from "./inputs.ts";
import { lastArtifacts } from "./past.ts";
import type { Session } from "./session.ts";
import { prepareTemplates } from "./templates.ts";

/** A fan-out is assessed in stages, and a stage knows its own reason only; the reader is told of the whole target at once. */
export async function withDifferences(
  session: Session,
  target: GraphTarget,
  inputs: ResolvedInputs,
  reasons: readonly Reason[],
): Promise<readonly Reason[]> {
  if (reasons.some(({ kind }) => kind === "new" || kind === "cleaned" || kind === "content-lost")) return reasons;
  return withoutRepeats([...reasons, ...(await differencesOf(session, target, inputs, new Set()))]);
}

/**
 * While something that the target depends on, or its split, has to run first: what of the target itself differs all the same. `recipe`: of the items
 * of that recipe only.
 */
export async function ownDifferences(
  session: Session,
  target: GraphTarget,
  known: ReadonlyMap<number, { readonly artifacts: Artifacts }>,
  recipe?: string,
): Promise<readonly Reason[]> {
  if (session.trace.standingOf(target.name).length === 0) return [];
  const upstream = (index: number) => {
    const one = session.graph.targets[index]!;
    return { artifacts: known.get(index)?.artifacts ?? lastArtifacts(session, one) ?? standIns(one), target: one };
  };
  const inputs = await session.resolver.resolve(target, session.sections[target.index]!, upstream);
  if (!inputs.ok) return [];
  const isOpen = (input: GraphInput): boolean =>
    input.kind === "artifact" ? !known.has(input.target) : input.kind === "list" && input.members.some(isOpen);
  const open = Object.entries(target.inputs).flatMap(([slot, input]) => (isOpen(input) ? [slot] : []));
  return withoutRepeats(await differencesOf(session, target, inputs.value, new Set(open), recipe));
}

/** A result on which a target has stood, and the trace that tells of it. */
export interface StoodOn {
  readonly trace: Trace;
  readonly keys: Keys;
}

/** Between two results on which a target has stood: what the later one was made for. */
export function differencesBetween(
  { trace, rebuilder }: Session,
  section: string,
  before: Standing,
  now: Standing,
): readonly Reason[] {
  return differencesOfStandings({ trace, keys: before }, { trace, keys: now }, rebuilder.words(section));
}

/** The same for results of two runs. */
export function differencesOfStandings(before: StoodOn, now: StoodOn, words: Words): readonly Reason[] {
  const difference = (old: Digest | undefined, key: Digest | undefined) => {
    const was = old === undefined ? undefined : before.trace.recordOf(old);
    const is = key === undefined ? undefined : now.trace.recordOf(key);
    return was === undefined || is === undefined ? [] : explain(was, is, words);
  };
  const templates = now.keys.templates.flatMap((template) => {
    const names = now.trace.recipesOf(template);
    return difference(
      before.keys.templates.find((old) => [...before.trace.recipesOf(old)].some((name) => names.has(name))),
      template,
    );
  });
  const merge = difference(before.keys.core, now.keys.core);
  const all = [...difference(before.keys.split, now.keys.split), ...templates, ...merge];
  // A merge changed because its items did: what made them change is nearer to the cause.
  const telling = all.filter(({ kind }) => kind !== "items");
  return withoutRepeats(telling.length > 0 ? telling : merge);
}

/** `open`: slots whose content is not known. */
async function differencesOf(
  session: Session,
  target: GraphTarget,
  inputs: ResolvedInputs,
  open: ReadonlySet<string>,
  only?: string,
): Promise<readonly Reason[]> {
  const words = session.rebuilder.words(target.section);
  const parts = await preparedParts(session, target, inputs);
  const asked = only === undefined ? parts : parts.filter(({ recipe }) => recipe === only);
  return asked.flatMap(({ recipe, record }) => {
    const before = session.trace.standingRecord(target.name, record.part, recipe);
    return before === undefined ? [] : explain(knownOf(before, open), knownOf(record, open), words);
  });
}

/** Without what only upstream results decide. */
function knownOf(record: ActionRecord, open: ReadonlySet<string>): ActionRecord {
  const inputs = Object.fromEntries(Object.entries(record.inputs).filter(([slot]) => !open.has(slot)));
  return { ...record, inputs, items: null };
}

interface PreparedPart {
  /** Of an item recipe: its name. */
  readonly recipe: string | undefined;
  readonly record: ActionRecord;
}

/** What cannot be prepared is left out: the build says what is wrong with it. */
async function preparedParts(
  session: Session,
  target: GraphTarget,
  inputs: ResolvedInputs,
): Promise<readonly PreparedPart[]> {
  const section = session.sections[target.index]!;
  const { factory } = session;
  const { work, contract } = target.declaration;
  const given = { inputs, outputs: contract.outputs };
  const part = (made: { readonly ok: boolean; readonly value?: PreparedAction }): PreparedPart[] =>
    made.value === undefined ? [] : [{ recipe: undefined, record: made.value.record }];
  switch (work.kind) {
    case "handoff":
      return [];
    case "command":
      return part(factory.ofCommand(target, section, work.command, given));
    case "recipe":
      return part(await factory.ofPart(target, section, "recipe", work.part, given));
    case "gate":
      return part(await factory.ofPart(target, section, "gate", work.part, { inputs, outputs: {} }));
    case "fan-out": {
      const templates = await prepareTemplates(session, target, work.recipes);
      return [
        ...part(await factory.ofPart(target, section, "split", work.split, { inputs, outputs: {} })),
        ...(templates.ok ? [...templates.prepared].map(([recipe, { record }]) => ({ recipe, record })) : []),
        ...part(await factory.ofPart(target, section, "merge", work.merge, given)),
      ];
    }
  }
}

/** Artifacts of the right shape, for command lines that name them; their content is not looked at. */
function standIns({ declaration }: GraphTarget): Artifacts {
  const blob = { digest: digestOfBytes(""), size: 0 };
  const slots = Object.entries(declaration.contract.outputs).map(([slot, { format }]): [string, Artifact] => [
    slot,
    format === "tree" ? { kind: "tree", blob, files: 0, size: 0 } : { kind: "file", blob },
  ]);
  return Object.fromEntries(slots);
}

/** The parts of a fan-out share inputs and code: what they have to say is said once. */
export function withoutRepeats(reasons: readonly Reason[]): readonly Reason[] {
  const seen = new Set<string>();
  return reasons.filter((reason) => {
    const text = JSON.stringify(reason);
    const isNew = !seen.has(text);
    seen.add(text);
    return isNew;
  });
}
