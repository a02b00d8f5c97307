// What recipes are given beside config and inputs: setup once a worker, vectorised items, secrets that are masked, preconditions, rules from packages.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeProject } from "./rig.ts";

const fanOutExpfile = (recipe: string, options = "") => `
import { contract, experiments, fanOut, json, type, z } from "expfile";
const spec = contract({
  name: "test/many",
  config: z.strictObject({ count: z.int().default(6) }),
  items: { settings: type<{ group: number }>(), item: type<{ n: number }>(), outputs: { value: json<{ n: number; seen: number }>() } },
  outputs: { values: json<readonly { n: number; seen: number }[]>() },
});
export type Spec = typeof spec;
const many = fanOut(spec, {
  split: () => import("./many.ts").then((m) => m.split),
  recipes: { main: { recipe: () => import("./many.ts").then((m) => m.${recipe}), reads: []${options} } },
  merge: () => import("./many.ts").then((m) => m.merge),
});
export default experiments({ main: () => ({ many: many() }) });
`;

const manyRecipes = `
import type { ItemRecipe, Merge, Split, VectorisedRecipe } from "expfile";
import type { Spec } from "./Expfile.ts";

export const split: Split<Spec> = ({ config }) =>
  Array.from({ length: config.count }, (_, n) => ({ settings: { group: n % 2 }, item: { n } }));
export const merge: Merge<Spec> = async ({ items, outputs }) =>
  outputs.values.write(await Promise.all(items.map((item) => item.outputs.value.read())));

let state = 0;
export const leaking: ItemRecipe<Spec> = async ({ item, outputs }) => outputs.value.write({ n: item.n, seen: state++ });

export const withSetup: ItemRecipe<Spec, never, { served: number }> = {
  setup: () => ({ served: 0 }),
  run: async ({ item, setup, outputs }) => outputs.value.write({ n: item.n, seen: setup.served++ }),
};

export const together: VectorisedRecipe<Spec> = {
  run: async ({ items, settings }) => {
    for (const { item, outputs } of items) await outputs.value.write({ n: item.n, seen: 100 * settings.group + items.length });
  },
};
`;

