// `reproduce` and `verify`: finished actions run again as they were, and compared.

import { rmSync, truncateSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Executor } from "../src/backends/executors/executor.ts";
import { Trace } from "../src/backends/store/trace.ts";
import { recheckTarget, type RecheckContext } from "../src/engine/recheck.ts";
import { inlineContents } from "../src/engine/recorded.ts";
import { ResourcePool } from "../src/engine/resources.ts";
import type { Recheck } from "../src/model/recheck.ts";
import { makeProject, type Rig } from "./rig.ts";

/** One of each: a source file, a folder and a glob as inputs, a fan-out, a program, a gate, a tree as output. */
function wholeProject(): Rig {
  return makeProject({
    "Expfile.ts": `import { command, contract, experiments, fanOut, gate, json, list, rule, source, sourceFiles, text, tree, z } from "expfile";
const prepare = rule(
  contract({
    name: "whole/prepare",
    config: z.strictObject({ factor: z.int().default(2) }),
    inputs: { numbers: text(), folder: tree(), notes: sourceFiles(() => ["notes/*.txt"]) },
    outputs: { rows: json(), folder: tree() },
  }),
  () => import("./rules/prepare.ts"),
);
const square = fanOut(
  contract({ name: "whole/square", inputs: { rows: json(), folder: tree() }, items: { outputs: { square: json() } }, outputs: { all: json() } }),
  {
    split: () => import("./rules/square.ts").then((m) => m.split),
    recipes: { plain: () => import("./rules/square.ts").then((m) => m.plain), loud: () => import("./rules/square.ts").then((m) => m.loud) },
    merge: () => import("./rules/square.ts").then((m) => m.merge),
  },
);
const sumSpec = contract({ name: "whole/sum", inputs: { all: json() }, outputs: { sum: text() } });
const sum = rule(sumSpec, command<typeof sumSpec>({ code: ["scripts/*.sh"], argv: ({ inputs, outputs }) => ["sh", "scripts/sum.sh", inputs.all, outputs.sum] }));
const enough = gate(contract({ name: "whole/enough", inputs: { sum: text() }, outputs: {} }), () => import("./rules/enough.ts"));
export default experiments({
  main: () => {
    const prepared = prepare({ numbers: source("data/numbers.txt", text()), folder: source("data/folder", tree()) });
    const squared = square({ rows: prepared.rows, folder: prepared.folder });
    const summed = sum({ all: squared.all });
    return { prepare: prepared, square: squared, sum: summed, enough: enough({ sum: summed.sum }) };
  },
});
`,
    "rules/prepare.ts": `import { readFileSync, writeFileSync } from "node:fs";
export const recipe = async ({ config, inputs, outputs }) => {
  const numbers = (await inputs.numbers.read()).trim().split("\\n").map(Number);
  const notes = await Promise.all(inputs.notes.flat().map((note) => note.read?.() ?? readFileSync(note.path, "utf8")));
  const names = inputs.folder.files().map((name) => name + readFileSync(inputs.folder.file(name), "utf8"));
  await outputs.rows.write(numbers.map((n) => n * config.factor + notes.length + names.join("").length));
  for (const n of numbers) writeFileSync(outputs.folder.file("part-" + n + ".txt"), "part " + n + " of factor " + config.factor);
};
`,
    "rules/square.ts": `import { readFileSync } from "node:fs";
export const split = async ({ inputs }) =>
  (await inputs.rows.read()).flatMap((row) => [
    { recipe: "plain", item: row, label: "n" + row },
    { recipe: "loud", item: row, inputs: { parts: inputs.folder } },
  ]);
export const plain = async ({ item, outputs }) => outputs.square.write({ n: item, square: item * item });
export const loud = async ({ item, inputs, outputs }) =>
  outputs.square.write({ n: item, square: item * item, text: readFileSync(inputs.parts.file("part-1.txt"), "utf8").repeat(500) });
export const merge = async ({ items, outputs }) => outputs.all.write(await Promise.all(items.map(async (one) => (await one.outputs.square.read()).square)));
`,
    "rules/enough.ts": `export const recipe = async ({ inputs }) => [{ name: "sum", value: Number(await inputs.sum.read()), operator: ">", threshold: 3 }];
`,
    "scripts/sum.sh": `tr -d '[] \\n' < "$1" | tr ',' '\\n' | awk '{ s += $1 } END { printf "%d", s }' > "$2"\n`,
    "data/numbers.txt": "1\n2\n3\n",
    "data/folder/a.txt": "aa",
    "data/folder/deep/b.txt": "b",
    "notes/one.txt": "first",
    "notes/two.txt": "second",
  });
}

