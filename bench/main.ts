// `npm run bench [-- --quick] [-- --only SHAPE[:SIZE],…] [-- --at FOLDER] [-- --peers FOLDER]`: measures, and writes docs/benchmarks.md with its charts. `--check`: see check.ts.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem, type } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { check } from "./check.ts";
import { largeFile, manyFiles, manyItems } from "./data.ts";
import { names, type Results } from "./figures.ts";
import { time } from "./measure.ts";
import { peaksOf, phases, runJob, type Job, type Phase } from "./phases.ts";
import { writeReport } from "./report.ts";
import type { Tool } from "./tool.ts";
import { expTool } from "./tools/exp.ts";
import { makeTools } from "./tools/make-like.ts";
import { nodePeers } from "./tools/node.ts";
import { pythonTools } from "./tools/python.ts";

const root = process.env.EXP_ROOT!;
const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean" },
    at: { type: "string" },
    peers: { type: "string" },
    only: { type: "string" },
    check: { type: "boolean" },
    record: { type: "boolean" },
  },
});
const startedAt = Date.now();
const load = `load ${loadavg()[0]!.toFixed(1)} at the start`;
// On a tmpfs, where there is one: a disk's file system has moods of its own.
const scratch = mkdtempSync(join(flags.at ?? (existsSync("/dev/shm") ? "/dev/shm" : tmpdir()), "exp-bench-"));
const tell = (text: string) => console.log(text);

try {
  if (flags.check === true || flags.record === true) {
    const of = { node: process.execPath, version: process.version };
    const tools = [
      expTool({ ...of, name: names.exp, recipes: "typescript", most: Infinity }),
      bareNode(of.node, of.version),
    ];
    const isGood = check(join(root, "bench", "ratios.json"), tools, scratch, flags.record === true);
    process.exitCode = isGood ? 0 : 1;
  } else await benchmark();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function benchmark(): Promise<void> {
  const peers = nodePeers(scratch, flags.peers);
  const node = peers.otherNode ?? process.execPath;
  const nodeVersion = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const of = { node, version: `${version} on Node ${nodeVersion}` };
  const all: readonly Tool[] = [
    expTool({ ...of, name: names.exp, recipes: "typescript", most: 100_000 }),
    expTool({ ...of, name: names.programs, recipes: "command", most: 10_000 }),
    bareNode(node, nodeVersion),
    ...makeTools(),
    ...pythonTools(),
    ...peers.tools,
  ];
  const job = (shape: Job["shape"], size: number, more: Partial<Job> = {}): Job => ({
    ...{ shape, size, repetitions: 5, coldOnce: false, phases },
    ...more,
  });
  const brief: readonly Phase[] = ["cold", "nothing to do", "plan"];
  const jobs = flags.quick
    ? [job("layers", 100, { repetitions: 3 }), job("layers", 1000, { repetitions: 3 })]
    : [
        job("layers", 100),
        job("layers", 1000),
        job("layers", 10_000),
        job("layers", 100_000, { coldOnce: true, phases: brief }),
        job("fan", 100),
        job("fan", 1000),
        job("fan", 10_000),
        job("chain", 100),
        job("chain", 1000, { repetitions: 3 }),
      ];
  // `--only layers,fan:1000`
  const wanted = flags.only?.split(",");
  const chosen = jobs.filter(
    ({ shape, size }) => wanted === undefined || wanted.some((word) => word === shape || word === `${shape}:${size}`),
  );
  const measured = chosen.flatMap((one) => {
    tell(`${one.shape}, ${one.size} targets`);
    return runJob(one, all, { scratch, tell, clock: time });
  });
  const setup = { scratch, node, program: join(root, "bin", "exp.cjs"), repetitions: flags.quick ? 3 : 5 };
  tell("data");
  const largeMib = flags.quick ? 256 : 2048;
  const itemCount = flags.quick ? 1000 : 10_000;
  const peakSizes = chosen.flatMap(({ shape, size }) => (shape === "layers" && size >= 1000 ? [size] : []));
  const results: Results = {
    measured,
    large: largeFile(setup, largeMib),
    largeMib,
    files: manyFiles(setup, 10_000, 4096),
    items: manyItems(setup, itemCount),
    itemCount,
    peaks: (await inTurn(peakSizes, (size) => peaksOf(job("layers", size), [all[0]!], scratch))).flat(),
  };
  await writeReport(
    join(root, "docs"),
    {
      machine: `${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
      date: new Date().toISOString().slice(0, 10),
      commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim(),
      folder: scratch.startsWith("/dev/shm") ? "a tmpfs" : "a folder of the disk",
      load,
      tools: all.filter(({ version }) => version !== undefined),
      skipped: all.filter(({ version }) => version === undefined).map(({ name }) => name),
      minutes: Math.round((Date.now() - startedAt) / 60_000),
    },
    results,
    readFileSync(join(root, "bench", "notes.md"), "utf8"),
  );
}

async function inTurn<In, Out>(all: readonly In[], run: (one: In) => Promise<Out>): Promise<Out[]> {
  const done: Out[] = [];
  for (const one of all) done.push(await run(one));
  return done;
}

/** What no program of Node can be faster than. */
function bareNode(node: string, version: string): Tool {
  return {
    name: names.node,
    version,
    most: 100_000,
    prepare: () => undefined,
    build: { argv: [node, "-e", "0"] },
    outputs: [],
    memory: [],
    restores: false,
  };
}
