// What a split returned, packed: recipes, settings and inputs are shared by many items and are written once.

import type { Json } from "../../../model/json.ts";
import { encode } from "../../../planning/fingerprint/encode.ts";
import { origin, type Origin } from "./inputs.ts";
import { OutputError } from "./outputs.ts";

/** Where an item's input comes from: a slot of the target (an index into a list), or a file of a tree in that slot. */
export type PackedInput = { readonly slot: string; readonly index?: readonly number[]; readonly file?: string };

export interface PackedSplit {
  readonly recipes: readonly (string | null)[];
  readonly settings: readonly Json[];
  readonly inputs: readonly Readonly<Record<string, PackedInput>>[];
  /** Indices into the three lists above, the item, its label. */
  readonly items: readonly (readonly [
    recipe: number,
    settings: number,
    inputs: number,
    item: Json,
    label: string | null,
  ])[];
}

interface Requested {
  readonly recipe?: string;
  readonly settings?: Json;
  readonly item: Json;
  readonly label?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

export function packSplit(value: unknown): Json {
  if (!Array.isArray(value))
    throw new OutputError(
      `a split returns a list of items, not ${value === undefined ? "undefined" : `a ${typeof value}`}`,
    );
  const recipes = new Numbering<string | null>();
  const settings = new Numbering<Json>();
  const inputs = new Numbering<Readonly<Record<string, PackedInput>>>();
  // Places that were left out, too.
  const items = Array.from(value as Requested[], (request, i) => {
    if (typeof request !== "object" || request === null || !("item" in request))
      throw new OutputError(`item ${i} of the split has no \`item\``);
    const named = Object.fromEntries(
      Object.entries(request.inputs ?? {}).map(([slot, from]) => [slot, packInput(from, i, slot)]),
    );
    const packed = [
      recipes.of(request.recipe ?? null),
      settings.of(request.settings ?? null),
      inputs.of(named),
      request.item,
      request.label ?? null,
    ] as const;
    encode(request.item);
    return packed;
  });
  return { recipes: recipes.values, settings: settings.values, inputs: inputs.values, items };
}

/** Equal values get one number, by their canonical text. */
class Numbering<T extends Json> {
  readonly values: T[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #byIdentity = new Map<T, number>();

  of(value: T): number {
    // Splits hand the same object to many items: telling it by identity saves encoding it each time.
    const known = this.#byIdentity.get(value);
    if (known !== undefined) return known;
    const text = encode(value);
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.values.push(value) - 1;
      this.#numbers.set(text, number);
    }
    if (typeof value === "object" && value !== null) this.#byIdentity.set(value, number);
    return number;
  }
}

function packInput(from: unknown, item: number, slot: string): PackedInput {
  const bad = () =>
    new OutputError(
      `item ${item} of the split: input "${slot}" must be a handle from \`inputs\`, or { tree: inputs.…, file: "…" }`,
    );
  if (typeof from !== "object" || from === null) throw bad();
  const direct = (from as { [origin]?: Origin })[origin];
  if (direct !== undefined) return { ...direct };
  const { tree, file } = from as { tree?: { [origin]?: Origin; files(): readonly string[] }; file?: string };
  const treeOrigin = tree?.[origin];
  if (treeOrigin === undefined || typeof file !== "string") throw bad();
  if (!tree!.files().includes(file))
    throw new OutputError(`item ${item} of the split: the tree "${treeOrigin.slot}" has no file "${file}"`);
  return { ...treeOrigin, file };
}
