// What a pattern stands for, and that "up to date" is never said over a file that has come to match: wherever the globber looked, the stamp looks.

import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "./rig.ts";

const upToDate = "up to date · run default\n";

/** One target that lists the files that match. */
function listProject(pattern: string, files: Readonly<Record<string, string>> = {}): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, rule, sourceFiles, text } from "expfile";
const spec = contract({ name: "list", inputs: { files: sourceFiles(() => [${JSON.stringify(pattern)}]) }, outputs: { names: text() } });
const list = rule(spec, () => import("./list.ts"));
export default experiments({ main: () => ({ list: list() }) });
`,
    "list.ts": `import { readFileSync } from "node:fs";
export const recipe = async ({ inputs, outputs }) =>
  outputs.names.write(inputs.files.flat().map((file) => readFileSync(file.path, "utf8")).join());
`,
    ...files,
  });
}
const listed = (rig: Rig): string => rig.read("runs/default/list/names.txt");

/** One target whose program is what lies in a folder. */
function toolProject(code: string): Rig {
  return makeProject({
    "Expfile.ts": `import { command, contract, experiments, rule, text } from "expfile";
const spec = contract({ name: "tool", outputs: { found: text() } });
const tool = rule(spec, command<typeof spec>({
  code: [${JSON.stringify(code)}],
  argv: ({ outputs }) => ["sh", "-c", 'find tool -type f | sort > "$0"', outputs.found],
}));
export default experiments({ main: () => ({ tool: tool() }) });
`,
    "tool/a": "a\n",
    "tool/sub/a": "a\n",
    "tool/node_modules/package/a": "a\n",
  });
}
const found = (rig: Rig): string => rig.read("runs/default/tool/found.txt");

async function buildTwice(rig: Rig): Promise<void> {
  await rig.build();
  expect((await rig.exp("build")).stdout).toBe(upToDate);
}

describe("a pattern whose folder does not exist", () => {
  test.each(["data/*.txt", "data/**/*.txt", "data/**", "data/?.txt"])("%s matches once it does", async (pattern) => {
    const rig = listProject(pattern);
    await buildTwice(rig);
    rig.write({ "data/a.txt": "a" });
    await rig.build();
    expect(listed(rig)).toBe("a");
  });

  test("the same deeper down, where only the last folder is missing, and where all of them are", async () => {
    const rig = listProject("data/deep/*.txt", { "data/other.md": "" });
    await buildTwice(rig);
    rig.write({ "data/deep/a.txt": "a" });
    await rig.build();
    expect(listed(rig)).toBe("a");
    rig.remove("data");
    await buildTwice(rig);
    expect(listed(rig)).toBe("");
    rig.write({ "data/deep/b.txt": "b" });
    await rig.build();
    expect(listed(rig)).toBe("b");
  });

  test("an empty folder in its place changes nothing, and a file in that is seen", async () => {
    const rig = listProject("data/**/*.txt");
    await buildTwice(rig);
    mkdirSync(rig.path("data/deep"), { recursive: true });
    await buildTwice(rig);
    rig.write({ "data/deep/a.txt": "a" });
    await rig.build();
    expect(listed(rig)).toBe("a");
  });

  test("a file in its place, then a folder", async () => {
    const rig = listProject("data/*.txt", { data: "" });
    await buildTwice(rig);
    rig.remove("data");
    rig.write({ "data/a.txt": "a" });
    await rig.build();
    expect(listed(rig)).toBe("a");
  });
});

describe("a pattern that goes through links", () => {
  test("a link that led nowhere comes to lead to a folder", async () => {
    const rig = listProject("data/*/*.txt", { "data/b/b.txt": "b" });
    symlinkSync(rig.path("later"), rig.path("data/a"));
    await buildTwice(rig);
    rig.write({ "later/a.txt": "a" });
    await rig.build();
    expect(listed(rig)).toBe("a,b");
  });

  test("a link in the middle is led elsewhere", async () => {
    const rig = listProject("data/*/*.txt", { "first/a.txt": "first", "second/a.txt": "second", "data/readme.md": "" });
    symlinkSync(rig.path("first"), rig.path("middle"));
    symlinkSync(rig.path("middle"), rig.path("data/a"));
    await buildTwice(rig);
    expect(listed(rig)).toBe("first");
    rmSync(rig.path("middle"));
    symlinkSync(rig.path("second"), rig.path("middle"));
    await rig.build();
    expect(listed(rig)).toBe("second");
  });

  test("a new file behind a link is seen", async () => {
    const rig = listProject("data/**/*.txt", { "elsewhere/deep/a.txt": "a", "data/readme.md": "" });
    symlinkSync(rig.path("elsewhere"), rig.path("data/link"));
    await buildTwice(rig);
    rig.write({ "elsewhere/deep/b.txt": "b" });
    await rig.build();
    expect(listed(rig)).toBe("a,b");
  });
});

describe("what a pattern does not skip", () => {
  test("a folder named node_modules", async () => {
    const rig = listProject("data/**/*.txt", { "data/node_modules/package/a.txt": "a" });
    await buildTwice(rig);
    rig.write({ "data/node_modules/package/b.txt": "b" });
    await rig.build();
    expect(listed(rig)).toBe("a,b");
  });
});

describe("a new file of a program", () => {
  test.each([
    ["tool", ["tool/b", "tool/sub/b", "tool/node_modules/package/b", "tool/new/b"]],
    ["./tool/", ["tool/b", "tool/sub/b"]],
    ["tool/**", ["tool/b", "tool/sub/b", "tool/node_modules/package/b"]],
    ["tool/*", ["tool/b"]],
    ["tool/*/*", ["tool/sub/b", "tool/new/b"]],
  ])("is seen where the code is %s", async (code, files) => {
    const rig = toolProject(code);
    for (const file of files) {
      await buildTwice(rig);
      rig.write({ [file]: "b\n" });
      await rig.build();
      expect(found(rig)).toContain(`${file}\n`);
    }
  });

  test("is no matter where the pattern does not reach", async () => {
    const rig = toolProject("tool/*");
    await buildTwice(rig);
    rig.write({ "tool/sub/b": "b\n" });
    expect((await rig.exp("build")).stdout).toBe(upToDate);
  });
});

describe("a config that is found by its bare name", () => {
  test.each(["configs/q", "q"])("is another one once %s is there", async (name) => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, rule, text, z } from "expfile";
const spec = contract({ name: "say", config: z.strictObject({ word: z.string() }), outputs: { said: text() } });
const say = rule(spec, () => import("./say.ts"));
export default experiments({ main: () => ({ say: say() }) });
`,
      "say.ts": "export const recipe = async ({ config, outputs }) => outputs.said.write(config.word);\n",
      "configs/q.yaml": "version: 1\nsay: { word: later }\n",
    });
    await rig.build(["-c", "q"]);
    expect((await rig.exp("build", "-c", "q")).stdout).toBe("up to date · run q\n");
    rig.write({ [name]: "version: 1\nsay: { word: earlier }\n" });
    expect((await rig.exp("build", "-c", "q")).code).toBe(0);
    expect(rig.read("runs/q/say/said.txt")).toBe("earlier");
  });

  test("a folder of that name is no config, and does not cost the quick answer", async () => {
    const rig = listProject("data/*.txt");
    rig.write({ "configs/q.yaml": "version: 1\n", "q/readme.md": "" });
    await rig.build(["-c", "q"]);
    for (let round = 0; round < 2; round++)
      expect((await rig.exp("build", "-c", "q")).stdout).toBe("up to date · run q\n");
    expect(rig.has("cache/stamps")).toBe(true);
  });

  test("a config that comes back is followed again, instead of the run's own record", async () => {
    const rig = listProject("data/*.txt");
    await rig.build();
    const text = rig.read("configs/default.yaml");
    rig.remove("configs/default.yaml");
    await rig.exp("build");
    expect((await rig.exp("build")).code).toBe(0);
    rig.write({ "configs/default.yaml": `${text}nonsense: 1\n` });
    expect((await rig.exp("build")).code).not.toBe(0);
  });
});
