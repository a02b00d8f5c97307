// `exp watch`: what an edit affects is built again; mistakes are shown and waited out; nothing is paid unasked.

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Event } from "../src/model/event.ts";
import { Built, makeProject, type Finished, type Rig, type RunOptions } from "./rig.ts";

const project = {
  "Expfile.ts": `import { contract, experiments, json, rule, sourceFiles, text, z } from "expfile";
import { suffix } from "./names.ts";
const gather = rule(
  contract({ name: "gather", inputs: { tables: sourceFiles(() => ["data/*.txt"]) }, outputs: { all: text() } }),
  { recipe: () => import("./gather.ts") },
);
const count = rule(
  contract({ name: "count", config: z.strictObject({ factor: z.int().default(1) }), inputs: { all: text() }, outputs: { [\`n\${suffix}\`]: json() } }),
  { recipe: () => import("./count.ts") },
);
export default experiments({ main: () => {
  const gathered = gather({});
  return { gather: gathered, count: count({ all: gathered.all }) };
} });
`,
  "names.ts": `export const suffix = "";\n`,
  "gather.ts": `import { readFileSync } from "node:fs";
export const recipe = async ({ inputs, outputs }) => outputs.all.write(inputs.tables.flat().map(({ path }) => readFileSync(path, "utf8")).join(""));
`,
  "count.ts": `import { times } from "./helper.ts";
export const recipe = async ({ config, inputs, outputs }) => {
  const written = String(await inputs.all.read());
  for (const handle of Object.values(outputs)) await handle.write(times(written.length, config.factor));
};
`,
  "helper.ts": "export const times = (a, b) => a * b;\n",
  "data/a.txt": "aaa\n",
  "configs/base.yaml": "version: 1\ncount:\n  factor: 1\n",
  "configs/default.yaml": "extends: base.yaml\n",
};

/** `exp watch --json`, its events in pieces: a build and the `watching` that ends it. */
class Watching {
  readonly #events: Event[] = [];
  readonly #finished: Promise<Finished>;
  readonly pid: number;
  #taken = 0;
  #look = () => {};
  #rest = "";

  constructor(rig: Rig, args: readonly string[] = [], options: RunOptions = {}) {
    const started = rig.start(["watch", "--json", ...args], options);
    this.pid = started.process.pid!;
    this.#finished = started.finished;
    started.process.stdout!.on("data", (piece: Buffer) => {
      const lines = (this.#rest + piece.toString("utf8")).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) {
        const { event, ...rest } = JSON.parse(line) as Record<string, unknown>;
        this.#events.push({ kind: event, ...rest } as unknown as Event);
      }
      this.#look();
    });
    onTestFinished(async () => {
      started.process.kill("SIGKILL");
      await this.#finished;
    });
  }

  /** What came until it waits for the next time. */
  async next(): Promise<Built & { readonly watching: Extract<Event, { kind: "watching" }> }> {
    const end = await new Promise<number>((resolve, reject) => {
      this.#look = () => {
        const found = this.#events.findIndex(({ kind }, i) => i >= this.#taken && kind === "watching");
        if (found >= 0) resolve(found);
      };
      this.#look();
      void this.#finished.then(({ code, stderr }) => reject(new Error(`it ended with ${code}: ${stderr}`)));
    });
    const events = this.#events.slice(this.#taken, end + 1);
    this.#taken = end + 1;
    return Object.assign(new Built(events), { watching: events.at(-1) as Extract<Event, { kind: "watching" }> });
  }

  async interrupt(): Promise<Finished> {
    process.kill(this.pid, "SIGINT");
    return this.#finished;
  }
}

