// What module resolution looked at beside the files it found: the ones that were not there, and the package.json above each module.

import type { ImportKind } from "esbuild";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join, sep } from "node:path";
import type { ModuleType } from "./closure.ts";

/** Files that would have been found before the one that was. */
export function absentProbes(resolveDir: string, specifier: string, kind: ImportKind, resolved: string): string[] {
  if (specifier.startsWith(".") || specifier.startsWith("/")) {
    const asked = join(resolveDir, specifier);
    if (asked === resolved) return [];
    // `./x` tries x, x.tsx, x.ts … and `./x.js` tries x.js before x.ts.
    const extensions = ["", ".tsx", ".ts", ".jsx", ".js", ".css", ".json"];
    return extensions.map((extension) => asked + extension).filter((path) => path !== resolved && !isFile(path));
  }
  const name = specifier.startsWith("@") ? specifier.split("/", 2).join("/") : specifier.split("/", 1)[0]!;
  const probes: string[] = [];
  for (let folder = resolveDir; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (resolved.startsWith(candidate + sep)) break;
    if (existsSync(candidate)) break;
    probes.push(candidate);
    if (dirname(folder) === folder) break;
  }
  return probes;
}

export interface PackageScope {
  readonly file: string | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly type: string | undefined;
  readonly absent: readonly string[];
}

/** The nearest package.json above a file, and the ones that are not there. */
export function packageScope(path: string): PackageScope {
  const absent: string[] = [];
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (isFile(file)) {
      const parsed = JSON.parse(readFileSync(file, "utf8")) as { name?: string; version?: string; type?: string };
      return { file, name: parsed.name, version: parsed.version, type: parsed.type, absent };
    }
    absent.push(file);
    if (dirname(folder) === folder)
      return { file: undefined, name: undefined, version: undefined, type: undefined, absent };
  }
}

export function moduleType(path: string, scopeType: string | undefined): ModuleType {
  const extension = extname(path);
  if (extension === ".mjs" || extension === ".mts") return "module";
  if (extension === ".cjs" || extension === ".cts") return "commonjs";
  return scopeType === "module" || scopeType === "commonjs" ? scopeType : "unknown";
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
