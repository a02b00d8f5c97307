// Postconditions: what a slot declares about its content, checked after the action and before anybody may use the result.

import type { ContractSpec } from "../api/contract.ts";
import type { Slot } from "../api/slot.ts";
import type { Artifact, Artifacts } from "../model/action.ts";
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
    if (artifact?.kind !== "file") continue;
    const problems = await problemsOf(slot, declared, artifact, contents);
    if (problems.length > 0) broken.push({ slot, problems });
  }
  return broken;
}

async function problemsOf(
  slot: string,
  declared: Slot,
  artifact: Artifact,
  contents: Contents,
): Promise<readonly string[]> {
  if (declared.format === "table" && declared.columns !== undefined) {
    const { checkTable } = await import("../table.ts");
    const order = contents.orderOf(slot, declared, artifact);
    if (order.kind !== "file" || order.path === undefined) return ["is not a Parquet file"];
    return checkTable(
      { path: order.path },
      {
        columns: declared.columns,
        ...(declared.minRows !== undefined && { minRows: declared.minRows }),
        ...(declared.maxRows !== undefined && { maxRows: declared.maxRows }),
      },
    );
  }
  if (declared.schema === undefined || (declared.format !== "json" && declared.format !== "yaml")) return [];
  const text = contents.textOf(slot, artifact);
  let value: unknown;
  try {
    value = declared.format === "json" ? JSON.parse(text) : (await import("yaml")).parse(text);
  } catch (error) {
    return [`is not ${declared.format.toUpperCase()}: ${error instanceof Error ? error.message : String(error)}`];
  }
  const parsed = declared.schema.safeParse(value);
  if (parsed.success) return [];
  return parsed.error.issues.map(
    (issue) => `${issue.path.length > 0 ? `${issue.path.map(String).join(".")}: ` : ""}${issue.message}`,
  );
}
