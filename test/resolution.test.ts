// What module resolution looked at counts: links, externals, folders, fallbacks. Each test makes one edit that changes what is imported.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { makeProject, Rig } from "./rig.ts";

const upToDate = "up to date · run default\n";

/** One target that writes down what `who`, imported as told, says. */
function whoProject(specifier: string, files: Readonly<Record<string, string>>, options = ""): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const spec = contract({ name: "look", outputs: { seen: json() } });
const look = rule(spec, { recipe: () => import("./look.ts")${options} });
export default experiments({ main: () => ({ look: look() }) });
`,
    "look.ts": `import { who } from "${specifier}";
export const recipe = async ({ outputs }) => outputs.seen.write({ who });
`,
    ...files,
  });
}

const says = (who: string) => `export const who = "${who}";\n`;
const packageJson = (version: string, more: object = {}) =>
  JSON.stringify({ name: "p", version, type: "module", ...more });
const seen = (rig: Rig) => (JSON.parse(rig.read("runs/default/look/seen.json")) as { who: unknown }).who;

function link(rig: Rig, path: string, to: string): void {
  mkdirSync(dirname(rig.path(path)), { recursive: true });
  rmSync(rig.path(path), { force: true });
  symlinkSync(to, rig.path(path));
}

/** Builds until it is up to date, and once more by the stamp. */
async function settle(rig: Rig): Promise<void> {
  const first = await rig.exp("build");
  if (first.code !== 0) throw new Error(first.stdout + first.stderr);
  expect((await rig.exp("build")).stdout).toBe(upToDate);
  expect((await rig.exp("build")).stdout).toBe(upToDate);
  expect(rig.has("cache/stamps")).toBe(true);
}

/** The edit is seen by the stamp, then by what is recalled of the targets; and without both, by what is kept of the bundle. */
async function expectSeen(makeRig: () => Rig, edit: (rig: Rig) => void, before: unknown, after: unknown) {
  for (const gone of [[], ["cache/stamps", "cache/recall"]]) {
    const rig = makeRig();
    await settle(rig);
    expect(seen(rig)).toEqual(before);
    edit(rig);
    for (const folder of gone) rig.remove(folder);
    const done = await rig.exp("build");
    expect(done.stdout + done.stderr).not.toContain("up to date");
    expect(seen(rig)).toEqual(after);
    await settle(rig);
  }
}

describe("links", () => {
  test("a package whose link leads to another version", async () => {
    await expectSeen(
      () => {
        const rig = whoProject("p", {
          "node_modules/.pnpm/p@1/node_modules/p/package.json": packageJson("1.0.0", { exports: "./index.js" }),
          "node_modules/.pnpm/p@1/node_modules/p/index.js": says("one"),
          "node_modules/.pnpm/p@2/node_modules/p/package.json": packageJson("2.0.0", { exports: "./index.js" }),
          "node_modules/.pnpm/p@2/node_modules/p/index.js": says("two"),
        });
        link(rig, "node_modules/p", ".pnpm/p@1/node_modules/p");
        return rig;
      },
      (rig) => link(rig, "node_modules/p", ".pnpm/p@2/node_modules/p"),
      "one",
      "two",
    );
  });

  /** One version of p, twice in a store as hard links to the same files, with a q beside it each time. */
  function storeProject(store: string): Rig {
    const rig = whoProject("p", {});
    for (const [variant, who] of [
      ["a", "one"],
      ["b", "two"],
    ] as const) {
      rig.write({
        [`${store}/${variant}/node_modules/q/package.json`]: packageJson("1.0.0"),
        [`${store}/${variant}/node_modules/q/index.js`]: says(who),
      });
    }
    const files = {
      "package.json": packageJson("1.0.0", { exports: "./index.js" }),
      "index.js": 'export { who } from "q";\n',
    };
    for (const [name, text] of Object.entries(files)) {
      rig.write({ [`${store}/a/node_modules/p/${name}`]: text });
      mkdirSync(rig.path(`${store}/b/node_modules/p`), { recursive: true });
      linkSync(rig.path(`${store}/a/node_modules/p/${name}`), rig.path(`${store}/b/node_modules/p/${name}`));
    }
    return rig;
  }

  test.each(["node_modules/.pnpm", "node_modules/.store", "store"])(
    "a package of %s whose link leads to the same files with another peer",
    async (store) => {
      await expectSeen(
        () => {
          const rig = storeProject(store);
          link(rig, "node_modules/p", rig.path(`${store}/a/node_modules/p`));
          return rig;
        },
        (rig) => link(rig, "node_modules/p", rig.path(`${store}/b/node_modules/p`)),
        "one",
        "two",
      );
    },
  );

  test("a package behind two links, of which the second leads to the same files with another peer", async () => {
    await expectSeen(
      () => {
        const rig = storeProject("store");
        link(rig, "links/p", "../store/a/node_modules/p");
        link(rig, "node_modules/p", "../links/p");
        return rig;
      },
      (rig) => link(rig, "links/p", "../store/b/node_modules/p"),
      "one",
      "two",
    );
  });

  test("a folder of the project whose link leads elsewhere", async () => {
    await expectSeen(
      () => {
        const rig = whoProject("./lib/who", { "one/who.ts": says("one"), "two/who.ts": says("two") });
        link(rig, "lib", "one");
        return rig;
      },
      (rig) => link(rig, "lib", "two"),
      "one",
      "two",
    );
  });

  test("the Expfile", async () => {
    await expectSeen(
      () => {
        const rig = whoProject("./one.ts", { "one.ts": says("one"), "two.ts": says("two") });
        rig.write({ "other.ts": rig.read("look.ts").replace("one", "two") });
        rig.write({ "second.ts": rig.read("Expfile.ts").replace("look.ts", "other.ts") });
        renameSync(rig.path("Expfile.ts"), rig.path("first.ts"));
        link(rig, "Expfile.ts", "first.ts");
        return rig;
      },
      (rig) => link(rig, "Expfile.ts", "second.ts"),
      "one",
      "two",
    );
  });

  test("a package that the Expfile imports", async () => {
    await expectSeen(
      () => {
        const rig = whoProject("./who.ts", {
          "who.ts": says("unused"),
          "look.ts": "export const recipe = async ({ config, outputs }) => outputs.seen.write({ who: config.who });\n",
          "linked/one/package.json": packageJson("1.0.0"),
          "linked/one/index.js": says("one"),
          "linked/two/package.json": packageJson("2.0.0"),
          "linked/two/index.js": says("two"),
        });
        rig.edit("Expfile.ts", "json, rule }", "json, rule, z }");
        rig.edit("Expfile.ts", '"expfile";', '"expfile";\nimport { who } from "p";');
        rig.edit("Expfile.ts", "outputs:", "config: z.strictObject({ who: z.string().default(who) }), outputs:");
        link(rig, "node_modules/p", "../linked/one");
        return rig;
      },
      (rig) => link(rig, "node_modules/p", "../linked/two"),
      "one",
      "two",
    );
  });
});

describe("externals", () => {
  const files = {
    "node_modules/p/package.json": packageJson("1.0.0", { exports: "./index.js" }),
    "node_modules/p/index.js": says("one"),
  };

  test("an upgrade", async () => {
    await expectSeen(
      () => whoProject("p", files, ', externals: ["p"]'),
      (rig) =>
        rig.write({
          "node_modules/p/package.json": packageJson("2.0.0", { exports: "./index.js" }),
          "node_modules/p/index.js": says("two"),
        }),
      "one",
      "two",
    );
  });

  test("one that is installed above the project, and then in it", async () => {
    const rig = makeProject({});
    const inner = whoProject("p", {}, ', externals: ["p"]');
    // The project is moved below a folder that has the package.
    rig.write(files);
    renameSync(inner.root, rig.path("inner"));
    mkdirSync(inner.root);
    const moved = new Rig(rig.path("inner"));
    await settle(moved);
    expect(seen(moved)).toBe("one");
    rig.write({
      "node_modules/p/package.json": packageJson("2.0.0", { exports: "./index.js" }),
      "node_modules/p/index.js": says("two"),
    });
    await moved.exp("build");
    expect(seen(moved)).toBe("two");
    moved.write({
      "node_modules/p/package.json": packageJson("3.0.0", { exports: "./index.js" }),
      "node_modules/p/index.js": says("three"),
    });
    await moved.exp("build");
    expect(seen(moved)).toBe("three");
  });
});

describe("what was not found, or not asked", () => {
  test("a folder that is imported leaves the fast path on, and what would come before it is seen", async () => {
    await expectSeen(
      () => whoProject("./lib", { "lib/index.ts": says("folder") }),
      (rig) => rig.write({ "lib.ts": says("file") }),
      "folder",
      "file",
    );
    await expectSeen(
      () => whoProject("./lib", { "lib/index.js": says("script") }),
      (rig) => rig.write({ "lib/package.json": '{ "main": "./main.js" }', "lib/main.js": says("main") }),
      "script",
      "main",
    );
  });

  test("the main file of a package that is not there yet", async () => {
    await expectSeen(
      () =>
        whoProject("p", {
          "node_modules/p/package.json": packageJson("1.0.0", { main: "dist/main.js" }),
          "node_modules/p/index.js": says("index"),
        }),
      (rig) => rig.write({ "node_modules/p/dist/main.js": says("main") }),
      "index",
      "main",
    );
  });

  test("a package's own package.json behind a nested one", async () => {
    await expectSeen(
      () =>
        whoProject("p", {
          "node_modules/p/package.json": packageJson("1.0.0", { exports: "./esm/one.js" }),
          "node_modules/p/esm/package.json": '{ "type": "module" }',
          "node_modules/p/esm/one.js": says("one"),
          "node_modules/p/esm/two.js": says("two"),
        }),
      (rig) => rig.write({ "node_modules/p/package.json": packageJson("1.0.0", { exports: "./esm/two.js" }) }),
      "one",
      "two",
    );
  });

  test("the first of two places that the tsconfig's paths name", async () => {
    await expectSeen(
      () =>
        whoProject("@l/x", {
          "tsconfig.json": '{ "compilerOptions": { "paths": { "@l/*": ["./override/*", "./lib/*"] } } }',
          "lib/x.ts": says("lib"),
        }),
      (rig) => rig.write({ "override/x.ts": says("override") }),
      "lib",
      "override",
    );
  });

  test("a file that the tsconfig's baseUrl puts before a package", async () => {
    await expectSeen(
      () =>
        whoProject("p", {
          "tsconfig.json": '{ "compilerOptions": { "baseUrl": "./lib" } }',
          "lib/other.ts": "",
          "node_modules/p/package.json": packageJson("1.0.0"),
          "node_modules/p/index.js": says("package"),
        }),
      (rig) => rig.write({ "lib/p.ts": says("file") }),
      "package",
      "file",
    );
  });

  const toward = (folder: string) => `{ "compilerOptions": { "paths": { "@l/*": ["./${folder}/*"] } } }`;
  const libraries = { "one/x.ts": says("one"), "two/x.ts": says("two") };

  test("a jsconfig.json, where there is no tsconfig.json", async () => {
    await expectSeen(
      () => whoProject("@l/x", { ...libraries, "jsconfig.json": toward("one") }),
      (rig) => rig.write({ "jsconfig.json": toward("two") }),
      "one",
      "two",
    );
  });

  test("a tsconfig.json beside a jsconfig.json", async () => {
    await expectSeen(
      () => whoProject("@l/x", { ...libraries, "jsconfig.json": toward("one") }),
      (rig) => rig.write({ "tsconfig.json": toward("two") }),
      "one",
      "two",
    );
  });

  test("a jsconfig.json that is nearer than the tsconfig.json", async () => {
    await expectSeen(
      () => {
        const rig = whoProject("./inner/who.ts", { ...libraries, "tsconfig.json": toward("one") });
        rig.write({ "inner/who.ts": 'export { who } from "@l/x";\n' });
        return rig;
      },
      (rig) => rig.write({ "inner/jsconfig.json": toward("../two") }),
      "one",
      "two",
    );
  });

  test("the compiler options of a jsconfig.json", async () => {
    await expectSeen(
      () =>
        whoProject("./who.ts", {
          "who.ts":
            "class A { set who(_: string) {} }\nclass B extends A { who = undefined as any }\nexport const who = Object.hasOwn(new B(), 'who');\n",
          "jsconfig.json": '{ "compilerOptions": { "useDefineForClassFields": true } }',
        }),
      (rig) => rig.edit("jsconfig.json", "true", "false"),
      true,
      false,
    );
  });

  test("an import of x.js that is x.tsx until there is x.ts", async () => {
    await expectSeen(
      () => whoProject("./x.js", { "x.tsx": says("tsx") }),
      (rig) => rig.write({ "x.ts": says("ts") }),
      "tsx",
      "ts",
    );
  });
});

describe("what a package says of the side effects of its modules", () => {
  const marked = (sideEffects: unknown) => () =>
    whoProject("p", {
      "node_modules/p/package.json": packageJson("1.0.0", { sideEffects }),
      "node_modules/p/index.js": 'export { who } from "./who.js";\n',
      "node_modules/p/who.js": 'import "./mark.js";\nexport const who = () => globalThis.mark ?? "nobody";\n',
      "node_modules/p/mark.js": 'globalThis.mark = "marked";\n',
      "look.ts": `import { who } from "p";
