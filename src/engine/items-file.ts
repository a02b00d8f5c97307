// The items of a merge as text, a line each: a hundred thousand of them are too many for a message.

import type { InputOrder } from "../backends/executors/executor.ts";
import type { Item, Items } from "./fan-out.ts";

/** `made` says how the merge is handed what an item made, by slot. */
export function itemLines(
  { all }: Items,
  made: (item: Item) => readonly (readonly [slot: string, order: InputOrder])[],
): string {
  return all
    .map((each) => {
      const { recipe, settings, item } = each;
      return JSON.stringify({ recipe, settings, item, outputs: Object.fromEntries(made(each)) }) + "\n";
    })
    .join("");
}
