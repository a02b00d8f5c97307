// Compiles and loads Expfile.ts. Recipes are not loaded: each `import("./recipe.ts")` becomes a stub that carries the path and the export names.
// A compiled Expfile is kept until something that it was made of, or looked for, has changed.

import type { Loader, Metafile } from "esbuild";
import { readFileSync, realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import type * as Esbuild from "esbuild";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Experiments } from "../api/experiment.ts";
import { digestOfBytes } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { failureOfMessage, isBuildFailure } from "../planning/bundle/collect.ts";
import { expfileShadows, pastExpfile, Trail } from "../planning/bundle/resolution.ts";
import { recordWatched, watchedHolds, type DigestOf, type WatchedRecord } from "../planning/bundle/watched.ts";
import { readTextIfThere, writeAtomic } from "../util/fs.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { failureOfThrown, mapOf } from "./blame.ts";
import { impureAmong, Looks, worldDefines, worldRequire } from "./looks.ts";

export const expfileName = "Expfile.ts";

/** What a stub export is at run time: where the recipe is, not the recipe. */
export interface RecipeStub {
  readonly $recipe: { readonly file: string; readonly export: string };
}

export interface LoadedExpfile {
  readonly experiments: Experiments;
  readonly watched: WatchedRecord;
  /** What evaluating it looked at, and what it declared does so later: experiments, patterns. */
  readonly looks: Looks;
  /** Ways in which it can look at the world that are not recorded, as far as it is known now: with one, no build is taken for up to date unseen. */
  readonly impure: readonly string[];
  /** What a function of it threw while it was `doing` something, at the place where it did. */
  readonly blame: (error: unknown, doing: string) => Failure;
}

/** Raise it when what is kept, or the stubs in a compiled Expfile, look different: another exp's are then compiled anew. */
const keptFormat = 3;

interface Kept {
  readonly format: typeof keptFormat;
  /** What is watched is named by absolute paths: in a copy of the project they are those of another one. */
  readonly root: string;
  readonly module: string;
  readonly impure: readonly string[];
  readonly watched: WatchedRecord;
}

/** By module: Node evaluates it once a process, so a second load looks at nothing any more. */
const looksOf = new Map<string, Looks>();
/** What looks at the world unrecorded, or threw, is evaluated anew each time: the second build of a process may meet another world. */
let evaluations = 0;

export async function loadExpfile(
  root: string,
  cacheFolder: string,
  digestOf: DigestOf,
): Promise<Result<LoadedExpfile, readonly Failure[]>> {
  const folder = join(cacheFolder, "expfile");
  const kept = readKept(join(folder, "kept.json"), root);
  let current = kept !== undefined && isWhole(kept, folder, digestOf) ? kept : undefined;
  if (current === undefined) {
    const compiled = await compile(root, folder, digestOf);
    if (!compiled.ok) return compiled;
    current = compiled.value;
  }
  const file = join(folder, current.module);
  const known = looksOf.get(file);
  const isKept = known !== undefined && known.impure.size === 0 && current.impure.length === 0;
  const blame = (error: unknown, doing: string) => failureOfThrown(error, doing, { root, module: file });
  const looks = isKept ? known : new Looks();
  const address = `${pathToFileURL(file).href}${isKept || known === undefined ? "" : `?${++evaluations}`}`;
  looksOf.set(file, looks);
  let exported: unknown;
  try {
    exported = await looks.during(async () => {
      const module = (await import(address)) as { default?: unknown };
      return module.default;
    });
  } catch (error) {
    looks.impure.add("an error");
    return fail([blame(error, "evaluating the Expfile")]);
  }
  if (!isExperiments(exported)) {
    return fail([
      inputFailure("the Expfile exports no experiments", {
        where: { file: expfileName },
        fix: "export default experiments({ main: () => ({ … }) });",
      }),
    ]);
  }
  const { watched, impure } = current;
  return ok({
    experiments: exported,
    watched,
    looks,
    blame,
    get impure() {
      return [...impure, ...looks.impure];
    },
  });
}

