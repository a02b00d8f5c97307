// Compiles Expfile.ts, and keeps what came of it until something that it was made of, or looked for, has changed. Recipes are not compiled along: each
// `import("./recipe.ts")` becomes a stub, so that an edit of a recipe leaves the compiled Expfile as it is.

import type { Metafile, Plugin } from "esbuild";
import { readFileSync, realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { Failure } from "../model/failure.ts";
import { failureOfMessage, isBuildFailure } from "../planning/bundle/build-failures.ts";
import { expfileShadows, pastExpfile, Trail } from "../planning/bundle/resolution.ts";
import { isFoundAsBefore, recordWatched, type DigestOf, type WatchedRecord } from "../planning/bundle/watched.ts";
import { readTextIfThere, writeAtomic } from "../util/fs.ts";
import { statOf } from "../util/stat.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { mapOf } from "./blame.ts";
import { impureAmong, worldDefines, worldRequire } from "./looks.ts";
import { ownZod } from "./own-zod.ts";
import { exportsOf, stubOf } from "./recipe-stubs.ts";

export const expfileName = "Expfile.ts";

export interface CompiledExpfile {
  /** The file of the module, which is named by its digest. */
  readonly file: string;
  /** Ways in which it can look at the world that are not recorded. */
  readonly impure: readonly string[];
  readonly watched: WatchedRecord;
}

/** Raise it when what is kept, or the stubs in a compiled Expfile, look different: another exp's are then compiled anew. */
const keptFormat = 5;

interface Kept {
  readonly format: typeof keptFormat;
  /** What is watched is named by absolute paths: in a copy of the project they are those of another one. */
  readonly root: string;
  readonly module: string;
  readonly impure: readonly string[];
  readonly watched: WatchedRecord;
  /** Files of which it holds a stub and nothing else, with the names that the stub exports. */
  readonly stubs: Readonly<Record<string, readonly string[]>>;
}

export async function compiledExpfile(
  root: string,
  cacheFolder: string,
  digestOf: DigestOf,
): Promise<Result<CompiledExpfile, readonly Failure[]>> {
  const folder = join(cacheFolder, "expfile");
  const kept = readKept(keptFile(folder), root);
  const current = kept === undefined ? undefined : await broughtUpToDate(kept, folder, digestOf);
  const compiled = current === undefined ? await compile(root, folder, digestOf, kept) : ok(current);
  if (!compiled.ok) return compiled;
  const { module, impure, watched } = compiled.value;
  return ok({ file: join(folder, module), impure, watched });
}

/** `former`: what was compiled before it. */
async function compile(
  root: string,
  folder: string,
  digestOf: DigestOf,
  former: Kept | undefined,
): Promise<Result<Kept, readonly Failure[]>> {
  const esbuild = await import("esbuild");
  const entry = join(root, expfileName);
  const trail = new Trail();
  const stubs = new Map<string, readonly string[]>();
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
      plugins: [ownZod(trail), recipeStubs(root, trail, stubs, knownExports(former))],
    });
    // The Expfile may be a link itself.
    trail.resolved({ path: entry, resolveDir: root }, realpathSync.native(entry));
    follow(built.metafile, root, trail);
    const textOf = (end: string) => built.outputFiles.find(({ path }) => path.endsWith(end))!.text;
    const text = textOf(".mjs");
    const module = `${digestOfBytes(text).slice(0, 16)}.mjs`;
    writeAtomic(mapOf(join(folder, module)), textOf(".map"));
    writeAtomic(join(folder, module), text);
    // A module that is imported for itself as well is compiled along.
    for (const input of Object.keys(built.metafile.inputs)) stubs.delete(join(root, input));
    const kept: Kept = {
      format: keptFormat,
      root,
      module,
      impure: impureModules(built.metafile),
      watched: recordWatched(trail, digestOf),
      stubs: Object.fromEntries(stubs),
    };
    writeAtomic(keptFile(folder), JSON.stringify(kept));
    return ok(kept);
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    return fail(error.errors.map((message) => failureOfMessage(message, { root, neededBy: "the Expfile" })));
  }
}

const recipeNamespace = "recipe";

/** The names that a module exports, where they are known of its path and digest: each recipe would be parsed for them. */
type KnownExports = (path: string, digest: Digest) => readonly string[] | undefined;

