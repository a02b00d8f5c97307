// Results say on which paid calls they rest: exports take those, and what cannot be run again without paying is named.

import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import type { TraceLine } from "../src/backends/store/trace-lines.ts";
import { callKey } from "../src/planning/fingerprint/call-key.ts";
import { openMember } from "./compat/open.ts";
import { makeProject, type Rig } from "./rig.ts";

/** Items ask, each its own question and one in common; `merge` asks nothing; a program cannot ask. */
const files = {
  "Expfile.ts": `import { command, contract, experiments, fanOut, json, rule, text, z } from "expfile";
const asking = fanOut(
  contract({
    name: "paid/judge",
    config: z.strictObject({ questions: z.array(z.string()).default(["a", "b", "c"]), unit: z.string().default("") }),
    items: { item: json(), outputs: { value: json() } },
    outputs: { all: json() },
  }),
  {
    split: { recipe: () => import("./judge.ts").then((m) => m.split), reads: ["questions"] },
    recipes: { ask: { recipe: () => import("./judge.ts").then((m) => m.ask), reads: ["unit"] } },
    merge: () => import("./judge.ts").then((m) => m.merge),
  },
);
const countContract = contract({ name: "count", inputs: { all: json() }, outputs: { out: text() } });
const count = rule(countContract, command<typeof countContract>({ code: [], argv: ({ inputs, outputs }) => ["cp", inputs.all, outputs.out] }));
export default experiments({ main: () => { const judge = asking(); return { judge, count: count({ all: judge.all }) }; } });
`,
  "judge.ts": `export const split = ({ config }) => config.questions.map((item) => ({ item, label: item }));
const send = (response) => () => Promise.resolve({ response, costUsd: 0.25 });
export const ask = async ({ config, item, outputs, call }) => {
  const system = await call({ request: { system: true } }, send("hello"));
  const [first, second] = await Promise.all([0, 1].map((draw) => call({ request: { item }, draw }, send(item + draw))));
  await outputs.value.write([system, first, second, config.unit]);
};
export const merge = async ({ items, outputs }) =>
  outputs.all.write(await Promise.all(items.map(({ outputs }) => outputs.value.read())));
`,
};

const system = callKey({ system: true }, 0);
const callsOf = (item: string) => [system, callKey({ item }, 0), callKey({ item }, 1)].sort();

/** By item's label or part, what the last result says. */
function recorded(rig: Rig, run = "default"): Record<string, readonly string[] | undefined> {
  const lines = rig.read(`runs/${run}/trace/trace.jsonl`).trimEnd().split("\n");
  const results = lines.map((line) => JSON.parse(line) as TraceLine).flatMap((line) => ("r" in line ? [line] : []));
  return Object.fromEntries(results.map(({ t, p, l, r }) => [l ?? `${t} ${p}`, r.calls]));
}

const asked = {
  "judge split": [],
  a: callsOf("a"),
  b: callsOf("b"),
  c: callsOf("c"),
  "judge merge": [],
  "count recipe": undefined,
};

function filesIn(rig: Rig, folder: string): string {
  return readdirSync(rig.path(folder))
    .map((name) => rig.read(`${folder}/${name}`))
    .join("");
}

test("each result names the calls it asked for, paid or remembered: an item of a batch its own", async () => {
  const rig = makeProject(files);
  expect((await rig.build()).end.costUsd).toBe(1.75);
  expect(recorded(rig)).toEqual(asked);
  rig.edit("judge.ts", "system, first", "first, system");
  expect((await rig.build()).end.costUsd).toBe(0);
  expect(recorded(rig)).toEqual(asked);
});

test("of a vectorised recipe each item has the calls of its batch", async () => {
  const rig = makeProject(files);
  rig.edit("Expfile.ts", 'reads: ["unit"] }', "vectorised: true }");
  rig.edit(
    "judge.ts",
    /export const ask = [^]*?\n};/,
    `export const ask = { run: async ({ items, call }) => {
  for (const { item, outputs } of items) await outputs.value.write(await call({ request: { item } }, send(item)));
} };`,
  );
  await rig.build();
  const all = ["a", "b", "c"].map((item) => callKey({ item }, 0)).sort();
  expect(recorded(rig)).toEqual({ ...asked, a: all, b: all, c: all });
});

