// Upgrading the bundler makes nothing stale: the old closure is printed again, and an equal print is an alias.

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Recheck } from "../src/model/recheck.ts";
import { digestOfFile, LocalStore } from "../src/backends/store/local.ts";
import type { Digest } from "../src/model/digest.ts";
import { Bundler } from "../src/planning/bundle/bundler.ts";
import { esbuildPrinter, type Printer } from "../src/planning/bundle/print.ts";
import { CodeAliases } from "../src/runs/aliases.ts";
import { Archive } from "../src/runs/archive.ts";
import type { RunState } from "../src/runs/run.ts";
import { members, openMember } from "./compat/open.ts";
import { makeProject, repository, Rig } from "./rig.ts";

/** Prints as esbuild does, but otherwise: the same code in other bytes. */
async function otherPrinter(): Promise<Printer> {
  const printer = await esbuildPrinter();
  return {
    name: "esbuild 99",
    print: async (closure) => {
      const print = await printer.print(closure);
      return { ...print, code: `"use another printer";${print.code}` };
    },
  };
}

/** The code digest of `recipe.ts`, as a process that was just started finds it. */
async function codeOf(rig: Rig, makePrinter: () => Promise<Printer>): Promise<Digest> {
  const digests = {
    digestOf: (path: string) => (rig.has(path.slice(rig.root.length + 1)) ? digestOfFile(path) : undefined),
  };
  const archive = new Archive(rig.path("archive"), new LocalStore(rig.path("archive/blobs"), digests));
  const aliases = new CodeAliases(rig.path("archive"), archive);
  const bundler = new Bundler({
    root: rig.root,
    folder: rig.path("cache"),
    digestOf: digests.digestOf,
    makePrinter,
    canonical: (code, closure, printer) => aliases.canonical(code, closure, printer),
  });
  const bundle = await bundler.bundle({
    file: rig.path("recipe.ts"),
    exportName: "recipe",
    externals: [],
    neededBy: "a test",
  });
  if (!bundle.ok) throw new Error(JSON.stringify(bundle.error));
  const source = bundler.sourceOf(bundle.value.code);
  if (source !== undefined) archive.keepBundle(bundle.value.code, bundler.fileOf(bundle.value.code), source);
  bundler.close();
  return bundle.value.code;
}

