// Recipes that misbehave: the one at fault is named, the others are not, and nothing hangs or stays behind.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import type { Failure } from "../../src/model/failure.ts";
import type { Built } from "../rig.ts";
import {
  benchOf,
  expectNoScratch,
  groupOf,
  isAlive,
  oneTarget,
  plainExpfile,
  plainRule,
  until,
  type Bench,
} from "./bench.ts";

const out = "outputs: { out: text() }";

/** The failures of the only target, in one text. */
async function failureOf(bench: Bench, args: readonly string[] = []): Promise<string> {
  const built = await bench.build(args, 1);
  const failed = built.events.find((event) => event.kind === "target-failed");
  expect(failed).toBeDefined();
  return textOf((failed as { failures: readonly Failure[] }).failures);
}

function textOf(failures: readonly Failure[]): string {
  return failures.map((failure) => [failure.what, ...(failure.details ?? [])].join("\n")).join("\n");
}

function warningsOf(built: Built): readonly string[] {
  return built.events.flatMap((event) => (event.kind === "warning" ? [event.text] : []));
}

async function expectClean(bench: Bench): Promise<void> {
  await until(() => bench.marks.pids.every((pid) => !isAlive(pid) && groupOf(pid).length === 0));
  expectNoScratch(bench.rig);
}

const ends: readonly (readonly [name: string, body: string, says: RegExp])[] = [
  ["process.exit(0)", "process.exit(0);", /ended by itself \(exit code 0\)/],
  ["process.exit(3)", "process.exit(3);", /ended by itself \(exit code 3\)/],
  [
    "an error thrown in a timer",
    'setTimeout(() => { throw new Error("from a timer"); }, 1); await waitFor("never");',
    /from a timer/,
  ],
  [
    "a rejection that nobody handles",
    'void Promise.reject(new Error("nobody cares")); await waitFor("never");',
    /nobody cares/,
  ],
  ["a channel to the driver that it closes", 'process.disconnect(); await waitFor("never");', /ended by itself/],
  ["a signal to itself", 'process.kill(process.pid, "SIGSEGV"); await waitFor("never");', /SIGSEGV/],
  ["a thrown string", 'throw "just text";', /just text/],
  ["an output that it does not write", "", /was not written/],
];

for (const [name, body, says] of ends) {
  test(`a recipe with ${name} fails with a reason, and the next build runs it again`, async () => {
    const bench = benchOf(oneTarget(out, body));
    expect(await failureOf(bench)).toMatch(says);
    await expectClean(bench);
    bench.rig.edit("rules/it.ts", `mark("it");`, 'mark("it"); await outputs.out.write("right"); return;');
    await bench.build();
    expect(bench.rig.read("runs/default/it/out.txt")).toBe("right");
  });
}

test("an endless loop is ended by its timeout", async () => {
  const bench = benchOf(oneTarget(out, "for (;;);", "", "timeoutMs: 300"));
  expect(await failureOf(bench)).toContain("timeout of 300 ms");
  await expectClean(bench);
});

test("a recipe that uses more memory than its limit is ended", async () => {
  const bench = benchOf(
    oneTarget(
      out,
      "const kept = []; for (;;) { kept.push(Buffer.alloc(20 << 20, 1)); await new Promise((r) => setTimeout(r, 5)); }",
      "",
      "resources: { memory: 300 }",
    ),
  );
  expect(await failureOf(bench)).toContain("more than its limit of 300 MiB");
  await expectClean(bench);
});

test("children that a recipe leaves running are gone when the build is", async () => {
  const bench = benchOf(
    oneTarget(
      out,
      'const child = spawn("sleep", ["1000"], { stdio: "ignore" }); fs.appendFileSync(process.env.EXP_TEST_MARKS, "child " + child.pid + "\\n"); await outputs.out.write("x");',
    ),
  );
  await bench.build();
  await expectClean(bench);
});

