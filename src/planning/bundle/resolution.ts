// What module resolution looked at beside the files it found: the ones that were not there, the links on the way, the package.json above each
// module, the tsconfigs. It follows esbuild's rules loosely: a path too many is looked at again for nothing, a path too few is a wrong "up to date".

import type { OnResolveArgs } from "esbuild";
import { lstatSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, extname, isAbsolute, join, resolve, sep } from "node:path";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import { statOf } from "../../util/stat.ts";
import type { ModuleType } from "./closure.ts";
import { effectiveTsconfig, type EffectiveTsconfig } from "./tsconfig.ts";
import type { Watched } from "./watched.ts";

export interface PackageScope {
  /** The package.json that gives the package its name: in node_modules the package's own, elsewhere the nearest. */
  readonly file: string | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
  /** Of the nearest package.json. */
  readonly type: string | undefined;
  /** What the nearest package.json says of all of its modules. Undefined: it tells them apart. */
  readonly isSideEffectFree: boolean | undefined;
}

interface PackageJson {
  readonly name?: string;
  readonly version?: string;
  readonly type?: string;
  readonly main?: unknown;
  readonly module?: unknown;
  readonly sideEffects?: unknown;
}

const extensions = ["", ".tsx", ".ts", ".jsx", ".js", ".css", ".json"];
/** What `x.js` may be written as in TypeScript. */
const rewritten: Readonly<Record<string, readonly string[]>> = {
  ".js": [".ts", ".tsx"],
  ".jsx": [".ts", ".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
};

/** Everything that one compilation looked at. Told of each import and each module; answers what a module's package is. */
export class Trail implements Watched {
  readonly files = new Map<string, Digest | undefined>();
  readonly absent = new Set<string>();
  readonly links = new Map<string, string>();
  readonly #asked = new Set<string>();
  readonly #packages = new Map<string, PackageJson | undefined>();
  readonly #tsconfigs = new Map<string, EffectiveTsconfig>();

  /** A file that was read, with the digest of what was read. */
  read(path: string, digest: Digest): void {
    this.files.set(path, digest);
  }

  /** A file that counts, whoever read it. */
  watch(path: string, digest?: Digest): void {
    if (this.files.get(path) === undefined) this.files.set(path, digest);
  }

  /** An import that was resolved. */
  resolved({ path: specifier, resolveDir }: Pick<OnResolveArgs, "path" | "resolveDir">, resolved: string): void {
    const key = JSON.stringify([resolveDir, specifier]);
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    if (isPath(specifier)) {
      this.#isFoundAt(isAbsolute(specifier) ? specifier : join(resolveDir, specifier), resolved);
      return;
    }
    if (!isInNodeModules(resolveDir)) {
      const candidates = this.#tsconfigOf(resolveDir).candidates(specifier);
      if (candidates.some((candidate) => this.#isFoundAt(candidate, resolved))) return;
    }
    // `#name` is looked up in the package.json of the importer, which is watched with the importer.
    if (!specifier.startsWith("#")) this.#walkUp(resolveDir, specifier, (path) => this.#isFoundAt(path, resolved));
  }

  /** An import that was left to the run, because nothing was found: it may be there the next time. */
  missed(asked: Pick<OnResolveArgs, "path" | "resolveDir">): void {
    this.resolved(asked, "");
  }

  /** A module of the compilation: every package.json from its folder up to the one that names its package counts. */
  module(path: string): PackageScope {
    if (!isInNodeModules(path)) this.#tsconfigOf(dirname(path));
    let nearest: PackageJson | undefined;
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      const file = join(folder, "package.json");
      const found = this.#package(file);
      nearest ??= found;
      const isOwn = !isInNodeModules(path) || isPackageFolder(folder);
      if (found !== undefined && isOwn)
        return { file, name: found.name, version: found.version, ...ofNearest(nearest) };
      if (dirname(folder) === folder)
        return { file: undefined, name: undefined, version: undefined, ...ofNearest(nearest) };
    }
  }

  /** The version of the package that a declared external names, as Node finds it from the Expfile. */
  external(root: string, specifier: string): string {
    let version: string | undefined;
    this.#walkUp(root, packageOf(specifier), (folder) => {
      const found = this.#package(join(folder, "package.json"));
      version = found?.version;
      return found !== undefined;
    });
    return version ?? "missing";
  }

  /** Whether `resolved` is what an import of the path `asked` finds. */
  #isFoundAt(asked: string, resolved: string): boolean {
    const path = asked.endsWith(sep) ? asked.slice(0, -1) : asked;
    if (path === resolved || this.#isFile(path, resolved)) return true;
    if (statOf(path)?.isDirectory() !== true) return false;
    const found = this.#package(join(path, "package.json"));
    const mains = [found?.main, found?.module].filter((main) => typeof main === "string" && main !== "");
    return (
      mains.some((main) => this.#isFileOrIndex(join(path, main as string), resolved)) ||
      this.#isFile(join(path, "index"), resolved)
    );
  }

  #isFileOrIndex(path: string, resolved: string): boolean {
    return this.#isFile(path, resolved) || this.#isFile(join(path, "index"), resolved);
  }

  #isFile(asked: string, resolved: string): boolean {
    let isFound = false;
    for (const path of spellings(asked)) {
      if (path === resolved) isFound = true;
      else if (this.#isLinkTo(path, resolved)) isFound = true;
    }
    return isFound;
  }

  /** Notes the path as absent, or as a way through a link. */
  #isLinkTo(path: string, resolved: string): boolean {
    const stat = statOf(path);
    if (stat === undefined) this.absent.add(path);
    if (stat?.isFile() !== true || realpathSync.native(path) !== resolved) return false;
    this.links.set(path, resolved);
    // Through the link, so that the stat of the path tells when it leads elsewhere.
    this.watch(path);
    return true;
  }

  /** Node's search for a package: `isHere` is asked of each place that exists, until it says so. */
  #walkUp(from: string, specifier: string, isHere: (path: string) => boolean): void {
    for (let folder = from; ; folder = dirname(folder)) {
      const modules = join(folder, "node_modules");
      if (basename(folder) !== "node_modules" && this.#exists(modules)) {
        const candidate = join(modules, packageOf(specifier));
        if (this.#exists(candidate)) {
          this.#link(candidate);
          if (isHere(join(modules, specifier))) return;
        }
      }
      if (dirname(folder) === folder) return;
    }
  }

  #exists(path: string): boolean {
    const isThere = statOf(path) !== undefined;
    if (!isThere) this.absent.add(path);
    return isThere;
  }

  /** A package's folder, with every link on the way to it: there may be one of another version, or of the same one with other peers, tomorrow. */
  #link(folder: string): void {
    this.#package(join(folder, "package.json"));
    const real = realpathSync.native(folder);
    if (real === folder || this.links.has(folder)) return;
    this.links.set(folder, real);
    for (let at = folder; lstatSync(at).isSymbolicLink();) {
      at = resolve(dirname(at), readlinkSync(at));
      if (at !== real) this.links.set(at, real);
    }
  }

  #package(file: string): PackageJson | undefined {
    if (this.#packages.has(file)) return this.#packages.get(file);
    let found: PackageJson | undefined;
    const stat = statOf(file);
    if (stat === undefined) this.absent.add(file);
    if (stat?.isFile() === true) {
      const bytes = readFileSync(file);
      this.watch(file, digestOfBytes(bytes));
      found = parsePackage(bytes.toString("utf8"));
    }
    this.#packages.set(file, found);
    return found;
  }

  #tsconfigOf(folder: string): EffectiveTsconfig {
    let found = this.#tsconfigs.get(folder);
    if (found === undefined) {
      this.#tsconfigs.set(folder, (found = effectiveTsconfig(join(folder, "module.ts"))));
      for (const file of found.files) this.watch(file);
      for (const file of found.absent) this.absent.add(file);
    }
    return found;
  }
}

