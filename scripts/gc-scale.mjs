// How long a collection of many blobs takes, and how much memory: `node scripts/gc-scale.mjs [blobs] [folder]`. Makes a project with that many
// results in the folder (best on a tmpfs: /dev/shm), half of them reached by a run, collects the other half, and removes the folder.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const count = Number(process.argv[2] ?? 100_000);
const root = mkdtempSync(join(process.argv[3] ?? "/dev/shm", "exp-gc-"));
const program = new URL("../dist/exp.cjs", import.meta.url).pathname;
const digestOf = (text) => createHash("sha256").update(text).digest("hex");

try {
  writeFileSync(join(root, "Expfile.ts"), 'throw new Error("both limits are said");\n');
  for (const folder of ["cache/actions", "runs/one/trace"]) mkdirSync(join(root, folder), { recursive: true });
  for (let i = 0; i < 256; i++)
    mkdirSync(join(root, "cache/blobs", i.toString(16).padStart(2, "0")), { recursive: true });
  const actions = new Lines(join(root, "cache/actions/0-merged-00000000.jsonl"));
  const trace = new Lines(join(root, "runs/one/trace/trace.jsonl"));
  trace.add({ v: 1 });
  for (let i = 0; i < count; i++) {
    const text = `blob ${i}\n`;
    const digest = digestOf(text);
    writeFileSync(join(root, "cache/blobs", digest.slice(0, 2), digest), text, { mode: 0o444 });
    const r = {
      outputs: { value: { kind: "file", blob: { digest, size: text.length } } },
      at: 1,
      tookMs: 1000,
      costUsd: 0.01,
      by: "somebody@somewhere",
      executor: "local",
      attempts: 1,
    };
    const k = digestOf(`key ${i}`);
    actions.add({ k, r });
    if (i % 2 === 0) trace.add({ t: "many", p: "item", b: 1, c: digestOf(`core ${i}`), k, r, how: "computed" });
  }
  actions.close();
  trace.close();
  const flags = ["--max-age", "0s", "--max-size", "none", "--json"];
  for (const [name, more] of [
    ["dry run", ["--dry-run"]],
    ["collection", []],
    ["again, with nothing to do", []],
  ]) {
    const start = process.hrtime.bigint();
    const done = spawnSync(
      "/usr/bin/env",
      ["time", "-f", "%M %U %S", process.execPath, program, "gc", ...flags, ...more],
      {
        cwd: root,
        encoding: "utf8",
        env: { ...process.env, EXP_GC: "off" },
      },
    );
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    if (done.status !== 0) throw new Error(done.stdout + done.stderr);
    const { cache, gone } = JSON.parse(done.stdout);
    const [memory, ...processor] = done.stderr.trim().split("\n").at(-1).split(" ").map(Number);
    console.log(
      `${name}: ${count} blobs, ${(gone?.cache ?? cache.goes).blobs} go: ${seconds.toFixed(1)} s (${(processor[0] + processor[1]).toFixed(1)} s of processor), ${Math.round(memory / 1024)} MiB`,
    );
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}

/** JSON lines, written in large pieces. */
function Lines(file) {
  const fd = openSync(file, "w");
  let waiting = [];
  const flush = () => {
    if (waiting.length > 0) writeSync(fd, waiting.join(""));
    waiting = [];
  };
  this.add = (line) => {
    if (waiting.push(JSON.stringify(line) + "\n") === 1000) flush();
  };
  this.close = () => {
    flush();
    closeSync(fd);
  };
}
