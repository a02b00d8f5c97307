// `exp why` and the one-line reasons of plans and builds, as a reader sees them.

import { cpSync, readdirSync, renameSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Reason } from "../src/model/reason.ts";
import { makeProject, type Finished, type Rig } from "./rig.ts";
import { wordsProject } from "./words.fixture.ts";

async function why(rig: Rig, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await rig.exp("why", ...args);
  if (code !== 0) throw new Error(`exit code ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** Without the first line, which tells times. */
async function reasons(rig: Rig, ...args: readonly string[]): Promise<string> {
  return (await why(rig, ...args)).split("\n").slice(1).join("\n");
}

async function builtWords(): Promise<Rig> {
  const rig = wordsProject();
  await rig.build();
  return rig;
}

describe("while something upstream is due", () => {
  test("code and config of the target itself are told beside it", async () => {
    const rig = await builtWords();
    rig.edit("data/fruit.txt", "apple", "apricot");
    rig.edit("rules/scoring/four.ts", "* 10", "* 20");
    rig.write({ "configs/default.yaml": `${rig.read("configs/default.yaml")}judge:\n  weight: 2\n` });
    expect(await why(rig, "judge")).toContain("judge is not known yet");
    expect(await reasons(rig, "judge")).toBe(`  code: 1 place in 1 file
    rules/scoring/four.ts
      ~  3  function four
  config judge.weight: 1 → 2
  depends on draw, which has to run first
`);
    const plan = await rig.exp("plan");
    expect(plan.stdout).toMatch(/judge +unknown .*code: function four in rules\/scoring\/four\.ts, line 3 changed\n/);
  });

  test("what upstream results decide is not guessed at", async () => {
    const rig = await builtWords();
    rig.edit("data/fruit.txt", "apple", "apricot");
    expect(await reasons(rig, "judge")).toBe("  depends on draw, which has to run first\n");
  });

  test("an item tells what changed of its own recipe", async () => {
    const rig = await builtWords();
    rig.edit("data/fruit.txt", "apple", "apricot");
    rig.edit("rules/draw.ts", '?? ""', '?? "none"');
    expect(await why(rig, "draw[2/1]")).toMatch(/^draw\[2\/1\] is not known yet\n/);
    expect(await reasons(rig, "draw[2/1]")).toBe(`  code: 1 place in 1 file
    rules/draw.ts
      ~  15–18  function pick
  depends on prepare, which has to run first
`);
  });
});

describe("an item", () => {
  test("that the last split did not have is no item, whatever is due", async () => {
    const rig = await builtWords();
    rig.edit("data/fruit.txt", "apple", "apricot");
    const done = await rig.exp("why", "draw[2/7]");
    expect(done).toMatchObject({ code: 2, stdout: "" });
    expect(done.stderr).toBe(
      'draw had no item "2/7" when it was last built; those to come are not known before its split has run\n' +
        '  Did you mean "draw[2/0]"?\n',
    );
    expect((await rig.exp("why", "draw[none of them]")).stderr).toContain("  It had 4, from 0/0 to 2/1.\n");
    expect((await rig.exp("why", "draw[]")).code).toBe(2);
  });

  test("before any split has run, items are not known", async () => {
    const done = await wordsProject().exp("why", "draw[0/0]");
    expect(done).toMatchObject({ code: 2, stdout: "" });
    expect(done.stderr).toContain("the items of draw are not known before its split has run");
  });

  test("is not asked of a target without items; the advice is for the run that was asked about", async () => {
    const rig = await builtWords();
    await rig.build(["--run", "half"]);
    expect((await rig.exp("why", "prepare[0]")).stderr).toBe("prepare has no items\n  exp why prepare\n");
    expect((await rig.exp("why", "prepare[0]", "--run", "half")).stderr).toBe(
      "prepare has no items\n  exp why prepare --run half\n",
    );
  });

  test("is found by a piece of its label", async () => {
    const rig = makeFan();
    await rig.build();
    expect((await rig.exp("why", "fan[alpha/anan]")).stderr).toContain('Did you mean "fan[alpha/banana]"?');
  });

  test("whose split has to run again says so", async () => {
    const rig = await builtWords();
    expect(await reasons(rig, "draw[0/1]", "--draw.samples", "3")).toBe(
      "  which items draw has is known when its split has run again\n",
    );
  });

  test("tells which input changed, and which of its settings", async () => {
    const rig = makeFan();
    await rig.build();
    rig.edit("data/alpha.txt", "one", "one two");
    // An item fails, so that the split is done and the others are still due.
    rig.edit("fan.ts", "// guard", 'if (item.name === "cherry") throw new Error("no");');
    await rig.build([], 1);
    expect(await reasons(rig, "fan[alpha/cherry]")).toContain("input words (data/alpha.txt): 3 B → 7 B\n");
    expect(await reasons(rig, "fan[beta/cherry]")).not.toContain("input words");
    rig.edit("fan.ts", 'size: "small"', 'size: "large"');
    await rig.build([], 1);
    expect(await reasons(rig, "fan[beta/cherry]")).toContain(
      "item: {settings: {size: small}} → {settings: {size: large}}",
    );
  });

  test("that is new says what it is", async () => {
    const rig = makeFan();
    await rig.build();
    rig.edit("fan.ts", '["banana", "cherry"]', '["banana", "cherry", "date"]');
    rig.edit("fan.ts", "// guard", 'if (item.name === "date") throw new Error("no");');
    await rig.build([], 1);
    expect(await reasons(rig, "fan[beta/date]")).toBe("  new item {settings: {size: small}, item: {name: date}}\n");
  });
});

describe("config", () => {
  const arms = (text: string): string => `version: 1\narms:\n${text}draw:\n  samples: 2\n`;

  test("arms are told by name, one reason for all that came and went", async () => {
    const rig = await builtWords();
    rig.write({ "configs/default.yaml": arms("  near: { offset: 0 }\n  wide: { offset: 3 }\n") });
    expect(await reasons(rig, "draw")).toBe("  config arms: + wide, − far\n");
    const built = await rig.exp("build");
    expect(built.stdout).toMatch(/draw +computed .*config arms: \+ wide, − far\n/);
    expect(await reasons(rig, "draw", "--build", "2")).toBe("  config arms: + wide, − far\n");
  });

  test("an arm with other settings keeps its name", async () => {
    const rig = await builtWords();
    rig.edit("configs/default.yaml", "offset: 2", "offset: 4");
    expect(await reasons(rig, "draw")).toBe("  config arms.far.offset: 2 → 4\n");
  });

  test("an arm that went away after it was renamed has its last name", async () => {
    const rig = await builtWords();
    rig.edit("configs/default.yaml", "far:", "distant:");
    expect(await reasons(rig, "report")).toBe("  arm renamed: far → distant\n");
    await rig.build();
    rig.edit("configs/default.yaml", "  distant: { offset: 2 }\n", "");
    expect(await reasons(rig, "draw")).toBe("  config arms: − distant\n");
  });

  test("a source that is added is one member, and its file is named", async () => {
    const rig = await builtWords();
    rig.write({
      "more/nuts.txt": "almond\n",
      "configs/default.yaml": `${rig.read("configs/default.yaml")}prepare:\n  sources: [data/*.txt, more/*.txt]\n`,
    });
    expect(await reasons(rig, "prepare")).toBe(`  config prepare.sources: + "more/*.txt"
  input files: 1 file added
    +  more/nuts.txt  7 B
`);
  });
});

describe("files of an input", () => {
  test("that came, went and changed are named", async () => {
    const rig = await builtWords();
    rig.write({ "data/beans.txt": "pea\n" });
    rig.remove("data/herbs.txt");
    rig.edit("data/fruit.txt", "apple", "apricot");
    const text = `  input files: 1 file changed, 1 added, 1 removed
    +  data/beans.txt  4 B
    ~  data/fruit.txt  18 B → 20 B
    −  data/herbs.txt  10 B
`;
    expect(await reasons(rig, "prepare")).toBe(text);
    const built = await rig.exp("build");
    expect(built.stdout).toContain("input files: data/beans.txt added, data/fruit.txt changed and 1 more file");
    expect(await reasons(rig, "prepare")).toBe(text);
  });

  test("that were renamed into another order have another order", async () => {
    const rig = await builtWords();
    renameSync(rig.path("data/fruit.txt"), rig.path("data/zest.txt"));
    expect(await reasons(rig, "prepare")).toBe("  input files: 2 files in another order\n");
  });

  test("of a folder are named", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule, source, tree } from "expfile";
const spec = contract({ name: "list", inputs: { folder: tree() }, outputs: { names: json() } });
const list = rule(spec, () => import("./list.ts"));
export default experiments({ main: () => ({ list: list({ folder: source("data", tree()) }) }) });
`,
      "list.ts": `export const recipe = async ({ inputs, outputs }) => outputs.names.write(inputs.folder.files());\n`,
      "data/a.txt": "a\n",
      "data/b/c.txt": "c\n",
    });
    await rig.build();
    rig.write({ "data/a.txt": "aa\n", "data/new.txt": "n\n" });
    rig.remove("data/b/c.txt");
    expect(await reasons(rig, "list")).toBe(`  input folder: 1 file changed, 1 added, 1 removed
    ~  a.txt    2 B → 3 B
    −  b/c.txt  2 B
    +  new.txt  2 B
`);
  });
});

describe("a fan-out", () => {
  test("tells of all its parts at once, each thing once", async () => {
    const rig = await builtWords();
    rig.edit("rules/draw.ts", '?? ""', '?? "none"');
    rig.edit("data/fruit.txt", "apple", "apricot");
    await rig.build(["prepare", "--draw.samples", "3"]);
    expect(await reasons(rig, "draw")).toMatch(
      /^ {2}config draw\.samples: 2 → 3\n {2}input lexicon: [^\n]*\n {2}code: 1 place in 1 file\n {4}rules\/draw\.ts\n.*function pick\n$/,
    );
    await rig.build();
    expect((await reasons(rig, "draw")).match(/input lexicon/g)).toHaveLength(1);
  });

  test("whose code goes back to what it was names the code, in a plan, in a build and afterwards", async () => {
    const rig = await builtWords();
    rig.edit("rules/draw.ts", '?? ""', '?? "none"');
    rig.edit("rules/draw.ts", "lexicon.length] ??", "lexicon.length]?.toUpperCase() ??");
    await rig.build();
    rig.edit("rules/draw.ts", "?.toUpperCase()", "");
    rig.edit("rules/draw.ts", '?? "none"', '?? ""');
    const code = "code: function pick in rules/draw.ts, lines 15–18 changed";
    expect((await rig.exp("plan", "draw")).stdout).toContain(code);
    expect((await rig.exp("build", "draw")).stdout).toContain(code);
    expect(rig.read("runs/default/history.jsonl").split("\n").at(-2)).toContain(code);
  });

  test("whose recipe takes items together says so", async () => {
    const rig = makeFan();
    await rig.build();
    rig.edit("Expfile.ts", "m.one)", "m.many), vectorised: true");
    rig.edit("Expfile.ts", "one: () =>", "one: { recipe: () =>");
    rig.edit("Expfile.ts", "vectorised: true }", "vectorised: true } }");
    expect(await reasons(rig, "fan")).toContain("  vectorised: false → true\n");
  });
});

describe("names", () => {
  test("a renamed target has the work that was done under its old name", async () => {
    const rig = await builtWords();
    rig.edit("Expfile.ts", "draw: drawn,", "sample: drawn,");
    rig.edit("configs/default.yaml", "draw:", "sample:");
    expect(await reasons(rig, "sample")).toBe("  nothing differs: draw had the same work done\n");
    await rig.build();
    expect(await reasons(rig, "sample")).toBe("  nothing differs: draw had the same work done\n");
    expect(await reasons(rig, "sample", "--sample.samples", "3")).toBe("  config sample.samples: 2 → 3\n");
  });

  test("a function that changed in a renamed file is one change", async () => {
    const rig = await builtWords();
    renameSync(rig.path("rules/scoring/vowels.ts"), rig.path("rules/scoring/letters.ts"));
    rig.edit("rules/scoring/four.ts", "./vowels.ts", "./letters.ts");
    rig.edit("rules/scoring/letters.ts", "return [...word]", "return [..." + "(word)]");
    rig.edit("rules/scoring/letters.ts", "aeiou", "aeiouy");
    expect(await reasons(rig, "judge")).toBe(`  code: 1 place in 1 file
    rules/scoring/letters.ts
      ~  1  const vowels
`);
  });
});

describe("of a past build", () => {
  test("one that failed tells what failed and why it was tried", async () => {
    const rig = await builtWords();
    rig.edit(
      "rules/judge.ts",
      "const drawn =",
      'if (config.weight === 2) throw new Error("no twos");\n  const drawn =',
    );
    await rig.build(["--judge.weight", "2"], 1);
    const told = await why(rig, "judge", "--build", "2");
    expect(told).toMatch(/^judge failed in build 2, /);
    expect(told).toContain("no twos");
    expect(told).toContain("tried for code: function recipe in rules/judge.ts, lines 5–11 changed (+1 more)");
    expect(await why(rig, "report", "--build", "2")).toMatch(
      /^report was not made in build 2, .*, which failed\n {2}it kept its result of build 1\n$/,
    );
    // The result is compared with, not the try that failed.
    expect(await reasons(rig, "judge", "--judge.weight", "3")).toContain("config judge.weight: 1 → 3\n");
  });

  test("one that did not touch the target says whose result it kept", async () => {
    const rig = await builtWords();
    await rig.build(["--judge.weight", "2"]);
    expect(await why(rig, "draw", "--build", "2")).toMatch(
      /^draw was not made in build 2, .*\n {2}it kept its result of build 1\n$/,
    );
  });

  test("one after a clean says so", async () => {
    const rig = await builtWords();
    await rig.exp("clean", "judge");
    await rig.build();
    expect(await reasons(rig, "judge")).toMatch(/^ {2}cleaned /);
    expect(await reasons(rig, "judge", "--build", "2")).toMatch(/^ {2}cleaned /);
    await rig.build(["--judge.weight", "2"]);
    expect(await reasons(rig, "judge")).toBe("  config judge.weight: 1 → 2\n");
  });

  test.each<[readonly string[], string]>([
    [["--build", "7"], "run default has no build 7\n  It has 1 build, 1 to 1: exp runs show default\n"],
    [
      ["--build", "x"],
      '--build takes the number of a build, not "x"\n  exp runs show RUN lists its builds: run@3 is number 3.\n',
    ],
  ])("%o is an error", async (flags, message) => {
    const rig = await builtWords();
    const done: Finished = await rig.exp("why", "judge", ...flags);
    expect(done).toMatchObject({ code: 2, stdout: "", stderr: message });
  });

  test("items have none", async () => {
    const rig = await builtWords();
    const done = await rig.exp("why", "draw[2/1]", "--build", "1");
    expect(done).toMatchObject({ code: 2, stderr: "--build tells of whole targets\n  exp why draw --build 1\n" });
  });
});

test("as JSON, reasons and what a past build did have their parts", async () => {
  const rig = await builtWords();
  rig.write({ "data/beans.txt": "pea\n" });
  rig.edit("configs/default.yaml", "  far: { offset: 2 }\n", "");
  const stale = JSON.parse(await why(rig, "prepare", "draw", "--json")) as { state: string; reasons: Reason[] }[];
  expect(stale.map(({ state }) => state)).toEqual(["stale", "unknown"]);
  expect(stale[0]!.reasons).toMatchObject([
    {
      kind: "input",
      slot: "files",
      before: { files: 2 },
      after: { files: 3 },
      files: [{ change: "added", file: "data/beans.txt" }],
    },
  ]);
  expect(stale[1]!.reasons).toEqual([
    { kind: "members", path: "arms", added: [], removed: [{ name: "far", value: { offset: 2 } }] },
    { kind: "upstream", target: "prepare" },
  ]);
  const [past] = JSON.parse(await why(rig, "judge", "--build", "1", "--json")) as object[];
  expect(past).toMatchObject({
    target: "judge",
    state: "fresh",
    build: { number: 1, did: "computed", outcome: "done" },
  });
});

test("a copy of a project, cache and all, goes by its own files", async () => {
  const rig = await builtWords();
  const copy = makeProject({});
  for (const name of readdirSync(rig.root).filter((entry) => entry !== "node_modules"))
    cpSync(rig.path(name), copy.path(name), { recursive: true });
  copy.edit("rules/scoring/four.ts", "* 10", "* 20");
  expect(await reasons(copy, "judge")).toContain("function four");
  copy.edit("Expfile.ts", "judge: judged,", "judged,");
  expect((await copy.exp("plan")).stdout).toContain("judged");
  expect(await why(rig, "judge")).toContain("judge is fresh");
});

/** Two sources × two names; each item reads its source. */
function makeFan(): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, fanOut, json, source, text, type } from "expfile";
const spec = contract({
  name: "test/fan",
  inputs: { alpha: text(), beta: text() },
  items: { settings: type(), item: type(), inputs: { words: text() }, outputs: { value: json() } },
  outputs: { all: json() },
});
const fan = fanOut(spec, {
  split: () => import("./fan.ts").then((m) => m.split),
  recipes: { one: () => import("./fan.ts").then((m) => m.one) },
  merge: () => import("./fan.ts").then((m) => m.merge),
});
export default experiments({
  main: () => ({ fan: fan({ alpha: source("data/alpha.txt", text()), beta: source("data/beta.txt", text()) }) }),
});
`,
    "fan.ts": `export const split = ({ inputs }) =>
  ["alpha", "beta"].flatMap((slot) =>
    ["banana", "cherry"].map((name) => ({
      settings: { size: "small" }, item: { name }, label: slot + "/" + name, inputs: { words: inputs[slot] },
    })),
  );
export const one = async ({ item, inputs, outputs }) => {
  // guard
  await outputs.value.write(item.name + (await inputs.words.read()));
};
export const many = { run: async ({ items }) => {
  for (const { item, outputs } of items) await outputs.value.write(item.name);
} };
export const merge = async ({ items, outputs }) => outputs.all.write(items.length);
`,
    "data/alpha.txt": "one",
    "data/beta.txt": "two",
  });
}
