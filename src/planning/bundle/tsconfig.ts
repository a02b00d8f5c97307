// The compiler options that change what esbuild prints, from the nearest tsconfig.json with its `extends`.

import { getTsconfig } from "get-tsconfig";
import { existsSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { FailureError, inputFailure } from "../../model/failure.ts";
import type { Json, JsonObject } from "../../model/json.ts";

const telling = [
  "alwaysStrict",
  "emitDecoratorMetadata",
  "experimentalDecorators",
  "importsNotUsedAsValues",
  "jsx",
  "jsxFactory",
  "jsxFragmentFactory",
  "jsxImportSource",
  "preserveValueImports",
  "strict",
  "target",
  "useDefineForClassFields",
  "verbatimModuleSyntax",
] as const;

export interface EffectiveTsconfig {
  readonly options: JsonObject;
  /** The tsconfig files read. */
  readonly files: readonly string[];
  /** Nearer ones that are not there. */
  readonly absent: readonly string[];
}

export function effectiveTsconfig(file: string): EffectiveTsconfig {
  const absent: string[] = [];
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const candidate = join(folder, "tsconfig.json");
    if (existsSync(candidate)) {
      // The reader's own cache tells which files an `extends` led to.
      const looked = new Map<string, unknown>();
      const found = readTsconfig(folder, candidate, looked);
      const compilerOptions = (found?.config.compilerOptions ?? {}) as Record<string, Json | undefined>;
      const options = telling.flatMap((name) =>
        compilerOptions[name] === undefined ? [] : [[name, compilerOptions[name]] as const],
      );
      return { options: Object.fromEntries(options), files: [candidate, ...extendedFiles(looked, candidate)], absent };
    }
    absent.push(candidate);
    if (dirname(folder) === folder) return { options: {}, files: [], absent };
  }
}

function readTsconfig(folder: string, file: string, looked: Map<string, unknown>): ReturnType<typeof getTsconfig> {
  try {
    return getTsconfig(folder, "tsconfig.json", looked as never);
  } catch (error) {
    // Broken JSON, a list where a text belongs, an `extends` that leads nowhere: the reader throws whatever it stumbles over.
    const why = error instanceof Error ? error.message : String(error);
    const fix = "Check it with: npx tsc --showConfig";
    throw new FailureError([inputFailure(`cannot be read: ${why}`, { where: { file }, fix })]);
  }
}

/** The tsconfigs that may redirect what the modules import: the nearest of each folder, as esbuild has it. */
export function tsconfigsOf(modules: Iterable<string>): Pick<EffectiveTsconfig, "files" | "absent"> {
  const folders = new Map<string, string>();
  for (const path of modules) if (!path.split(sep).includes("node_modules")) folders.set(dirname(path), path);
  const all = [...folders.values()].map(effectiveTsconfig);
  return { files: all.flatMap(({ files }) => files), absent: all.flatMap(({ absent }) => absent) };
}

function extendedFiles(looked: ReadonlyMap<string, unknown>, own: string): string[] {
  const paths = [...looked.keys()].flatMap((key) => /^readFileSync:(.*):utf8$/.exec(key)?.[1] ?? []);
  return [...new Set(paths)].filter((path) => path !== own && existsSync(path));
}
