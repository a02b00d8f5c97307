// The verdict of a gate: the conditions that do not hold, with the number and the threshold.

import { holds, type Condition } from "../api/gate.ts";
import type { Artifacts } from "../model/action.ts";
import { actionFailure, type Failure } from "../model/failure.ts";
import type { Json } from "../model/json.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { Session } from "./session.ts";

/** As a verdict is written down. */
export function verdictText(value: Json): string {
  return JSON.stringify(value, null, 2) + "\n";
}

export function gateFailures(session: Session, target: GraphTarget, outputs: Artifacts): readonly Failure[] {
  const conditions = JSON.parse(session.contents.textOf("verdict", outputs.verdict ?? { kind: "absent" })) as unknown;
  if (!Array.isArray(conditions) || conditions.some((one) => typeof one !== "object" || one === null))
    return [
      actionFailure(`the gate ${target.name} returned no list of conditions`, {
        neededBy: `rule ${target.declaration.contract.name}`,
        fix: 'Its recipe returns conditions: [{ name: "share of novel ones", value, operator: ">=", threshold: 0.5 }]',
      }),
    ];
  return (conditions as readonly Condition[])
    .filter((condition) => !holds(condition))
    .map(({ name, value, operator, threshold, note }) =>
      actionFailure(`gate ${target.name}: ${name} is ${word(value)}, it must be ${operator} ${word(threshold)}`, {
        neededBy: `rule ${target.declaration.contract.name}`,
        ...(note !== undefined && { fix: note }),
      }),
    );
}

/** JSON has no word for what is no number. */
function word(value: number | null | undefined): string {
  return value === null || value === undefined ? "not a number (or infinite)" : String(value);
}