test("children that a recipe leaves running do not run beside the next recipe", async () => {
  const bench = benchOf({
    ...plainExpfile(["first", "second"], "const f = first(); return { first: f, second: second({ after: f.out }) };"),
    ...plainRule(
      "first",
      out,
      'const child = spawn("sleep", ["1000"], { stdio: "ignore" }); await outputs.out.write(String(child.pid));',
    ),
    ...plainRule(
      "second",
      `inputs: { after: text() }, ${out}`,
      `const pid = await inputs.after.read();
  const isAlive = () => fs.existsSync("/proc/" + pid) && !/\\) [ZX] /.test(fs.readFileSync("/proc/" + pid + "/stat", "utf8"));
  while (isAlive()) await new Promise((resolve) => setTimeout(resolve, 5));
  await outputs.out.write("alone");`,
    ),
  });
  await bench.build(["-j1"]);
});

/** Leaves its process group, and with it everybody's reach; it marks itself as `child`. */
const escape =
  'spawn("setsid", ["sh", "-c", "echo child $$ >> $EXP_TEST_MARKS; exec sleep 1000"], { stdio: "ignore", detached: true }).unref(); while (!fs.readFileSync(process.env.EXP_TEST_MARKS, "utf8").includes("child")) await new Promise((r) => setTimeout(r, 5));';

test("a daemon that a recipe leaves behind is ended with the build, and it is said once", async () => {
  const bench = benchOf(oneTarget(out, `${escape} await outputs.out.write("x");`));
  const built = await bench.build();
  expect(bench.marks.counts.child).toBe(1);
  await expectClean(bench);
  expect(warningsOf(built)).toEqual([
    "processes that recipes had started in the background were still running and were ended with the build: sleep. A recipe's result must not depend on them: wait for them or end them in the recipe",
  ]);
  expect(warningsOf(await bench.build())).toEqual([]);
});

test("a daemon of a recipe that ran into its timeout is ended with it, before the next try", async () => {
  const isGone = `const old = fs.readFileSync(process.env.EXP_TEST_MARKS, "utf8").split("\\n").filter((line) => line.startsWith("child")).map((line) => line.split(" ")[1]);
  if (old.length > 0) return outputs.out.write(old.map((pid) => { try { return fs.readFileSync("/proc/" + pid + "/stat", "utf8").split(") ")[1][0]; } catch { return "gone"; } }).join());`;
  const options = "timeoutMs: 1500, retries: { times: 1, backoffMs: 1 }";
  const bench = benchOf(oneTarget(out, `${isGone} ${escape} await waitFor("never");`, "", options));
  const built = await bench.build();
  expect(bench.rig.read("runs/default/it/out.txt")).toMatch(/^(gone|Z|X)$/);
  expect(warningsOf(built)).toEqual([]);
});

test("50 MB of output go to the log, whole, and not through the driver's memory", async () => {
  const bench = benchOf(
    oneTarget(
      out,
      'const line = "x".repeat(1023) + "\\n"; for (let i = 0; i < 50 * 1024; i++) process.stdout.write(line); await outputs.out.write("x");',
    ),
  );
  await bench.build();
  expect(statSync(bench.rig.path("runs/default/logs/it.log")).size).toBe(50 << 20);
});

test("binary output is logged byte for byte", async () => {
  const bench = benchOf(
    oneTarget(
      out,
      'process.stdout.write(Buffer.from([0, 255, 10, 27, 128])); process.stderr.write(new Uint8Array([1, 2])); await outputs.out.write("x");',
    ),
  );
  await bench.build();
  expect([...readFileSync(bench.rig.path("runs/default/logs/it.log"))]).toEqual([0, 255, 10, 27, 128, 1, 2]);
});

