// What slots declare about content: inputs are checked before an action runs, outputs before anybody may use them.

import type { ContractSpec } from "../api/contract.ts";
import type { InputSlot, Slot } from "../api/slot.ts";
import type { InputOrder, InputOrders } from "../backends/executors/executor.ts";
import type { Artifacts } from "../model/action.ts";
import { actionFailure, type Failure } from "../model/failure.ts";
import { checkedBy } from "../planning/config/checked.ts";
import { readTextIfThere } from "../util/fs.ts";
import type { Contents } from "./contents.ts";

export interface BrokenOutput {
  readonly slot: string;
  readonly problems: readonly string[];
}

/** The outputs that break what their slots promise. Tables: types, nulls, NaN, row counts; JSON and YAML: their schema. */
export async function checkOutputs(
  slots: ContractSpec["outputs"],
  artifacts: Artifacts,
  contents: Contents,
): Promise<readonly BrokenOutput[]> {
  const broken: BrokenOutput[] = [];
  for (const [slot, declared] of Object.entries(slots)) {
    const artifact = artifacts[slot];
    if (artifact?.kind !== "file" || !promisesMuch(declared)) continue;
    const problems = await problemsOf(declared, contents.orderOf(slot, declared, artifact));
    if (problems.length > 0) broken.push({ slot, problems });
  }
  return broken;
}

/** Inputs that are not as the rule demands: what it would make of them would mean nothing. */
export async function checkInputs(
  slots: Readonly<Record<string, InputSlot>>,
  orders: InputOrders,
  target: string,
): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  for (const [slot, declared] of Object.entries(slots)) {
    if (declared.kind === "sources") continue;
    const wanted = declared.kind === "list" ? declared.slot : declared;
    // What made a table has checked its columns; here it is about what this rule demands beyond them.
    const demand = {
      ...wanted,
      ...(wanted.minRows === undefined && wanted.maxRows === undefined && { columns: undefined }),
    };
    const order = orders[slot] ?? { kind: "absent" };
    const given = order.kind === "list" ? order.members : [order];
    for (const [i, one] of given.entries()) {
      const problems = await problemsOf(demand, one);
      if (problems.length === 0) continue;
      const name = order.kind === "list" ? `${slot}[${i}]` : slot;
      const what = `the input "${name}" of ${target} is not as its rule demands`;
      failures.push(
        actionFailure(what, {
          neededBy: `target "${target}"`,
          details: problems.slice(0, 20),
          fix: "Mend what makes it, or what the rule's contract says of this input.",
        }),
      );
    }
  }
  return failures;
}

function promisesMuch(slot: Slot): boolean {
  return slot.schema !== undefined || slot.columns !== undefined;
}

async function problemsOf(declared: Slot, order: InputOrder): Promise<readonly string[]> {
  if (order.kind !== "file") return [];
  if (declared.format === "table" && declared.columns !== undefined) {
    const { checkTable } = await import("../table.ts");
    if (order.path === undefined) return ["is not a Parquet file"];
    const { columns, minRows, maxRows } = declared;
    const bounds = { ...(minRows !== undefined && { minRows }), ...(maxRows !== undefined && { maxRows }) };
    return checkTable({ path: order.path }, { columns, ...bounds });
  }
  if (declared.schema === undefined) return [];
  const text = order.text ?? readTextIfThere(order.path!) ?? "";
  let value: unknown;
  try {
    value = declared.format === "json" ? JSON.parse(text) : (await import("yaml")).default.parse(text);
  } catch (error) {
    return [`is not ${declared.format.toUpperCase()}: ${error instanceof Error ? error.message : String(error)}`];
  }
  const checked = checkedBy(declared.schema, value);
  if (checked.success) return [];
  return checked.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`.replace(/^: /, ""));
}
