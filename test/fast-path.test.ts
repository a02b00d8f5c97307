// "up to date" is said only when everything that was looked at is as it was. Each test makes one edit that changes a result.

import { mkdirSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "./rig.ts";

/** One target that reads everything a build can look at and writes it down. */
function lookProject(more: Readonly<Record<string, string>> = {}): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, json, rule, sourceFiles, z } from "expfile";
import { suffix } from "./settings.js";
const spec = contract({
  name: "look",
  config: z.strictObject({ word: z.string().default("word"), suffix: z.string().default(suffix + (process.env.IN_EXPFILE ?? "")) }),
  inputs: { files: sourceFiles(() => ["data/**/*.txt"]) },
  outputs: { seen: json() },
});
const look = rule(spec, { recipe: () => import("./look.ts"), env: ["DECLARED"] });
export default experiments({ main: () => ({ look: look() }) });
`,
    "settings.js": 'export const suffix = "!";\n',
    "look.ts": `import { readFileSync } from "node:fs";
import { helper } from "./helper";
import { alias } from "#alias";
import text from "./text.md";
export const recipe = async ({ config, inputs, outputs }) => {
  const files = inputs.files.flat().map((file) => readFileSync(file.path, "utf8"));
  await outputs.seen.write({ files, config, helper: helper(), alias, text, declared: process.env.DECLARED ?? null });
};
`,
    "helper.js": 'export const helper = () => "helper";\n',
    "first/alias.ts": 'export const alias = "first";\n',
    "second/alias.ts": 'export const alias = "second";\n',
    "text.md": "text\n",
    "tsconfig.json": '{ "compilerOptions": { "paths": { "#alias": ["./first/alias.ts"] } } }\n',
    "data/a.txt": "a",
    "data/deep/b.txt": "b",
    ...more,
  });
}
const seen = (rig: Rig) => JSON.parse(rig.read("runs/default/look/seen.json")) as Record<string, unknown>;

const upToDate = "up to date · run default\n";

describe("nothing to do", () => {
  test("the second build says so, and the third without being loaded", async () => {
    const rig = lookProject();
    await rig.build();
    expect((await rig.exp("build")).stdout).toBe(upToDate);
    expect(rig.has("cache/stamps")).toBe(true);
    expect((await rig.exp("build")).stdout).toBe(upToDate);
  });

  test("as JSON it is the same two events", async () => {
    const rig = lookProject();
    await rig.build();
    for (let round = 0; round < 2; round++) {
      const built = await rig.build();
      expect(built.events.map(({ kind }) => kind)).toEqual(["build-started", "build-finished"]);
      expect(built.end).toMatchObject({ outcome: "up-to-date", run: "default", counts: { computed: 0 } });
    }
  });

  test("a build of other targets, another run or another folder is not answered by its stamp", async () => {
    const rig = lookProject();
    await rig.exp("build");
    expect((await rig.exp("build")).stdout).toBe(upToDate);
    expect((await rig.exp("build", "--run", "second")).stdout).toContain("cached");
    mkdirSync(rig.path("sub"));
    const inside = await rig.start(["build"], { cwd: rig.path("sub") }).finished;
    expect(inside.stdout).toBe(upToDate);
  });

  test.each([
    ["a folder", "tree()", '{ data: source("data", tree()) }'],
    ["a folder, with a slash behind it,", "tree()", '{ data: source("data/deep/", tree()) }'],
    ["a file", "text()", '{ data: source("data/deep/b.txt", text()) }'],
    ["a glob", 'sourceFiles(() => ["data/**/*.txt"])', ""],
  ])("%s as an input can be stamped", async (_, slot, given) => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, rule, source, sourceFiles, text, tree } from "expfile";
void [source, sourceFiles, text];
const spec = contract({ name: "look", inputs: { data: ${slot} }, outputs: { made: tree() } });
const look = rule(spec, { recipe: () => import("./look.ts") });
export default experiments({ main: () => ({ look: look(${given}) }) });
`,
      "look.ts": `import { writeFileSync } from "node:fs";
export const recipe = async ({ outputs }) => writeFileSync(outputs.made.file("deep/one.txt"), "1");
`,
      "data/a.txt": "a",
      "data/deep/b.txt": "b",
    });
    await rig.build();
    expect(readdirSync(rig.path("cache/stamps"))).toHaveLength(1);
    expect((await rig.build()).end).toMatchObject({ outcome: "up-to-date" });
    rig.write({ "data/deep/b.txt": "B", "data/a.txt": "A" });
    expect((await rig.build()).end).toMatchObject({ outcome: "done", counts: { computed: 1 } });
  });

  test("a failed build leaves no stamp behind", async () => {
    const rig = lookProject();
    await rig.exp("build");
    rig.edit("look.ts", "const files", 'throw new Error("no");\n  const files');
    expect((await rig.exp("build")).code).toBe(1);
    expect((await rig.exp("build")).code).toBe(1);
  });
});

