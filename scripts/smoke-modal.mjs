// `npm run smoke:modal [-- --yes] [-- --without-gpu] [-- --about WORDS]`: compiles scripts/smoke-modal/ and runs it: asks Modal what no local server can tell. For a person with
// a token; says what it costs, and asks, before it does anything.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
// In the project, so that the packages it imports are found.
const folder = mkdtempSync(join(root, "node_modules", ".smoke-"));
try {
  const outfile = join(folder, "main.mjs");
  await build({
    entryPoints: [join(root, "scripts", "smoke-modal", "main.ts")],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
  });
  const child = spawn(process.execPath, [outfile, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, EXP_ROOT: root },
  });
  // The child cleans up after itself; this waits for it.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise((resolve) =>
    child.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal])),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