export const recipe = async ({ outputs }) => outputs.seen.write({ who: who() });
`,
    });
  const say = (sideEffects: unknown) => (rig: Rig) =>
    rig.write({ "node_modules/p/package.json": packageJson("1.0.0", { sideEffects }) });

  test("of all of them", () => expectSeen(marked(false), say(undefined), "nobody", "marked"));

  test("of one of them", () => expectSeen(marked(["./who.js"]), say(["./mark.js"]), "nobody", "marked"));
});

describe("a name that nobody exports", () => {
  const unexported = `import * as it from "./it.js";\nexport const who = it.nobody ?? "package";\n`;

  test.each([
    ["is told at the import, which was not read anew", `import { nobody as who } from "./who.js";\n`, /look\.ts:1:10/],
    ["is told where it is asked for", `import * as all from "./who.js";\nconst who = all.nobody;\n`, /look\.ts:2:\d+/],
  ])("%s", async (_what, asked, place) => {
    const rig = whoProject("./who.js", { "who.js": says("one") });
    await settle(rig);
    rig.edit("look.ts", `import { who } from "./who.js";\n`, asked);
    const { code, stdout } = await rig.exp("build");
    expect(code).not.toBe(0);
    expect(stdout).toMatch(place);
    expect(stdout).toMatch(/no matching export in "who\.js"/i);
    expect(stdout).not.toContain("expmodule");
    rig.edit("look.ts", asked, `import { who } from "./who.js";\n`);
    await settle(rig);
  });

  test("is a package's own business", async () => {
    const rig = whoProject("p", {
      "node_modules/p/package.json": packageJson("1.0.0", { main: "./index.js" }),
      "node_modules/p/index.js": unexported,
      "node_modules/p/it.js": "export const somebody = 1;\n",
    });
    await settle(rig);
    expect(seen(rig)).toBe("package");
  });
});

describe("two recipes of one print", () => {
  // What is kept of a print are the sources of the one that was collected last.
  const twin = (word: string) => ({
    [`${word}/recipe.ts`]: `import { used } from "./helper.ts";\nexport const recipe = ({ outputs }) => outputs.seen.write(used);\n`,
    [`${word}/helper.ts`]: `export const used = 1;\nexport const unused = "${word}";\n`,
  });

  test("an edit of one takes along its own modules, not the other's", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const a = rule(contract({ name: "a", outputs: { seen: json() } }), { recipe: () => import("./a/recipe.ts") });
const b = rule(contract({ name: "b", outputs: { seen: json() } }), { recipe: () => import("./b/recipe.ts") });
export default experiments({ main: () => ({ a: a(), b: b() }) });
`,
      ...twin("a"),
      ...twin("b"),
    });
    await settle(rig);
    for (const name of ["a", "b"]) rig.edit(`${name}/recipe.ts`, /used/g, "unused");
    await settle(rig);
    for (const name of ["a", "b"]) expect(rig.read(`runs/default/${name}/seen.json`).trim()).toBe(`"${name}"`);
  });
});

