// Fan-outs: items are kept one by one, whatever happens around them.

import { describe, expect, test } from "vitest";
import { isAlive } from "./reliability/bench.ts";
import { makeProject, type Rig } from "./rig.ts";
import { targets, wordsProject } from "./words.fixture.ts";

const counts = async (rig: Rig, args: readonly string[] = []) => (await rig.build(args)).finished("draw").counts;

/** A fan-out of which the test writes split, recipes and merge in JavaScript. */
function fanOutProject(recipes: string, declared = `one: () => import("./fan.ts").then((m) => m.one)`, more = ""): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, fanOut, json, type } from "expfile";
const spec = contract({
  name: "test/fan",
  items: { settings: type<unknown>(), item: type<unknown>(), outputs: { value: json<unknown>() } },
  outputs: { all: json<unknown>() },
});
const fan = fanOut(spec, {
  split: () => import("./fan.ts").then((m) => m.split),
  recipes: { ${declared} },
  merge: () => import("./merge.ts"),${more}
});
export default experiments({ main: () => ({ fan: fan() }) });
`,
    "fan.ts": recipes,
    "merge.ts": `export const recipe = async ({ items, outputs }) => {
  await outputs.all.write(await Promise.all(items.map(({ outputs }) => outputs.value.read())));
};
`,
  });
}
const all = (rig: Rig): unknown => JSON.parse(rig.read("runs/default/fan/all.json"));

describe("more or fewer items", () => {
  test("raising samples computes only the new items", async () => {
    const rig = wordsProject();
    await rig.build();
    expect(await counts(rig, ["--draw.samples", "5"])).toEqual({ computed: 6, cached: 0, fresh: 4 });
  });

  test("lowering samples computes no item, and raising them again neither", async () => {
    const rig = wordsProject();
    await rig.build(["--draw.samples", "3"]);
    expect((await counts(rig, ["--draw.samples", "1"])).computed).toBe(0);
    expect(JSON.parse(rig.read("runs/default/draw/drawn.json"))).toHaveLength(2);
    expect((await counts(rig, ["--draw.samples", "3"])).computed).toBe(0);
    expect(JSON.parse(rig.read("runs/default/draw/drawn.json"))).toHaveLength(6);
  });

  test("an arm that is added computes its own items only", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("configs/default.yaml", "arms:", "arms:\n  farthest: { offset: 4 }");
    expect(await counts(rig)).toEqual({ computed: 2, cached: 0, fresh: 4 });
  });

  test("another run with more samples takes the shared items from the cache", async () => {
    const rig = wordsProject();
    await rig.build();
    expect(await counts(rig, ["--run", "second", "--draw.samples", "3"])).toEqual({ computed: 2, cached: 4, fresh: 0 });
  });

  test("the plan counts what is due of a fan-out before anything runs", async () => {
    const rig = wordsProject();
    await rig.build();
    await rig.build(["--run", "second", "--draw.samples", "1"]);
    rig.edit("rules/draw.ts", '?? ""', '?? "none"');
    const { stdout } = await rig.exp("plan", "--json");
    const plan = JSON.parse(stdout) as { targets: { name: string; items?: unknown }[] };
    expect(plan.targets.find(({ name }) => name === "draw")?.items).toEqual({ fresh: 0, cached: 0, stale: 4 });
  });
});

describe("the parts of a fan-out are keyed apart", () => {
  test("adding a second recipe leaves the items of the first", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit(
      "rules/words.ts",
      "pick: () =>",
      'reverse: () => import("./draw.ts").then((m) => m.reverse),\n    pick: () =>',
    );
    rig.edit(
      "rules/draw.ts",
      "export const merge",
      `export const reverse: ItemRecipe<Drawing> = async (context) => {
  const lexicon = await context.inputs.lexicon.read();
  await context.outputs.word.write([...(lexicon[context.item.index] ?? "")].reverse().join(""));
};

