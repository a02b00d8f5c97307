// Checked by the compiler alone (`npm run types`): what authors write is typed by the contract, without a word more.

import { command, contract, fanOut, json, rule, text, type, z } from "expfile";
import type { Merge, Split, VectorisedRecipe } from "expfile";
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
