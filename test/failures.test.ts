// What is said of recipes that throw: the error's class, the place in the author's file, and many alike once.

import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "./rig.ts";

const single = (recipe: string) =>
  makeProject({
    "Expfile.ts": `
import { contract, experiments, rule, text } from "expfile";
const bad = rule(contract({ name: "t/bad", outputs: { out: text() } }), () => import("./rules/bad.ts"));
export default experiments({ main: () => ({ bad: bad() }) });
`,
    "rules/bad.ts": recipe,
    "rules/helper.ts": "export function first(list: { name: string }[]): string {\n  return list[0]!.name;\n}\n",
  });

function fanOut(one: string): Rig {
  return makeProject({
    "Expfile.ts": `
import { contract, experiments, json, fanOut, type, z } from "expfile";
const fan = fanOut(
  contract({ name: "t/fan", items: { item: type<number>(), outputs: { value: json<number>() } }, outputs: { all: json<number[]>() } }),
  {
    split: () => import("./fan.ts").then((m) => m.split),
    recipes: { one: () => import("./fan.ts").then((m) => m.one) },
    merge: () => import("./fan.ts").then((m) => m.merge),
  },
);
export default experiments({ main: () => ({ fan: fan() }) });
`,
    "fan.ts": `export const split = () => Array.from({ length: 40 }, (_, item) => ({ item, label: "n" + item }));
export const merge = async ({ items, outputs }) => outputs.all.write(await Promise.all(items.map((i) => i.outputs.value.read())));
${one}
`,
  });
}

describe("a recipe that throws", () => {
  test("is shown with the error's class, the line that threw, and the frames of its author", async () => {
    const rig = single(
      'import { first } from "./helper.ts";\nexport const recipe = ({ outputs }) => {\n  return outputs.out.write(first([]));\n};\n',
    );
    const { code, stdout } = await rig.exp("build");
    expect(code).toBe(1);
    expect(stdout).toContain(
      "rules/helper.ts:2:19 bad failed: TypeError: Cannot read properties of undefined (reading 'name')\n" +
        "    2 │   return list[0]!.name;\n" +
        "      │                   ^\n",
    );
    expect(stdout).toMatch(/at first rules\/helper\.ts:2:19\n +at (recipe )?rules\/bad\.ts:3:\d+\n/);
    expect(rig.read("runs/default/run.yaml")).toContain("rules/helper.ts:2:19 bad failed: TypeError");
  });

  test("is shown with what caused its error", async () => {
    const rig = single(
      'export const recipe = () => {\n  throw new RangeError("too far", { cause: new TypeError("no such place") });\n};\n',
    );
    const { stdout } = await rig.exp("build");
    expect(stdout).toContain("rules/bad.ts:2:9 bad failed: RangeError: too far (caused by TypeError: no such place)\n");
  });

  test("a plain Error's class says nothing and is not said", async () => {
    const { stdout } = await single('export const recipe = () => {\n  throw new Error("no luck");\n};\n').exp("build");
    expect(stdout).toContain("rules/bad.ts:2:9 bad failed: no luck\n");
  });
});

describe("items that fail", () => {
  test("alike are one message with their number, the first of them and its log", async () => {
    const rig = fanOut(`export const one = async ({ item, outputs, log }) => {
  log("at " + item);
  if (item >= 3) throw new RangeError("the scale is off");
  await outputs.value.write(item);
};`);
    const { code, stdout } = await rig.exp("build", "-k");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^fan +failed +37 of 40 items$/m);
    expect(stdout).toContain("fan.ts:5:24 37 items of fan failed alike: RangeError: the scale is off\n");
    expect(stdout).toContain("first: n3, log at runs/default/logs/fan/00003-n3.log\n");
    expect(stdout.match(/RangeError: /g)).toHaveLength(1);
  });

  test("in different ways are told apart, the most frequent first", async () => {
    const rig = fanOut(`export const one = async ({ item }) => {
  if (item === 0) throw new Error("nothing at all");
  if (item > 5) throw new Error("too many");
  throw new Error("number " + item);
};`);
    const { stdout } = await rig.exp("build", "-k");
    expect(stdout).toMatch(/34 items of fan failed alike: too many[^]*fan\[n0\] failed: nothing at all/);
    expect(stdout).toContain("… and 4 more of 40 items of fan failed\n");
  });

  test("with outputs that break the same promise are one message", async () => {
    const rig = fanOut("export const one = async ({ outputs }) => outputs.value.write(1);");
    rig.edit("Expfile.ts", "value: json<number>()", "value: json(z.string())");
    const { stdout } = await rig.exp("build", "-k");
    expect(stdout).toContain('40 items of fan made an output "value" that breaks what the rule promises\n');
    expect(stdout).toMatch(/set aside for you to look at: runs\/default\/failed\/fan\/00000-n0-value\.json/);
  });
});
