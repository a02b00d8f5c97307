// What large and many files cost, and many items: this program alone, beside the plainest way to touch the same bytes.

import { closeSync, mkdirSync, openSync, rmSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { forget, openFanOut } from "./fan-out.ts";
import { names } from "./names.ts";
import { peakMemory, time } from "./measure.ts";
import type { Peak } from "./phases.ts";
import type { Setup } from "./setup.ts";
import type { Command } from "./tool.ts";
import { prepareProject } from "./tools/exp.ts";

/** Seconds by what was timed. */
export type Times = Readonly<Record<string, readonly number[]>>;

const expfile = `import { contract, experiments, rule, source, text, tree, file } from "expfile";
const reading = contract({ name: "bench/reading", inputs: { data: KIND }, outputs: { out: text() } });
export type Reading = typeof reading;
void [file, tree];
const read = rule(reading, () => import("./recipe.ts"));
export default experiments({ data: () => ({ read: read({ data: source("PATH", KIND) }) }) });
`;

type Kind = "tree()" | 'file(".bin")';

function openProject({ scratch }: Setup, name: string, kind: Kind): string {
  const folder = join(scratch, "work", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  prepareProject(folder);
  const path = kind === "tree()" ? "data" : "data.bin";
  writeFileSync(join(folder, "Expfile.ts"), expfile.replaceAll("KIND", kind).replaceAll("PATH", path));
  writeFileSync(join(folder, "recipe.ts"), "export const recipe = async ({ outputs }) => outputs.out.write('read');\n");
  return folder;
}

/** One file of so many MiB, not before this process has written it: so it is in the page cache, for all alike. */
export function largeFile(setup: Setup, mib: number): Times {
  const folder = openProject(setup, "large", 'file(".bin")');
  const data = join(folder, "data.bin");
  const fd = openSync(data, "w");
  const piece = Buffer.alloc(1 << 20);
  for (let i = 0; i < mib; i++) {
    piece.writeUInt32LE(i, 0);
    writeSync(fd, piece);
  }
  closeSync(fd);
  const times = new Timed();
  const build: Command = { argv: [setup.node, setup.program, "build"] };
  for (let round = 0; round < setup.repetitions; round++) {
    times.take("openssl dgst -sha256", { argv: ["openssl", "dgst", "-sha256", "data.bin"] }, folder);
    forget(folder);
    times.take("first build", build, folder);
    const now = new Date();
    utimesSync(data, now, now);
    times.take("touched", build, folder);
    times.take("nothing to do", build, folder);
  }
  rmSync(folder, { recursive: true });
  return times.seconds;
}

/** Many small files in one folder, read by one target. */
export function manyFiles(setup: Setup, count: number, bytes: number): Times {
  const folder = openProject(setup, "many", "tree()");
  mkdirSync(join(folder, "data"));
  for (let i = 0; i < count; i++) writeFileSync(join(folder, "data", `${i}.bin`), Buffer.alloc(bytes, `${i} `));
  writeFileSync(
    join(folder, "read.cjs"),
    'const fs = require("node:fs"); for (const name of fs.readdirSync("data")) fs.readFileSync("data/" + name);',
  );
  const one = openProject(setup, "one", "tree()");
  mkdirSync(join(one, "data"));
  writeFileSync(join(one, "data", "0.bin"), Buffer.alloc(bytes, "0 "));
  const times = new Timed();
  const build: Command = { argv: [setup.node, setup.program, "build"] };
  // Looks at the files and hashes them, as a build does, and runs nothing.
  const plan: Command = { argv: [setup.node, setup.program, "plan"] };
  for (let round = 0; round < setup.repetitions; round++) {
    times.take("node -e 0", { argv: [setup.node, "-e", "0"] }, folder);
    times.take("reading them (Node)", { argv: [setup.node, "read.cjs"] }, folder);
    forget(one);
    times.take("first plan, one file", plan, one, isDue);
    forget(one);
    times.take("first build, one file", build, one);
    forget(folder);
    times.take("first plan", plan, folder, isDue);
    forget(folder);
    times.take("first build", build, folder);
    writeFileSync(join(folder, "data", "0.bin"), `changed ${round}`);
    times.take("one file changed", build, folder);
    times.take("nothing to do", build, folder);
  }
  rmSync(folder, { recursive: true });
  rmSync(one, { recursive: true });
  return times.seconds;
}

/** A fan-out of items that do nothing but write a number. */
export function manyItems(setup: Setup, count: number): Times {
  const folder = openFanOut(setup.scratch, { count });
  const times = new Timed();
  const build: Command = { argv: [setup.node, setup.program, "build"] };
  for (let round = 0; round < setup.repetitions; round++) {
    forget(folder);
    times.take("first build", build, folder);
    times.take("nothing to do", build, folder);
    times.take("ten more items", { argv: [...build.argv, `--count.count=${count + 10 * (round + 1)}`] }, folder);
    forget(folder);
  }
  rmSync(folder, { recursive: true });
  return times.seconds;
}

/** Of the driver, MiB: an upper bound of what it holds while its items are under way. */
export async function itemsPeak(setup: Setup, count: number): Promise<Peak> {
  const folder = openFanOut(setup.scratch, { count });
  const mib = await peakMemory({ argv: [setup.node, setup.program, "build"] }, folder);
  rmSync(folder, { recursive: true });
  return { size: count, tool: names.exp, phase: "items", mib };
}

/** What somebody does who has just heard of it: a clone of the project, `npm ci`, the experiment. And the experiment once more, without npx. */
export function firstRun({ scratch, repetitions, node }: Setup, root: string): Times {
  const times = new Timed();
  const folder = join(scratch, "work", "clone");
  for (let round = 0; round < repetitions; round++) {
    rmSync(folder, { recursive: true, force: true });
    times.take("git clone", { argv: ["git", "clone", "--quiet", root, folder] }, scratch);
    times.take("npm ci", { argv: ["npm", "ci", "--prefer-offline", "--no-audit", "--no-fund"] }, folder);
    times.take("first build", { argv: ["npx", "exp", "build", "analyse"] }, folder);
    times.take("nothing to do", { argv: ["npx", "exp", "build", "analyse"] }, folder);
    forget(folder);
    times.take("without npx", { argv: [node, join("bin", "exp.cjs"), "build", "analyse"] }, folder);
  }
  rmSync(folder, { recursive: true });
  return times.seconds;
}

/** How a plan ends that finds something to do. */
const isDue = 3;

class Timed {
  readonly seconds: Record<string, number[]> = {};

  take(name: string, command: Command, folder: string, wanted = 0): void {
    const { seconds, status } = time(command, folder);
    if (status !== wanted) throw new Error(`${command.argv.join(" ")} ended with ${status} in ${folder}`);
    (this.seconds[name] ??= []).push(seconds);
  }
}
