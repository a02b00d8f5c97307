// The items of the split on which a fan-out stands: what `why` compares today's with. Items have no record of their own in the trace.

import { extname } from "node:path";
import type { PackedInput, PackedSplit } from "../backends/executors/worker/split.ts";
import type { Json } from "../model/json.ts";
import type { ActionRecord, InputRecord } from "../planning/fingerprint/action-key.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { ContentLost } from "./contents.ts";
import { splitSlot } from "./fan-out.ts";
import type { Session } from "./session.ts";

export interface FormerItem {
  readonly index: number;
  readonly recipe: string;
  readonly label: string | undefined;
  readonly settings: Json;
  readonly item: Json;
  /** As far as what they were is still known. */
  readonly inputs: () => Readonly<Record<string, InputRecord>>;
}

/** Undefined: the target stands on nothing, or what its split said is lost. */
export function formerItems(session: Session, { name, declaration }: GraphTarget): readonly FormerItem[] | undefined {
  const { trace, contents } = session;
  const recipes = declaration.work.kind === "fan-out" ? Object.keys(declaration.work.recipes) : [];
  const only = recipes.length === 1 ? recipes[0] : undefined;
  const split = trace.lastStandingOf(name)?.split;
  const record = split === undefined ? undefined : trace.recordOf(split);
  const artifact = split === undefined ? undefined : (trace.find(split) ?? trace.cleanedResult(split))?.result.outputs;
  if (record === undefined || artifact?.[splitSlot] === undefined) return undefined;
  let packed: PackedSplit;
  try {
    packed = JSON.parse(contents.textOf(splitSlot, artifact[splitSlot])) as PackedSplit;
  } catch (error) {
    if (error instanceof ContentLost) return undefined;
    throw error;
  }
  return packed.items.map(([recipe, settings, inputs, item, label], index) => ({
    index,
    recipe: packed.recipes[recipe] ?? only ?? "",
    label: label ?? undefined,
    settings: packed.settings[settings] ?? null,
    item,
    inputs: () =>
      Object.fromEntries(
        Object.entries(packed.inputs[inputs] ?? {}).flatMap(([slot, from]) => {
          const found = inputOf(session, record, from);
          return found === undefined ? [] : [[slot, found] as const];
        }),
      ),
  }));
}

function inputOf(session: Session, { inputs }: ActionRecord, from: PackedInput): InputRecord | undefined {
  let found: InputRecord | undefined = inputs[from.slot];
  for (const index of from.index ?? []) found = found?.kind === "list" ? found.members[index] : undefined;
  if (from.file === undefined || found?.kind !== "tree") return found;
  const blob = { digest: found.digest, size: 0 };
  const listing =
    session.resolver.listingOf(found.digest) ?? session.contents.listingOf({ kind: "tree", blob, files: 0, size: 0 });
  const file = listing?.find(([path]) => path === from.file);
  return file === undefined ? undefined : { kind: "file", digest: file[1], ext: extname(from.file), format: "file" };
}
