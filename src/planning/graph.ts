// The graph of an experiment: targets by number in topological order, their wires resolved to numbers. Plain data; loads no recipe.

import type { Targets } from "../api/experiment.ts";
import type { TargetDeclaration, Wire } from "../api/rule.ts";
import type { Slot } from "../api/slot.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { suggest } from "../util/suggest.ts";
import { fail, ok, type Result } from "../util/result.ts";
import {
  addMisfits,
  handedSources,
  isWire,
  needsItself,
  noList,
  notHanded,
  noWire,
  wrongResult,
  wrongTargets,
} from "./miswired.ts";

export type GraphInput =
  | { readonly kind: "artifact"; readonly target: number; readonly slot: string; readonly declared: Slot }
  | { readonly kind: "source"; readonly path: string; readonly declared: Slot }
  | { readonly kind: "list"; readonly members: readonly GraphInput[] }
  | { readonly kind: "sources"; readonly patterns: (config: never) => readonly string[] }
  | { readonly kind: "absent" };

export interface GraphTarget {
  readonly index: number;
  readonly name: string;
  /** The section of the config that it reads. */
  readonly section: string;
  readonly declaration: TargetDeclaration;
  readonly inputs: Readonly<Record<string, GraphInput>>;
  /** Sorted, without repeats. */
  readonly dependsOn: readonly number[];
}

export interface Graph {
  readonly experiment: string;
  /** In topological order: a target comes after everything that it depends on. */
  readonly targets: readonly GraphTarget[];
  readonly byName: ReadonlyMap<string, GraphTarget>;
}

interface Node {
  readonly declaration: TargetDeclaration;
  readonly name: string;
  /** Undefined until all that it needs has one. */
  number: number | undefined;
  /** What is above it on the stack is what it needs, what is below is what needs it. */
  isEntered: boolean;
}

export function makeGraph(experiment: string, targets: Targets): Result<Graph, readonly Failure[]> {
  const wrong = wrongResult(experiment, targets);
  if (wrong !== undefined) return fail([wrong]);
  const failures = wrongTargets(targets);
  if (failures.length > 0) return fail(failures);
  const nodes = new Map<TargetDeclaration, Node>();
  for (const name of Object.keys(targets)) {
    const target = targets[name]!;
    const problem = nameProblem(name);
    if (problem !== undefined)
      failures.push(
        inputFailure(`"${name}" cannot be the name of a target: ${problem}`, { where: { file: "Expfile.ts" } }),
      );
    const other = nodes.get(target.$target);
    if (other !== undefined)
      failures.push(
        inputFailure(`"${name}" and "${other.name}" are the same target`, {
          where: { file: "Expfile.ts" },
          fix: "Return it under one name.",
        }),
      );
    nodes.set(target.$target, { declaration: target.$target, name, number: undefined, isEntered: false });
  }
  const numbered: GraphTarget[] = [];
  const numberOf = (declaration: TargetDeclaration) => nodes.get(declaration)!.number!;
  const unnamed = (upstream: TargetDeclaration, usedBy: string): Node => {
    failures.push(
      inputFailure(`target "${usedBy}" uses a target of rule ${upstream.contract.name} that has no name`, {
        where: { file: "Expfile.ts" },
        fix: "Return it from the experiment under a name, like the others.",
      }),
    );
    const node = { declaration: upstream, name: upstream.contract.name, number: undefined, isEntered: false };
    nodes.set(upstream, node);
    return node;
  };
  // A handle must exist before it can be wired, so only who changes what was handed makes a cycle. A stack of our own, because chains may be long.
  for (const root of nodes.values()) {
    const stack = [root];
    while (stack.length > 0) {
      const node = stack.at(-1)!;
      if (node.number !== undefined) {
        stack.pop();
        continue;
      }
      const { declaration, name } = node;
      const dependsOn: number[] = [];
      const { length } = stack;
      forUpstream(declaration, (upstream) => {
        const needed = nodes.get(upstream) ?? unnamed(upstream, name);
        if (needed.number === undefined) stack.push(needed);
        else dependsOn.push(needed.number);
      });
      node.isEntered = true;
      if (stack.length > length) {
        const circular = stack.slice(length).find(({ isEntered }) => isEntered);
        if (circular !== undefined) return fail([...failures, needsItself(circular.name)]);
        continue;
      }
      stack.pop();
      const inputs = inputsOf(name, declaration, numberOf, failures);
      addMisfits(name, declaration, failures);
      node.number = numbered.length;
      const section = declaration.options.config ?? name;
      numbered.push({ index: node.number, name, section, declaration, inputs, dependsOn: sorted(dependsOn) });
    }
  }
  if (failures.length > 0) return fail(failures);
  return ok({ experiment, targets: numbered, byName: byNameOf(numbered) });
}

function byNameOf(targets: readonly GraphTarget[]): ReadonlyMap<string, GraphTarget> {
  const byName = new Map<string, GraphTarget>();
  for (const target of targets) byName.set(target.name, target);
  return byName;
}