export const merge`,
    );
    rig.edit("rules/draw.ts", "arms.flatMap((arm) =>", 'arms.flatMap((arm) => ["pick", "reverse"].flatMap((recipe) =>');
    rig.edit("rules/draw.ts", 'recipe: "pick",', "recipe,");
    rig.edit(
      "rules/draw.ts",
      "inputs: { lexicon: inputs.lexicon },\n    })),",
      "inputs: { lexicon: inputs.lexicon },\n    }))),",
    );
    expect(await counts(rig)).toEqual({ computed: 4, cached: 0, fresh: 4 });
    expect(rig.read("runs/default/draw/drawn.json")).toContain("elppa");
  });

  test("editing one of two recipes re-runs its items only", async () => {
    const rig = fanOutProject(
      `export const split = () => ["one", "two"].flatMap((recipe) => [1, 2].map((item) => ({ recipe, item })));
export const one = async ({ item, outputs }) => outputs.value.write("one" + item);
export const two = async ({ item, outputs }) => outputs.value.write("two" + item);
`,
      `one: () => import("./fan.ts").then((m) => m.one), two: () => import("./fan.ts").then((m) => m.two)`,
    );
    await rig.build();
    rig.edit("fan.ts", '"two" + item', '"second" + item');
    expect((await rig.build()).finished("fan").counts).toEqual({ computed: 2, cached: 0, fresh: 2 });
    expect(all(rig)).toEqual(["one1", "one2", "second1", "second2"]);
  });

  test("editing the split leaves the items that it still asks for", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/draw.ts", "{ length: config.samples }", "{ length: 0 + config.samples }");
    expect(await counts(rig)).toEqual({ computed: 0, cached: 0, fresh: 4 });
  });

  test("editing the merge leaves the items", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/draw.ts", "await Promise.all(rows)", "(await Promise.all(rows)).reverse()");
    const built = await rig.build();
    expect(built.finished("draw").counts).toEqual({ computed: 0, cached: 0, fresh: 4 });
    expect(built.targets).toEqual({ prepare: "fresh", draw: "computed", judge: "computed", report: "computed" });
  });

  test("renaming an item's label re-runs nothing but the split", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/draw.ts", "label: `", "label: `arm ");
    const built = await rig.build();
    expect(built.finished("draw").counts).toEqual({ computed: 0, cached: 0, fresh: 4 });
    expect(built.targets).toMatchObject({ judge: "fresh", report: "fresh" });
  });

  test("renaming an item recipe re-runs no item", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/words.ts", "pick: ()", "choose: ()");
    rig.edit("rules/draw.ts", 'recipe: "pick"', 'recipe: "choose"');
    expect(await counts(rig)).toEqual({ computed: 0, cached: 0, fresh: 4 });
  });
});

describe("arms", () => {
  test("arms with equal settings share their items, and are told so", async () => {
    const rig = wordsProject();
    rig.edit("configs/default.yaml", "arms:", "arms:\n  twin: { offset: 0 }");
    const built = await rig.build();
    expect(built.finished("draw").counts.computed).toBe(4);
    const warnings = built.events.flatMap((event) => (event.kind === "warning" ? [event.text] : []));
    expect(warnings).toEqual(["arms twin, near have equal settings: they share one arm's draws"]);
    expect(rig.read("runs/default/report/page.md")).toContain("twin: 20, 10");
  });

  test("the order of the arms counts for nothing but the labels", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit(
      "configs/default.yaml",
      "  near: { offset: 0 }\n  far: { offset: 2 }",
      "  far: { offset: 2 }\n  near: { offset: 0 }",
    );
    expect((await rig.build()).targets).toEqual(targets("fresh", { report: "computed" }));
  });
});

describe("what a split may ask for", () => {
  test("the merge gets the items in the order of the split", async () => {
    const rig = fanOutProject(`export const split = () => [3, 1, 2].map((item) => ({ item }));
export const one = async ({ item, outputs }) => outputs.value.write(item);
`);
    await rig.build();
    expect(all(rig)).toEqual([3, 1, 2]);
  });

  test("no items at all are merged, too", async () => {
    const rig = fanOutProject(`export const split = () => [];