function project(): Rig {
  const root = mkdtempSync(join(tmpdir(), "exp-upgrade-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const rig = new Rig(root);
  rig.write({
    "package.json": '{ "type": "module" }',
    "recipe.ts": 'import { helper } from "./helper.ts";\nexport const recipe = () => helper(1);\n',
    "helper.ts": "export const helper = (n: number) => n + 1;\nexport const unused = 1;\n",
  });
  return rig;
}

test("another bundler leaves the code digest as it was, also when the cache is deleted", async () => {
  const rig = project();
  const before = await codeOf(rig, esbuildPrinter);
  expect(await codeOf(rig, otherPrinter)).toBe(before);
  rig.remove("cache");
  expect(await codeOf(rig, otherPrinter)).toBe(before);
  rig.remove("cache");
  // And again, by the alias that was written down.
  expect(await codeOf(rig, otherPrinter)).toBe(before);
});

test("code that the recipe does not reach may change together with the bundler", async () => {
  const rig = project();
  const before = await codeOf(rig, esbuildPrinter);
  rig.edit("helper.ts", "unused = 1", "unused = 2");
  expect(await codeOf(rig, otherPrinter)).toBe(before);
});

test("code that has changed together with the bundler is new", async () => {
  const rig = project();
  const before = await codeOf(rig, esbuildPrinter);
  rig.edit("helper.ts", "n + 1", "n + 2");
  expect(await codeOf(rig, otherPrinter)).not.toBe(before);
});

test("a bundler of the same name that prints something else is believed", async () => {
  const rig = project();
  const before = await codeOf(rig, esbuildPrinter);
  rig.edit("recipe.ts", "helper(1)", "helper(2)");
  expect(await codeOf(rig, esbuildPrinter)).not.toBe(before);
});

test("importing a module of which nothing is reached leaves the names of the others alone", async () => {
  const rig = project();
  rig.write({
    "recipe.ts": 'import lib from "./lib.cjs";\nexport const recipe = () => lib.one();\n',
    "lib.cjs": "exports.one = () => 1;\n",
    "other.ts": "export const other = () => 2;\n",
    "tsconfig.json": '{ "compilerOptions": { "verbatimModuleSyntax": true } }',
  });
  const before = await codeOf(rig, esbuildPrinter);
  rig.edit("recipe.ts", "import lib", 'import { other } from "./other.ts";\nimport lib');
  expect(await codeOf(rig, esbuildPrinter)).toBe(before);
});

/** The program with another bundler in esbuild's place: it prints the same code in other bytes. Gives the path of its `exp`. */
function otherProgram(): string {
  const root = mkdtempSync(join(tmpdir(), "exp-other-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const rig = new Rig(root);
  for (const part of ["bin", "dist", "package.json"])
    cpSync(join(repository, part), rig.path(part), { recursive: true });
  rig.write({
    "node_modules/esbuild/package.json":
      '{ "name": "esbuild", "version": "99.0.0", "type": "module", "main": "index.js" }',
    "node_modules/esbuild/index.js": `import real from "${repository}/node_modules/esbuild/lib/main.js";
export const { transform, context, formatMessages, stop } = real;
export const version = "99.0.0";
export const build = async (options) => {
  const built = await real.build(options);
  if (options.outfile !== "/exp/recipe.js") return built;
  const outputFiles = built.outputFiles.map((file) =>
    file.path.endsWith(".map") ? file : { path: file.path, text: '"printed otherwise";' + file.text },
  );
  return { ...built, outputFiles };
};
`,
  });
  for (const name of readdirSync(join(repository, "node_modules")))
    if (!rig.has(`node_modules/${name}`)) symlinkSync(join(repository, "node_modules", name), rig.path(`node_modules/${name}`)); // prettier-ignore
  return rig.path("bin/exp.cjs");
}

describe("another bundler in the place of the program's own", () => {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, EXP_GC: "off", GREETING: "hello" };
  const exp = (program: string, rig: Rig, ...args: readonly string[]) =>
    execFileSync(process.execPath, [program, ...args], { cwd: rig.root, env, encoding: "utf8" });
  const own = join(repository, "bin/exp.cjs");
  const stateOf = (program: string, rig: Rig, run: string) =>
    JSON.parse(exp(program, rig, "runs", "show", run, "--json")) as RunState;
  const keysOf = ({ targets }: RunState) =>
    Object.fromEntries(Object.entries(targets).map(([name, { key }]) => [name, key]));

  test.each(members)("leaves every key of a run as it was, and %s is reproduced with it", (member) => {
    const rig = openMember(member);
    const before = stateOf(own, rig, "default");
    const other = otherProgram();
    rig.write({ "node_modules/typescript/package.json": '{ "name": "typescript", "version": "99.0.0" }' });
    expect(exp(other, rig, "build")).toContain("up to date");
    expect(stateOf(other, rig, "default")).toEqual(before);
    expect(rig.read("runs/.archive/aliases.jsonl")).toContain('"printer":"esbuild 99.0.0"');
    if (member !== members[0]) {
      const answer = JSON.parse(exp(other, rig, "reproduce", "default", "--json")) as { actions: readonly Recheck[] };
      expect(new Set(answer.actions.map(({ verdict }) => verdict.kind))).toEqual(new Set(["same"]));
    }
    // And back again.
    expect(exp(own, rig, "build")).toContain("up to date");
  });

  test("finds a colleague's results, and the colleague those that it makes", () => {
    const rig = openMember(members.at(-1)!);
    const other = otherProgram();
    const mine = exp(other, rig, "build", "--run", "mine");
    // `sum` is a program, which nobody prints; the first run has accepted a change of it and has no result of its own to share.
    for (const target of ["prepare", "square", "judge", "enough"])
      expect(mine).toMatch(new RegExp(`${target} +cached`));
    expect(keysOf(stateOf(own, rig, "mine"))).toEqual(keysOf(stateOf(own, rig, "default")));

    rig.edit("rules/enough.ts", "threshold: 3", "threshold: 4");
    exp(other, rig, "build", "--run", "mine");
    expect(exp(own, rig, "build")).toContain("1 cached");
    expect(keysOf(stateOf(own, rig, "mine"))).toEqual(keysOf(stateOf(own, rig, "default")));
  });

  test("a colleague's machine with another bundler finds what this one has computed, and can reproduce it", async () => {
    const shared = mkdtempSync(join(tmpdir(), "exp-team-"));
    onTestFinished(() => rmSync(shared, { recursive: true, force: true }));
    const mine = makeProject(files);
    const theirs = makeProject(files);
    const other = otherProgram();
    const built = exp(own, mine, "build", "--shared", shared);
    expect(built).toContain("2 computed");
    const answer = exp(other, theirs, "build", "--shared", shared);
    expect(answer).toMatch(/one +cached/);
    expect(answer).toMatch(/two +cached/);
    expect(keysOf(stateOf(other, theirs, "default"))).toEqual(keysOf(stateOf(own, mine, "default")));
    // By the print that came with it; after that, by this machine's own knowledge.
    const rechecks = JSON.parse(exp(other, theirs, "reproduce", "default", "--json")) as {
      actions: readonly Recheck[];
    };
    expect(rechecks.actions.map(({ verdict }) => verdict.kind)).toEqual(["same", "same"]);
    theirs.remove("cache");
    expect(exp(other, theirs, "build")).toContain("up to date");

    // Other code is other code, whoever prints it.
    theirs.edit("helper.ts", "n + 1", "n + 2");
    expect(exp(other, theirs, "build", "--shared", shared)).toMatch(/two +computed/);
    mine.edit("helper.ts", "n + 1", "n + 2");
    // And the other way round: the first who published is followed.
    expect(exp(own, mine, "build", "--shared", shared)).toMatch(/two +cached/);
    expect(keysOf(stateOf(other, theirs, "default"))).toEqual(keysOf(stateOf(own, mine, "default")));
  });

  test("a lie about what code is called is found by its signature", () => {
    const shared = mkdtempSync(join(tmpdir(), "exp-team-"));
    onTestFinished(() => rmSync(shared, { recursive: true, force: true }));
    const mine = makeProject(files);
    const theirs = makeProject(files);
    const signed = { ...env, EXP_SHARED_CACHE_KEY: "a key that both have" };
    const run = (program: string, rig: Rig, key: string) =>
      execFileSync(process.execPath, [program, "build", "--shared", shared], {
        cwd: rig.root,
        env: { ...signed, EXP_SHARED_CACHE_KEY: key },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
    run(own, mine, "another key");
    const other = otherProgram();
    expect(run(other, theirs, "a key that both have")).toContain("2 computed");
    expect(keysOf(stateOf(other, theirs, "default"))).not.toEqual(keysOf(stateOf(own, mine, "default")));
  });
});

const files = {
  "Expfile.ts": `import { contract, experiments, rule, text } from "expfile";
const first = contract({ name: "one", outputs: { out: text() } });
const second = contract({ name: "two", inputs: { from: text() }, outputs: { out: text() } });
const one = rule(first, () => import("./recipes.ts").then((m) => m.one));
const two = rule(second, () => import("./recipes.ts").then((m) => m.two));
export default experiments({ main: () => { const made = one(); return { one: made, two: two({ from: made.out }) }; } });
`,
  "recipes.ts": `import { helper } from "./helper.ts";
export const one = ({ outputs }) => outputs.out.write("one");
export const two = async ({ inputs, outputs }) => outputs.out.write(helper(1) + (await inputs.from.read()));
`,
  "helper.ts": "export const helper = (n: number) => n + 1;\n",
};