test("what a recipe's child prints to the inherited streams does not stop the build", async () => {
  const bench = benchOf(
    oneTarget(
      out,
      'await new Promise((r) => spawn("sh", ["-c", "yes | head -c 30000000"], { stdio: "inherit" }).on("exit", r)); await outputs.out.write("x");',
    ),
  );
  await bench.build();
});

function itemsProject(recipe: string, options = ""): Bench {
  const bench = benchOf({
    ...plainExpfile(["none"], "return { items: items() };"),
    ...plainRule("none", "outputs: { none: text() }", ""),
    "rules/items.rule.ts": `import { contract, fanOut, text, type } from "expfile";
export const items = fanOut(contract({ name: "bench/items", items: { item: type(), outputs: { value: text() } }, outputs: { all: text() } } as any), {
  split: () => import("./items.ts").then((m) => m.split) as any,
  recipes: { one: { recipe: () => import("./items.ts").then((m) => m.one) as any, env: ["EXP_TEST_MARKS"], ${options} } },
  merge: () => import("./items.ts").then((m) => m.merge) as any, batch: 8,
} as any) as any;
`,
    "rules/items.ts": `// @ts-nocheck
import * as fs from "node:fs";
import * as os from "node:os";
import { mark, waitFor } from "./mark.ts";
let runs = 0;
void fs; void os; void waitFor; void runs;
export const split = () => [0, 1, 2, 3, 4, 5, 6, 7].map((n) => ({ item: { n }, label: "n" + n }));
export const one = async ({ item, outputs, scratch }) => { mark("one" + item.n); ${recipe} };
export const merge = async ({ items, outputs }) =>
  outputs.all.write((await Promise.all(items.map(({ outputs }) => outputs.value.read()))).join("\\n"));
`,
  });
  bench.rig.edit("Expfile.ts", "\nvoid file", '\nimport { items } from "./rules/items.rule.ts";\nvoid file');
  return bench;
}

const faults: readonly (readonly [name: string, fault: string, options: string, says: RegExp])[] = [
  ["ends the worker", "process.exit(1);", "", /^items\[n5\] failed: its worker process ended by itself/],
  [
    "kills the worker",
    'process.kill(process.pid, "SIGKILL"); await waitFor("never");',
    "",
    /^items\[n5\] failed: its worker process ended by itself \(SIGKILL\)/,
  ],
  [
    "awaits for ever",
    "await new Promise(() => {});",
    "",
    /^items\[n5\] failed: it awaits a promise that was never settled/,
  ],
  ["loops for ever", "for (;;);", "timeoutMs: 400", /^items\[n5\] failed: ran longer than its timeout/],
  [
    "throws in a timer",
    'setTimeout(() => { throw new Error("late"); }, 0); await waitFor("never");',
    "",
    /^items\[n5\] failed: .*\n?.*late/,
  ],
];
for (const [name, fault, options, says] of faults) {
  test(`an item that ${name} is the one that is named, not those of its batch that had ended`, async () => {
    const bench = itemsProject(
      `if (item.n === 5 && !fs.existsSync(process.env.EXP_TEST_MARKS + ".good")) { ${fault} } await outputs.value.write("value " + item.n);`,
      options,
    );
    expect(await failureOf(bench, ["-j1", "-k"])).toMatch(says);
    await expectClean(bench);
    bench.allow("good");
    await bench.build(["-j1"]);
    expect(bench.rig.read("runs/default/items/all.txt")).toBe(
      [0, 1, 2, 3, 4, 5, 6, 7].map((n) => `value ${n}`).join("\n"),
    );
    // With -k the others were made, and kept.
    expect(bench.marks.counts.one5).toBe(2);
  });
}

