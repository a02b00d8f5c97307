// A closure that is collected with what is known of its modules is the one that is collected without, whatever was edited in between.

import fc from "fast-check";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { digestOfFile } from "../src/backends/store/local.ts";
import { collectClosure, type Collected } from "../src/planning/bundle/collect.ts";
import type { Closure } from "../src/planning/bundle/closure.ts";
import { KnownModules, modulesOf } from "../src/planning/bundle/known.ts";
import { recordWatched, type DigestOf } from "../src/planning/bundle/watched.ts";
import type { Failure } from "../src/model/failure.ts";
import type { Result } from "../src/util/result.ts";
import { Rig } from "./rig.ts";

const files = {
  "package.json": '{ "type": "module" }',
  "tsconfig.json": "{}",
  "one.ts": `import { a } from "./a.ts";
import { b } from "./b";
import { p } from "p";
import type { T } from "./types.ts";
import { U } from "./types.ts";
export const recipe = () => [a, b, p] as T;
export const other = () => b as U;
`,
  "two.ts": `import { q } from "q";
import { b } from "./b";
import { optional } from "./optional.cjs";
import { deep } from "./deep.ts";
import text from "./prompt.md";
export const recipe = () => [q, b, optional, deep, text];
`,
  "a.ts": `import data from "./data.json";\nimport { b } from "./b";\nexport const a = [data, b];\n`,
  "b.ts": "export const b = 1;\n",
  "c.ts": `import { b } from "./b";\nimport { deep } from "./deep.ts";\nimport { p } from "p";\nexport const c = [b, deep, p];\n`,
  "deep.ts": "export const deep = 1;\n",
  "data.json": "[1]",
  "optional.cjs": `try { exports.optional = require("not-there"); } catch {}\n`,
  "prompt.md": "Say something.\n",
  "types.ts": "export type T = unknown;\nexport type U = number;\n",
  "node_modules/p/package.json": '{ "name": "p", "version": "1.0.0", "type": "module", "exports": "./index.js" }',
  "node_modules/p/index.js": `export { p } from "./x.js";\nexport { unused } from "./y.js";\n`,
  "node_modules/p/x.js": `import { z } from "./z.js";\nexport const p = z;\n`,
  "node_modules/p/y.js": `import { z } from "./z.js";\nexport const unused = z;\n`,
  "node_modules/p/z.js": "export const z = 1;\n",
  "q/package.json": '{ "name": "q", "version": "1.0.0", "type": "module", "main": "./q.ts" }',
  "q/q.ts": `import { r } from "./r.ts";\nexport const q = r;\n`,
  "q/r.ts": "export const r = 1;\n",
  "q2/package.json": '{ "name": "q", "version": "2.0.0", "type": "module", "main": "./q.ts" }',
  "q2/q.ts": "export const q = 2;\n",
};

let written = 0;
type Edit = (rig: Rig) => void;

const append = (name: string) => (rig: Rig) => {
  if (rig.has(name)) rig.write({ [name]: `${rig.read(name)}// ${++written}\n` });
};
const write = (name: string, text: string) => (rig: Rig) => rig.write({ [name]: text });
const remove = (name: string) => (rig: Rig) => rig.remove(name);
const link = (to: string) => (rig: Rig) => {
  rig.remove("node_modules/q");
  symlinkSync(rig.path(to), rig.path("node_modules/q"));
};
const packageOf = (more: object) =>
  write(
    "node_modules/p/package.json",
    JSON.stringify({ name: "p", version: "1.0.0", type: "module", exports: "./index.js", ...more }),
  );

const edits: Readonly<Record<string, Edit>> = {
  ...Object.fromEntries(
    ["one.ts", "two.ts", "a.ts", "b.ts", "c.ts", "q/q.ts", "q/r.ts", "node_modules/p/x.js", "node_modules/p/z.js"].map(
      (name) => [`edit ${name}`, append(name)],
    ),
  ),
  "edit a JSON module": (rig) => rig.write({ "data.json": `[${++written}]` }),
  "edit a text": append("prompt.md"),
  "import more": (rig) => rig.write({ "a.ts": `import { c } from "./c.ts";\nexport const a = [c, ${++written}];\n` }),
  "import as before": write("a.ts", files["a.ts"]),
  "import what is not there": write("a.ts", `import { d } from "./d.ts";\nexport const a = d;\n`),
  "write what is not there": write("d.ts", "export const d = 1;\n"),
  "make a syntax error": write("b.ts", "export const b = ;\n"),
  "mend it": write("b.ts", files["b.ts"]),
  "put a file before another": write("b.tsx", "export const b = 3;\n"),
  "take it away": remove("b.tsx"),
  "use a type as a value": write("types.ts", "export type T = unknown;\nexport class U {}\n"),
  "keep all imports": write("tsconfig.json", '{ "compilerOptions": { "verbatimModuleSyntax": true } }'),
  "map a package": write("tsconfig.json", '{ "compilerOptions": { "paths": { "p": ["./c.ts"] } } }'),
  "no settings": write("tsconfig.json", "{}"),
  "a project free of side effects": write("package.json", '{ "type": "module", "sideEffects": false }'),
  "a project as it was": write("package.json", files["package.json"]),
  "free of side effects": packageOf({ sideEffects: false }),
  "some side effects": packageOf({ sideEffects: ["./y.js"] }),
  "another entry": packageOf({ exports: "./x.js" }),
  "the package as it was": packageOf({}),
  "another version behind the link": link("q2"),
  "the version before behind the link": link("q"),
  "install what is optional": (rig) =>
    rig.write({
      "node_modules/not-there/package.json": '{ "name": "not-there", "version": "1.0.0" }',
      "node_modules/not-there/index.js": "module.exports = 1;\n",
    }),
  "uninstall it": remove("node_modules/not-there"),
};