describe("an edit is seen", () => {
  const edits: readonly (readonly [what: string, edit: (rig: Rig) => void, key: string, value: unknown])[] = [
    ["source data", (rig) => rig.write({ "data/a.txt": "A" }), "files", ["A", "b"]],
    ["source data in a deeper folder", (rig) => rig.write({ "data/deep/b.txt": "B" }), "files", ["a", "B"]],
    ["a new file that matches a glob", (rig) => rig.write({ "data/c.txt": "c" }), "files", ["a", "c", "b"]],
    ["a new file in a deeper folder", (rig) => rig.write({ "data/deep/c.txt": "c" }), "files", ["a", "b", "c"]],
    ["a new file in a new folder", (rig) => rig.write({ "data/new/c.txt": "c" }), "files", ["a", "b", "c"]],
    ["a removed file", (rig) => rig.remove("data/a.txt"), "files", ["b"]],
    [
      "a file renamed so that it matches no more",
      (rig) => renameSync(rig.path("data/a.txt"), rig.path("data/a.md")),
      "files",
      ["b"],
    ],
    [
      "the config",
      (rig) => rig.write({ "configs/default.yaml": "version: 1\nlook: { word: other }\n" }),
      "config",
      { word: "other", suffix: "!" },
    ],
    ["a helper", (rig) => rig.write({ "helper.js": 'export const helper = () => "edited";\n' }), "helper", "edited"],
    ["an imported text", (rig) => rig.write({ "text.md": "other\n" }), "text", "other\n"],
    [
      "the Expfile",
      (rig) => rig.edit("Expfile.ts", 'default("word")', 'default("other")'),
      "config",
      { word: "other", suffix: "!" },
    ],
    ["what the Expfile imports", (rig) => rig.edit("settings.js", "!", "?"), "config", { word: "word", suffix: "?" }],
    [
      "a file that shadows the one imported without an extension",
      (rig) => rig.write({ "helper.ts": 'export const helper = () => "shadow";\n' }),
      "helper",
      "shadow",
    ],
    ["the tsconfig's paths", (rig) => rig.edit("tsconfig.json", "first", "second"), "alias", "second"],
    ["a file of the same size and the same time", sameSizeSameTime, "files", ["A", "b"]],
  ];

  function sameSizeSameTime(rig: Rig): void {
    const past = new Date("2020-01-01T00:00:00Z");
    writeFileSync(rig.path("data/a.txt"), "A");
    utimesSync(rig.path("data/a.txt"), past, past);
  }

  test.each(edits)("%s", async (_what, edit, key, value) => {
    const rig = lookProject();
    await rig.exp("build");
    expect((await rig.exp("build")).stdout).toBe(upToDate);
    edit(rig);
    const done = await rig.exp("build");
    expect(done.code).toBe(0);
    expect(done.stdout).not.toBe(upToDate);
    expect(seen(rig)[key]).toEqual(value);
  });

  test("a declared variable", async () => {
    const rig = lookProject();
    await rig.start(["build"], { env: { DECLARED: "one" } }).finished;
    expect((await rig.start(["build"], { env: { DECLARED: "one" } }).finished).stdout).toBe(upToDate);
    await rig.start(["build"], { env: { DECLARED: "two" } }).finished;
    expect(seen(rig).declared).toBe("two");
    await rig.exp("build");
    expect(seen(rig).declared).toBe(null);
  });

  test("a variable that the Expfile reads", async () => {
    const rig = lookProject();
    await rig.exp("build");
    await rig.start(["build"], { env: { IN_EXPFILE: "?" } }).finished;
    expect(seen(rig).config).toEqual({ word: "word", suffix: "!?" });
  });

  test("a variable that an experiment reads when it is declared", async () => {
    const rig = lookProject();
    rig.edit("Expfile.ts", "look: look()", 'look: look({}, { config: process.env.SECTION ?? "look" })');
    rig.write({ "configs/default.yaml": "version: 1\nlook: { word: one }\n" });
    await rig.exp("build");
    expect((await rig.exp("build")).stdout).toBe(upToDate);
    const done = await rig.start(["build"], { env: { SECTION: "other" } }).finished;
    expect(done.stdout + done.stderr).toContain('unknown key "look"');
  });

  test("a variable that a pattern reads, when it is asked", async () => {
    const rig = lookProject();
    rig.edit("Expfile.ts", '["data/**/*.txt"]', '[(process.env.DATA ?? "data") + "/**/*.txt"]');
    rig.write({ "elsewhere/z.txt": "z" });
    await rig.exp("build");
    expect((await rig.exp("build")).stdout).toBe(upToDate);
    await rig.start(["build"], { env: { DATA: "elsewhere" } }).finished;
    expect(seen(rig).files).toEqual(["z"]);
  });

  test("an output that was edited, and one that was removed", async () => {
    const rig = lookProject();
    await rig.exp("build");
    const right = rig.read("runs/default/look/seen.json");
    rig.write({ "runs/default/look/seen.json": right.replace("word", "WORD") });
    expect((await rig.exp("build")).stdout).toContain("set-aside");
    expect(rig.read("runs/default/look/seen.json")).toBe(right);
    rig.remove("runs/default/look");
    await rig.exp("build");
    expect(rig.read("runs/default/look/seen.json")).toBe(right);
  });

  test("a clean", async () => {
    const rig = lookProject();
    await rig.exp("build");
    await rig.exp("clean", "look");
    expect((await rig.exp("build")).stdout).toContain("computed");
  });

  test("the tsconfig of an inner folder", async () => {
    const rig = lookProject({ "inner/tsconfig.json": "{}", "look.ts": 'export { recipe } from "./inner/look.ts";\n' });
    rig.remove("tsconfig.json");
    rig.write({
      "inner/look.ts":
        'import { alias } from "#alias";\nexport const recipe = async ({ outputs }) => outputs.seen.write({ alias });\n',
      "inner/tsconfig.json": '{ "compilerOptions": { "paths": { "#alias": ["../first/alias.ts"] } } }\n',
    });
    await rig.exp("build");
    expect(seen(rig).alias).toBe("first");
    rig.write({ "inner/tsconfig.json": '{ "compilerOptions": { "paths": { "#alias": ["../second/alias.ts"] } } }\n' });
    await rig.exp("build");
    expect(seen(rig).alias).toBe("second");
  });
});

