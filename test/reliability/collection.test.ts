// A model of the store under concurrent puts, gets and collections, by real processes: what a process that holds a lease was told to be there
// stays there as long as it lives, and what is in a run's trace stays for good. The seed is printed with a failure.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import { repository } from "../rig.ts";
import { countOf, seed } from "./counts.ts";

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function start(script: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece: Buffer) => (output += piece.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
}

test(`what a live build relies on is never lost to collections beside it (seed ${seed})`, async () => {
  const root = mkdtempSync(join(tmpdir(), "exp-collection-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ["cache", "runs"]) mkdirSync(join(root, folder));
  // One file a part: a process of the model loads the store, the leases and the collection as they are in the program.
  const script = join(root, "model.mjs");
  await build({
    entryPoints: [join(repository, "test/reliability/collection.model.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    outfile: script,
    external: ["esbuild"],
    logLevel: "silent",
    banner: {
      js: 'import { createRequire as $createRequire } from "node:module"; const require = $createRequire(import.meta.url);',
    },
  });
  const count = String(countOf("collections"));
  const collections = start(script, [root, "collect", "gc", String(seed + 9), count]);
  const builds = await Promise.all(
    ["a", "b", "c"].map((name, i) => start(script, [root, "build", name, String(seed + i), count])),
  );
  writeFileSync(join(root, "stop"), "");
  const ended = [...builds, await collections];
  for (const { code, output } of ended) expect(output + String(code)).toMatch(/^(built|collected) \d+, .*\n0$/);
  // Something was at stake.
  const collected = Number(/collected \d+, swept (\d+)/.exec(ended.at(-1)!.output)![1]);
  expect(collected).toBeGreaterThan(0);
  expect(readdirSync(join(root, "runs")).sort()).toEqual(["a", "b", "c"]);
});
