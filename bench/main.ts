// `npm run bench [-- --quick] [-- --only PART,…] [-- --at FOLDER] [-- --peers FOLDER]`: measures part by part (`layers`, `fan:1000`, `data`, …), and
// writes docs/benchmarks.json, docs/benchmarks.md with its charts, and docs/scale.md after each part. With --only the other parts stay as they are; `--only page` writes the page anew. `--check`: see check.ts.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem, type } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { format, resolveConfig } from "prettier";
import { check } from "./check.ts";
import { measureCrashes } from "./crash.ts";
import { firstRun, itemsPeak, largeFile, manyFiles, manyItems } from "./data.ts";
import { measureElsewhere } from "./elsewhere.ts";
import { parts, type Part, type Results } from "./figures.ts";
import { time } from "./measure.ts";
import { measureModal } from "./modal.ts";
import { names } from "./names.ts";
import { peaksOf, phases, runJob, type Job, type Phase } from "./phases.ts";
import { writeReport } from "./report.ts";
import type { Setup } from "./setup.ts";
import { measureTeam } from "./team.ts";
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
  const setup: Setup = { scratch, node, program: join(root, "bin", "exp.cjs"), repetitions: flags.quick ? 3 : 5 };
  const sizes = flags.quick
    ? { largeMib: 256, fileCount: 2000, itemCount: 1000 }
    : { largeMib: 2048, fileCount: 10_000, itemCount: 10_000 };
  const fanOuts = flags.quick
    ? { few: 500, many: 2000, batches: [1, 5, 20] }
    : { few: 2000, many: 100_000, batches: [1, 20, 200] };
  const modalSizes = flags.quick
    ? { few: 200, many: 2000, batches: [1, 4, 8], listed: 2000, crashed: 2000 }
    : { few: 1000, many: 20_000, batches: [1, 4, 16], listed: 20_000, crashed: 10_000 };
  const graphs: readonly Unit[] = jobs.map((one) => ({
    name: `${one.shape}, ${one.size.toLocaleString("en")} targets`,
    words: [one.shape, `${one.shape}:${one.size}`],
    measure: () => ({ measured: runJob(one, all, { scratch, tell, clock: time }) }),
  }));
  const peakJobs = jobs.filter(({ shape, size }) => shape === "layers" && size >= 1000);
  const rest: readonly Unit[] = [
    { name: parts.large, words: ["data"], measure: () => ({ times: largeFile(setup, sizes.largeMib) }) },
    { name: parts.files, words: ["data"], measure: () => ({ times: manyFiles(setup, sizes.fileCount, 4096) }) },
    { name: parts.items, words: ["items"], measure: () => ({ times: manyItems(setup, sizes.itemCount) }) },
    { name: parts.first, words: ["first"], measure: () => ({ times: firstRun(setup, root) }) },
    {
      name: parts.memory,
      words: ["memory"],
      async measure() {
        const peaks = [await itemsPeak(setup, sizes.itemCount)];
        for (const one of peakJobs) peaks.push(...(await peaksOf(one, [all[0]!], scratch)));
        return { peaks };
      },
    },
    {
      name: parts.elsewhere,
      words: ["elsewhere"],
      // Slurm takes a second or so a batch.
      measure: async () => ({ elsewhere: await measureElsewhere({ ...setup, repetitions: 3 }, fanOuts, tell) }),
    },
    {
      name: parts.crash,
      words: ["crash"],
      measure: async () => ({ crashes: await measureCrashes(setup, sizes.itemCount) }),
    },
    {
      name: parts.modal,
      words: ["modal"],
      measure: async () => ({ modal: await measureModal({ ...setup, repetitions: 3 }, modalSizes, tell) }),
    },
    { name: parts.team, words: ["team"], measure: async () => ({ team: await measureTeam(setup, root) }) },
  ];
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`;
  const file = join(root, "docs", "benchmarks.json");
  const wanted = flags.only?.split(",");
  // First what figures are about.
  const isLayers = ({ words }: Unit) => words[0] === "layers";
  const units = [...graphs.filter(isLayers), ...rest, ...graphs.filter((unit) => !isLayers(unit))];
  // What was measured of other sizes is no part of the same page.
  const before =
    existsSync(file) && wanted !== undefined ? (JSON.parse(readFileSync(file, "utf8")) as Results) : undefined;
  const fits = before !== undefined && before.largeMib === sizes.largeMib;
  let results: Results = fits ? before : { ...sizes, parts: [] };
  for (const unit of units) {
    if (wanted !== undefined && !wanted.some((word) => unit.words.includes(word))) continue;
    tell(unit.name);
    const startedAt = Date.now();
    const load = loadavg()[0]!;
    const own = await unit.measure();
    const part: Part = {
      name: unit.name,
      machine,
      date: new Date().toISOString().slice(0, 10),
      commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim(),
      load,
      minutes: (Date.now() - startedAt) / 60_000,
      ...own,
    };
    const others = results.parts.filter(({ name }) => name !== unit.name);
    const order = units.map(({ name }) => name);
    results = { ...results, parts: [...others, part].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name)) };
    // After each part: it takes most of an hour, and what is measured is measured.
    await write(file, results, all);
  }
  // `--only page` measures nothing.
  await write(file, results, all);
}

async function write(file: string, results: Results, all: readonly Tool[]): Promise<void> {
  const round = (_: string, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(5)) : value);
  const text = JSON.stringify(results, round);
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
  await writeReport(
    join(root, "docs"),
    {
      tools: all.filter(({ version }) => version !== undefined),
      skipped: all.filter(({ version }) => version === undefined).map(({ name }) => name),
    },
    // As they are kept: whoever makes the pages of them again gets the same.
    JSON.parse(text) as Results,
    readFileSync(join(root, "bench", "notes.md"), "utf8"),
  );
}

/** What is measured in one go. */
interface Unit {
  readonly name: string;
  /** By which it is asked for. */
  readonly words: readonly string[];
  readonly measure: () => Measurement | Promise<Measurement>;
}
type Measurement = Omit<Part, "name" | "machine" | "date" | "commit" | "load" | "minutes">;

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
