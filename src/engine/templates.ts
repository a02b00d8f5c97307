// The templates of a fan-out: the prepared action of each item recipe, without what is an item's own.

import type { PartDeclaration } from "../api/rule.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { PreparedAction } from "./actions.ts";
import type { Session } from "./session.ts";

export async function prepareTemplates(
  session: Session,
  target: GraphTarget,
  recipes: Readonly<Record<string, PartDeclaration>>,
): Promise<{ ok: true; prepared: Map<string, PreparedAction> } | { ok: false; failures: readonly Failure[] }> {
  const spec = target.declaration.contract.items;
  if (spec === undefined)
    return {
      ok: false,
      failures: [
        inputFailure("a fan-out's contract needs `items`", {
          where: { file: "Expfile.ts" },
          neededBy: `target "${target.name}"`,
        }),
      ],
    };
  const prepared = new Map<string, PreparedAction>();
  const failures: Failure[] = [];
  await Promise.all(
    Object.entries(recipes).map(async ([name, part]) => {
      const action = await session.factory.ofPart(target, session.sections[target.index]!, "item", part, {
        inputs: {},
        outputs: spec.outputs,
      });
      if (action.ok) prepared.set(name, action.value);
      else failures.push(...action.error);
    }),
  );
  return failures.length > 0 ? { ok: false, failures } : { ok: true, prepared };
}
