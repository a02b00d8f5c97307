// A project to be hurt: a fan-out, a tree, a chain behind them. Its recipes mark each execution in a file outside, so that tests can count.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { digestOfBytes } from "../../src/model/digest.ts";
import type { Event } from "../../src/model/event.ts";
import { createRandom } from "../../src/stats/random.ts";
import { makeProject, type Built, type Finished, type Rig, type RunOptions, type Started } from "../rig.ts";

/** Numbers in [0, 1), the same of each seed. */
export function randomFrom(seed: number): () => number {
  return createRandom(seed).uniform;
}

/** Waits until something is so, looking every few milliseconds; the test's own time limit ends a vain wait. */
export async function until(isSo: () => boolean, everyMs = 5): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, everyMs));
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie has died; only its parent has not looked yet.
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Live processes of a process group. */
export function groupOf(leader: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        return fields[0] !== "Z" && fields[0] !== "X" && Number(fields[2]) === leader;
      } catch {
        return false;
      }
    });
}

/** Every file below a folder of the run, by digest: what people see of its targets. */
export function contentOf(folder: string): Record<string, string> {
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    files.sort().map((path) => [path.slice(folder.length + 1), digestOfBytes(readFileSync(path))]),
  );
}

/** What the recipes wrote into the file of marks: `name pid`, one line an execution. */
export class Marks {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  get lines(): readonly { readonly name: string; readonly pid: number }[] {
    if (!existsSync(this.file)) return [];
    return readFileSync(this.file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [name, pid] = line.split(" ");
        return { name: name!, pid: Number(pid) };
      });
  }

  get pids(): readonly number[] {
    return [...new Set(this.lines.map(({ pid }) => pid))];
  }

  /** Executions by name. */
  get counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { name } of this.lines) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  }

  clear(): void {
    rmSync(this.file, { force: true });
  }
}

export interface Bench {
  readonly rig: Rig;
  readonly marks: Marks;
  readonly options: RunOptions;
  start(...args: string[]): Started;
  build(args?: readonly string[], expected?: number): Promise<Built>;
  exp(...args: string[]): Promise<Finished>;
  /** Lets recipes go on that wait for `name`. */
  allow(name: string): void;
  forbid(name: string): void;
}

/** A project whose recipes have the file of marks as a declared variable. */
export function benchOf(files: Readonly<Record<string, string>>): Bench {
  const rig = makeProject(files);
  const marks = new Marks(`${rig.root}.marks`);
  onTestFinished(() => {
    for (const name of readdirSync(dirname(marks.file)))
      if (name.startsWith(basename(marks.file)))
        rmSync(join(dirname(marks.file), name), { recursive: true, force: true });
  });
  const options: RunOptions = { env: { EXP_TEST_MARKS: marks.file } };
  return {
    rig,
    marks,
    options,
    start: (...args) => rig.start(args, options),
    build: (args, expected) => rig.build(args, expected, options),
    exp: (...args) => rig.start(args, options).finished,
    allow: (name) => writeFileSync(`${marks.file}.${name}`, ""),
    forbid: (name) => rmSync(`${marks.file}.${name}`, { force: true }),
  };
}

/** The module through which recipes mark that they ran, and wait for a file that the test makes. */
export const markModule = `import { appendFileSync, existsSync } from "node:fs";
export function mark(name) {
  appendFileSync(process.env.EXP_TEST_MARKS, name + " " + process.pid + "\\n");
}
export async function waitFor(name) {
  while (!existsSync(process.env.EXP_TEST_MARKS + "." + name)) await new Promise((resolve) => setTimeout(resolve, 2));
}
`;

/** One rule without config: `body` is the recipe's, `slots` its contract's. Everything is JavaScript that TypeScript takes as it is. */
export function plainRule(name: string, slots: string, body: string, options = ""): Record<string, string> {
  return {
    [`rules/${name}.rule.ts`]: `import { contract, file, json, list, optional, rule, sourceFiles, text, tree, z } from "expfile";
export const ${name} = rule(contract({ name: "bench/${name}", ${slots} } as any), {
  recipe: () => import("./${name}.ts") as any,
  env: ["EXP_TEST_MARKS"],
  ${options}
} as any) as any;
`,
    [`rules/${name}.ts`]: `// @ts-nocheck
import { mark, waitFor } from "./mark.ts";
import * as fs from "node:fs";
import { spawn } from "node:child_process";
void fs; void spawn; void waitFor;
export const recipe = async ({ config, inputs, outputs, scratch, log, signal }) => {
  mark("${name}");
  ${body}
};
`,
  };
}