describe("a package that is optional to another, and is installed later", () => {
  const optional = {
    "node_modules/opt/package.json": '{ "name": "opt", "type": "module" }',
    "node_modules/opt/index.js": says("opt"),
  };
  const withIt = (files: Readonly<Record<string, string>>) => () =>
    whoProject("p", {
      "node_modules/p/package.json": packageJson("1.0.0"),
      "look.ts": `import { who } from "p";
export const recipe = async ({ outputs }) => outputs.seen.write({ who: await who() });
`,
      ...files,
    });

  test("by require", () =>
    expectSeen(
      withIt({
        "node_modules/p/index.js": 'export { who } from "./inner.cjs";\n',
        "node_modules/p/inner.cjs": `exports.who = () => {
  try {
    return require("opt").who;
  } catch {
    return "nobody";
  }
};
`,
      }),
      (rig) => rig.write(optional),
      "nobody",
      "opt",
    ));

  test("by import()", () =>
    expectSeen(
      withIt({
        "node_modules/p/index.js": 'export const who = () => import("opt").then((m) => m.who).catch(() => "nobody");\n',
      }),
      (rig) => rig.write(optional),
      "nobody",
      "opt",
    ));
});

describe("declarations that look at the world", () => {
  test("an npm package that reads a file while declaring", async () => {
    const rig = whoProject("./who.ts", {
      "who.ts": says("unused"),
      "look.ts": "export const recipe = async ({ config, outputs }) => outputs.seen.write({ who: config.who });\n",
      "word.txt": "one",
      "node_modules/p/package.json": packageJson("1.0.0"),
      "node_modules/p/index.js":
        'import { readFileSync } from "node:fs";\nexport const who = readFileSync("word.txt", "utf8");\n',
    });
    rig.edit("Expfile.ts", "json, rule }", "json, rule, z }");
    rig.edit("Expfile.ts", '"expfile";', '"expfile";\nimport { who } from "p";');
    rig.edit("Expfile.ts", "outputs:", "config: z.strictObject({ who: z.string().default(who) }), outputs:");
    await rig.build();
    await rig.build();
    rig.write({ "word.txt": "two" });
    await rig.build();
    expect(seen(rig)).toBe("two");
  });

  const ways: readonly (readonly [way: string, expression: string])[] = [
    ["process.getBuiltinModule", 'process.getBuiltinModule("fs").readFileSync("word.txt", "utf8")'],
    [
      "getBuiltinModule by another name",
      '(({ getBuiltinModule }) => getBuiltinModule)(process)("node:fs").readFileSync("word.txt", "utf8")',
    ],
    ["fetch", 'await (await fetch("http://127.0.0.1:" + process.env.PORT)).text()'],
    ["fetch by another name", 'await (await globalThis["fe" + "tch"]("http://127.0.0.1:" + process.env.PORT)).text()'],
  ];
  test.each(ways)("what is read by %s while declaring", async (_way, expression) => {
    const rig = whoProject("./who.ts", {
      "who.ts": says("unused"),
      "look.ts": "export const recipe = async ({ config, outputs }) => outputs.seen.write({ who: config.who });\n",
      "word.txt": "one",
    });
    const server = createServer((_, answer) => answer.end(rig.read("word.txt"))).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const env = { PORT: String((server.address() as AddressInfo).port) };
    rig.edit("Expfile.ts", "json, rule }", "json, rule, z }");
    rig.edit("Expfile.ts", "outputs:", `config: z.strictObject({ who: z.string().default(${expression}) }), outputs:`);
    await rig.build([], 0, { env });
    await rig.build([], 0, { env });
    rig.write({ "word.txt": "two" });
    await rig.build([], 0, { env });
    expect(seen(rig)).toBe("two");
  });

  test("a module that a pattern gets from the process when it is asked", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule, sourceFiles } from "expfile";
const pattern = () => [process.getBuiltinModule("fs").readFileSync("word.txt", "utf8") + ".txt"];
const spec = contract({ name: "look", inputs: { files: sourceFiles(pattern) }, outputs: { seen: json() } });
export default experiments({ main: () => ({ look: rule(spec, { recipe: () => import("./look.ts") })() }) });
`,
      "look.ts":
        "export const recipe = async ({ inputs, outputs }) => outputs.seen.write({ who: await inputs.files.flat()[0].read() });\n",
      "word.txt": "one",
      "one.txt": "one",
      "two.txt": "two",
    });
    await rig.build();
    await rig.build();
    rig.write({ "word.txt": "two" });
    await rig.build();
    expect(seen(rig)).toBe("two");
  });

  test("what changes nothing leaves the fast path on", async () => {
    const rig = whoProject("./who.ts", { "who.ts": says("one") });
    rig.edit(
      "Expfile.ts",
      "const spec",
      'void process.getBuiltinModule("node:path"); void (typeof fetch === "function");\nconst spec',
    );
    await settle(rig);
    expect(readdirSync(rig.path("cache/stamps"))).toHaveLength(1);
  });

  test.each([
    ["listed", 'Object.keys(process.env).includes("NEW") ? "yes" : "no"'],
    ["asked for by name", 'Object.hasOwn(process.env, "NEW") ? "yes" : "no"'],
  ])("a new variable, where the environment is %s", async (_how, expression) => {
    const rig = whoProject("./who.ts", {
      "who.ts": says("unused"),
      "look.ts": "export const recipe = async ({ config, outputs }) => outputs.seen.write({ who: config.who });\n",
    });
    rig.edit("Expfile.ts", "json, rule }", "json, rule, z }");
    rig.edit("Expfile.ts", "outputs:", `config: z.strictObject({ who: z.string().default(${expression}) }), outputs:`);
    await rig.build();
    await rig.build();
    expect(seen(rig)).toBe("no");
    await rig.build([], 0, { env: { NEW: "1" } });
    expect(seen(rig)).toBe("yes");
  });
});

test('with `baseUrl: "."`, "expfile" is the package and not the Expfile', async () => {
  const rig = whoProject("./who.ts", {
    "who.ts": 'import { z } from "expfile";\nexport const who = typeof z;\n',
    "tsconfig.json": '{ "compilerOptions": { "baseUrl": "." } }',
  });
  await settle(rig);
  expect(seen(rig)).toBe("object");
});