async function compile(root: string, folder: string, digestOf: DigestOf): Promise<Result<Kept, readonly Failure[]>> {
  const esbuild = await import("esbuild");
  const entry = join(root, expfileName);
  const trail = new Trail();
  const resolving = Symbol("resolving");
  try {
    const built = await esbuild.build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      platform: "node",
      target: "node20",
      logLevel: "silent",
      absWorkingDir: root,
      outfile: "Expfile.mjs",
      sourcemap: "external",
      sourcesContent: false,
      define: { ...worldDefines },
      // CommonJS packages inside the bundle may call `require` for Node's modules.
      banner: {
        js: `import { createRequire as $createRequire } from "node:module"; const require = ${worldRequire}($createRequire(${JSON.stringify(pathToFileURL(entry).href)}));`,
      },
      plugins: [
        {
          name: "recipe-stubs",
          setup(build) {
            build.onResolve({ filter: /.*/ }, async (args) => {
              if (args.pluginData === resolving || args.kind === "entry-point") return undefined;
              if (isBuiltin(args.path)) return { path: args.path, external: true };
              const resolved = await build.resolve(args.path, {
                kind: args.kind,
                importer: args.importer,
                resolveDir: args.resolveDir,
                pluginData: resolving,
              });
              if (resolved.errors.length > 0) return { errors: resolved.errors };
              const path = pastExpfile(root, args.path, resolved.path);
              if (path === undefined) return { errors: [{ text: expfileShadows }] };
              trail.resolved(args, path);
              if (args.kind !== "dynamic-import") return { path, sideEffects: resolved.sideEffects };
              return { path, namespace: "recipe" };
            });
            build.onLoad({ filter: /.*/, namespace: "recipe" }, async (args) => {
              const bytes = readFileSync(args.path);
              trail.read(args.path, digestOfBytes(bytes));
              return { contents: await stubOf(args.path, bytes, root), loader: "js" };
            });
            // Read here, so that the digest is of what was compiled: the file may be edited a moment later.
            build.onLoad({ filter: /.*/, namespace: "file" }, (args) => {
              const bytes = readFileSync(args.path);
              trail.read(args.path, digestOfBytes(bytes));
              return { contents: bytes, loader: "default" };
            });
          },
        },
      ],
    });
    // The Expfile may be a link itself.
    trail.resolved({ path: entry, resolveDir: root }, realpathSync.native(entry));
    for (const input of Object.keys(built.metafile.inputs)) trail.module(join(root, input.replace(/^recipe:/, "")));
    const textOf = (end: string) => built.outputFiles.find(({ path }) => path.endsWith(end))!.text;
    const text = textOf(".mjs");
    const module = `${digestOfBytes(text).slice(0, 16)}.mjs`;
    writeAtomic(mapOf(join(folder, module)), textOf(".map"));
    writeAtomic(join(folder, module), text);
    const kept: Kept = {
      format: keptFormat,
      root,
      module,
      impure: impureModules(built.metafile),
      watched: recordWatched(trail, digestOf),
    };
    writeAtomic(join(folder, "kept.json"), JSON.stringify(kept));
    return ok(kept);
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    return fail(error.errors.map((message) => failureOfMessage(message, { root, neededBy: "the Expfile" })));
  }
}

/** What is left of Node's modules in what was compiled: an import that nothing uses is gone by then. */
function impureModules(metafile: Metafile): readonly string[] {
  const names = Object.values(metafile.outputs).flatMap(({ imports }) =>
    imports.filter(({ external }) => external === true).map(({ path }) => path),
  );
  return impureAmong(names);
}

/** A module with the export names of the recipe's module, each telling where it is. */
async function stubOf(file: string, bytes: Uint8Array, root: string): Promise<string> {
  const path = relative(root, file);
  const names = await exportsOf(file, bytes);
  return names
    .map((name) => {
      const stub = JSON.stringify({ $recipe: { file: path, export: name } });
      return name === "default"
        ? `export default ${stub};`
        : `const $${name} = ${stub}; export { $${name} as ${name} };`;
    })
    .join("\n");
}

async function exportsOf(file: string, bytes: Uint8Array): Promise<readonly string[]> {
  const esbuild = await import("esbuild");
  try {
    return await parseExports(esbuild, file, bytes);
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    // It does not parse: that is said, with its place, when its own target is looked at; other targets are not held up.
    const named = Buffer.from(bytes)
      .toString("utf8")
      .matchAll(/^export\s+(?:default|(?:async\s+)?(?:const|let|var|class|function\*?)\s+([\w$]+))/gm);
    return [...new Set([...named].map((match) => match[1] ?? "default"))];
  }
}

async function parseExports(
  esbuild: Pick<typeof Esbuild, "build">,
  file: string,
  bytes: Uint8Array,
): Promise<string[]> {
  const built = await esbuild.build({
    stdin: { contents: bytes, resolveDir: dirname(file), sourcefile: file, loader: loaderOf(file) },
    bundle: false,
    write: false,
    metafile: true,
    format: "esm",
    outdir: dirname(file),
    logLevel: "silent",
  });
  return Object.values(built.metafile.outputs)[0]?.exports ?? [];
}

function loaderOf(file: string): Loader {
  const kind = /\.[cm]?([jt]sx?)$/.exec(file)?.[1];
  return kind === "ts" || kind === "tsx" || kind === "jsx" ? kind : "js";
}

/** The compiled module is named by its digest, so that one that was damaged is seen. */
function isWhole(kept: Kept, folder: string, digestOf: DigestOf): boolean {
  const name = digestOf(join(folder, kept.module))?.digest.slice(0, 16);
  return `${name}.mjs` === kept.module && watchedHolds(kept.watched, digestOf);
}

function readKept(file: string, root: string): Kept | undefined {
  const text = readTextIfThere(file);
  if (text === undefined) return undefined;
  try {
    const kept = JSON.parse(text) as Partial<Kept> | null;
    return kept?.format === keptFormat && kept.root === root ? (kept as Kept) : undefined;
  } catch {
    return undefined;
  }
}

function isExperiments(value: unknown): value is Experiments {
  return typeof value === "object" && value !== null && (value as Partial<Experiments>).kind === "experiments";
}