interface Answer {
  readonly run: string;
  readonly build: number;
  readonly restored: number;
  readonly actions: readonly Recheck[];
}

async function ask(rig: Rig, args: readonly string[], expected = 0, env: Record<string, string> = {}): Promise<Answer> {
  const done = await rig.start([...args, "--json"], { env }).finished;
  if (done.code !== expected)
    throw new Error(`exit code ${done.code}, expected ${expected}:\n${done.stdout}\n${done.stderr}`);
  return JSON.parse(done.stdout) as Answer;
}
const kinds = ({ actions }: Answer) => [...new Set(actions.map(({ verdict }) => verdict.kind))];

describe("reproduce", () => {
  test("runs everything again and finds the same", async () => {
    const rig = wholeProject();
    await rig.build();
    const answer = await ask(rig, ["reproduce", "default"]);
    expect(kinds(answer)).toEqual(["same"]);
    // prepare, split, 6 items, merge, sum, enough
    expect(answer.actions.map(({ target, part }) => `${target} ${part}`).sort()).toEqual(
      [
        "enough gate",
        "prepare recipe",
        "sum recipe",
        "square split",
        "square merge",
        ...Array<string>(6).fill("square item"),
      ].sort(),
    );
    expect(rig.has("runs/default/differs")).toBe(false);
  });

  test("needs nothing but runs/: neither sources nor Expfile nor config nor cache", async () => {
    const rig = wholeProject();
    await rig.build();
    for (const name of ["Expfile.ts", "rules", "scripts", "data", "notes", "configs", "cache", "package.json"])
      rig.remove(name);
    for (const target of ["prepare", "square", "sum", "enough"]) rig.remove(`runs/default/${target}`);
    const answer = await ask(rig, ["reproduce", "default"]);
    expect([kinds(answer), answer.actions.length]).toEqual([["same"], 11]);
    expect(answer.restored).toBeGreaterThan(0);
  });

  test("a build after it fetches what the lost cache held", async () => {
    const rig = wholeProject();
    await rig.build();
    rig.remove("cache");
    for (const target of ["prepare", "square", "sum"]) rig.remove(`runs/default/${target}`);
    await ask(rig, ["reproduce", "default"]);
    const built = await rig.build();
    expect(built.end.counts.computed).toBe(0);
    expect(rig.has("runs/default/sum/sum.txt")).toBe(true);
  });

  test("an earlier build is run again with the code, config and inputs that it had", async () => {
    const rig = wholeProject();
    await rig.build();
    rig.edit("data/numbers.txt", "3\n", "3\n10\n");
    rig.edit("rules/square.ts", "square: item * item }", "square: item * item + 1 }");
    await rig.build(["--prepare.factor", "5"]);
    rig.remove("data");
    const [first, now] = [await ask(rig, ["reproduce", "default@1"]), await ask(rig, ["reproduce", "default@2"])];
    expect([kinds(first), first.build, first.actions.length]).toEqual([["same"], 1, 11]);
    expect([kinds(now), now.build, now.actions.length]).toEqual([["same"], 2, 13]);
  });

  test("what is read and lost is made again first, also as an earlier build left it", async () => {
    const rig = wholeProject();
    await rig.build();
    // From here on only prepare stands on the new factor: what square read is made by nothing that the run stands on.
    await rig.build(["--prepare.factor", "5", "prepare"]);
    rig.remove("cache");
    for (const target of ["prepare", "square"]) rig.remove(`runs/default/${target}`);
    const answer = await ask(rig, ["reproduce", "default"]);
    expect(kinds(answer)).toEqual(["same"]);
    // prepare as it stands, and as it was.
    expect(answer.actions.filter(({ target }) => target === "prepare")).toHaveLength(2);
  });

  test("one target alone, with nothing left of what it reads", async () => {
    const rig = wholeProject();
    await rig.build();
    rig.remove("cache");
    for (const target of ["prepare", "square"]) rig.remove(`runs/default/${target}`);
    const answer = await ask(rig, ["reproduce", "default", "square"]);
    expect([kinds(answer), answer.actions.filter(({ target }) => target === "prepare").length]).toEqual([["same"], 1]);
  });

  test("what was cleaned and not built yet can be reproduced", async () => {
    const rig = wholeProject();
    await rig.build();
    await rig.exp("clean", "square");
    expect(kinds(await ask(rig, ["reproduce", "default", "square"]))).toEqual(["same"]);
  });

  test("what was cleaned is still what others had read", async () => {
    const rig = wholeProject();
    await rig.build();
    await rig.exp("clean");
    for (const command of [
      ["reproduce", "default"],
      ["reproduce", "default", "sum"],
      ["verify", "sum"],
    ])
      expect(kinds(await ask(rig, command))).toEqual(["same"]);
  });

  test("a fan-out without any items", async () => {
    const rig = wholeProject();
    rig.edit("rules/square.ts", "export const split = ", "export const split = () => [];\nexport const before = ");
    await rig.build(["square"]);
    const answer = await ask(rig, ["reproduce", "default", "square"]);
    expect(answer.actions.map(({ part, verdict }) => `${part} ${verdict.kind}`)).toEqual(["split same", "merge same"]);
  });

  test("of what has never ended says that it has shown nothing", async () => {
    const rig = wholeProject();
    rig.edit("rules/prepare.ts", "=> {", "=> {\n  throw new Error('no');");
    await rig.build([], 1);
    for (const command of [["reproduce", "default"], ["verify"]]) {
      const { code, stdout } = await rig.exp(...command);
      expect([code, stdout]).toEqual([3, expect.stringContaining("nothing to run again")]);
    }
  });

  test("names the first difference, keeps what came out, and fails", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule, text } from "expfile";
const draw = rule(contract({ name: "chance/draw", outputs: { value: json(), page: text() } }), () => import("./draw.ts"));
const read = rule(contract({ name: "chance/read", inputs: { value: json() }, outputs: { copy: json() } }), () => import("./draw.ts").then((m) => m.read));
export default experiments({ main: () => { const drawn = draw(); return { draw: drawn, read: read({ value: drawn.value }) }; } });
`,
      "draw.ts": `export const recipe = async ({ outputs }) => { await outputs.value.write({ steady: 1, list: [0, Math.random()] }); await outputs.page.write("same\\n" + process.hrtime.bigint() + "\\n"); };
export const read = async ({ inputs, outputs }) => outputs.copy.write(await inputs.value.read());
`,
    });
    await rig.build();
    const answer = await ask(rig, ["reproduce", "default"], 1);
    const drawn = answer.actions.find(({ target }) => target === "draw")!.verdict;
    if (drawn.kind !== "differs") throw new Error(drawn.kind);
    expect(drawn.differences.map(({ slot, where }) => [slot, where])).toEqual([
      ["value", "$.list[1]"],
      ["page", "line 2"],
    ]);
    expect([drawn.isDeclared, drawn.because, rig.has(`${drawn.kept}/value.json`)]).toEqual([false, [], true]);
    // What reads it is given the recorded content, not the new one.
    expect(answer.actions.find(({ target }) => target === "read")!.verdict.kind).toBe("same");
    const shown = await rig.exp("reproduce", "default");
    expect(shown.stdout).toMatch(/draw +differs/);
    expect(shown.stdout).toContain("value, $.list[1]: 0.");
    expect(shown.stdout).toContain("2 actions: 1 same, 1 differ");
  });

  test("a declared chance is told, and is no failure", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const draw = rule(contract({ name: "chance/draw", outputs: { value: json() } }), { recipe: () => import("./draw.ts"), varies: "sums on a GPU, in any order" });
export default experiments({ main: () => ({ draw: draw() }) });
`,
      "draw.ts": `export const recipe = async ({ outputs }) => outputs.value.write(Math.random());\n`,
    });
    await rig.build();
    const { actions } = await ask(rig, ["reproduce", "default"]);
    expect(actions[0]!.verdict).toMatchObject({
      kind: "differs",
      isDeclared: true,
      because: ["sums on a GPU, in any order"],
    });
    expect((await rig.exp("reproduce", "default")).stdout).toContain("it may differ: sums on a GPU, in any order");
  });

  test("a recipe that fails now is a failure that says how", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const make = rule(contract({ name: "once/make", outputs: { value: json() } }), () => import("./make.ts"));
export default experiments({ main: () => ({ make: make() }) });
`,
      "make.ts": `import { existsSync } from "node:fs";
export const recipe = async ({ outputs }) => { if (existsSync("FLAG")) throw new Error("not twice"); await outputs.value.write(1); };
`,
    });
    const flag = rig.path("flag");
    rig.edit("make.ts", "FLAG", flag);
    await rig.build();
    rig.write({ flag: "" });
    const { actions } = await ask(rig, ["reproduce", "default"], 1);
    expect(actions[0]!.verdict).toMatchObject({
      kind: "failed",
      message: expect.stringContaining("not twice") as string,
    });
  });

  test("a large source is taken from where it was, and named when it is gone", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, file, json, rule, source } from "expfile";
const size = rule(contract({ name: "large/size", inputs: { data: file(".bin") }, outputs: { size: json() } }), () => import("./size.ts"));
export default experiments({ main: () => ({ size: size({ data: source("data.bin", file(".bin")) }) }) });
`,
      "size.ts": `import { statSync } from "node:fs";
export const recipe = async ({ inputs, outputs }) => outputs.size.write(statSync(inputs.data.path).size);
`,
      "data.bin": "",
    });
    truncateSync(rig.path("data.bin"), 65 * 2 ** 20);
    await rig.build();
    expect(kinds(await ask(rig, ["reproduce", "default"]))).toEqual(["same"]);
    rig.remove("data.bin");
    const { actions } = await ask(rig, ["reproduce", "default"], 3);
    expect(actions[0]!.verdict).toMatchObject({ kind: "not-run", why: expect.stringContaining("data.bin") as string });
  });

  test("names runs, builds and targets that are not there", async () => {
    const rig = wholeProject();
    await rig.build();
    const said = async (...args: string[]) => {
      const { code, stderr } = await rig.exp("reproduce", ...args);
      return [code, stderr];
    };
    expect(await said("defualt")).toEqual([2, expect.stringContaining('Did you mean "default"?')]);
    expect(await said("default@7")).toEqual([2, expect.stringContaining('the run "default" has no build 7')]);
    expect(await said("default", "sqare")).toEqual([2, expect.stringContaining('Did you mean "square"?')]);
    expect(await said()).toEqual([2, expect.stringContaining("which run?")]);
  });
});