describe("the clock's tick", () => {
  test("an edit right after a build is never missed", async () => {
    const rig = lookProject();
    for (let round = 0; round < 12; round++) {
      const text = String.fromCharCode(97 + round);
      writeFileSync(rig.path("data/a.txt"), text);
      await rig.exp("build");
      expect(seen(rig).files).toEqual([text, "b"]);
    }
  });

  test("an edit while a build ends is never missed", async () => {
    const rig = lookProject();
    for (let round = 0; round < 6; round++) {
      const [early, late] = [String.fromCharCode(97 + round), String.fromCharCode(65 + round)];
      writeFileSync(rig.path("data/a.txt"), early);
      const running = rig.start(["build"]);
      // Between the end of the target and the end of the program the stamp is written.
      await running.saw("look ");
      writeFileSync(rig.path("data/a.txt"), late);
      await running.finished;
      await rig.exp("build");
      expect(seen(rig).files).toEqual([late, "b"]);
    }
  });

  test("an input that is edited while its recipe runs is not taken for unchanged", async () => {
    const rig = lookProject({
      "look.ts": `import { existsSync, readFileSync, writeFileSync } from "node:fs";
export const recipe = async ({ inputs, outputs }) => {
  const files = inputs.files.flat().map((file) => readFileSync(file.path, "utf8"));
  writeFileSync(process.env.DECLARED + ".read", "");
  while (!existsSync(process.env.DECLARED)) await new Promise((resolve) => setTimeout(resolve, 5));
  await outputs.seen.write({ files });
};
`,
    });
    const env = { DECLARED: rig.path("go") };
    const running = rig.start(["build"], { env });
    while (!rig.has("go.read")) await new Promise((resolve) => setTimeout(resolve, 5));
    writeFileSync(rig.path("data/a.txt"), "Z");
    rig.write({ go: "" });
    await running.finished;
    await rig.start(["build"], { env }).finished;
    expect(seen(rig).files).toEqual(["Z", "b"]);
    expect(readFileSync(rig.path("data/a.txt"), "utf8")).toBe("Z");
  });

  test("an output that is edited during the rest of its build", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, rule, text } from "expfile";
const one = rule(contract({ name: "one", outputs: { out: text() } }), () => import("./recipes.ts").then((m) => m.one));
const two = rule(contract({ name: "two", inputs: { from: text() }, outputs: { out: text() } }), {
  recipe: () => import("./recipes.ts").then((m) => m.two),
  env: ["PLACE"],
});
export default experiments({ main: () => { const first = one(); return { one: first, two: two({ from: first.out }) }; } });
`,
      // What somebody does in an editor, at the worst moment; of the same size.
      "recipes.ts": `import { writeFileSync } from "node:fs";
export const one = ({ outputs }) => outputs.out.write("mine");
export const two = async ({ outputs }) => { writeFileSync(process.env.PLACE, "your"); await outputs.out.write("two"); };
`,
    });
    const env = { PLACE: rig.path("runs/default/one/out.txt") };
    await rig.build([], 0, { env });
    expect(rig.read("runs/default/one/out.txt")).toBe("your");
    const { end } = await rig.build([], 0, { env });
    expect(end.outcome).not.toBe("up-to-date");
    expect(rig.read("runs/default/one/out.txt")).toBe("mine");
    expect(rig.read("runs/default/set-aside/one_out.txt")).toBe("your");
  });
});