describe("an edit", () => {
  test("of anything that the build read builds what it affects, and nothing else", async () => {
    const rig = makeProject(project);
    const watching = new Watching(rig);
    expect((await watching.next()).targets).toEqual({ gather: "computed", count: "computed" });
    rig.edit("helper.ts", "a * b", "a * b + 1");
    expect((await watching.next()).targets).toEqual({ gather: "fresh", count: "computed" });
    rig.edit("configs/base.yaml", "factor: 1", "factor: 2");
    expect((await watching.next()).targets).toEqual({ gather: "fresh", count: "computed" });
    rig.write({ "data/b.txt": "bb\n" });
    expect((await watching.next()).targets).toEqual({ gather: "computed", count: "computed" });
    rig.remove("data/b.txt");
    expect((await watching.next()).targets).toEqual({ gather: "cached", count: "cached" });
    rig.edit("names.ts", '""', '"2"');
    expect((await watching.next()).targets).toEqual({ gather: "fresh", count: "computed" });
    expect(JSON.parse(rig.read("runs/default/count/n2.json"))).toBe(9);
    rig.edit("Expfile.ts", "return { gather", "return { again: gather({}), gather");
    expect((await watching.next()).targets).toEqual({ again: "cached", gather: "fresh", count: "fresh" });
    expect((await watching.interrupt()).code).toBe(130);
    // What an ordinary build would have left.
    expect((await rig.build()).end.outcome).toBe("up-to-date");
  });

  test("that comes in several moves is one: a new file renamed over the old", async () => {
    const rig = makeProject(project);
    const watching = new Watching(rig);
    await watching.next();
    for (const text of ["a - b", "a + b"]) {
      writeFileSync(rig.path("helper.ts.tmp"), `export const times = (a, b) => ${text};\n`);
      renameSync(rig.path("helper.ts.tmp"), rig.path("helper.ts"));
      const built = await watching.next();
      expect(built.events.filter(({ kind }) => kind === "build-started")).toHaveLength(1);
      expect(built.targets).toEqual({ gather: "fresh", count: "computed" });
    }
    // The same bytes are no edit: the next build is that of the other file.
    rig.write({ "helper.ts": rig.read("helper.ts") });
    rig.write({ "data/a.txt": "aaaa\n" });
    expect((await watching.next()).targets).toEqual({ gather: "computed", count: "computed" });
  });

  test("during a build starts another when that one has ended", async () => {
    const rig = makeProject(project);
    const recipe = rig.read("count.ts");
    rig.write({
      "count.ts": recipe.replace(
        "const written",
        `while (!(await import("node:fs")).existsSync(${JSON.stringify(rig.path("go"))})) await new Promise((resolve) => setTimeout(resolve, 20));\n  const written`,
      ),
    });
    const watching = new Watching(rig);
    const first = watching.next();
    await until(() => rig.has("runs/default/gather/all.txt"));
    rig.write({ "data/a.txt": "twelve chars" });
    rig.write({ go: "" });
    const built = await first;
    expect(built.events.filter(({ kind }) => kind === "build-finished")).toHaveLength(2);
    expect(JSON.parse(rig.read("runs/default/count/n.json"))).toBe(12);
  });
});

describe("a mistake is shown, and putting it right builds", () => {
  test("in a config, from the start", async () => {
    const rig = makeProject(project);
    rig.edit("configs/base.yaml", "factor", "fcator");
    const watching = new Watching(rig);
    const { watching: waits } = await watching.next();
    expect(waits).toMatchObject({ outcome: null, failures: [{ where: { file: "configs/base.yaml", line: 3 } }] });
    rig.edit("configs/base.yaml", "fcator", "factor");
    expect((await watching.next()).targets).toEqual({ gather: "computed", count: "computed" });
  });

  test("in the Expfile: it does not parse, it throws, it imports what is not there", async () => {
    const rig = makeProject(project);
    const watching = new Watching(rig);
    await watching.next();
    const good = rig.read("Expfile.ts");
    for (const bad of [`${good}}`, `${good}\nthrow new Error("no");`, good.replace("./names.ts", "./nothing.ts")]) {
      rig.write({ "Expfile.ts": bad });
      expect((await watching.next()).watching.outcome).toBe(null);
      rig.write({ "Expfile.ts": good });
      expect((await watching.next()).watching.outcome).toBe("up-to-date");
    }
    rig.write({ "Expfile.ts": good.replace("./names.ts", "./later/names.ts") });
    expect((await watching.next()).watching.failures[0]?.what).toContain("later/names.ts");
    rig.write({ "later/names.ts": `export const suffix = "";\n` });
    await until(async () => (await watching.next()).watching.outcome === "up-to-date");
  });

  test("in a recipe: it does not compile, it throws; others are built", async () => {
    const rig = makeProject(project);
    const watching = new Watching(rig);
    await watching.next();
    rig.edit("helper.ts", "a * b", "a * * b");
    const broken = await watching.next();
    expect(broken.targets).toMatchObject({ count: "failed" });
    expect(broken.watching.outcome).toBe("failed");
    rig.edit("helper.ts", "a * * b", "{ throw new Error('no luck') }");
    expect((await watching.next()).targets).toMatchObject({ count: "failed" });
    rig.edit("helper.ts", /\{ throw.*\}/, "a * b * 3");
    expect((await watching.next()).targets).toEqual({ gather: "fresh", count: "computed" });
  });

  test("a file that is not there yet is waited for", async () => {
    const rig = makeProject(project);
    rig.edit("Expfile.ts", "data/*.txt", "later/*.txt");
    const watching = new Watching(rig);
    await watching.next();
    rig.write({ "later/a.txt": "1" });
    expect((await watching.next()).targets).toEqual({ gather: "computed", count: "computed" });
    expect(JSON.parse(rig.read("runs/default/count/n.json"))).toBe(1);
  });
});

