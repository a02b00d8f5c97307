// The items that a fan-out stands on: what its split asks for, by core key. The keys are not written down with each standing; they follow from the
// split, the inputs and the templates, which are.

import { extname } from "node:path";
import type { PackedInput, PackedSplit } from "../backends/executors/worker/split.ts";
import type { Keys } from "../backends/store/trace-known.ts";
import type { ActionResult, Artifact, TreeListing } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import { itemCoreKey, type ActionRecord, type InputRecord } from "../planning/fingerprint/action-key.ts";
import { encode } from "../planning/fingerprint/encode.ts";

/** The text of a blob, from whichever store has it. */
export type ReadText = (digest: Digest) => string | undefined;

/** What a trace has of a split's core key. */
export interface Splits {
  splitRecordOf(core: Digest): ActionRecord | undefined;
  splitResultOf(core: Digest): ActionResult | undefined;
}

export interface PresentItem {
  /** One for each template: of which recipe an item is does not matter here, under another one's it has a key that nothing has. */
  readonly cores: readonly Digest[];
  /** As `itemIdentity`: its label or what it is. */
  readonly identity: () => string;
}

/** One after the other. Undefined where they cannot be told: the split is gone, or a folder's listing. */
export function presentItems(
  trace: Splits,
  { split, templates }: Keys,
  readText: ReadText,
): Iterable<PresentItem> | undefined {
  if (split === undefined) return undefined;
  const inputs = trace.splitRecordOf(split)?.inputs;
  const [artifact] = Object.values(trace.splitResultOf(split)?.outputs ?? {});
  const text = artifact === undefined ? undefined : textOf(artifact, readText);
  if (inputs === undefined || text === undefined) return undefined;
  const packed = parsed<PackedSplit>(text);
  if (packed === undefined) return undefined;
  const combinations: Readonly<Record<string, InputRecord>>[] = [];
  for (const combination of packed.inputs) {
    const resolved = Object.entries(combination).map(
      ([slot, from]) => [slot, resolve(inputs, from, readText)] as const,
    );
    if (resolved.some(([, input]) => input === undefined)) return undefined;
    combinations.push(Object.fromEntries(resolved as (readonly [string, InputRecord])[]));
  }
  return itemsOf(packed, combinations, templates);
}

function* itemsOf(
  packed: PackedSplit,
  combinations: readonly Readonly<Record<string, InputRecord>>[],
  templates: readonly Digest[],
): Iterable<PresentItem> {
  for (const [recipe, number, combination, item, label] of packed.items) {
    const settings = packed.settings[number]!;
    const told = { settings, item, inputs: combinations[combination]! };
    yield {
      cores: templates.map((template) => itemCoreKey(template, told)),
      identity: () => label ?? encode([packed.recipes[recipe] ?? "", settings, item]),
    };
  }
}

/** Of the tree that was asked for last: items come tree by tree, and a tree may have a hundred thousand files. */
let lastTree: { readonly digest: Digest; readonly files: ReadonlyMap<string, Digest> } | undefined;

function filesOf(digest: Digest, readText: ReadText): ReadonlyMap<string, Digest> {
  if (lastTree?.digest === digest) return lastTree.files;
  const listing = parsed<TreeListing>(readText(digest) ?? "[]") ?? [];
  lastTree = { digest, files: new Map(listing.map(([path, file]) => [path, file])) };
  return lastTree.files;
}

function textOf(artifact: Artifact, readText: ReadText): string | undefined {
  return artifact.kind === "file" ? (artifact.text ?? readText(artifact.blob.digest)) : undefined;
}

function resolve(
  inputs: Readonly<Record<string, InputRecord>>,
  from: PackedInput,
  readText: ReadText,
): InputRecord | undefined {
  let found = inputs[from.slot];
  for (const index of from.index ?? []) found = found?.kind === "list" ? found.members[index] : undefined;
  if (from.file === undefined || found === undefined) return found;
  const file = found.kind === "tree" ? filesOf(found.digest, readText).get(from.file) : undefined;
  return file && { kind: "file", digest: file, ext: extname(from.file), format: "file" };
}

/** Undefined: it is damaged. */
function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
