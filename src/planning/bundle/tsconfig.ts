// The compiler options that change what esbuild prints, from the nearest tsconfig.json (or jsconfig.json, where there is none) with its `extends`.

import { createPathsMatcher, getTsconfig, type TsConfigResult } from "get-tsconfig";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { FailureError, inputFailure } from "../../model/failure.ts";
import type { Json, JsonObject } from "../../model/json.ts";

/** As esbuild looks for them in each folder. */
const names = ["tsconfig.json", "jsconfig.json"] as const;

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
  /** Where `paths` and `baseUrl` have a bare import looked for, first to last. */
  readonly candidates: (specifier: string) => readonly string[];
}

export function effectiveTsconfig(file: string): EffectiveTsconfig {
  const absent: string[] = [];
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    for (const candidate of names.map((name) => join(folder, name))) {
      if (existsSync(candidate)) return { ...readOptions(candidate), absent };
      absent.push(candidate);
    }
    if (dirname(folder) === folder) return { options: {}, files: [], absent, candidates: nowhere };
  }
}

function readOptions(file: string): Omit<EffectiveTsconfig, "absent"> {
  // The reader's own cache tells which files an `extends` led to.
  const looked = new Map<string, unknown>();
  const found = readTsconfig(file, looked);
  const compilerOptions = (found?.config.compilerOptions ?? {}) as Record<string, Json | undefined>;
  const options = telling.flatMap((name) =>
    compilerOptions[name] === undefined ? [] : [[name, compilerOptions[name]] as const],
  );
  return {
    options: Object.fromEntries(options),
    files: [file, ...extendedFiles(looked, file)],
    candidates: found === null ? nowhere : candidatesOf(found),
  };
}

function readTsconfig(file: string, looked: Map<string, unknown>): ReturnType<typeof getTsconfig> {
  try {
    return getTsconfig(dirname(file), basename(file), looked as never);
  } catch (error) {
    // Broken JSON, a list where a text belongs, an `extends` that leads nowhere: the reader throws whatever it stumbles over.
    const why = error instanceof Error ? error.message : String(error);
    const fix = `Check it with: npx tsc --showConfig${basename(file) === names[0] ? "" : ` -p ${basename(file)}`}`;
    throw new FailureError([inputFailure(`cannot be read: ${why}`, { where: { file }, fix })]);
  }
}

const nowhere = () => [];

function candidatesOf(tsconfig: TsConfigResult): EffectiveTsconfig["candidates"] {
  const baseUrl = tsconfig.config.compilerOptions?.baseUrl;
  const base = baseUrl === undefined ? undefined : resolve(dirname(tsconfig.path), baseUrl);
  const match = pathsMatcher(tsconfig);
  return (specifier) => {
    const places = [...(match?.(specifier) ?? []), ...(base === undefined ? [] : [join(base, specifier)])];
    return [...new Set(places.map((place) => resolve(place)))];
  };
}

/** A pattern that is no path makes the reader throw; esbuild passes over it. */
function pathsMatcher(tsconfig: TsConfigResult): ReturnType<typeof createPathsMatcher> {
  try {
    return createPathsMatcher(tsconfig);
  } catch {
    return null;
  }
}

function extendedFiles(looked: ReadonlyMap<string, unknown>, own: string): string[] {
  const paths = [...looked.keys()].flatMap((key) => /^readFileSync:(.*):utf8$/.exec(key)?.[1] ?? []);
  return [...new Set(paths)].filter((path) => path !== own && existsSync(path));
}