/** What the target is handed, slot by slot; what is wrong with it is added to the failures. */
function inputsOf(
  name: string,
  declaration: TargetDeclaration,
  numberOf: (target: TargetDeclaration) => number,
  failures: Failure[],
): Record<string, GraphInput> {
  const inputs: Record<string, GraphInput> = {};
  const slots = declaration.contract.inputs;
  const resolve = (wire: unknown, shape: Slot, place: string): GraphInput => {
    if (isWire(wire)) return resolveWire(wire, shape, numberOf);
    failures.push(wire === undefined ? notHanded(name, declaration, place) : noWire(name, declaration, place, wire));
    return { kind: "absent" };
  };
  for (const slot in slots) {
    const declared = slots[slot]!;
    const wired: unknown = declaration.inputs[slot];
    if (declared.kind === "sources") {
      inputs[slot] = { kind: "sources", patterns: declared.patterns };
      if (wired !== undefined) failures.push(handedSources(name, declaration, slot));
    } else if (declared.kind === "list") {
      const members: readonly unknown[] = Array.isArray(wired) ? wired : [];
      if (wired !== undefined && !Array.isArray(wired)) failures.push(noList(name, declaration, slot, wired));
      inputs[slot] = { kind: "list", members: members.map((wire, i) => resolve(wire, declared.slot, `${slot}[${i}]`)) };
    } else if (wired === undefined && declared.optional) inputs[slot] = { kind: "absent" };
    else inputs[slot] = resolve(wired, declared, slot);
  }
  for (const slot in declaration.inputs) {
    if (slot in (slots ?? {})) continue;
    const near = suggest(slot, Object.keys(slots ?? {}));
    failures.push(
      inputFailure(`target "${name}" is handed "${slot}", which rule ${declaration.contract.name} does not take`, {
        where: { file: "Expfile.ts" },
        ...(near && { fix: `Did you mean "${near}"?` }),
      }),
    );
  }
  return inputs;
}

/** The graph in which some targets are given: they read nothing and depend on nothing. */
export function withGiven(graph: Graph, given: ReadonlySet<string>): Graph {
  if (given.size === 0) return graph;
  const targets = graph.targets.map((target) =>
    given.has(target.name) ? { ...target, inputs: {}, dependsOn: [] } : target,
  );
  return { ...graph, targets, byName: byNameOf(targets) };
}

/** The targets asked for and everything that they need; all of them when none is named. */
export function selectTargets(
  graph: Graph,
  names: readonly string[],
): Result<{ readonly asked: readonly number[]; readonly needed: readonly number[] }, readonly Failure[]> {
  if (names.length === 0) {
    const all = graph.targets.map(({ index }) => index);
    return ok({ asked: all, needed: all });
  }
  const failures: Failure[] = [];
  const asked = names.flatMap((name) => {
    const target = graph.byName.get(name);
    if (target !== undefined) return [target.index];
    const near = suggest(name, graph.byName.keys());
    const known = [...graph.byName.keys()];
    const list = known.length > 12 ? `${known.slice(0, 12).join(", ")} …` : known.join(", ");
    failures.push(
      inputFailure(`unknown target "${name}"`, {
        fix: near ? `Did you mean "${near}"?` : `Targets of ${graph.experiment}: ${list}.`,
      }),
    );
    return [];
  });
  if (failures.length > 0) return fail(failures);
  const needed = new Set<number>();
  const stack = [...asked];
  while (stack.length > 0) {
    const index = stack.pop()!;
    if (needed.has(index)) continue;
    needed.add(index);
    for (const upstream of graph.targets[index]!.dependsOn) stack.push(upstream);
  }
  return ok({ asked, needed: [...needed].sort((a, b) => a - b) });
}

/** With repeats. */
function forUpstream({ inputs }: TargetDeclaration, take: (upstream: TargetDeclaration) => void): void {
  for (const slot in inputs) {
    const wired: unknown = inputs[slot];
    if (Array.isArray(wired)) {
      for (const wire of wired) if (isWire(wire) && wire.kind === "artifact") take(wire.target);
    } else if (isWire(wired) && wired.kind === "artifact") take(wired.target);
  }
}

function resolveWire(wire: Wire, declared: Slot, numberOf: (target: TargetDeclaration) => number): GraphInput {
  if (wire.kind === "source") return { kind: "source", path: wire.path, declared };
  return { kind: "artifact", target: numberOf(wire.target), slot: wire.slot, declared };
}

/** Without repeats. Most come as they should, and a set of three takes longer to make than to see that. */
function sorted(numbers: readonly number[]): readonly number[] {
  for (let i = 1; i < numbers.length; i++)
    if (numbers[i - 1]! >= numbers[i]!) return [...new Set(numbers)].sort((a, b) => a - b);
  return numbers;
}

/** Names are folders of a run, words of the command line and keys of the config. */
function nameProblem(name: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name)) return "use letters, digits, - and _, beginning with a letter";
  if (name.length > 100) return "it is longer than 100 characters";
  if (reservedNames.has(name)) return "the word has a meaning of its own in configs or run folders";
  return undefined;
}

const reservedNames = new Set([
  "logs",
  "trace",
  "lock",
  "failed",
  "set-aside",
  "differs",
  "version",
  "experiment",
  "extends",
  "notes",
  "seed",
  "arms",
  "matrix",
  "control",
]);