describe("paid work", () => {
  const paid = {
    "Expfile.ts": `import { contract, experiments, json, rule, z } from "expfile";
const config = z.strictObject({ question: z.string() });
const judge = rule(contract({ name: "judge", config, outputs: { answer: json() } }), { recipe: () => import("./judge.ts") });
const free = rule(contract({ name: "free", outputs: { answer: json() } }), { recipe: () => import("./free.ts") });
export default experiments({ main: () => ({ judge: judge(), free: free() }) });
`,
    "judge.ts": `export const recipe = async ({ config, outputs, call }) => {
  let answer = "nobody knows";
  try { answer = await call({ request: config.question }, async () => ({ response: "42", costUsd: 1 })); } catch {}
  await outputs.answer.write(answer);
};
`,
    "free.ts": `export const recipe = async ({ outputs }) => outputs.answer.write(1);\n`,
    "configs/default.yaml": "version: 1\njudge:\n  question: how many?\n",
  };

  test("is not done unless it is allowed, and others go on; a recipe that hides the refusal makes no result", async () => {
    const rig = makeProject(paid);
    const watching = new Watching(rig);
    const built = await watching.next();
    expect(built.targets).toEqual({ judge: "failed", free: "computed" });
    const failed = built.events.find((event) => event.kind === "target-failed");
    expect(failed).toMatchObject({
      failures: [
        {
          what: "judge would have to be paid: it asks for what is not remembered",
          fix: "exp build judge, or exp watch --paid",
        },
      ],
    });
    await rig.build(["judge"]);
    // Asked again, it is remembered; another question is not.
    rig.edit("free.ts", "write(1)", "write(2)");
    expect((await watching.next()).targets).toEqual({ judge: "fresh", free: "computed" });
    rig.edit("configs/default.yaml", "how many?", "how few?");
    expect((await watching.next()).targets).toEqual({ judge: "failed", free: "fresh" });
  });

  test("is done with --paid", async () => {
    const rig = makeProject(paid);
    const watching = new Watching(rig, ["--paid"]);
    expect((await watching.next()).end).toMatchObject({ outcome: "done", costUsd: 1 });
  });
});

test("people are told in one line that it waits, and how things stand", async () => {
  const rig = makeProject(project);
  const started = rig.start(["watch", "count"]);
  await started.saw("files; up to date\n");
  rig.edit("configs/base.yaml", "factor", "fcator");
  await started.saw("files; nothing could be built\n");
  started.process.kill("SIGINT");
  const { code, stdout } = await started.finished;
  expect(code).toBe(130);
  expect(stdout).toMatch(/^watching \d+ files; up to date$/m);
  expect(stdout).toContain('unknown key "fcator"');
});

test("where the system listens to no more files, it says so, and what to do", async () => {
  const rig = makeProject(project);
  rig.write({
    "full.cjs": `const fs = require("node:fs");
fs.watch = () => { throw Object.assign(new Error("ENOSPC: System limit for number of file watchers reached"), { code: "ENOSPC" }); };
require("node:module").syncBuiltinESMExports();
`,
  });
  const started = rig.start(["watch"], { env: { NODE_OPTIONS: `--require ${rig.path("full.cjs")}` } });
  const { code, stderr } = await started.finished;
  expect(stderr).toContain("fs.inotify.max_user_watches");
  expect(code).toBe(1);
});

test.skipIf(!existsSync("/proc/self/fd"))(
  "after fifty builds it holds no more open than after five",
  async () => {
    const rig = makeProject(project);
    const watching = new Watching(rig, [], { env: { NODE_OPTIONS: "--max-semi-space-size=1" } });
    await watching.next();
    const open = () => readdirSync(`/proc/${watching.pid}/fd`).length;
    const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${watching.pid}/status`, "utf8"))![1]) / 1024;
    const seen: { open: number; memory: number }[] = [];
    for (let i = 0; i < 50; i++) {
      rig.write({ "helper.ts": `export const times = (a, b) => a * b + ${i};\n` });
      await watching.next();
      seen.push({ open: open(), memory: memory() });
    }
    const [early, late] = [seen.slice(5, 15), seen.slice(-10)];
    const most = (all: typeof seen, of: "open" | "memory") => Math.max(...all.map((one) => one[of]));
    expect(most(late, "open")).toBeLessThanOrEqual(most(early, "open"));
    // A build's state is some megabytes: forty of them would be hundreds.
    expect(most(late, "memory")).toBeLessThan(most(early, "memory") + 64);
  },
  180_000,
);

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}