describe("paid calls", () => {
  function paidProject(): { rig: Rig; env: Record<string, string> } {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const judge = rule(contract({ name: "paid/judge", outputs: { answer: json() } }), { recipe: () => import("./judge.ts"), env: ["LEDGER"], secrets: ["API_KEY"] });
export default experiments({ main: () => ({ judge: judge() }) });
`,
      "judge.ts": `import { appendFileSync } from "node:fs";
export const recipe = async ({ outputs, call }) => outputs.answer.write(await call({ request: { q: 1 } }, () => {
  if (!process.env.API_KEY) throw new Error("no key");
  appendFileSync(process.env.LEDGER, "paid\\n");
  return Promise.resolve({ response: "yes", costUsd: 0.5 });
}));
`,
    });
    return { rig, env: { LEDGER: rig.path("ledger.txt"), API_KEY: "key-0123456789" } };
  }

  test("are replayed, without a key", async () => {
    const { rig, env } = paidProject();
    await rig.build([], 0, { env });
    expect(kinds(await ask(rig, ["reproduce", "default"]))).toEqual(["same"]);
    expect(kinds(await ask(rig, ["verify", "judge"], 0, { LEDGER: env.LEDGER! }))).toEqual(["same"]);
    expect(rig.read("ledger.txt")).toBe("paid\n");
  });

  test("that are not remembered are paid only when it is said", async () => {
    const { rig, env } = paidProject();
    await rig.build([], 0, { env });
    rmSync(rig.path("runs/.archive/calls"), { recursive: true });
    const { actions } = await ask(rig, ["reproduce", "default"], 3, env);
    expect(actions[0]!.verdict).toMatchObject({ kind: "not-run", why: expect.stringContaining("--paid") as string });
    expect(rig.read("ledger.txt")).toBe("paid\n");
    expect(kinds(await ask(rig, ["reproduce", "default", "--paid"], 0, env))).toEqual(["same"]);
    expect(rig.read("ledger.txt")).toBe("paid\npaid\n");
  });
});

describe("verify", () => {
  function itemsProject(recipe: string): Rig {
    return makeProject({
      "Expfile.ts": `import { contract, experiments, fanOut, json } from "expfile";
const make = fanOut(
  contract({ name: "items/make", items: { outputs: { value: json() } }, outputs: { all: json() } }),
  { split: () => import("./items.ts").then((m) => m.split), recipes: { one: () => import("./items.ts").then((m) => m.one) }, merge: () => import("./items.ts").then((m) => m.merge) },
);
export default experiments({ main: () => ({ make: make() }) });
`,
      "items.ts": `import { readFileSync } from "node:fs";
export const split = () => Array.from({ length: 30 }, (_, i) => ({ item: i }));
export const one = ${recipe};
export const merge = async ({ items, outputs }) => outputs.all.write(await Promise.all(items.map((one) => one.outputs.value.read())));
`,
    });
  }

  test("catches a recipe with state between items", async () => {
    const rig = itemsProject(
      "async ({ item, outputs }) => { globalThis.seen = (globalThis.seen ?? 0) + 1; await outputs.value.write(globalThis.seen > 1 ? item : -item - 1); }",
    );
    await rig.build(["-j", "1"]);
    const { actions } = await ask(rig, ["verify", "make", "--sample", "5"], 1);
    const items = actions.filter(({ part }) => part === "item");
    expect(items).toHaveLength(5);
    // One of thirty was the first in its worker; of five, four are not.
    expect(items.filter(({ verdict }) => verdict.kind === "differs").length).toBeGreaterThanOrEqual(4);
  });

  test("catches a read beside the code", async () => {
    const rig = itemsProject(`async ({ item, outputs }) => outputs.value.write(item + readFileSync("PATH", "utf8"))`);
    rig.edit("items.ts", "PATH", rig.path("undeclared.txt"));
    rig.write({ "undeclared.txt": "one" });
    await rig.build();
    expect(kinds(await ask(rig, ["verify"]))).toEqual(["same"]);
    rig.write({ "undeclared.txt": "two" });
    const { actions } = await ask(rig, ["verify", "--sample", "1"], 1);
    expect(actions.find(({ part }) => part === "item")!.verdict).toMatchObject({
      kind: "differs",
      differences: [{ slot: "value", where: "$", before: expect.stringContaining("one") as string }],
    });
  });

  test("ends the other items that run before it tells of an error at one", async () => {
    const rig = itemsProject("async ({ item, outputs }) => outputs.value.write(item)");
    await rig.build();
    const trace = new Trace(rig.path("runs/default"));
    const texts = inlineContents(trace);
    const told: string[] = [];
    const run: Executor["run"] = async ({ part }, settle, { stop }) => {
      if (part !== "item") return settle(0, { kind: "vanished", path: "x", tookMs: 0, costUsd: 0 });
      told.push("begun");
      if (told.length > 1) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      await new Promise((resolve) => stop.addEventListener("abort", resolve));
      told.push("stopped");
      settle(0, { kind: "not-begun" });
    };
    const context: Partial<RecheckContext> = {
      ...{ trace, nodeMajor: 20, resolveFrom: "", environment: {}, isolated: false, asMade: false, sample: Infinity },
      find: (digest) => (texts.has(digest) ? { text: texts.get(digest)! } : { path: "the archive" }),
      executor: () => ({
        executor: { name: "fake", run, close: () => Promise.resolve() },
        close: () => Promise.resolve(),
      }),
      ...{ pool: new ResourcePool({ cpu: 2 }), lanes: 2, folder: rig.path("aside"), madeAgain: new Set() },
      ...{ signal: new AbortController().signal, onChecked: () => undefined },
    };
    await expect(recheckTarget(context as RecheckContext, "make")).rejects.toMatchObject({ code: "ENOSPC" });
    expect(told).toEqual(["begun", "begun", "stopped"]);
  });

  test("runs as many items as it is told, and only the targets that it is told", async () => {
    const rig = itemsProject("async ({ item, outputs }) => outputs.value.write(item)");
    await rig.build();
    const count = async (...args: string[]) =>
      (await ask(rig, ["verify", ...args])).actions.filter(({ part }) => part === "item").length;
    expect([await count(), await count("--sample", "3"), await count("make", "--sample", "all")]).toEqual([20, 3, 30]);
    for (const command of ["verify", "reproduce default"])
      for (const sample of ["many", "0", "-1", "1.5", "1e2", "0x10", ""]) {
        const wrong = await rig.exp(...command.split(" "), `--sample=${sample}`);
        const words = `--sample takes a whole number above 0, or "all", not "${sample}"\n  --sample 20\n`;
        expect([wrong.code, wrong.stdout, wrong.stderr]).toEqual([2, "", words]);
      }
  });
});
