// Collects the closure of a recipe with esbuild's own resolution, and the list of what was looked at on the way.
// Unaware of keys and of the graph.

import type { OnResolveArgs, OnResolveResult } from "esbuild";
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, extname, join, relative, sep } from "node:path";
import { digestOfBytes } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import type { JsonObject } from "../../model/json.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { failureOfMessage, isBuildFailure } from "./build-failures.ts";
import { closureFormat, edgeKey, type Closure, type ClosureModule, type Loader } from "./closure.ts";
import type { CollectedModule, Edge, Known, KnownModules } from "./known.ts";
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
  /** By absolute path, in the order of the closure. */
  readonly modules: ReadonlyMap<string, CollectedModule>;
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

/** A module that esbuild has read in this collection. */
interface Found extends Omit<CollectedModule, "edges" | "sideEffects"> {
  readonly edges: Map<string, Edge>;
}

/** `known`: what need not be read again. */
export async function collectClosure(
  options: CollectOptions,
  known?: KnownModules,
): Promise<Result<Collected, readonly Failure[]>> {
  const trail = new Trail();
  const tsconfig = effectiveTsconfig(options.file);
  const now = known?.now({ tsconfig: tsconfig.options, externals: options.externals });
  const collected = new Map<string, CollectedModule>();
  try {
    for (;;) {
      const missing = reachFrom(options.file, collected, (path) => now?.module(path));
      if (missing.length === 0) break;
      const read = await readModules(missing, options, tsconfig.options, trail, now);
      for (const [path, module] of read) collected.set(path, module);
    }
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    return fail(error.errors.map((message) => failureOfMessage(message, options)));
  }

  const modules = depthFirst(options.file, collected);
  const index = new Map([...modules.keys()].map((path, i) => [path, i]));
  const numbered = [...modules].map(([path, module]): ClosureModule => {
    const { digest, loader, text, sideEffects, edges } = module;
    follow(trail, path, edges, options.externals);
    const scope = trail.module(path);
    trail.read(path, digest);
    const entries = [...edges].flatMap(([key, to]): [string, number | string][] => {
      if (typeof to !== "string") return [[key, to.external]];
      const target = index.get(to);
      return target === undefined ? [] : [[key, target]];
    });
    return {
      label: labelOf(path, options.root, scope),
      loader,
      type: moduleType(path, scope.type),
      // It is always asked for something.
      sideEffects: path === options.file || sideEffects,
      digest,
      text,
      edges: Object.fromEntries(entries),
    };
  });
  const closure: Closure = {
    format: closureFormat,
    exportName: options.exportName,
    modules: numbered,
    tsconfig: tsconfig.options,
    externals: options.externals,
  };
  const externals = Object.fromEntries(options.externals.map((name) => [name, trail.external(options.root, name)]));
  return ok({ closure, modules, externals, watched: trail });
}

/** Takes along what is known of the modules that are reached from `entry`; gives those that are not. */
function reachFrom(
  entry: string,
  collected: Map<string, CollectedModule>,
  known: (path: string) => CollectedModule | undefined,
): string[] {
  const missing: string[] = [];
  const seen = new Set([entry]);
  for (const path of seen) {
    const module = collected.get(path) ?? known(path);
    if (module === undefined) missing.push(path);
    else {
      collected.set(path, module);
      for (const to of module.edges.values()) if (typeof to === "string") seen.add(to);
    }
  }
  return missing;
}

const knownNamespace = "known";

