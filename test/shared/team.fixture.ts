// Projects of two machines with one shared cache: a recipe with small, large and folder outputs, and a fan-out behind it.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Rig } from "../rig.ts";
import { bucketCredentials } from "./places.ts";

export const files = {
  "Expfile.ts": `import { contract, experiments, fanOut, file, gate, json, rule, text, tree, type, z } from "expfile";
const making = contract({
  name: "team/make",
  config: z.strictObject({ word: z.string().default("word") }),
  outputs: { small: json(), large: file(".bin"), folder: tree() },
});
export type Making = typeof making;
const items = contract({
  name: "team/items",
  config: z.strictObject({ count: z.int().default(5) }),
  inputs: { large: file(".bin") },
  outputs: { all: text() },
  items: { item: type<{ n: number }>(), inputs: { large: file(".bin") }, outputs: { page: text(), size: json() } },
});
export type Items = typeof items;
const make = rule(making, () => import("./recipes.ts").then((m) => m.make));
const pages = fanOut(items, {
  split: () => import("./recipes.ts").then((m) => m.split),
  recipes: { page: () => import("./recipes.ts").then((m) => m.page) },
  merge: () => import("./recipes.ts").then((m) => m.merge),
});
export default experiments({
  main: () => {
    const made = make();
    return { make: made, pages: pages({ large: made.large }) };
  },
});
`,
  "recipes.ts": `import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
export const make = async ({ config, outputs }) => {
  await outputs.small.write({ word: config.word });
  writeFileSync(outputs.large.path, Buffer.alloc(300_000, config.word));
  writeFileSync(outputs.folder.file("a.txt"), "a");
  writeFileSync(outputs.folder.file("deep/b.bin"), Buffer.alloc(50_000, config.word));
};
export const split = ({ config, inputs }) =>
  Array.from({ length: config.count }, (_, n) => ({ item: { n }, inputs: { large: inputs.large } }));
export const page = async ({ item, inputs, outputs }) => {
  await outputs.page.write(String(item.n).repeat(10_000));
  await outputs.size.write(readFileSync(inputs.large.path).length);
};
export const merge = async ({ items, outputs }) => {
  let all = "";
  for (const { outputs: made } of items) all += (await made.page.read()).slice(0, 3) + (await made.size.read());
  await outputs.all.write(all);
};
`,
};
/** What a build of all targets leaves. */
const inAll = {
  "make/small.json": 1,
  "make/large.bin": 1,
  "make/folder/a.txt": 1,
  "make/folder/deep/b.bin": 1,
  "pages/all.txt": 1,
};
export const digests = (rig: Rig) =>
  Object.keys(inAll).map((name) =>
    createHash("sha256")
      .update(readFileSync(rig.path(`runs/default/${name}`)))
      .digest("hex"),
  );

/** A build with the cache in `shared`, and what its events say. */
export async function build(
  rig: Rig,
  shared: string,
  more: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
) {
  const { finished } = rig.start(["build", "--json", ...args], {
    env: { EXP_SHARED_CACHE: shared, ...bucketCredentials, ...more },
  });
  const { code, stdout, stderr } = await finished;
  const events = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { event: string; text?: string; counts?: { computed: number; cached: number } });
  const end = events.find(({ event }) => event === "build-finished");
  const warnings = events.filter(({ event }) => event === "warning").map(({ text }) => text!);
  const failures = events.filter(({ event }) => event === "target-failed");
  return { code, stderr, counts: end?.counts, warnings, failures };
}
