// Upgrading the bundler makes nothing stale: the old closure is printed again, and an equal print is an alias.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { digestOfFile, LocalStore } from "../src/backends/store/local.ts";
import type { Digest } from "../src/model/digest.ts";
import { Bundler } from "../src/planning/bundle/bundler.ts";
import { esbuildPrinter, type Printer } from "../src/planning/bundle/print.ts";
import { CodeAliases } from "../src/runs/aliases.ts";
import { Archive } from "../src/runs/archive.ts";
import { Rig } from "./rig.ts";

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