/** An Expfile of plain rules: `wiring` is the body of the experiment's function. */
export function plainExpfile(rules: readonly string[], wiring: string): Record<string, string> {
  return {
    "Expfile.ts": `import { experiments, file, json, source, text, tree } from "expfile";
${rules.map((name) => `import { ${name} } from "./rules/${name}.rule.ts";`).join("\n")}
void file; void json; void source; void text; void tree;
export default experiments({ main: () => { ${wiring} } });
`,
    "rules/mark.ts": markModule,
  };
}

/** One target named `it`, whose recipe is `body`. */
export function oneTarget(slots: string, body: string, wiring = "", options = ""): Record<string, string> {
  return {
    ...plainExpfile(["it"], `return { it: it(${wiring}) };`),
    ...plainRule("it", slots, body, options),
  };
}

/** items → pages (a tree) → end, which also reads data/words.txt. */
export const chainFiles: Readonly<Record<string, string>> = {
  ...plainExpfile(
    ["pages", "end"],
    `const n = numbers(); const p = pages({ all: n.all }); return { numbers: n, pages: p, end: end({ pages: p.pages, words: source("data/words.txt", text()) }) };`,
  ),
  ...plainRule(
    "pages",
    "inputs: { all: text() }, outputs: { pages: tree() }",
    `const all = await inputs.all.read();
  for (let i = 0; i < 12; i++) fs.writeFileSync(outputs.pages.file("part" + (i % 3) + "/page " + i + ".txt"), all.slice(0, 100 * i));`,
  ),
  ...plainRule(
    "end",
    "inputs: { pages: tree(), words: text() }, outputs: { end: text() }",
    `let end = await inputs.words.read();
  for (const name of inputs.pages.files()) end += name + fs.readFileSync(inputs.pages.file(name), "utf8").length + "\\n";
  await outputs.end.write(end.repeat(10));`,
  ),
  "rules/numbers.rule.ts": `import { contract, fanOut, text, type, z } from "expfile";
export const numbers = fanOut(contract({
  name: "bench/numbers",
  config: z.strictObject({ items: z.int().default(24), epoch: z.int().default(0), ms: z.int().default(4) }),
  items: { item: type(), outputs: { value: text() } },
  outputs: { all: text() },
} as any), {
  split: () => import("./numbers.ts").then((m) => m.split) as any,
  recipes: { one: { recipe: () => import("./numbers.ts").then((m) => m.one) as any, env: ["EXP_TEST_MARKS"] } },
  merge: { recipe: () => import("./numbers.ts").then((m) => m.merge) as any, env: ["EXP_TEST_MARKS"] },
} as any) as any;
`,
  "rules/numbers.ts": `// @ts-nocheck
import { mark } from "./mark.ts";
export const split = ({ config }) =>
  Array.from({ length: config.items }, (_, n) => ({ item: { n, epoch: config.epoch, ms: config.ms }, label: "n" + n }));
export const one = async ({ item, outputs }) => {
  mark("one" + item.n);
  await new Promise((resolve) => setTimeout(resolve, item.ms));
  // Every third is too large to be kept inline.
  await outputs.value.write(("value " + item.n + " of " + item.epoch + "\\n").repeat(item.n % 3 === 0 ? 300 : 1));
};
export const merge = async ({ items, outputs }) => {
  mark("merge");
  const texts = await Promise.all(items.map(({ outputs }) => outputs.value.read()));
  await outputs.all.write(texts.join(""));
};
`,
  "data/words.txt": "some words\n",
};
// The fan-out's rule is imported beside the plain ones.
export const chain: Readonly<Record<string, string>> = {
  ...chainFiles,
  "Expfile.ts": chainFiles["Expfile.ts"]!.replace(
    "import { pages }",
    `import { numbers } from "./rules/numbers.rule.ts";\nimport { pages }`,
  ),
};

/** The events of a `--json` stream, as far as it came; a line cut short by a kill is left out. */
export function eventsOf(stdout: string): Event[] {
  return stdout.split("\n").flatMap((line) => {
    try {
      const { event, ...rest } = JSON.parse(line) as Record<string, unknown>;
      return [{ kind: event, ...rest } as unknown as Event];
    } catch {
      return [];
    }
  });
}

/** No run's folder holds what was only half made: staged files, temporary names. */
export function expectNothingPartial(rig: Rig): void {
  const names = readdirSync(rig.path("runs"), { recursive: true }).map(String);
  expect(names.filter((name) => /\.tmp$|(^|\/)\.staging\//.test(name) && !name.startsWith(".archive/"))).toEqual([]);
}

/** No folder of a past build's workers is left. */
export function expectNoScratch(rig: Rig): void {
  const folder = rig.path("cache/tmp");
  expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([]);
}
