// Every kind of output: what a recipe writes is what lies in the run, and equal content gives equal bytes.

import { existsSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "./rig.ts";

/** One target with one output of each kind, and one that reads them all. */
function kindsProject(): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, file, json, optional, rule, table, text, tree, yaml, z } from "expfile";
const columns = { id: "string", mass: "double", note: "string?" };
const slots = { value: json(), settings: yaml(), page: text(".md"), raw: file(".bin"), folder: tree(), rows: table(columns), extra: optional(text()) };
const make = rule(
  contract({ name: "kinds/make", config: z.strictObject({ extra: z.boolean().default(false), size: z.int().default(1) }), outputs: slots }),
  () => import("./kinds.ts").then((m) => m.make),
);
const read = rule(contract({ name: "kinds/read", inputs: slots, outputs: { seen: json() } }), () => import("./kinds.ts").then((m) => m.read));
export default experiments({
  main: () => {
    const { $target, ...made } = make();
    return { make: { $target, ...made }, read: read(made) };
  },
});
`,
    "kinds.ts": `import { readFileSync, writeFileSync } from "node:fs";
import { readTable, writeTable } from "expfile/table";
const columns = { id: "string", mass: "double", note: "string?" };
export const make = async ({ config, outputs }) => {
  await outputs.value.write({ b: 1, a: [true, null, "x".repeat(config.size)] });
  await outputs.settings.write({ depth: 2, words: ["one", "two"] });
  await outputs.page.write("# Page\\n");
  writeFileSync(outputs.raw.path, Buffer.from([0, 1, 255]));
  writeFileSync(outputs.folder.file("b.txt"), "b");
  writeFileSync(outputs.folder.file("deep/a.txt"), "a");
  await writeTable(outputs.rows, columns, [{ id: "p1", mass: 1.5, note: null }, { id: "p2", mass: 2, note: "heavy" }], { metadata: { unit: "Da" } });
  if (config.extra) await outputs.extra.write("more");
};
export const read = async ({ inputs, outputs }) =>
  outputs.seen.write({
    value: await inputs.value.read(),
    settings: await inputs.settings.read(),
    page: await inputs.page.read(),
    raw: [...readFileSync(inputs.raw.path)],
    ext: inputs.raw.ext,
    folder: inputs.folder.files().map((name) => [name, readFileSync(inputs.folder.file(name), "utf8")]),
    rows: await readTable(inputs.rows, columns),
    extra: inputs.extra === undefined ? null : await inputs.extra.read(),
  });
`,
  });
}
const seen = (rig: Rig) => JSON.parse(rig.read("runs/default/read/seen.json")) as Record<string, unknown>;

describe("what is written is what is read", () => {
  test("of every kind", async () => {
    const rig = kindsProject();
    await rig.build();
    expect(seen(rig)).toEqual({
      value: { b: 1, a: [true, null, "x"] },
      settings: { depth: 2, words: ["one", "two"] },
      page: "# Page\n",
      raw: [0, 1, 255],
      ext: ".bin",
      folder: [
        ["b.txt", "b"],
        ["deep/a.txt", "a"],
      ],
      rows: [
        { id: "p1", mass: 1.5, note: null },
        { id: "p2", mass: 2, note: "heavy" },
      ],
      extra: null,
    });
  });

  test("and lies in the run under the slot's name", async () => {
    const rig = kindsProject();
    await rig.build();
    expect(readdirSync(rig.path("runs/default/make")).sort()).toEqual(
      ["folder", "page.md", "raw.bin", "rows.parquet", "settings.yaml", "value.json"].sort(),
    );
    expect(rig.read("runs/default/make/value.json")).toBe(
      '{\n  "b": 1,\n  "a": [\n    true,\n    null,\n    "x"\n  ]\n}\n',
    );
    expect(rig.read("runs/default/make/settings.yaml")).toBe("depth: 2\nwords:\n  - one\n  - two\n");
  });
});

describe("optional outputs", () => {
  test("come, are read, and go away again", async () => {
    const rig = kindsProject();
    await rig.build();
    await rig.build(["--make.extra", "true"]);
    expect(seen(rig).extra).toBe("more");
    expect(rig.read("runs/default/make/extra.txt")).toBe("more");
    await rig.build(["--make.extra", "false"]);
    expect(seen(rig).extra).toBe(null);
    expect(existsSync(rig.path("runs/default/make/extra.txt"))).toBe(false);
  });

  test("that is absent and put there by somebody is set aside", async () => {
    const rig = kindsProject();
    await rig.build();
    rig.write({ "runs/default/make/extra.txt": "mine" });
    await rig.build();
    expect(existsSync(rig.path("runs/default/make/extra.txt"))).toBe(false);
    expect(rig.read("runs/default/set-aside/make_extra.txt")).toBe("mine");
  });
});

describe("equal content, equal bytes", () => {
  test("a cleaned target makes the same bytes of every kind again", async () => {
    const rig = kindsProject();
    await rig.build();
    await rig.exp("clean", "make");
    const built = await rig.build();
    expect(built.targets).toEqual({ make: "computed", read: "fresh" });
    expect(built.finished("make").sameOutput).toBe(true);
  });

  test("outputs small and large come back from the cache as they were", async () => {
    const rig = kindsProject();
    await rig.build(["--make.size", "100000"]);
    const before = rig.read("runs/default/make/value.json");
    rig.remove("runs/default/make");
    expect((await rig.build()).targets).toEqual({ make: "cached", read: "fresh" });
    expect(rig.read("runs/default/make/value.json")).toBe(before);
    expect(rig.read("runs/default/make/folder/deep/a.txt")).toBe("a");
  });
});

describe("trees", () => {
  test("an edited file of a tree is set aside with its tree, and the right one restored", async () => {
    const rig = kindsProject();
    await rig.build();
    rig.write({ "runs/default/make/folder/b.txt": "edited" });
    expect((await rig.build()).targets).toEqual({ make: "cached", read: "fresh" });
    expect(rig.read("runs/default/make/folder/b.txt")).toBe("b");
    expect(rig.read("runs/default/set-aside/make_folder/b.txt")).toBe("edited");
  });

  test("a file that is added to a tree is noticed", async () => {
    const rig = kindsProject();
    await rig.build();
    await rig.build();
    rig.write({ "runs/default/make/folder/deep/new.txt": "new" });
    await rig.build();
    expect(rig.has("runs/default/make/folder/deep/new.txt")).toBe(false);
  });

  test("a renamed file of a tree is a change to who reads it", async () => {
    const rig = kindsProject();
    await rig.build();
    rig.edit("kinds.ts", '"b.txt"', '"c.txt"');
    expect((await rig.build()).targets).toEqual({ make: "computed", read: "computed" });
  });
});

describe("why of a table", () => {
  test("tells how many rows there were and are", async () => {
    const rig = kindsProject();
    await rig.build();
    rig.edit("kinds.ts", '{ id: "p2"', '{ id: "p3", mass: 3, note: null }, { id: "p2"');
    await rig.build();
    expect((await rig.exp("why", "read")).stdout).toMatch(/input rows: 2 → 3 rows/);
  });
});

test("without a cache, it is the missing output that is said to be lost, not one that lies at its place", async () => {
  const rig = kindsProject();
  await rig.build();
  rig.remove("cache");
  rig.remove("runs/default/make/raw.bin");
  const plan = JSON.parse((await rig.exp("plan", "make", "--json")).stdout) as { targets: { reasons: unknown[] }[] };
  expect(plan.targets[0]!.reasons).toEqual([{ kind: "content-lost", slot: "raw" }]);
});
