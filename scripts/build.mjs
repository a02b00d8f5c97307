// Bundles the program and the public modules into dist/. Run by `npm ci` (prepare), so that a fresh clone has its program.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;

// What builds left that were killed half-way: no build takes this long.
const deadAfterMs = 600_000;
for (const name of readdirSync(root).filter((name) => /^dist\.\d+\.tmp(\.old)?$/.test(name))) {
  const stat = statSync(join(root, name), { throwIfNoEntry: false });
  if (stat !== undefined && Date.now() - stat.mtimeMs > deadAfterMs)
    rmSync(join(root, name), { recursive: true, force: true });
}

// npx runs this script in a clone without node_modules; if it failed there, npx would stay broken for that path.
const { build } = await import("esbuild").catch(() => process.exit(0));
const versionOf = (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")).version;
const [version, zodVersion] = ["", "node_modules/zod"].map(versionOf);

const hash = createHash("sha256");
for (const file of readdirSync(join(root, "src"), { recursive: true }).map(String).sort()) {
  if (file.endsWith(".ts")) hash.update(file).update(readFileSync(join(root, "src", file)));
}
hash.update(readFileSync(join(root, "package-lock.json")));
hash.update(readFileSync(new URL(import.meta.url)));
const buildId = hash.digest("hex").slice(0, 16);
const idFile = join(root, "dist", "build-id");
if (existsSync(idFile) && readFileSync(idFile, "utf8") === buildId) process.exit(0);
// Put together aside and swapped in: a program that runs meanwhile loads its parts from one build or the other.
const out = `dist.${process.pid}.tmp`;

const requireInModule = {
  js: 'import { createRequire as $createRequire } from "node:module"; const require = $createRequire(import.meta.url);',
};

/** A batch brings the library along as a file beside it: where it runs nothing is installed. */
const awsBesideIt = {
  name: "aws-beside-it",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^@aws-sdk\/client-s3$/ }, () => ({ path: "./aws-s3.mjs", external: true })),
};

/** Expfiles load the same file. */
const zodBesideIt = {
  name: "zod-beside-it",
  setup: ({ onResolve }) => onResolve({ filter: /^zod$/ }, () => ({ path: "./zod.js", external: true })),
};

/** fdir asks Node for picomatch as it is loaded, for what nobody here uses of it: six files to be read at each start. */
const withoutSecondPicomatch = {
  name: "without-second-picomatch",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]fdir[\\/]dist[\\/]index\.[mc]?js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const contents = text.replace(
        /[\w$]*require[\w$]*\.resolve\("picomatch"\);\s*pm = [\w$]*require[\w$]*\("picomatch"\);/,
        "",
      );
      if (contents === text) throw new Error("fdir loads picomatch in another way now: scripts/build.mjs");
      return { contents, loader: "js" };
    }),
};

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  logLevel: "warning",
  define: {
    EXP_VERSION: JSON.stringify(version),
    EXP_BUILD_ID: JSON.stringify(buildId),
    EXP_ZOD_VERSION: JSON.stringify(zodVersion),
  },
  tsconfigRaw: { compilerOptions: { target: "es2023", verbatimModuleSyntax: true } },
};

await Promise.all([
  build({
    ...common,
    entryPoints: { exp: "src/exp.ts" },
    format: "cjs",
    outdir: out,
    outExtension: { ".js": ".cjs" },
    banner: { js: "#!/usr/bin/env node" },
  }),
  build({
    ...common,
    entryPoints: { spare: "src/project/spare.ts" },
    format: "cjs",
    outdir: out,
    outExtension: { ".js": ".cjs" },
  }),
  build({
    ...common,
    entryPoints: { main: "src/main.ts" },
    format: "esm",
    splitting: true,
    outdir: out,
    chunkNames: "chunk-[name]-[hash]",
    plugins: [withoutSecondPicomatch, zodBesideIt],
    external: ["esbuild", "@aws-sdk/client-s3", "modal"],
    banner: requireInModule,
  }),
  build({
    ...common,
    entryPoints: { worker: "src/project/worker-main.ts" },
    format: "esm",
    outdir: out,
    external: ["yaml"],
  }),
  build({
    ...common,
    entryPoints: { batch: "src/project/batch-main.ts" },
    format: "esm",
    outdir: out,
    external: ["yaml"],
    plugins: [awsBesideIt],
    banner: requireInModule,
  }),
  // What goes along with a batch that does not see this folder. The library is there wherever exp is developed or packed.
  existsSync(join(root, "node_modules", "@aws-sdk", "client-s3")) &&
    build({
      ...common,
      stdin: { contents: 'export * from "@aws-sdk/client-s3";', resolveDir: root },
      format: "esm",
      // By its names: of CommonJS nobody could tell them.
      mainFields: ["module", "main"],
      minify: true,
      legalComments: "eof",
      outfile: `${out}/aws-s3.mjs`,
      banner: requireInModule,
    }),
  build({
    ...common,
    stdin: { contents: 'export * from "zod"; export { default } from "zod";', resolveDir: root },
    format: "esm",
    // Read at each start that needs it. Its names stay, for who meets it in a stack.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "eof",
    outfile: `${out}/zod.js`,
  }),
  build({
    ...common,
    stdin: { contents: 'module.exports = require("yaml");', resolveDir: root },
    format: "cjs",
    outfile: `${out}/yaml.cjs`,
  }),
  build({
    ...common,
    entryPoints: ["src/backends/store/hash-thread.ts"],
    // A thread is there sooner than with a module.
    format: "cjs",
    outfile: `${out}/hash-thread.cjs`,
  }),
  // What users import stays small and keeps its dependencies outside, so that their bundles hold each package once.
  build({
    ...common,
    entryPoints: { index: "src/index.ts", table: "src/table.ts", stats: "src/stats/index.ts", seed: "src/seed.ts" },
    format: "esm",
    outdir: out,
    packages: "external",
  }),
]);
writeFileSync(join(root, out, "build-id"), buildId);
mkdirSync(join(root, "dist"), { recursive: true });
renameSync(join(root, "dist"), join(root, `${out}.old`));
renameSync(join(root, out), join(root, "dist"));
rmSync(join(root, `${out}.old`), { recursive: true, force: true });