/** Has esbuild read modules, with all that they lead to and that is not known. */
async function readModules(
  paths: readonly string[],
  options: CollectOptions,
  tsconfig: JsonObject,
  trail: Trail,
  now: Known | undefined,
): Promise<ReadonlyMap<string, CollectedModule>> {
  const esbuild = await import("esbuild");
  const found = new Map<string, Found>();
  const sideEffectFree = new Set(paths.filter((path) => now?.sideEffects(path) === false));
  const left = new Set(paths.filter((path) => now?.sideEffects(path) === undefined));
  const order = new Map<string, string[]>();
  const resolver = await startResolver(options.root);
  try {
    const built = await esbuild.build({
      entryPoints: [...paths],
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
      outdir: join(options.root, "collected"),
      // As in the print: which imports survive depends on these.
      tsconfigRaw: { compilerOptions: tsconfig },
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
              if (isDeclaredExternal(args.path, options.externals)) {
                from?.edges.set(edge, { external: args.path });
                return { path: args.path, external: true };
              }
              if (isLeftToEsbuild(args)) return undefined;
              const { kind, importer, namespace, resolveDir } = args;
              const resolved = await resolver.resolve(args.path, { kind, importer, namespace, resolveDir });
              if (resolved.errors.length > 0) {
                // An optional `require` inside try/catch may fail at run time, as it does without a bundler.
                if (args.kind === "require-call" || args.kind === "require-resolve") {
                  from?.edges.set(edge, { external: args.path });
                  return { path: args.path, external: true };
                }
                return { errors: resolved.errors };
              }
              const path = pastExpfile(options.root, args.path, resolved.path);
              if (path === undefined) return { errors: [{ text: expfileShadows }] };
              if (!resolved.sideEffects) sideEffectFree.add(path);
              from?.edges.set(edge, path);
              // Not to be read: what is known of it is taken along afterwards.
              if (now?.module(path) !== undefined)
                return { path, namespace: knownNamespace, sideEffects: resolved.sideEffects };
              return { path, namespace: resolved.namespace, sideEffects: resolved.sideEffects };
            });
            // A module from which every name may be imported.
            build.onLoad({ filter: /.*/, namespace: knownNamespace }, () => ({ contents: "module.exports = {};" }));
            build.onLoad({ filter: /.*/ }, (args) => {
              const extension = extname(args.path);
              const loader = loaders[extension] ?? (textExtensions.includes(extension) ? "text" : undefined);
              if (loader === undefined) return { errors: [{ text: cannotBundle(args.path, extension) }] };
              const bytes = readFileSync(args.path);
              const text = bytes.toString("utf8");
              found.set(args.path, { text, digest: digestOfBytes(bytes), loader, edges: new Map() });
              return { contents: text, loader, resolveDir: dirname(args.path) };
            });
          },
        },
      ],
    });
    for (const [name, { imports }] of Object.entries(built.metafile.inputs)) {
      if (name.startsWith(`${knownNamespace}:`)) continue;
      const file = join(options.root, name);
      const { edges } = found.get(file)!;
      const keys = imports.map(({ kind, path, original = path, external = false }) => {
        const edge = edgeKey(kind, original);
        if (edges.has(edge)) return edge;
        // An optional `import()` may fail at run time, too.
        edges.set(edge, external ? { external: original } : join(options.root, path));
        if (!external) left.add(join(options.root, path));
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
  } finally {
    await resolver.end();
  }
  return new Map(
    [...found].map(([path, { text, digest, loader, edges }]) => {
      const ordered = inOrder(edges, order.get(path) ?? []);
      return [path, { text, digest, loader, edges: ordered, sideEffects: !sideEffectFree.has(path) }];
    }),
  );
}

/** As written; edges that only onResolve saw (esbuild drops unused type imports from its report) come last. */
function inOrder(edges: ReadonlyMap<string, Edge>, order: readonly string[]): ReadonlyMap<string, Edge> {
  const keys = new Set([...order, ...[...edges.keys()].sort()]);
  return new Map([...keys].map((key) => [key, edges.get(key)!]));
}

/** Notes what was looked at to find what a module imports. */
function follow(trail: Trail, path: string, edges: ReadonlyMap<string, Edge>, externals: readonly string[]): void {
  for (const [key, to] of edges) {
    const asked = { path: key.slice(key.indexOf(" ") + 1), resolveDir: dirname(path) };
    if (typeof to === "string") trail.resolved(asked, to);
    // Not there, as it seems: it may be the next time.
    else if (!isBuiltin(to.external) && !isDeclaredExternal(to.external, externals)) trail.missed(asked);
  }
}

function isDeclaredExternal(specifier: string, externals: readonly string[]): boolean {
  return externals.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}

/**
 * Between the modules of packages no tsconfig counts, and esbuild finds what they import as it would be found for it: there are hundreds in some, and to be
 * asked of each import takes several times as long as to read them all. What was found stands in its report.
 */
function isLeftToEsbuild({ kind, path, importer }: OnResolveArgs): boolean {
  const isStatement = kind === "import-statement" || kind === "dynamic-import";
  return isStatement && path !== "expfile" && isInNodeModules(importer) && /\.[cm]?js$/.test(importer);
}

function cannotBundle(path: string, extension: string): string {
  if (extension === ".node")
    return `the native addon ${path} cannot travel with a recipe: name its package in the rule's \`externals\``;
  return `files ending in "${extension}" cannot be imported by a recipe: hand the file over as an input, or rename it to .txt to import it as text`;
}

/** The modules that are reached from `entry`, in depth-first order of imports. */
function depthFirst(entry: string, collected: ReadonlyMap<string, CollectedModule>): Map<string, CollectedModule> {
  const reached = new Map<string, CollectedModule>();
  const stack = [entry];
  while (stack.length > 0) {
    const path = stack.pop()!;
    const module = collected.get(path);
    if (module === undefined || reached.has(path)) continue;
    reached.set(path, module);
    for (const to of [...module.edges.values()].reverse()) if (typeof to === "string") stack.push(to);
  }
  return reached;
}

function labelOf(path: string, root: string, scope: PackageScope): string {
  const inside = relative(root, path);
  const foreign = inside.startsWith("..") || path.includes(`${sep}node_modules${sep}`);
  if (!foreign || scope.file === undefined) return inside;
  return `${scope.name ?? "?"}@${scope.version ?? "?"}/${relative(dirname(scope.file), path)}`;
}