export const one = async ({ item, outputs }) => outputs.value.write(item);
`);
    await rig.build();
    expect(all(rig)).toEqual([]);
  });

  test("an item of which its key would show nothing is refused", async () => {
    for (const item of ['new Map([["n", 1]])', "new Set([1])", "new Date(0)", "new (class Own { #n = 1; })()"]) {
      const rig = fanOutProject(`export const split = () => [{ item: ${item} }];
export const one = async ({ outputs }) => outputs.value.write(1);
`);
      const { code, stdout } = await rig.exp("build");
      expect([code, stdout]).toEqual([1, expect.stringMatching(/a (Map|Set|Date|Own) cannot be part of a key/)]);
    }
  });

  test("a place that was left out of the list is no item", async () => {
    const rig = fanOutProject(`export const split = () => [{ item: 1 }, , { item: 2 }];
export const one = async ({ outputs }) => outputs.value.write(1);
`);
    expect((await rig.exp("build")).stdout).toContain("item 1 of the split has no `item`");
  });

  test("equal items are an error that names both", async () => {
    const rig = fanOutProject(`export const split = () => [1, 2, 1].map((item) => ({ item }));
export const one = async ({ item, outputs }) => outputs.value.write(item);
`);
    const done = await rig.exp("build");
    expect(done.code).toBe(1);
    expect(done.stdout).toContain("items 0 and 2 of the split are equal: 1");
  });

  test("a recipe that the rule does not have is named, with the one that is meant", async () => {
    const rig = fanOutProject(`export const split = () => [{ recipe: "onne", item: 1 }];
export const one = async ({ item, outputs }) => outputs.value.write(item);
`);
    const done = await rig.exp("build");
    expect(done.code).toBe(1);
    expect(done.stdout).toContain('asks for the recipe "onne"');
    expect(done.stdout).toContain('Did you mean "one"?');
  });
});

describe("items run apart", () => {
  test("state of a module does not leak from one item to the next", async () => {
    const rig = fanOutProject(`let calls = 0;
export const split = () => [1, 2, 3].map((item) => ({ item }));
export const one = async ({ outputs }) => outputs.value.write(++calls);
`);
    await rig.build(["-j", "1"]);
    expect(all(rig)).toEqual([1, 1, 1]);
  });

  test("setup runs once for items of equal settings in one worker", async () => {
    const rig = fanOutProject(
      `import { appendFileSync } from "node:fs";
export const split = ({ }) => ["a", "b"].flatMap((settings) => [1, 2, 3].map((item) => ({ settings, item })));
export const one = {
  setup: ({ settings }) => {
    appendFileSync(process.env.SETUPS, settings + "\\n");
    return settings.toUpperCase();
  },
  run: async ({ setup, item, outputs }) => outputs.value.write(setup + item),
};
`,
      `one: { recipe: () => import("./fan.ts").then((m) => m.one), env: ["SETUPS"] }`,
    );
    await rig.build(["-j", "1"], 0, { env: { SETUPS: rig.path("setups.txt") } });
    expect(all(rig)).toEqual(["A1", "A2", "A3", "B1", "B2", "B3"]);
    expect(rig.read("setups.txt").split("\n").sort()).toEqual(["", "a", "b"]);
  });

  test("a vectorised recipe gets items together", async () => {
    const rig = fanOutProject(
      `export const split = () => [1, 2, 3].map((item) => ({ item }));
export const one = {
  run: async ({ items }) => {
    for (const { item, outputs } of items) await outputs.value.write(item + " of " + items.length);
  },
};
`,
      `one: { recipe: () => import("./fan.ts").then((m) => m.one), vectorised: true }`,
      " batch: 3",
    );
    await rig.build(["-j", "1"]);
    expect(all(rig)).toEqual(["1 of 3", "2 of 3", "3 of 3"]);
  });

  test("a program that setup started and let go of serves the orders that follow, and ends with the build in silence", async () => {
    const rig = fanOutProject(
      `import { spawn } from "node:child_process";
