// Many who want one lease whose holder has died: one after the other gets it, and never two at once. Also where the file system has no hard links.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import { hostTag } from "../../src/util/host.ts";
import { repository } from "../rig.ts";
import { benchOf, chain, expectNothingPartial, oneTarget, until } from "./bench.ts";
import { countOf } from "./counts.ts";

const waiters = 8;
const run = promisify(execFile);

/** One waiter: in each round it comes to the lease together with all others, takes it, and writes down when it is in and out. */
const waiter = `import { appendFileSync, existsSync, statSync } from "node:fs";
import { Lease } from ${JSON.stringify(join(repository, "src/runs/lease.ts"))};
const [folder, rounds, waiters] = process.argv.slice(2);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
for (let round = 0; round < rounds; round++) {
  const at = (name) => folder + "/" + name + round;
  appendFileSync(at("arrived"), ".");
  while (statSync(at("arrived")).size < waiters) await sleep(1);
  const lease = await Lease.take(at("lock"), "a test", { onWait: () => {}, signal: new AbortController().signal });
  appendFileSync(at("journal"), "in " + process.pid + "\\n");
  await sleep(Math.random() * 5);
  appendFileSync(at("journal"), "out " + process.pid + " " + lease.isHeld() + "\\n");
  lease.release();
}
`;

const withoutLinks = `import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const refuse = () => { throw Object.assign(new Error("operation not permitted, link"), { code: CODE, syscall: "link" }); };
fs.linkSync = refuse;
syncBuiltinESMExports();
`;

function folderFor(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "exp-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** What makes Node refuse hard links, as its options. */
function refusing(folder: string, code: string): string {
  const shim = join(folder, "shim.mjs");
  writeFileSync(shim, withoutLinks.replace("CODE", JSON.stringify(code)));
  return `--import=${pathToFileURL(shim).href}`;
}

const kinds = [
  ["hard links", undefined],
  ["no hard links (EPERM)", "EPERM"],
  ["no hard links (ENOTSUP)", "ENOTSUP"],
] as const;

for (const [kind, code] of kinds) {
  test(`of ${waiters} who wait for a dead holder's lease, one has it at a time: ${kind}`, async () => {
    const total = code === "ENOTSUP" ? 4 : countOf("deadLocks");
    const dead = {
      id: "dead",
      host: hostname(),
      machine: hostTag(),
      pid: 4_194_303,
      started: "1",
      user: "x",
      what: "x",
      beat: 0,
    };
    const folder = folderFor(
      Object.fromEntries(Array.from({ length: total }, (_, round) => [`lock${round}`, JSON.stringify(dead)])),
    );
    const file = join(folder, "waiter.mjs");
    await build({
      stdin: { contents: waiter, resolveDir: folder },
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: file,
      logLevel: "error",
    });
    const env = { PATH: process.env.PATH, ...(code !== undefined && { NODE_OPTIONS: refusing(folder, code) }) };
    const args = [file, folder, String(total), String(waiters)];
    await Promise.all(Array.from({ length: waiters }, () => run(process.execPath, args, { env })));
    for (let round = 0; round < total; round++) {
      const lines = readFileSync(join(folder, `journal${round}`), "utf8")
        .trimEnd()
        .split("\n");
      const ins = lines.filter((_, i) => i % 2 === 0);
      expect(new Set(ins).size, lines.join("\n")).toBe(waiters);
      expect(lines, `round ${round}`).toEqual(ins.flatMap((line) => [line, `${line.replace("in", "out")} true`]));
    }
  });
}

test("a project on a file system without hard links is built, by one build at a time", async () => {
  const env = { NODE_OPTIONS: refusing(folderFor({}), "EPERM") };
  const bench = benchOf(chain);
  const start = () => bench.rig.start(["build", "--json"], { env: { ...bench.options.env, ...env } }).finished;
  const ends = await Promise.all([start(), start(), start()]);
  expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(Object.values(bench.marks.counts).every((count) => count === 1)).toBe(true);
  expectNothingPartial(bench.rig);
});

test("builds that wait take over one after the other when the first one is killed, without hard links", async () => {
  const env = { NODE_OPTIONS: refusing(folderFor({}), "EPERM") };
  const bench = benchOf(oneTarget("outputs: { out: text() }", 'await waitFor("go"); await outputs.out.write("done");'));
  const start = () => bench.rig.start(["build", "--json"], { env: { ...bench.options.env, ...env } });
  const first = start();
  await until(() => bench.marks.counts.it === 1);
  const others = [start(), start(), start()];
  await Promise.all(others.map((other) => other.saw('"event":"waiting-for-lock"')));
  first.process.kill("SIGKILL");
  await until(() => bench.marks.counts.it === 2);
  bench.allow("go");
  expect((await Promise.all(others.map(({ finished }) => finished))).map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(bench.marks.counts).toEqual({ it: 2 });
});
