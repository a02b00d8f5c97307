// Collects the closure of a recipe with esbuild's own resolution, and the list of what was looked at on the way.
// Unaware of keys and of the graph.

import type { BuildFailure, Message, OnResolveArgs, OnResolveResult } from "esbuild";
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, extname, join, relative, sep } from "node:path";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import { inputFailure, type Failure, type Place } from "../../model/failure.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { closureFormat, edgeKey, type Closure, type ClosureModule, type Loader } from "./closure.ts";
import { expfileShadows, isInNodeModules, moduleType, pastExpfile, Trail, type PackageScope } from "./resolution.ts";
import { startResolver } from "./resolver.ts";
import { effectiveTsconfig } from "./tsconfig.ts";
import type { Watched } from "./watched.ts";

export interface CollectOptions {
  readonly root: string;
  /** Absolute path of the recipe's module. */
  readonly file: string;
  readonly exportName: string;
  readonly externals: readonly string[];
  readonly neededBy: string;
}

export interface Collected {
  readonly closure: Closure;
  /** Name and version of each declared external. */
  readonly externals: Readonly<Record<string, string>>;
  readonly watched: Watched;
}

const loaders: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".jsx": "jsx",
  ".json": "json",
};
/** Prompts and small tables are imported as text, so they are code and count as such. */
export const textExtensions = [
  ".md",
  ".txt",
  ".csv",
  ".tsv",
  ".yaml",
  ".yml",
  ".fasta",
  ".sql",
  ".jinja",
  ".j2",
  ".html",
  ".css",
  ".svg",
  ".py",
  ".r",
  ".R",
];

interface Found {
  readonly path: string;
  readonly text: string;
  /** Of the bytes that were read, so that an edit since then is not taken for what was bundled. */
  readonly digest: Digest;
  readonly loader: Loader;
  readonly edges: Map<string, string | { external: string }>;
}

export async function collectClosure(options: CollectOptions): Promise<Result<Collected, readonly Failure[]>> {
  const esbuild = await import("esbuild");
  const found = new Map<string, Found>();
  const sideEffectFree = new Set<string>();
  const trail = new Trail();
  const tsconfig = effectiveTsconfig(options.file);
  const order = new Map<string, string[]>();
  const resolver = await startResolver(options.root);
  try {
    const built = await esbuild.build({
      entryPoints: [options.file],
      bundle: true,
      write: false,
      metafile: true,
      format: "cjs",
      platform: "node",
      target: "node20",
      treeShaking: false,
      // What it prints is thrown away: the less, the sooner.
      minifyWhitespace: true,
      logLevel: "silent",
      absWorkingDir: options.root,
      outfile: join(options.root, "recipe.js"),
      // As in the print: which imports survive depends on these.
      tsconfigRaw: { compilerOptions: tsconfig.options },
      plugins: [
        {
          name: "collect",
          setup(build) {
            build.onResolve({ filter: /.*/ }, async (args): Promise<OnResolveResult | undefined> => {
              if (args.kind === "entry-point") return { path: args.path };
              const edge = edgeKey(args.kind, args.path);
              const from = found.get(args.importer);
              if (isBuiltin(args.path)) {
                from?.edges.set(edge, { external: args.path.startsWith("node:") ? args.path : `node:${args.path}` });
                return { path: args.path, external: true };
              }
              if (options.externals.some((name) => args.path === name || args.path.startsWith(`${name}/`))) {
                from?.edges.set(edge, { external: args.path });
                return { path: args.path, external: true };
              }
              if (isLeftToEsbuild(args)) return undefined;
              const { kind, importer, namespace, resolveDir } = args;
              const resolved = await resolver.resolve(args.path, { kind, importer, namespace, resolveDir });
              if (resolved.errors.length > 0) {
                // An optional `require` inside try/catch may fail at run time, as it does without a bundler.
                if (args.kind === "require-call" || args.kind === "require-resolve") {
                  trail.missed(args);
                  from?.edges.set(edge, { external: args.path });
                  return { path: args.path, external: true };
                }
                return { errors: resolved.errors };
              }
              const path = pastExpfile(options.root, args.path, resolved.path);
              if (path === undefined) return { errors: [{ text: expfileShadows }] };
              trail.resolved(args, path);
              if (!resolved.sideEffects) sideEffectFree.add(path);
              from?.edges.set(edge, path);
              return { path, namespace: resolved.namespace, sideEffects: resolved.sideEffects };
            });
            build.onLoad({ filter: /.*/ }, (args) => {
              const extension = extname(args.path);
              const loader = loaders[extension] ?? (textExtensions.includes(extension) ? "text" : undefined);
              if (loader === undefined) return { errors: [{ text: cannotBundle(args.path, extension) }] };
              const bytes = readFileSync(args.path);
              const text = bytes.toString("utf8");
              found.set(args.path, { path: args.path, text, digest: digestOfBytes(bytes), loader, edges: new Map() });
              return { contents: text, loader, resolveDir: dirname(args.path) };
            });
          },
        },
      ],
    });
    // esbuild lets a name pass that nobody exports, because in TypeScript it might be a type: at run time it would be undefined.
    const wrong = built.warnings.filter((message) => message.id === "import-is-undefined");
    if (wrong.length > 0) return fail(wrong.map((message) => failureOfMessage(message, options)));
    const left = new Set<string>();
    for (const [name, { imports }] of Object.entries(built.metafile.inputs)) {
      const file = join(options.root, name);
      const { edges } = found.get(file)!;
      const resolveDir = dirname(file);
      const keys = imports.map(({ kind, path, original = path, external = false }) => {
        const edge = edgeKey(kind, original);
        if (edges.has(edge)) return edge;
        if (external) {
          // So is an optional `import()`.
          edges.set(edge, { external: original });
          trail.missed({ path: original, resolveDir });
          return edge;
        }
        const to = join(options.root, path);
        edges.set(edge, to);
        trail.resolved({ path: original, resolveDir }, to);
        left.add(to);
        return edge;
      });
      order.set(file, keys);
    }
    await Promise.all(
      [...left].map(async (path) => {
        const isFree =
          trail.module(path).isSideEffectFree ??
          !(await resolver.resolve(path, { kind: "import-statement", resolveDir: dirname(path) })).sideEffects;
        if (isFree) sideEffectFree.add(path);
      }),
    );
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    return fail(error.errors.map((message) => failureOfMessage(message, options)));
  } finally {
    await resolver.end();
  }

  const numbered = depthFirst(options.file, found, order);
  const index = new Map(numbered.map((path, i) => [path, i]));
  const modules = numbered.map((path): ClosureModule => {
    const module = found.get(path)!;
    const scope = trail.module(path);
    trail.read(path, module.digest);
    const edges = [...module.edges].flatMap(([key, to]): [string, number | string][] => {
      if (typeof to !== "string") return [[key, to.external]];
      const target = index.get(to);
      return target === undefined ? [] : [[key, target]];
    });
    return {
      label: labelOf(path, options.root, scope),
      loader: module.loader,
      type: moduleType(path, scope.type),
      sideEffects: !sideEffectFree.has(path),
      digest: module.digest,
      text: module.text,
      edges: Object.fromEntries(edges),
    };
  });
  const closure: Closure = {
    format: closureFormat,
    exportName: options.exportName,
    modules,
    tsconfig: tsconfig.options,
    externals: options.externals,
  };
  const externals = Object.fromEntries(options.externals.map((name) => [name, trail.external(options.root, name)]));
  return ok({ closure, externals, watched: trail });
}

