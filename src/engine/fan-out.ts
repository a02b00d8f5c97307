// The items of a fan-out: from what `split` returned to keys, decisions and the record of the merge. Runs nothing.

import type { Artifacts } from "../model/action.ts";
import { digestOfArtifact } from "../model/action.ts";
import type { ItemOrder } from "../backends/executors/executor.ts";
import type { PackedInput, PackedSplit } from "../backends/executors/worker/split.ts";
import { digestOfBytes, startDigest, type Digest } from "../model/digest.ts";
import { actionFailure, type Failure } from "../model/failure.ts";
import type { Json } from "../model/json.ts";
import { actionKey } from "../planning/fingerprint/action-key.ts";
import { encode } from "../planning/fingerprint/encode.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { suggest } from "../util/suggest.ts";
import type { PreparedAction } from "./actions.ts";
import type { ResolvedInput, ResolvedInputs } from "./inputs.ts";

/** The slot in which a split's items are kept. */
export const splitSlot = "items";

/** One item with its keys. `index` is its place in the order of `split`. */
export interface Item {
  readonly index: number;
  readonly recipe: string;
  readonly label: string | undefined;
  readonly core: Digest;
  readonly key: Digest;
  readonly settings: Json;
  readonly item: Json;
  /** Number of its inputs' combination: items of one number can share a batch's handles. */
  readonly inputsNumber: number;
  readonly settingsNumber: number;
}

export interface Items {
  readonly all: readonly Item[];
  readonly templates: ReadonlyMap<string, PreparedAction>;
  readonly inputs: readonly ResolvedInputs[];
}

/** `templates`: the prepared action of each item recipe, without settings, item and inputs. */
export function expandItems(
  packed: PackedSplit,
  targetInputs: ResolvedInputs,
  templates: ReadonlyMap<string, PreparedAction>,
  nodeMajor: number,
  target: string,
): Result<Items, Failure> {
  const names = [...templates.keys()];
  const only = names.length === 1 ? names[0] : undefined;
  const inputs: ResolvedInputs[] = [];
  for (const combination of packed.inputs) {
    const resolved = Object.entries(combination).map(
      ([slot, from]) => [slot, resolvePacked(targetInputs, from)] as const,
    );
    const lost = resolved.find(([, input]) => input === undefined);
    if (lost !== undefined)
      return fail(
        actionFailure(`the split hands items "${lost[0]}" from something that is not among its inputs`, {
          neededBy: `target "${target}"`,
          fix: "Hand items what the split was handed: `inputs.slot`, a member of a list, a file of a tree.",
        }),
      );
    inputs.push(Object.fromEntries(resolved as [string, ResolvedInput][]));
  }
  // Keys are hashed by the thousand: what items share is encoded once.
  const inputTexts = inputs.map((resolved) =>
    encode(
      Object.fromEntries(Object.entries(resolved).map(([slot, input]) => [slot, input.record as unknown as Json])),
    ),
  );
  const settingsTexts = packed.settings.map(encode);
  const all: Item[] = [];
  const seen = new Map<Digest, number>();
  for (const [index, [recipeNumber, settingsNumber, inputsNumber, item, label]] of packed.items.entries()) {
    const recipe = packed.recipes[recipeNumber] ?? only;
    if (recipe === undefined)
      return fail(
        actionFailure(`item ${index} of the split names no recipe, and the rule has several: ${names.join(", ")}`, {
          neededBy: `target "${target}"`,
          fix: `Say which: { recipe: "${names[0]}", … }`,
        }),
      );
    const template = templates.get(recipe);
    if (template === undefined) {
      const near = suggest(recipe, names);
      return fail(
        actionFailure(`item ${index} of the split asks for the recipe "${recipe}", which the rule does not have`, {
          neededBy: `target "${target}"`,
          fix: near ? `Did you mean "${near}"?` : `It has: ${names.join(", ")}.`,
        }),
      );
    }
    const core = itemKeyOfTexts(template.core, settingsTexts[settingsNumber]!, encode(item), inputTexts[inputsNumber]!);
    const twin = seen.get(core);
    if (twin !== undefined) {
      return fail(
        actionFailure(`items ${twin} and ${index} of the split are equal: ${JSON.stringify(item)}`, {
          neededBy: `target "${target}"`,
          fix: "Give each item what tells it from the others (an index, a seed): equal items would be one draw counted twice.",
        }),
      );
    }
    seen.set(core, index);
    const key = actionKey(core, template.record.code.kind, nodeMajor);
    all.push({
      index,
      recipe,
      label: label ?? undefined,
      core,
      key,
      settings: packed.settings[settingsNumber]!,
      item,
      inputsNumber,
      settingsNumber,
    });
  }
  return ok({ all, templates, inputs });
}

/** The same bytes as `itemCoreKey` hashes, put together from parts that many items share. */
function itemKeyOfTexts(template: Digest, settings: string, item: string, inputs: string): Digest {
  return digestOfBytes(
    `item ${template}o3:${encodedNames.inputs}${inputs}${encodedNames.item}${item}${encodedNames.settings}${settings}`,
  );
}
const encodedNames = { inputs: encode("inputs"), item: encode("item"), settings: encode("settings") };

/** What the merge is given of all items, as one digest: what they were, in order, and what they made. */
export function digestOfItems({ all, templates }: Items, artifacts: (item: Item) => Artifacts): Digest {
  const digest = startDigest();
  // The shapes of what they made, too: the same bytes under another extension are another file to the merge.
  for (const recipe of [...new Set(all.map((item) => item.recipe))].sort()) {
    digest.update(encode([recipe, templates.get(recipe)!.record.outputs]));
  }
  for (const item of all) {
    digest.update(encode([item.recipe, item.settings, item.item]));
    const made = artifacts(item);
    for (const slot of Object.keys(made).sort()) digest.update(`${slot}=${digestOfArtifact(made[slot]!)};`);
  }
  return digest.end();
}

export function itemOrder(items: Items, item: Item): Omit<ItemOrder, "logFile" | "setupKey" | "notBefore"> {
  const inputs = Object.fromEntries(
    Object.entries(items.inputs[item.inputsNumber]!).map(([slot, input]) => [slot, input.order()]),
  );
  return { key: item.key, settings: item.settings, item: item.item, inputs };
}

/** The same for what people take for the same item before and after a change: by its label, or by what it is. */
export function itemIdentity({
  label,
  recipe,
  settings,
  item,
}: Pick<Item, "label" | "recipe" | "settings" | "item">): string {
  return label ?? encode([recipe, settings, item]);
}

/** As people name an item: its label, or its number. */
export function itemName(item: Pick<Item, "label" | "index">): string {
  return item.label ?? String(item.index);
}

/** A name for an item's files: its number keeps apart what its label does not. */
export function fileNameOf(item: Item): string {
  const label = item.label === undefined ? "" : `-${item.label.replaceAll(/[^\w.=,-]+/g, "_").slice(0, 80)}`;
  return `${String(item.index).padStart(5, "0")}${label}`;
}

function resolvePacked(inputs: ResolvedInputs, from: PackedInput): ResolvedInput | undefined {
  let found: ResolvedInput | undefined = inputs[from.slot];
  for (const index of from.index ?? []) found = found?.members?.[index];
  return from.file === undefined ? found : found?.fileOf?.(from.file);
}