function ofNearest({ type, sideEffects }: PackageJson = {}): Pick<PackageScope, "type" | "isSideEffectFree"> {
  const isTold = sideEffects === undefined || typeof sideEffects === "boolean";
  return { type, isSideEffectFree: isTold ? sideEffects === false : undefined };
}

export function moduleType(path: string, scopeType: string | undefined): ModuleType {
  const extension = extname(path);
  if (extension === ".mjs" || extension === ".mts") return "module";
  if (extension === ".cjs" || extension === ".cts") return "commonjs";
  return scopeType === "module" || scopeType === "commonjs" ? scopeType : "unknown";
}

/**
 * With `baseUrl: "."`, esbuild takes the Expfile for the package of that name, as its search for a file does not see case.
 * Then the package, as Node finds it; undefined when it is not installed.
 */
export function pastExpfile(root: string, specifier: string, resolved: string): string | undefined {
  if (specifier !== "expfile" || basename(resolved).toLowerCase() !== "expfile.ts") return resolved;
  if (dirname(resolved) !== realpathSync.native(root)) return resolved;
  try {
    return createRequire(join(root, "Expfile.ts")).resolve(specifier);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "MODULE_NOT_FOUND" || code === "ERR_PACKAGE_PATH_NOT_EXPORTED") return undefined;
    throw error;
  }
}

export const expfileShadows =
  'the `baseUrl` of tsconfig.json makes "expfile" the Expfile itself, and no package of that name is installed';

function spellings(asked: string): string[] {
  const extension = extname(asked);
  const stem = asked.slice(0, asked.length - extension.length);
  return [
    ...extensions.map((added) => asked + added),
    ...(rewritten[extension] ?? []).map((replaced) => stem + replaced),
  ];
}

function isPath(specifier: string): boolean {
  return /^\.{0,2}(\/|$)/.test(specifier) || isAbsolute(specifier);
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

export function isInNodeModules(path: string): boolean {
  return path.split(sep).includes("node_modules");
}

/** `…/node_modules/name` or `…/node_modules/@scope/name`. */
function isPackageFolder(folder: string): boolean {
  const above = dirname(folder);
  return basename(above) === "node_modules"
    ? !basename(folder).startsWith("@")
    : basename(above).startsWith("@") && basename(dirname(above)) === "node_modules";
}

/** A package.json that is no JSON says nothing: esbuild only warns of it. */
function parsePackage(text: string): PackageJson {
  try {
    const parsed = JSON.parse(text) as PackageJson | null;
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
