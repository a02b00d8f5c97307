// What a pattern stands for, and that "up to date" is never said over a file that has come to match: wherever the globber looked, the stamp looks.

import { execFileSync } from "node:child_process";
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

describe("a glob that matches nothing", () => {
  const warned = (built: Awaited<ReturnType<Rig["build"]>>) =>
    built.events.flatMap((event) => (event.kind === "target-warned" ? [[event.target, event.text]] : []));

  test("is told by the build that makes something of it, by plan, status and why, not where nothing is done", async () => {
    const rig = listProject("data/*.csv", { "data/a.tsv": "", "data/b.tsv": "", "data/c/d.csv": "", "data/e.tsv": "" });
    const text = 'no file matches data/*.csv, the input "files"; data holds a.tsv, b.tsv, c and 1 more';
    expect((await rig.exp("plan")).stdout).toContain(`warning: ${text}`);
    const built = await rig.exp("build");
    expect(built.stdout).toContain(`warning: list: ${text}`);
    for (let round = 0; round < 2; round++) expect((await rig.exp("build")).stdout).toBe(upToDate);
    expect(rig.has("cache/stamps")).toBe(true);
    for (const command of [["plan"], ["status"], ["why", "list"]])
      expect((await rig.exp(...command)).stdout).toContain(`warning: ${text}`);
    expect(JSON.parse((await rig.exp("plan", "--json")).stdout)).toMatchObject({ targets: [{ warnings: [text] }] });
    rig.write({ "data/a.csv": "a" });
    expect(warned(await rig.build())).toEqual([]);
    rig.remove("data/a.csv");
    expect(warned(await rig.build())).toEqual([["list", text]]);
  });

  test.each([
    ["dta/*.csv", "there is no folder dta, did you mean data?"],
    ["data/dep/**/*.csv", "there is no folder data/dep, did you mean data/deep?"],
    ["data/deep/*.csv", "data/deep holds nothing"],
    ["elsewhere/**", "there is no folder elsewhere, the folder of Expfile.ts holds Expfile.ts, cache, configs and"],
    ["*.csv", "the folder of Expfile.ts holds Expfile.ts, cache, configs and"],
  ])("%s: what is there instead", async (pattern, said) => {
    const rig = listProject(pattern, { "data/deep/.keep": "" });
    const [warning] = warned(await rig.build());
    expect(warning?.[1]).toContain(`no file matches ${pattern}, the input "files"; ${said}`);
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

describe("what matches and cannot be read", () => {
  test("a link that leads nowhere, and what is no file, are errors that name them; a glob that leaves them out is not", async () => {
    const rig = listProject("data/*.txt", { "data/a.txt": "a" });
    symlinkSync("nowhere", rig.path("data/b.txt"));
    execFileSync("mkfifo", [rig.path("data/c.txt")]);
    symlinkSync("/dev/zero", rig.path("data/d.txt"));
    symlinkSync("nowhere", rig.path("data/not-asked-for.md"));
    const done = await rig.exp("build");
    expect(done.code).toBe(2);
    expect(done.stdout).toContain("data/b.txt is a link to nowhere, which does not exist");
    expect(done.stdout).toContain("data/c.txt is a named pipe");
    expect(done.stdout).toContain("data/d.txt is a link to /dev/zero, which is a device");
    expect(done.stdout).not.toContain("not-asked-for");
    rig.edit("Expfile.ts", "data/*.txt", "data/!(b|c|d).txt");
    await buildTwice(rig);
    expect(listed(rig)).toBe("a");
    rig.edit("Expfile.ts", "data/!(b|c|d).txt", "data/!(c|d).txt");
    expect((await rig.exp("build")).code).toBe(2);
    rig.write({ "data/nowhere": "b" });
    await buildTwice(rig);
    expect(listed(rig)).toBe("a,b");
  });

  test("of very many, ten are named", async () => {
    const rig = listProject("data/*.txt", { "data/a.txt": "a" });
    for (let i = 0; i < 50; i++) symlinkSync("nowhere", rig.path(`data/link${i}.txt`));
    const done = await rig.exp("build");
    expect(done.stdout.match(/which does not exist/g)).toHaveLength(10);
    expect(done.stdout).toContain("40 more entries cannot be read");
  });

  test("among a program's files", async () => {
    const rig = toolProject("tool/*");
    symlinkSync("nowhere", rig.path("tool/link"));
    const done = await rig.exp("build");
    expect(done.code).toBe(2);
    expect(done.stdout).toContain("tool/link is a link to nowhere, which does not exist");
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