/**
 * Between the modules of packages no tsconfig counts, and esbuild finds what they import as it would be found for it: there are hundreds in some, and to be
 * asked of each import takes several times as long as to read them all. What was found stands in its report.
 */
function isLeftToEsbuild({ kind, path, importer }: OnResolveArgs): boolean {
  const isStatement = kind === "import-statement" || kind === "dynamic-import";
  return isStatement && path !== "expfile" && isInNodeModules(importer) && /\.[cm]?js$/.test(importer);
}

export function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors);
}

function cannotBundle(path: string, extension: string): string {
  if (extension === ".node")
    return `the native addon ${path} cannot travel with a recipe: name its package in the rule's \`externals\``;
  return `files ending in "${extension}" cannot be imported by a recipe: hand the file over as an input, or rename it to .txt to import it as text`;
}

/** esbuild's message as a failure, with its place underlined. */
export function failureOfMessage(
  message: Message,
  options: { readonly root: string; readonly neededBy: string },
): Failure {
  const location = message.location;
  const where: Place | undefined = location
    ? {
        file: relative(options.root, join(options.root, location.file)),
        line: location.line,
        column: location.column + 1,
        length: location.length,
        text: location.lineText,
      }
    : undefined;
  // What the bundler advises to its own users would need options that exp does not have.
  const notes = message.notes.map((note) => note.text).filter((text) => text !== "" && !isAboutExternals(text));
  const missing = notes.length === 0 ? missingPackage(message, options.root) : undefined;
  return inputFailure(missing === undefined ? message.text : `the package "${missing}" is not installed`, {
    ...(where && { where }),
    neededBy: options.neededBy,
    ...(missing !== undefined && { fix: `npm install ${missing}` }),
    ...(notes.length > 0 && { details: notes }),
  });
}

function isAboutExternals(note: string): boolean {
  return /^You can mark the path .* as external/.test(note);
}

/** The package that is not installed; undefined where something else is wrong: a file of a package is not there, say. */
function missingPackage({ text, notes }: Message, root: string): string | undefined {
  if (!notes.some((note) => isAboutExternals(note.text))) return undefined;
  const path = /^Could not resolve "(.+)"$/.exec(text)?.[1];
  const name = /^(?:@[\w.-]+\/)?\w[\w.-]*(?=\/|$)/.exec(path ?? "")?.[0];
  return name === undefined || isInstalled(name, root) ? undefined : name;
}

function isInstalled(name: string, folder: string): boolean {
  if (existsSync(join(folder, "node_modules", name))) return true;
  return dirname(folder) !== folder && isInstalled(name, dirname(folder));
}

/** Paths in depth-first order of import statements from the entry. */
function depthFirst(
  entry: string,
  found: ReadonlyMap<string, Found>,
  order: ReadonlyMap<string, readonly string[]>,
): string[] {
  const seen = new Set<string>();
  const result: string[] = [];
  const stack = [entry];
  while (stack.length > 0) {
    const path = stack.pop()!;
    const module = found.get(path);
    if (module === undefined || seen.has(path)) continue;
    seen.add(path);
    result.push(path);
    // Import order as written; edges that only onResolve saw (esbuild drops unused type imports from the metafile) come last.
    const keys = [...new Set([...(order.get(path) ?? []), ...[...module.edges.keys()].sort()])];
    for (const key of keys.reverse()) {
      const to = module.edges.get(key);
      if (typeof to === "string") stack.push(to);
    }
  }
  return result;
}

function labelOf(path: string, root: string, scope: PackageScope): string {
  const inside = relative(root, path);
  const foreign = inside.startsWith("..") || path.includes(`${sep}node_modules${sep}`);
  if (!foreign || scope.file === undefined) return inside;
  return `${scope.name ?? "?"}@${scope.version ?? "?"}/${relative(dirname(scope.file), path)}`;
}