function knownExports(former: Kept | undefined): KnownExports {
  const digests = new Map(former?.watched.files);
  return (path, digest) => (digests.get(path) === digest ? former?.stubs[path] : undefined);
}

function recipeStubs(root: string, trail: Trail, stubs: Map<string, readonly string[]>, known: KnownExports): Plugin {
  return {
    name: "recipe-stubs",
    setup(build) {
      const resolving = Symbol("resolving");
      // Of everything else, a package of a hundred files among it, what esbuild looked up is in its report: to be asked of each import takes several times
      // as long as to compile.
      build.onResolve({ filter: /.*/ }, async (args) => {
        const isRecipe = args.kind === "dynamic-import" && !isBuiltin(args.path);
        if (args.pluginData === resolving || !(isRecipe || args.path === "expfile")) return undefined;
        const { kind, importer, resolveDir } = args;
        const resolved = await build.resolve(args.path, { kind, importer, resolveDir, pluginData: resolving });
        if (resolved.errors.length > 0) return { errors: resolved.errors };
        const path = pastExpfile(root, args.path, resolved.path);
        if (path === undefined) return { errors: [{ text: expfileShadows }] };
        if (!isRecipe) return { path, sideEffects: resolved.sideEffects };
        trail.resolved(args, path);
        return { path, namespace: recipeNamespace };
      });
      build.onLoad({ filter: /.*/, namespace: recipeNamespace }, async ({ path }) => {
        const bytes = readFileSync(path);
        const digest = digestOfBytes(bytes);
        trail.read(path, digest);
        const names = known(path, digest) ?? (await exportsOf(path, bytes));
        stubs.set(path, names);
        return { contents: stubOf(path, names, root), loader: "js" };
      });
      // Read here, so that the digest is of what was compiled: the file may be edited a moment later.
      build.onLoad({ filter: /.*/, namespace: "file" }, ({ path }) => {
        const bytes = readFileSync(path);
        trail.read(path, digestOfBytes(bytes));
        return { contents: bytes, loader: "default" };
      });
    },
  };
}

/** Every module, and how each of its imports was found. */
function follow({ inputs }: Metafile, root: string, trail: Trail): void {
  const isStub = (path: string) => path.startsWith(`${recipeNamespace}:`);
  for (const [input, { imports }] of Object.entries(inputs)) {
    if (isStub(input)) continue;
    const file = join(root, input);
    trail.module(file);
    for (const { path, original = path, external } of imports)
      if (external !== true && !isStub(path))
        trail.resolved({ path: original, resolveDir: dirname(file) }, join(root, path));
  }
}

/** What is left of Node's modules in what was compiled: an import that nothing uses is gone by then. */
function impureModules(metafile: Metafile): readonly string[] {
  const names = Object.values(metafile.outputs).flatMap(({ imports }) =>
    imports.filter(({ external }) => external === true).map(({ path }) => path),
  );
  return impureAmong(names);
}

/** Undefined: it is to be compiled anew. A recipe that was edited and exports the same names leaves it as it is. */
async function broughtUpToDate(kept: Kept, folder: string, digestOf: DigestOf): Promise<Kept | undefined> {
  const { watched, stubs, module } = kept;
  // Named by its digest, so that one that was damaged is seen.
  if (`${digestOf(join(folder, module))?.digest.slice(0, 16)}.mjs` !== module) return undefined;
  if (!isFoundAsBefore(watched)) return undefined;
  const edited = watched.files.filter(([path, digest]) => digestOf(path)?.digest !== digest).map(([path]) => path);
  if (edited.length === 0) return kept;
  if (edited.some((path) => stubs[path] === undefined || statOf(path)?.isFile() !== true)) return undefined;
  const read = new Map(edited.map((path) => [path, readFileSync(path)]));
  const names = await Promise.all([...read].map(([path, bytes]) => exportsOf(path, bytes)));
  if (edited.some((path, n) => names[n]!.join() !== stubs[path]!.join())) return undefined;
  const files = watched.files.map(([path, digest]) => {
    const bytes = read.get(path);
    return [path, bytes === undefined ? digest : digestOfBytes(bytes)] as const;
  });
  const current = { ...kept, watched: { ...watched, files } };
  writeAtomic(keptFile(folder), JSON.stringify(current));
  return current;
}

function keptFile(folder: string): string {
  return join(folder, "kept.json");
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
