// What stands for a recipe's module in a compiled Expfile: a module with the same export names, each telling where it is.

import type { Loader } from "esbuild";
import type * as Esbuild from "esbuild";
import { dirname, relative } from "node:path";
import { isBuildFailure } from "../planning/bundle/build-failures.ts";

/** What a stub export is at run time: where the recipe is, not the recipe. */
interface RecipeStub {
  readonly $recipe: { readonly file: string; readonly export: string };
}

export function stubOf(file: string, names: readonly string[], root: string): string {
  const path = relative(root, file);
  return names
    .map((name) => {
      const told: RecipeStub = { $recipe: { file: path, export: name } };
      const stub = JSON.stringify(told);
      return name === "default"
        ? `export default ${stub};`
        : `const $${name} = ${stub}; export { $${name} as ${name} };`;
    })
    .join("\n");
}

export async function exportsOf(file: string, bytes: Uint8Array): Promise<readonly string[]> {
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
