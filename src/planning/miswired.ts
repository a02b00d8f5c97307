// What an experiment may have returned and wired wrongly, in the words of its author: a build does not type-check, so it says what the compiler would.
// Unaware of the graph.

import { describe } from "../api/declared.ts";
import type { TargetDeclaration, Wire } from "../api/rule.ts";
import { inputFailure, type Failure } from "../model/failure.ts";

/** What an experiment returned, if it is no object of targets. */
export function wrongResult(experiment: string, targets: unknown): Failure | undefined {
  const where = { file: "Expfile.ts" };
  const isBare = typeof targets !== "object" || targets === null || "$target" in targets;
  if (isBare || Array.isArray(targets) || targets instanceof Promise || targets instanceof Map) {
    const what = targets === undefined ? "nothing" : describe(targets);
    const fix =
      targets instanceof Promise
        ? "Declaring waits for nothing: take `async` away."
        : "Return targets by the names that they are to have: () => ({ judge: judge(…) })";
    return inputFailure(`experiment "${experiment}" returns ${what}`, { where, fix });
  }
  return undefined;
}

/** What stands under a name, and is no target. */
export function wrongTargets(targets: Readonly<Record<string, unknown>>): Failure[] {
  const failures: Failure[] = [];
  for (const name of Object.keys(targets)) {
    const target = targets[name];
    if ((target as { $target?: Partial<TargetDeclaration> } | null | undefined)?.$target?.kind === "target") continue;
    const fix =
      typeof target === "function"
        ? "If it is a rule, call it: that makes a target."
        : "A target is what a rule returns when it is called.";
    failures.push(
      inputFailure(`"${name}" is ${describe(target)}, where a target belongs`, { where: { file: "Expfile.ts" }, fix }),
    );
  }
  return failures;
}

/** Where nobody compiled, a target may be handed anything: a path as it is, another target, an output that the other rule does not have. */
export function isWire(value: unknown): value is Wire {
  const { kind, target, slot, path } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (kind === "source") return typeof path === "string" && slot !== undefined;
  return kind === "artifact" && (target as Partial<TargetDeclaration> | undefined)?.kind === "target";
}

export function notHanded(target: string, { contract }: TargetDeclaration, what: string): Failure {
  return inputFailure(`target "${target}" is not handed its input "${what}"`, {
    where: { file: "Expfile.ts" },
    neededBy: `rule ${contract.name}`,
    fix: `Hand it over: ${target}({ ${what}: … }), an output of another target (other.slot) or a file of the project (source("data/file", text())).`,
  });
}

export function noWire(target: string, { contract }: TargetDeclaration, what: string, given: unknown): Failure {
  const outputs = Object.keys((given as { $target?: TargetDeclaration } | null)?.$target?.contract.outputs ?? {});
  const path = typeof given === "string" && given !== "" ? given : "data/file.txt";
  return inputFailure(
    `target "${target}" is handed ${describe(given)} as its input "${what}", where an output of a target or a source belongs`,
    {
      where: { file: "Expfile.ts" },
      neededBy: `rule ${contract.name}`,
      fix:
        outputs.length > 0
          ? `Hand over one of its outputs: ${outputs.map((slot) => `.${slot}`).join(", ")}.`
          : Array.isArray(given)
            ? "It takes one; several are for a slot declared as list(…)."
            : `A file of the project is source(${JSON.stringify(path)}, text()), with the slot that says what it holds.`,
    },
  );
}

export function noList(target: string, { contract }: TargetDeclaration, slot: string, given: unknown): Failure {
  return inputFailure(`target "${target}" is handed ${describe(given)} as its input "${slot}", where a list belongs`, {
    where: { file: "Expfile.ts" },
    neededBy: `rule ${contract.name}`,
    fix: `Put it into a list: ${slot}: […]`,
  });
}

export function handedSources(target: string, { contract, inputs }: TargetDeclaration, slot: string): Failure {
  return inputFailure(
    `target "${target}" is handed ${describe(inputs[slot])} as its input "${slot}", whose files the config names`,
    {
      where: { file: "Expfile.ts" },
      neededBy: `rule ${contract.name}`,
      fix: "Take it away there: sourceFiles(…) in the contract says where their names come from.",
    },
  );
}

export function needsItself(target: string): Failure {
  return inputFailure(`target "${target}" needs itself`, {
    where: { file: "Expfile.ts" },
    fix: "What a target is handed cannot be changed afterwards: make what it needs first.",
  });
}

/** Wires between slots of different kinds: a build does not type-check, so it says what the compiler would. */
export function addMisfits(name: string, { contract, inputs }: TargetDeclaration, failures: Failure[]): void {
  const look = (slot: string, wanted: string, wire: unknown) => {
    if (!isWire(wire) || wire.kind !== "artifact") return;
    const given = wire.target.contract.outputs[wire.slot];
    if (given === undefined || given.format === wanted) return;
    const [from, to] = [`${wire.target.contract.name}.${wire.slot}`, `${contract.name}.${slot}`];
    const what = `target "${name}" is handed ${from}, which is ${given.format}, as ${to}, which is ${wanted}`;
    failures.push(
      inputFailure(what, { where: { file: "Expfile.ts" }, fix: "npx tsc --noEmit finds what does not fit." }),
    );
  };
  for (const slot in inputs) {
    const declared = contract.inputs?.[slot];
    if (declared === undefined || declared.kind === "sources") continue;
    const { format } = declared.kind === "list" ? declared.slot : declared;
    const wired: unknown = inputs[slot];
    if (Array.isArray(wired)) for (const wire of wired) look(slot, format, wire);
    else look(slot, format, wired);
  }
}