describe("items", () => {
  test("state of a module does not leak from one item to the next", async () => {
    const rig = makeProject({ "Expfile.ts": fanOutExpfile("leaking"), "many.ts": manyRecipes });
    await rig.build(["-j", "1"]);
    const values = JSON.parse(rig.read("runs/default/many/values.json")) as { seen: number }[];
    expect(values.map(({ seen }) => seen)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("setup runs once a worker for equal settings", async () => {
    const rig = makeProject({ "Expfile.ts": fanOutExpfile("withSetup"), "many.ts": manyRecipes });
    await rig.build(["-j", "1"]);
    const values = JSON.parse(rig.read("runs/default/many/values.json")) as { seen: number }[];
    // Two settings, three items each, one worker: each setup served its items in turn.
    expect(values.map(({ seen }) => seen).sort()).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test("a vectorised recipe gets the items of one setting together", async () => {
    const rig = makeProject({ "Expfile.ts": fanOutExpfile("together", ", vectorised: true"), "many.ts": manyRecipes });
    const built = await rig.build(["-j", "1", "--many.count", "40"]);
    expect(built.finished("many").counts.computed).toBe(40);
    const values = JSON.parse(rig.read("runs/default/many/values.json")) as { n: number; seen: number }[];
    expect(values.map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    for (const { n, seen } of values) expect(Math.floor(seen / 100)).toBe(n % 2);
    expect(Math.max(...values.map(({ seen }) => seen % 100))).toBeGreaterThan(1);
  });

  test("equal items are an error that shows them", async () => {
    const rig = makeProject({
      "Expfile.ts": fanOutExpfile("leaking"),
      "many.ts": manyRecipes.replace("item: { n } }", "item: { n: 1 } }"),
    });
    const { code, stdout } = await rig.exp("build");
    expect(code).toBe(1);
    expect(stdout).toContain('items 0 and 2 of the split are equal: {"n":1}');
  });

  test("what an item printed is in a log of its own", async () => {
    const recipes = manyRecipes.replace(
      "outputs.value.write({ n: item.n, seen: state++ })",
      "{ console.log(`item ${item.n}`); await outputs.value.write({ n: item.n, seen: 0 }); }",
    );
    const rig = makeProject({ "Expfile.ts": fanOutExpfile("leaking"), "many.ts": recipes });
    await rig.build();
    expect(rig.read("runs/default/logs/many/00003.log")).toBe("item 3\n");
  });

  test("independent work in shuffled order gives the same result", async () => {
    const results = await Promise.all(
      ["1", "2", "3"].map(async (seed) => {
        const rig = makeProject({ "Expfile.ts": fanOutExpfile("leaking"), "many.ts": manyRecipes });
        await rig.build([], 0, { env: { EXP_SHUFFLE: seed } });
        return rig.read("runs/default/many/values.json");
      }),
    );
    expect(new Set(results).size).toBe(1);
  });
});

describe("secrets", () => {
  const project = (argv: string) => ({
    "Expfile.ts": `
import { command, contract, experiments, rule, text } from "expfile";
const spec = contract({ name: "test/secret", outputs: { out: text() } });
const ask = rule(spec, { recipe: () => import("./ask.ts"), secrets: ["API_KEY"], reads: [] });
const shell = rule(spec, command({ code: ["code.sh"], argv: () => ["sh", "code.sh", ${argv}], secrets: ["API_KEY"] }));
export default experiments({ main: () => ({ ask: ask(), shell: shell() }) });
`,
    "ask.ts": `
export const recipe = async ({ outputs, log }) => {
  log("the key is " + process.env.API_KEY);
  console.error(JSON.stringify({ key: process.env.API_KEY }));
  await outputs.out.write(String(process.env.API_KEY.length));
};
`,
    "code.sh": 'echo "key: $API_KEY"; printf done > "$1"; [ "$2" != fail ] || { echo "$API_KEY" >&2; exit 3; }\n',
  });
  const secret = "sk-abcdef0123456789";

  test("never reach a log, run.yaml, the trace or the cache", async () => {
    const rig = makeProject(project('"out/out.txt"'));
    await rig.build([], 0, { env: { API_KEY: secret } });
    expect(rig.read("runs/default/ask/out.txt")).toBe(String(secret.length));
    expect(rig.read("runs/default/logs/ask.log")).toBe('the key is ‹API_KEY›\n{"key":"‹API_KEY›"}\n');
    expect(rig.read("runs/default/logs/shell.log")).toBe("key: ‹API_KEY›\n");
    const { execFileSync } = await import("node:child_process");
    const found = execFileSync("sh", ["-c", `grep -rl ${secret} runs cache || true`], {
      cwd: rig.root,
      encoding: "utf8",
    });
    expect(found).toBe("");
  });

  test("are masked in the message of a failure", async () => {
    const rig = makeProject(project('"out/out.txt", "fail"'));
    const { code, stdout } = await rig.start(["build", "shell"], { env: { API_KEY: secret } }).finished;
    expect(code).toBe(1);
    expect(stdout).toContain("‹API_KEY›");
    expect(stdout).not.toContain(secret);
  });

  test("that are missing are named with what to do, when something has to run", async () => {
    const rig = makeProject(project('"out/out.txt"'));
    const { code, stdout } = await rig.exp("build", "ask");
    expect(code).toBe(2);
    expect(stdout).toContain("the secret API_KEY is not set");
    expect(stdout).toContain("API_KEY=… in the file .env");
  });

  test("another value of a secret makes nothing stale", async () => {
    const rig = makeProject(project('"out/out.txt"'));
    await rig.build([], 0, { env: { API_KEY: secret } });
    for (const env of [{ API_KEY: "sk-another-key-000" }, {}]) {
      const again = await rig.build([], 0, { env });
      expect(again.end.outcome).toBe("up-to-date");
    }
  });
});

test("an input that is not as its rule demands stops the target before it runs", async () => {
  const rig = makeProject({
    "Expfile.ts": `
import { contract, experiments, rule, table, text } from "expfile";
const columns = { n: "int32" } as const;
const make = rule(contract({ name: "test/make", outputs: { rows: table(columns) } }), () => import("./recipes.ts").then((m) => m.make));
const use = rule(contract({ name: "test/use", inputs: { rows: table(columns, { minRows: 3 }) }, outputs: { out: text() } }), () => import("./recipes.ts").then((m) => m.use));
export default experiments({ main: () => { const made = make(); return { make: made, use: use({ rows: made.rows }) }; } });
`,
    "recipes.ts": `
import { writeTable } from "expfile/table";
export const make = ({ outputs }) => writeTable(outputs.rows, { n: "int32" }, [{ n: 1 }]);
export const use = ({ outputs }) => outputs.out.write("used");
`,
  });
  const { code, stdout } = await rig.exp("build");
  expect(code).toBe(1);
  expect(stdout).toContain('the input "rows" of use is not as its rule demands');
  expect(rig.has("runs/default/use/out.txt")).toBe(false);
});

test("a rule that lives in an npm package works the same way", async () => {
  const rig = makeProject({
    "Expfile.ts": `
import { experiments } from "expfile";
import { greet } from "greeting-rules";
export default experiments({ main: () => ({ greet: greet() }) });
`,
    "node_modules/greeting-rules/package.json":
      '{ "name": "greeting-rules", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
    "node_modules/greeting-rules/index.js": `
import { contract, rule, text } from "expfile";
export const greet = rule(contract({ name: "greeting/greet", outputs: { out: text() } }), () => import("./greet.js"));
`,
    "node_modules/greeting-rules/greet.js": `
import { greeting } from "./words.js";
export const recipe = ({ outputs }) => outputs.out.write(greeting);
`,
    "node_modules/greeting-rules/words.js": 'export const greeting = "hello";',
  });
  await rig.build();
  expect(readFileSync(rig.path("runs/default/greet/out.txt"), "utf8")).toBe("hello");
  rig.write({ "node_modules/greeting-rules/words.js": 'export const greeting = "good day";' });
  const built = await rig.build();
  expect(built.targets).toEqual({ greet: "computed" });
  expect(rig.read("runs/default/greet/out.txt")).toBe("good day");
});

test("an output lies under the name that its rule gives it, and two that would be one file are refused", async () => {
  const expfile = (name: string) => `
import { contract, experiments, named, rule, text } from "expfile";
const write = rule(contract({ name: "test/named", outputs: { report: text(".md"), notes: named("${name}", text(".md")) } }), () => import("./write.ts"));
export default experiments({ main: () => ({ write: write() }) });
`;
  const rig = makeProject({
    "Expfile.ts": expfile("about"),
    "write.ts":
      'export const recipe = async ({ outputs }) => { await outputs.report.write("r"); await outputs.notes.write("n"); };',
  });
  await rig.build();
  expect(rig.read("runs/default/write/about.md")).toBe("n");
  rig.write({ "Expfile.ts": expfile("comments") });
  const renamed = await rig.build();
  expect(renamed.targets).toEqual({ write: "cached" });
  expect(rig.read("runs/default/write/comments.md")).toBe("n");
  rig.write({ "Expfile.ts": expfile("report") });
  const { code, stderr } = await rig.exp("build");
  expect(code).toBe(2);
  expect(stderr).toContain('two outputs would both be the file "report.md"');
});
