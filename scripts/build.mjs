// Bundles the program and the public modules into dist/. Run by `npm ci` (prepare), so that a fresh clone has its program.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const hash = createHash("sha256");
for (const file of readdirSync(join(root, "src"), { recursive: true }).map(String).sort()) {
  if (file.endsWith(".ts")) hash.update(file).update(readFileSync(join(root, "src", file)));
}
hash.update(readFileSync(join(root, "package-lock.json")));

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  logLevel: "warning",
  define: { EXP_VERSION: JSON.stringify(version), EXP_BUILD_ID: JSON.stringify(hash.digest("hex").slice(0, 16)) },
  tsconfigRaw: { compilerOptions: { target: "es2023", verbatimModuleSyntax: true } },
};

rmSync(join(root, "dist"), { recursive: true, force: true });
await Promise.all([
  build({
    ...common,
    entryPoints: { exp: "src/exp.ts" },
    format: "cjs",
    outdir: "dist",
    outExtension: { ".js": ".cjs" },
    banner: { js: "#!/usr/bin/env node" },
  }),
  build({
    ...common,
    entryPoints: { main: "src/main.ts" },
    format: "esm",
    splitting: true,
    outdir: "dist",
    chunkNames: "chunk-[name]-[hash]",
    external: ["esbuild"],
    banner: {
      js: 'import { createRequire as $createRequire } from "node:module"; const require = $createRequire(import.meta.url);',
    },
  }),
  build({
    ...common,
    entryPoints: { worker: "src/project/worker-main.ts" },
    format: "esm",
    outdir: "dist",
    external: ["yaml"],
  }),
  // What users import stays small and keeps its dependencies outside, so that their bundles hold each package once.
  build({
    ...common,
    entryPoints: { index: "src/index.ts", table: "src/table.ts", stats: "src/stats/index.ts", seed: "src/seed.ts" },
    format: "esm",
    outdir: "dist",
    packages: "external",
  }),
]);
