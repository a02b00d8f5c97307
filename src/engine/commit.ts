// Commits: a result counts when it is in the trace, durably; only then may anybody be told, and others use it.

import type { ActionResult } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { ActionRecord } from "../planning/fingerprint/action-key.ts";
import type { Part } from "../backends/store/trace.ts";
import type { PreparedAction } from "./actions.ts";
import { itemName, type Item } from "./fan-out.ts";
import { LostRun, type BuildSession } from "./session.ts";
import type { Work } from "./work.ts";

export async function commitAction(
  work: Work,
  part: Part,
  action: PreparedAction,
  result: ActionResult,
  how: "computed" | "cached",
): Promise<void> {
  const { session, target } = work;
  rememberRecord(work, action.core, action.record, undefined);
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
  session.trace.append({ t: target.name, p: "item", b: session.build, r: result, how, ...keys });
}

/** The record behind a key, for explanations, and the code that it names. `recipe` names the item recipe of a template. */
export function rememberRecord(work: Work, core: Digest, record: ActionRecord, recipe: string | undefined): void {
  const { session, target } = work;
  if (record.code.kind === "module") session.keepCode(record.code.digest);
  const known = session.trace.recordOf(core);
  if (known !== undefined && session.trace.lastRecord(target.name, record.part, recipe) === known) return;
  const readsSources = Object.values(target.inputs)
    .flatMap((input) => (input.kind === "list" ? input.members : [input]))
    .some(({ kind }) => kind === "source" || kind === "sources");
  if (readsSources) session.trace.append({ src: session.resolver.sourcesIn(record.inputs) });
  const named = recipe === undefined ? {} : { n: recipe };
  session.trace.append({ t: target.name, b: session.build, rec: record, c: core, ...named });
}

/** A build that was suspended so long that another took over its run must not write any more. */
export async function commitTrace(session: BuildSession): Promise<void> {
  if (!(await session.trace.commit())) throw new LostRun(session.run);
}
