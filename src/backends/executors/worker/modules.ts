// Bundles as factories: compiled once a worker, instantiated afresh for each action, so that state does not leak from one to the next.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { compileFunction, constants } from "node:vm";
import type { CodeOrder } from "../executor.ts";

type Factory = (module: { exports: { recipe?: unknown } }, exports: object, require: NodeJS.Require) => void;

const factories = new Map<string, Factory>();

/** A fresh instance of the bundle's recipe. */
export function instantiate(code: Extract<CodeOrder, { kind: "module" }>): unknown {
  let factory = factories.get(code.bundle);
  if (factory === undefined) {
    factory = compileFunction(readFileSync(code.bundle, "utf8"), ["module", "exports", "require"], {
      filename: code.bundle,
      // What the bundle leaves outside (Node's modules, declared externals) may be imported by `import()`, too.
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }) as unknown as Factory;
    factories.set(code.bundle, factory);
  }
  const module: { exports: { recipe?: unknown } } = { exports: {} };
  factory(module, module.exports, createRequire(code.resolveFrom));
  return module.exports.recipe;
}