import { once } from "node:events";
export const split = () => [1, 2, 3, 4].map((item) => ({ item }));
const echo = "process.stdin.on('data', () => console.log(process.pid))";
export const one = {
  setup: () => spawn(process.execPath, ["-e", echo], { stdio: ["pipe", "pipe", "ignore"] }),
  run: async ({ items, setup: program }) => {
    const handles = [program, program.stdin, program.stdout];
    for (const handle of handles) handle.ref();
    program.stdin.write("?");
    const [answer] = await once(program.stdout, "data");
    for (const handle of handles) handle.unref();
    for (const { outputs } of items) await outputs.value.write(Number(answer));
  },
};
`,
      `one: { recipe: () => import("./fan.ts").then((m) => m.one), vectorised: true }`,
      " batch: 1",
    );
    const { code, stdout, stderr } = await rig.exp("build", "-j", "1");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).not.toContain("background");
    const [pid, ...others] = all(rig) as number[];
    expect(others).toEqual([pid, pid, pid]);
    await expect.poll(() => isAlive(pid!)).toBe(false);
  });

  test("what a recipe wants that makes nothing is not asked for", async () => {
    const rig = fanOutProject(
      `export const split = () => [1, 2].map((item) => ({ recipe: item === 3 ? "dear" : "one", item }));
export const one = async ({ item, outputs }) => outputs.value.write(item);
export const dear = one;
`,
      `one: () => import("./fan.ts").then((m) => m.one),
    dear: { recipe: () => import("./fan.ts").then((m) => m.dear), resources: { gpu: 1 }, secrets: ["KEY_OF_TEST"] }`,
    );
    await rig.build();
    expect(all(rig)).toEqual([1, 2]);
    rig.edit("fan.ts", "[1, 2]", "[1, 2, 3]");
    expect((await rig.exp("build")).stdout).toContain("the secret KEY_OF_TEST is not set");
    const { stdout } = await rig.start(["build"], { env: { KEY_OF_TEST: "k" } }).finished;
    expect(stdout).toContain('needs 1 of "gpu", and there are 0');
  });

  test("what an item made is kept when another one fails", async () => {
    const rig = fanOutProject(
      `import { existsSync } from "node:fs";
export const split = () => [1, 2, 3, 4].map((item) => ({ item, label: "number " + item }));
export const one = async ({ item, outputs }) => {
  if (item === 3 && !existsSync(process.env.ALLOWED)) throw new Error("not three");
  await outputs.value.write(item);
};
`,
      `one: { recipe: () => import("./fan.ts").then((m) => m.one), env: ["ALLOWED"] }`,
    );
    const env = { ALLOWED: rig.path("allowed") };
    const failed = await rig.start(["build", "-k"], { env }).finished;
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain("fan[number 3] failed: not three");
    expect(failed.stdout).toMatch(/fan\.ts:4/);
    rig.write({ allowed: "" });
    expect((await rig.build([], 0, { env })).finished("fan").counts).toEqual({ computed: 1, cached: 0, fresh: 3 });
    expect(all(rig)).toEqual([1, 2, 3, 4]);
  });
});

describe("why of an item", () => {
  test("an item that code made stale says which code", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/draw.ts", '?? ""', '?? "none"');
    const { stdout, code } = await rig.exp("why", "draw[2/1]");
    expect(code).toBe(0);
    expect(stdout).toContain("draw[2/1] is stale");
    expect(stdout).toMatch(/function pick[^]*rules\/draw\.ts|rules\/draw\.ts[^]*function pick/);
  });

  test("a new item says what it is", async () => {
    const rig = wordsProject();
    await rig.build();
    await rig.build(["--run", "second", "--draw.samples", "3", "prepare"]);
    rig.edit("rules/draw.ts", "{ length: config.samples }", "{ length: 1 + config.samples }");
    const done = await rig.exp("why", "draw[0/2]", "--run", "default");
    // The split has to run before its items are known.
    expect(done.stdout + done.stderr).toMatch(/not known/);
  });

  test("an item that is not there suggests one that is", async () => {
    const rig = wordsProject();
    await rig.build();
    const done = await rig.exp("why", "draw[2/7]");
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('draw has no item "2/7"');
    expect(done.stderr).toContain("Did you mean");
  });
});
