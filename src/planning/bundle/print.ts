// Prints a closure as one CommonJS module: white space and comments removed, names kept, paths fixed.
// The digest of the print is the code digest; the print is also what runs and what is archived. Reads no file.

import type { BuildOptions, Message } from "esbuild";
import { edgeKey, indexOfNeutralPath, modulePrefix, neutralPath, type Closure } from "./closure.ts";

export interface Print {
  readonly code: string;
  /** Source map (JSON) whose sources are neutral paths. */
  readonly map: string;
  readonly warnings: readonly Message[];
}

/** What turns a closure into code. Another one can be put in its place: results outlive it. */
export interface Printer {
  /** As in `esbuild 0.28.2`. */
  readonly name: string;
  print(closure: Closure): Promise<Print>;
}

// Fixed: the print must not depend on the machine, and a target that follows Node would change keys with it.
const fixedOptions = {
  bundle: true,
  write: false,
  format: "cjs",
  platform: "node",
  target: "node20",
  treeShaking: true,
  minifyWhitespace: true,
  legalComments: "none",
  charset: "utf8",
  sourcemap: "external",
  sourcesContent: false,
  logLevel: "silent",
  absWorkingDir: "/",
  outfile: "/exp/recipe.js",
} satisfies BuildOptions;

const entryPath = "/exp/entry.mjs";

export async function esbuildPrinter(): Promise<Printer> {
  const esbuild = await import("esbuild");
  return {
    name: `esbuild ${esbuild.version}`,
    async print(closure) {
      const paths = closure.modules.map(neutralPath);
      const result = await esbuild.build({
        ...fixedOptions,
        entryPoints: [entryPath],
        tsconfigRaw: { compilerOptions: closure.tsconfig },
        plugins: [
          {
            name: "closure",
            setup(build) {
              build.onResolve({ filter: /.*/ }, (args) => {
                if (args.kind === "entry-point") return { path: entryPath };
                if (args.importer === entryPath)
                  return { path: paths[0]!, sideEffects: closure.modules[0]!.sideEffects };
                const from = closure.modules[indexOfNeutralPath(args.importer)];
                const to = from?.edges[edgeKey(args.kind, args.path)];
                if (to === undefined) return { errors: [{ text: `the closure has no module for "${args.path}"` }] };
                if (typeof to === "string") return { path: to, external: true };
                return { path: paths[to]!, sideEffects: closure.modules[to]!.sideEffects };
              });
              build.onLoad({ filter: /.*/ }, (args) => {
                if (args.path === entryPath) {
                  const name = JSON.stringify(closure.exportName);
                  return { contents: `export { ${name} as recipe } from "${paths[0]!}";`, loader: "js" };
                }
                const module = closure.modules[indexOfNeutralPath(args.path)]!;
                return { contents: module.text, loader: module.loader };
              });
            },
          },
        ],
      });
      const map = result.outputFiles.find((file) => file.path.endsWith(".map"))!;
      const code = result.outputFiles.find((file) => !file.path.endsWith(".map"))!;
      return { code: numberedByUse(code.text), map: map.text, warnings: result.warnings };
    },
  };
}

/**
 * Names that the bundler makes of a module's path (`expmodule0007_default`) hold its number in the closure, in which modules count that
 * are not in the print. They are numbered by first use in the print instead, as many digits, so that the map still fits.
 */
function numberedByUse(code: string): string {
  const numbers = new Map<string, string>();
  return code.replace(new RegExp(`${modulePrefix}(\\d{4,})`, "g"), (_, digits: string) => {
    let number = numbers.get(digits);
    if (number === undefined) numbers.set(digits, (number = String(numbers.size).padStart(digits.length, "0")));
    return modulePrefix + number;
  });
}