const digestOf: DigestOf = (path) => {
  try {
    return digestOfFile(path);
  } catch {
    return undefined;
  }
};

function open(): Rig {
  // Where the folder for temporary files is itself behind a link.
  const root = realpathSync(mkdtempSync(join(tmpdir(), "exp-known-")));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const rig = new Rig(root);
  mkdirSync(rig.path("node_modules"));
  rig.write(files);
  link("q")(rig);
  return rig;
}

const recipes = [
  ["one.ts", "recipe"],
  ["one.ts", "other"],
  ["c.ts", "c"],
  ["two.ts", "recipe"],
] as const;

/** `isKept`: as another process finds it in cache/. */
async function collect(rig: Rig, [name, exportName]: (typeof recipes)[number], known?: KnownModules, isKept?: boolean) {
  const collected = await collectClosure(
    { root: rig.root, file: rig.path(name), exportName, externals: [], neededBy: "a test" },
    known,
  );
  if (!collected.ok || known === undefined) return collected;
  const { closure, modules, watched } = collected.value;
  const read = isKept ? modulesOf(JSON.parse(JSON.stringify(closure)) as Closure, [...modules.keys()]) : modules;
  known.add(closure, { modules: read, watched: recordWatched(watched, digestOf) });
  return collected;
}

/** For a comparison: in sets the order means nothing. */
function plain(collected: Result<Collected, readonly Failure[]>): unknown {
  if (!collected.ok) return new Set(collected.error.map(({ what }) => what));
  const { closure, modules, externals, watched } = collected.value;
  return {
    closure,
    modules: [...modules],
    externals,
    watched: { ...watched, files: new Map([...watched.files].sort()) },
  };
}

test("after any edits, what is known gives the closure that is found without it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...Object.keys(edits)), { maxLength: 8 }), async (names) => {
      const rig = open();
      const [known, kept] = [new KnownModules(digestOf), new KnownModules(digestOf)];
      for (const name of ["", ...names]) {
        edits[name]?.(rig);
        for (const recipe of recipes) {
          const wanted = plain(await collect(rig, recipe));
          expect(plain(await collect(rig, recipe, known)), `${recipe.join()} after ${name}`).toEqual(wanted);
          expect(plain(await collect(rig, recipe, kept, true)), `${recipe.join()} after ${name}`).toEqual(wanted);
        }
      }
    }),
    {
      numRuns: 12,
      examples: [
        [["put a file before another", "take it away"]],
        [["free of side effects", "edit node_modules/p/x.js", "some side effects"]],
        [["a project free of side effects", "import more", "install what is optional"]],
        [["another version behind the link", "edit q/q.ts", "the version before behind the link"]],
        [["import what is not there", "write what is not there", "import more", "edit c.ts", "keep all imports"]],
      ],
    },
  );
}, 300_000);

test("what was not edited is known, and nothing is where a package or a link leads elsewhere", async () => {
  const rig = open();
  const known = new KnownModules(digestOf);
  for (const recipe of recipes) await collect(rig, recipe, known);
  const names = ["a.ts", "b.ts", "node_modules/p/z.js", "q/q.ts", "q/r.ts", "prompt.md", "data.json"];
  const isKnown = () => {
    const now = known.now({ tsconfig: {}, externals: [] });
    return names.filter((name) => now.module(rig.path(name)) !== undefined);
  };
  expect(isKnown()).toEqual(names);
  expect(known.now({ tsconfig: {}, externals: ["p"] }).module(rig.path("b.ts"))).toBeUndefined();
  expect(known.now({ tsconfig: { jsx: "react" }, externals: [] }).module(rig.path("b.ts"))).toBeUndefined();
  const without = (...edited: readonly string[]) => names.filter((name) => !edited.includes(name));
  append("b.ts")(rig);
  append("q/q.ts")(rig);
  expect(isKnown()).toEqual(without("b.ts", "q/q.ts"));
  edits["put a file before another"]!(rig);
  expect(isKnown()).toEqual([]);
  edits["take it away"]!(rig);
  edits["edit a JSON module"]!(rig);
  // It might be what a package or a compiler goes by.
  expect(isKnown()).toEqual(["node_modules/p/z.js", "q/r.ts", "prompt.md"]);
  edits["another version behind the link"]!(rig);
  // c.ts leads to it, too.
  expect(isKnown()).toEqual(["node_modules/p/z.js"]);
});
