// A project with one fan-out, whose items do nothing but write a number.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { prepareProject } from "./tools/exp.ts";

export interface FanOut {
  readonly count: number;
  /** How many items travel together; if not said, exp decides. */
  readonly batch?: number;
  /** A file to which each item appends its number: how often was it computed? */
  readonly journal?: string;
  /** How long each item does nothing, milliseconds. */
  readonly restMs?: number;
  /** What exp.local.yaml says. */
  readonly settings?: string;
}

/** The folder of a new project. */
export function openFanOut(scratch: string, { count, batch, journal, restMs = 0, settings }: FanOut): string {
  const folder = join(scratch, "work", "items");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  prepareProject(folder);
  writeFileSync(
    join(folder, "Expfile.ts"),
    `import { contract, experiments, fanOut, json, type, z } from "expfile";
const counting = contract({
  name: "bench/items",
  config: z.strictObject({ count: z.int().default(${count}) }),
  outputs: { sum: json<number>() },
  items: { item: type<{ number: number }>(), outputs: { square: json<number>() } },
});
export type Counting = typeof counting;
const count = fanOut(counting, {
  split: () => import("./recipes.ts").then((m) => m.split),
  recipes: { square: () => import("./recipes.ts").then((m) => m.item) },
  ${batch === undefined ? "" : `batch: ${batch},`}
  merge: () => import("./recipes.ts").then((m) => m.merge),
});
export default experiments({ items: () => ({ count: count() }) });
`,
  );
  if (settings !== undefined) writeFileSync(join(folder, "exp.local.yaml"), settings);
  const rest = `  await new Promise((resolve) => setTimeout(resolve, ${restMs}));\n`;
  const note = `  appendFileSync(${JSON.stringify(journal)}, item.number + "\\n");\n`;
  writeFileSync(
    join(folder, "recipes.ts"),
    `${journal === undefined ? "" : 'import { appendFileSync } from "node:fs";\n'}import type { ItemRecipe, Merge, Split } from "expfile";
import type { Counting } from "./Expfile.ts";
export const split: Split<Counting> = ({ config }) =>
  Array.from({ length: config.count }, (_, number) => ({ item: { number } }));
export const item: ItemRecipe<Counting> = async ({ item, outputs }) => {
${journal === undefined ? "" : note}${restMs === 0 ? "" : rest}  await outputs.square.write(item.number ** 2);
};
export const merge: Merge<Counting> = async ({ items, outputs }) => {
  let sum = 0;
  for (const { outputs: made } of items) sum += await made.square.read();
  await outputs.sum.write(sum);
};
`,
  );
  return folder;
}

/** As if nothing had been built in it. */
export function forget(folder: string): void {
  for (const name of ["cache", "runs"]) rmSync(join(folder, name), { recursive: true, force: true });
}