test("a result from the cache brings what it rests on", async () => {
  const rig = makeProject(files);
  await rig.build();
  const built = await rig.build(["--run", "second"]);
  expect(built.targets).toEqual({ judge: "cached", count: "cached" });
  expect(recorded(rig, "second")).toEqual(asked);
});

test("an export takes the calls that results of any of the run's builds used, and no others", async () => {
  const rig = makeProject(files);
  await rig.build(["--judge.questions", '["a"]']);
  await rig.build(["--judge.questions", '["b"]']);
  await rig.build(["--run", "other", "--judge.questions", '["c"]']);
  const done = await rig.exp("runs", "export", "default", "-o", "run.tgz", "--json");
  expect(JSON.parse(done.stdout)).toMatchObject({ calls: 5, silent: {}, lostCalls: 0 });
  const clone = makeProject(files);
  const taken = await clone.exp("runs", "import", rig.path("run.tgz"), "--json");
  expect(JSON.parse(taken.stdout)).toMatchObject({ calls: 5 });
  const text = filesIn(clone, "runs/.archive/calls");
  for (const key of [...callsOf("a"), ...callsOf("b")]) expect(text).toContain(key);
  expect(text).not.toContain(callKey({ item: "c" }, 0));
  for (const point of ["default", "default@1"]) expect((await clone.exp("reproduce", point)).code).toBe(0);
  const both = await rig.exp("runs", "export", "default", "other", "-o", "both.tgz");
  expect(both.stdout).toContain(", 7 remembered paid calls\n");
});

test("answers that were paid again, after the first were hidden from the run, come along", async () => {
  const rig = makeProject(files);
  await rig.build(["--judge.questions", '["a"]']);
  await rig.exp("clean", "judge", "--calls");
  expect((await rig.build()).end.costUsd).toBe(0.75);
  const done = await rig.exp("runs", "export", "default", "-o", "run.tgz", "--json");
  expect(JSON.parse(done.stdout)).toMatchObject({ calls: 6 });
  const clone = makeProject(files);
  expect((await clone.exp("runs", "import", rig.path("run.tgz"))).code).toBe(0);
  const again = await clone.exp("reproduce", "default");
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining("judge")]);
});

test("answers that are lost are told by the export, and reproduce names the first that it would have to pay", async () => {
  const rig = makeProject(files);
  await rig.build(["--judge.questions", '["a"]']);
  rig.remove("runs/.archive/calls");
  const exported = await rig.exp("runs", "export", "default", "-o", "run.tgz");
  expect(exported.stdout).toContain("\n  3 answers to paid calls that results used are nowhere any more\n");
  const done = await rig.exp("reproduce", "default");
  expect(done.code).toBe(3);
  expect(done.stdout).toContain(
    `the answer is not remembered, and nothing may be paid (call ${system.slice(0, 12)}, draw 0 of {"system":true}); --paid allows it`,
  );
});

test("for results of an earlier exp, which do not say, all calls of the project are taken, and that is told", async () => {
  const rig = openMember("0.1.0-b");
  const calls = (filesIn(rig, "runs/.archive/calls").match(/\n/g) ?? []).length;
  const done = await rig.exp("runs", "export", "default", "-o", "run.tgz");
  expect([done.code, done.stderr]).toEqual([0, ""]);
  expect(done.stdout).toContain(`, ${calls} remembered paid calls\n`);
  expect(done.stdout).toMatch(
    /\n {2}all paid calls of the project are among them: \d+ results of default do not say which they used, made by an earlier exp\n/,
  );
  const without = await rig.exp("runs", "export", "default", "-o", "without.tgz", "--without-calls");
  expect(without.stdout).not.toContain("paid call");
});
