// Checked by the compiler alone (`npm run types`): what authors write is typed by the contract, without a word more.

import { command, contract, fanOut, file, json, optional, rule, text, type, z } from "expfile";
import type { ItemRequest, Merge, Split, VectorisedRecipe } from "expfile";
const spec = contract({
  name: "a/b",
  config: z.strictObject({ lr: z.number() }),
  inputs: { x: text() },
  outputs: { y: text() },
});
export const a = rule(
  spec,
  command({
    code: ["x.py"],
    argv: ({ config, inputs, outputs }) => ["python3", "x.py", config.lr, inputs.x, outputs.y],
  }),
);
const many = contract({
  name: "a/c",
  items: { item: type<{ n: number }>(), outputs: { v: json<number>() } },
  outputs: { y: text() },
});
type Many = typeof many;
declare function load(): Promise<{ split: Split<Many>; together: VectorisedRecipe<Many>; merge: Merge<Many> }>;
export const b = fanOut(many, {
  split: () => load().then((m) => m.split),
  recipes: { main: { recipe: () => load().then((m) => m.together), vectorised: true } },
  merge: () => load().then((m) => m.merge),
});

export const handed = contract({
  name: "a/d",
  inputs: { x: text() },
  items: {
    item: type<number>(),
    inputs: { x: text(), weights: optional(file(".pt")) },
    outputs: { v: json<number>() },
  },
  outputs: { y: text() },
});
/** An optional input of items may be left out; another may not. */
export const c: Split<typeof handed> = ({ inputs }) => [
  { item: 1, inputs: { x: inputs.x } },
  { item: 2, inputs: { x: inputs.x, weights: inputs.x } },
];
// @ts-expect-error x is not optional
export const d: ItemRequest<typeof handed> = { item: 3, inputs: {} };
