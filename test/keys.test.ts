// What decides a result is in its key, seen from outside: what setup read, formats of inputs, shapes of items' outputs. And paid requests are paid once.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { expandItems } from "../src/engine/fan-out.ts";
import type { ResolvedInputs } from "../src/engine/inputs.ts";
import type { Digest } from "../src/model/digest.ts";
import { itemCoreKey } from "../src/planning/fingerprint/action-key.ts";
import { makeProject } from "./rig.ts";

describe("setup", () => {
  const project = {
    "Expfile.ts": `
import { contract, experiments, fanOut, json, source, text, type } from "expfile";
const spec = contract({
  name: "test/setup",
  inputs: { model: text() },
  items: { item: type<{ n: number }>(), inputs: { model: text() }, outputs: { value: json<string>() } },
  outputs: { values: json<readonly string[]>() },
});
export type Spec = typeof spec;
const use = fanOut(spec, {
  split: () => import("./use.ts").then((m) => m.split),
  recipes: { main: () => import("./use.ts").then((m) => m.main) },
  merge: () => import("./use.ts").then((m) => m.merge),
});
export default experiments({ main: () => ({ use: use({ model: source("model.txt", text()) }) }) });
`,
    "use.ts": `
import { existsSync, writeFileSync } from "node:fs";
import type { ItemRecipe, Merge, Split } from "expfile";
import type { Spec } from "./Expfile.ts";
export const split: Split<Spec> = ({ inputs }) => [1, 2].map((n) => ({ item: { n }, inputs: { model: inputs.model } }));
export const main: ItemRecipe<Spec, never, { text: string }> = {
  setup: async ({ inputs }) => ({ text: await inputs.model.read() }),
  run: async ({ item, setup, outputs }) => {
    writeFileSync("SIGNAL", "");
    while (item.n === 1 && !existsSync("GO")) await new Promise((resolve) => setTimeout(resolve, 5));
    await outputs.value.write(setup.text + item.n);
  },
};
export const merge: Merge<Spec> = async ({ items, outputs }) => outputs.values.write(await Promise.all(items.map((i) => i.outputs.value.read())));
`,
    "model.txt": "old",
  };

  test("is made again when the file that it read is edited during the build", async () => {
    const rig = makeProject(project);
    rig.edit("use.ts", '"SIGNAL"', JSON.stringify(rig.path("signal")));
    rig.edit("use.ts", '"GO"', JSON.stringify(rig.path("go")));
    const build = rig.start(["build", "-j", "1"]);
    while (!rig.has("signal")) await new Promise((resolve) => setTimeout(resolve, 5));
    writeFileSync(rig.path("model.txt"), "new");
    writeFileSync(rig.path("go"), "");
    expect((await build.finished).code).toBe(0);
    expect(JSON.parse(rig.read("runs/default/use/values.json"))).toEqual(["new1", "new2"]);
  });
});

test("the format in which an input is read is part of the key", async () => {
  const expfile = (slot: string) => `
import { contract, experiments, json, rule, source, text } from "expfile";
const read = rule(contract({ name: "test/read", inputs: { d: ${slot} }, outputs: { out: text() } }), () => import("./read.ts"));
export default experiments({ main: () => ({ read: read({ d: source("d.json", ${slot}) }) }) });
`;
  const rig = makeProject({
    "Expfile.ts": expfile("json<unknown>()"),
    "read.ts":
      "export const recipe = async ({ inputs, outputs }) => outputs.out.write(typeof (await inputs.d.read()));",
    "d.json": "{}",
  });
  await rig.build();
  rig.write({ "Expfile.ts": expfile('text(".json")') });
  expect((await rig.build()).targets).toEqual({ read: "computed" });
  expect(rig.read("runs/default/read/out.txt")).toBe("string");
});

test("a merge sees another extension of its items' files, though the bytes are the same", async () => {
  const expfile = (ext: string) => `
import { contract, experiments, fanOut, file, text, type } from "expfile";
const spec = contract({
  name: "test/shapes",
  items: { item: type<number>(), outputs: { v: file("${ext}") } },
  outputs: { all: text() },
});
const shapes = fanOut(spec, {
  split: () => import("./shapes.ts").then((m) => m.split),
  recipes: { main: () => import("./shapes.ts").then((m) => m.main) },
  merge: () => import("./shapes.ts").then((m) => m.merge),
});
export default experiments({ main: () => ({ shapes: shapes() }) });
`;
  const rig = makeProject({
    "Expfile.ts": expfile(".bin"),
    "shapes.ts": `
import { writeFileSync } from "node:fs";
export const split = () => [{ item: 1 }];
export const main = ({ outputs }) => writeFileSync(outputs.v.path, "same");
export const merge = async ({ items, outputs }) => outputs.all.write(items.map((i) => i.outputs.v.ext).join());
`,
  });
  await rig.build();
  rig.write({ "Expfile.ts": expfile(".txt") });
  await rig.build();
  expect(rig.read("runs/default/shapes/all.txt")).toBe(".txt");
});

