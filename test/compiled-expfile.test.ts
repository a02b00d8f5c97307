// What is kept of a compiled Expfile, and what is done ahead: an edit of a recipe leaves the Expfile as it is, everything else that it is made of makes it anew.

import { readdirSync, statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "./rig.ts";

const files = {
  "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
import { word } from "./word.ts";
const one = rule(contract({ name: "lab/one", outputs: { out: json() } }), { recipe: () => import("./one.ts").then((m) => m.make) });
export default experiments({ main: () => ({ one: one(), [word]: one() }) });
`,
  "word.ts": `export const word = "other";\n`,
  "one.ts": `export const make = ({ outputs }) => outputs.out.write(1);\n`,
  "configs/default.yaml": "version: 1\n",
};

const one = (rig: Rig) => rig.read("runs/default/one/out.json").trim();

/** When the modules were written that were compiled of Expfiles. */
const compiled = (rig: Rig) =>
  readdirSync(rig.path("cache/expfile"))
    .filter((name) => name.endsWith(".mjs"))
    .map((name) => `${name} ${statSync(rig.path(`cache/expfile/${name}`), { bigint: true }).mtimeNs}`);

describe("the compiled Expfile", () => {
  test("stays as it is when a recipe is edited, and the recipe is made anew", async () => {
    const rig = makeProject(files);
    await rig.build();
    const before = compiled(rig);
    rig.edit("one.ts", "write(1)", "write(2)");
    await rig.build();
    expect(one(rig)).toBe("2");
    expect(compiled(rig)).toEqual(before);
    const { end } = await rig.build();
    expect(end.outcome).toBe("up-to-date");
  });

  test("is made anew when a recipe exports other names", async () => {
    const rig = makeProject(files);
    await rig.build();
    rig.edit("one.ts", "const make", "const made");
    const { code, stdout, stderr } = await rig.start(["build"]).finished;
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain("has no export of that name");
    rig.edit("Expfile.ts", "m.make", "m.made");
    rig.edit("one.ts", "write(1)", "write(3)");
    await rig.build();
    expect(one(rig)).toBe("3");
  });

  test("knows the names that a recipe exports now, where both were edited at once", async () => {
    const rig = makeProject(files);
    await rig.build();
    rig.edit("Expfile.ts", "m.make", "m.made");
    rig.edit("one.ts", "const make", "const made");
    rig.edit("one.ts", "write(1)", "write(2)");
    await rig.build();
    expect(one(rig)).toBe("2");
  });

  test("is made anew when a module is edited that is both imported and a recipe", async () => {
    const rig = makeProject({
      ...files,
      "word.ts": `export { word } from "./one.ts";\n`,
      "one.ts": `${files["one.ts"]}export const word = "other";\n`,
    });
    await rig.build();
    rig.edit("one.ts", `"other"`, `"another"`);
    const { targets } = await rig.build();
    expect(Object.keys(targets)).toContain("another");
  });

  test("is made anew when a recipe vanishes, comes back, or is shadowed by a file that is looked for first", async () => {
    const rig = makeProject({
      ...files,
      "Expfile.ts": files["Expfile.ts"].replace('"./one.ts"', '"./one"'),
    });
    await rig.build();
    rig.remove("one.ts");
    const { code, stderr } = await rig.start(["build"]).finished;
    expect(code).toBe(2);
    expect(stderr).toContain('"./one"');
    rig.write({ "one.ts": files["one.ts"], "one.tsx": `export const make = ({ outputs }) => outputs.out.write(4);\n` });
    await rig.build();
    expect(one(rig)).toBe("4");
  });

  test("does not hold up other targets when a recipe does not parse", async () => {
    const rig = makeProject(files);
    await rig.build();
    rig.write({ "one.ts": "export const make = ({ outputs }) => outputs.out.write(;\n" });
    const { code, stderr, stdout } = await rig.start(["build"]).finished;
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain("one.ts");
    rig.write({ "one.ts": files["one.ts"].replace("write(1)", "write(5)") });
    await rig.build();
    expect(one(rig)).toBe("5");
  });
});

test("the worker that is started early is the one that runs the first action", async () => {
  const rig = makeProject({
    ...files,
    "one.ts": `export const make = ({ outputs }) => outputs.out.write(process.env.HOME.split("/").at(-2));\n`,
  });
  await rig.build(["-j", "1"]);
  expect(one(rig)).toBe('"0"');
});

test("what a later target will run is bundled while an earlier one runs", async () => {
  const rig = makeProject({
    ...files,
    "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const one = rule(contract({ name: "lab/one", outputs: { out: json() } }), { recipe: () => import("./one.ts").then((m) => m.make) });
const two = rule(contract({ name: "lab/two", inputs: { x: json() }, outputs: { out: json() } }), { recipe: () => import("./two.ts") });
export default experiments({ main: () => { const x = one(); return { one: x, two: two({ x: x.out }) }; } });
`,
    "two.ts": `export const recipe = async ({ inputs, outputs }) => outputs.out.write(await inputs.x.read());\n`,
  });
  // It ends when it sees the bundle of the other.
  rig.write({
    "one.ts": `import { readFileSync } from "node:fs";
export const make = async ({ outputs }) => {
  while (!readFileSync(${JSON.stringify(rig.path("cache/bundles/kept.jsonl"))}, "utf8").includes("two.ts"))
    await new Promise((resolve) => setTimeout(resolve, 20));
  await outputs.out.write("seen");
};
`,
  });
  const { targets } = await rig.build();
  expect(targets).toEqual({ one: "computed", two: "computed" });
}, 30_000);