const leaks: readonly (readonly [name: string, body: string])[] = [
  ["the module's variables", "const seen = runs++;"],
  ["files in the working folder", 'const seen = fs.readdirSync(".").length; fs.writeFileSync("left" + item.n, "");'],
  [
    "files in the folder for temporary files",
    "const seen = fs.readdirSync(os.tmpdir()).length; fs.writeFileSync(os.tmpdir() + '/left' + item.n, '');",
  ],
  [
    "files in the home folder",
    "const seen = fs.readdirSync(os.homedir()).length; fs.writeFileSync(os.homedir() + '/left' + item.n, '');",
  ],
  [
    "files in scratch",
    'const seen = fs.readdirSync(scratch).length; fs.writeFileSync(scratch + "/left" + item.n, "");',
  ],
  ["the environment", "const seen = process.env.LEFT ?? 0; process.env.LEFT = 1;"],
  ["a changed working folder", 'const seen = process.cwd() === "/" ? 1 : 0; process.chdir("/");'],
];
for (const [name, body] of leaks) {
  test(`${name}: nothing of it leaks from one item to the next`, async () => {
    const bench = itemsProject(`${body} await outputs.value.write(String(seen));`);
    await bench.build(["-j1"]);
    expect(bench.rig.read("runs/default/items/all.txt")).toBe("0\n0\n0\n0\n0\n0\n0\n0");
  });
}

test("recipes see UTC, the C locale, declared variables only, and an empty working folder", async () => {
  const body = `await outputs.out.write(JSON.stringify({
    zone: new Date(0).getTimezoneOffset(), TZ: process.env.TZ, locale: process.env.LC_ALL, secret: process.env.UNDECLARED,
    node: process.env.NODE_OPTIONS, names: Object.keys(process.env).sort(), files: fs.readdirSync("."),
  }));`;
  const bench = benchOf(oneTarget(out, body));
  const env = {
    ...bench.options.env,
    UNDECLARED: "seen",
    TZ: "America/New_York",
    LC_ALL: "de_DE.UTF-8",
    NODE_OPTIONS: "--no-warnings",
  };
  await bench.rig.build([], 0, { env });
  const seen = JSON.parse(bench.rig.read("runs/default/it/out.txt")) as Record<string, unknown>;
  expect(seen).toEqual({
    zone: 0,
    TZ: "UTC",
    locale: "C.UTF-8",
    names: ["EXP_TEST_MARKS", "HOME", "LC_ALL", "PATH", "TMPDIR", "TZ"],
    files: [],
  });
});

test("an error that a finished recipe left behind in a timer is not blamed on the next one", async () => {
  const bench = benchOf({
    ...plainExpfile(["first", "second"], "const f = first(); return { first: f, second: second({ after: f.out }) };"),
    ...plainRule(
      "first",
      out,
      // The variable is not there between actions, and the next may begin late.
      'const marks = process.env.EXP_TEST_MARKS; setTimeout(() => { fs.appendFileSync(marks, "thrown " + process.pid + "\\n"); throw new Error("too late"); }, 300); await outputs.out.write("x");',
    ),
    ...plainRule(
      "second",
      `inputs: { after: text() }, ${out}`,
      'const marks = () => fs.readFileSync(process.env.EXP_TEST_MARKS, "utf8"); if (marks().split("second ").length === 2) while (!marks().includes("thrown")) await new Promise((r) => setTimeout(r, 5)); await new Promise((r) => setTimeout(r, 50)); await outputs.out.write("y");',
    ),
  });
  const built = await bench.build(["-j1"]);
  expect(built.targets).toEqual({ first: "computed", second: "computed" });
});

test("folders that a recipe made unreadable or unwritable are removed all the same", async () => {
  const bench = benchOf(
    oneTarget(
      out,
      'fs.mkdirSync(scratch + "/a/b", { recursive: true }); fs.writeFileSync(scratch + "/a/b/c", ""); fs.chmodSync(scratch + "/a/b", 0o500); fs.chmodSync(scratch + "/a", 0o000); await outputs.out.write("x");',
    ),
  );
  await bench.build();
  expectNoScratch(bench.rig);
  expect(readdirSync(bench.rig.path("runs/default/it"))).toEqual(["out.txt"]);
});