test("a retry that asks for more than there is fails its item and no more", async () => {
  const rig = makeProject({
    "Expfile.ts": `
import { contract, experiments, fanOut, json, type } from "expfile";
const spec = contract({ name: "test/more", items: { item: type<number>(), outputs: { v: json<number>() } }, outputs: { all: json<number>() } });
const more = fanOut(spec, {
  split: () => import("./more.ts").then((m) => m.split),
  recipes: { main: { recipe: () => import("./more.ts").then((m) => m.main), retries: { times: 1, backoffMs: 1, resources: () => ({ memory: 1e9 }) } } },
  merge: () => import("./more.ts").then((m) => m.merge),
});
export default experiments({ main: () => ({ more: more() }) });
`,
    "more.ts": `
export const split = () => [1, 2, 3].map((item) => ({ item }));
export const main = async ({ item, outputs }) => {
  if (item === 2) throw Object.assign(new Error("busy"), { retryable: true });
  await outputs.v.write(item);
};
export const merge = ({ items, outputs }) => outputs.all.write(items.length);
`,
  });
  const built = await rig.build(["-k"], 1);
  expect(built.events.filter((event) => event.kind === "item-finished")).toHaveLength(2);
  expect(JSON.stringify(built.events)).toContain('of \\"memory\\"');
});

test("a request that several items make at once is paid once, and all get one answer", async () => {
  const begun = join(mkdtempSync(join(tmpdir(), "exp-paid-")), "begun");
  onTestFinished(() => rmSync(dirname(begun), { recursive: true }));
  const rig = makeProject({
    "Expfile.ts": `
import { contract, experiments, fanOut, json, type } from "expfile";
const spec = contract({ name: "test/paid", items: { item: type<number>(), outputs: { v: json<number>() } }, outputs: { all: json<readonly number[]>() } });
const paid = fanOut(spec, {
  split: () => import("./paid.ts").then((m) => m.split),
  recipes: { main: { recipe: () => import("./paid.ts").then((m) => m.main), resources: { cpu: 0.1 }, reads: [] } },
  merge: () => import("./paid.ts").then((m) => m.merge),
  batch: 1,
});
export default experiments({ main: () => ({ paid: paid() }) });
`,
    "paid.ts": `
import { existsSync, writeFileSync } from "node:fs";
export const split = () => [1, 2, 3, 4].map((item) => ({ item }));
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const main = async ({ item, outputs, call }) => {
  // The first is the one that fails, and the others ask while it pays.
  while (item !== 1 && !existsSync("${begun}")) await wait(2);
  await outputs.v.write(await call({ request: { q: "same" } }, async () => {
    writeFileSync("${begun}", "");
    await wait(300);
    if (item === 1) throw new Error("the line broke");
    return { response: item, costUsd: 1 };
  }));
};
export const merge = async ({ items, outputs }) => outputs.all.write(await Promise.all(items.map((i) => i.outputs.v.read())));
`,
  });
  const built = await rig.build(["-k"], 1);
  expect(built.end.costUsd).toBe(1);
  rig.edit("paid.ts", "item === 1", "false");
  const again = await rig.build();
  expect(again.end.costUsd).toBe(0);
  const values = JSON.parse(rig.read("runs/default/paid/all.json")) as number[];
  expect(new Set(values).size).toBe(1);
});

test("item keys that are put together from shared parts are those of the record", () => {
  const record = { kind: "file", digest: "d".repeat(64) as Digest, ext: ".parquet", format: "table" } as const;
  const inputs = {
    slices: { record, order: () => ({ kind: "absent" }), size: 0, sources: [] },
  } satisfies ResolvedInputs;
  const template = "a".repeat(64) as Digest;
  const templates = new Map([["main", { core: template, record: { code: { kind: "module" } } }]]);
  const settings = [{ order: 2, name: "ü\u2028" }, null];
  const packed = {
    recipes: [null],
    settings,
    inputs: [{ training: { slot: "slices" } }, {}],
    items: [
      [0, 0, 0, { n: 1, "a:b": [true, null, -0] }, null],
      [0, 1, 1, "text", "label"],
    ] as const,
  };
  const expanded = expandItems(packed as never, inputs, templates as never, 20, "target");
  if (!expanded.ok) throw new Error(expanded.error.what);
  expect(expanded.value.all.map((item) => item.core)).toEqual([
    itemCoreKey(template, { settings: settings[0]!, item: packed.items[0][3], inputs: { training: record } }),
    itemCoreKey(template, { settings: null, item: "text", inputs: {} }),
  ]);
});
