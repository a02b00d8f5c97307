// The zod that came along with exp, in one file beside the program. Where an Expfile imports that very zod, by its version, it is loaded from there: nearly half
// of a project's first plan, and of each one after an edit of the Expfile, would be spent on compiling its eighty modules. Another zod is compiled along.

import type { Plugin } from "esbuild";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Trail } from "../planning/bundle/resolution.ts";

declare const EXP_ZOD_VERSION: string;

/** Undefined: the program runs from its sources. */
const own =
  typeof EXP_ZOD_VERSION === "string"
    ? { version: EXP_ZOD_VERSION, file: fileURLToPath(new URL("./zod.js", import.meta.url)) }
    : undefined;

export function ownZod(trail: Trail): Plugin {
  return {
    name: "own-zod",
    setup(build) {
      if (own === undefined) return;
      const resolving = Symbol("resolving");
      build.onResolve({ filter: /^zod$/ }, async (args) => {
        const { kind, importer, resolveDir } = args;
        if (args.pluginData === resolving || kind !== "import-statement") return undefined;
        const { path, errors } = await build.resolve(args.path, { kind, importer, resolveDir, pluginData: resolving });
        if (errors.length > 0) return undefined;
        const { name, version } = trail.module(path);
        if (name !== "zod" || version !== own.version) return undefined;
        trail.resolved(args, path);
        // Another exp may find what is compiled now, when this one is gone.
        trail.watch(own.file);
        // Where nothing of it is used it is not even loaded.
        return { path: pathToFileURL(own.file).href, external: true, sideEffects: false };
      });
    },
  };
}
