// `exp plan` says what the time of containers would cost, by how long things took wherever they were made. Nobody is spoken to: there is no server here.

import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listPrices } from "../../src/backends/executors/modal/prices.ts";
import type { Plan, PlannedTarget } from "../../src/model/plan.ts";
import { makeProject, type Rig } from "../rig.ts";

const files = {
  "Expfile.ts": `import { command, contract, experiments, fanOut, rule, text, type } from "expfile";
const one = (name: string) => contract({ name, outputs: { out: text() } });
const many = contract({ name: "lab/many", outputs: { out: text() }, items: { item: type<number>(), outputs: { out: text() } } });
const there = rule(one("lab/there"), { recipe: () => import("./recipes.ts").then((m) => m.slow), resources: { cpu: 2, memory: 768 }, modal: { gpu: "L4" } });
const here = rule(one("lab/here"), { recipe: () => import("./recipes.ts").then((m) => m.slow), executor: "local", modal: { gpu: "L4" } });
const program = rule(one("lab/program"), command({ code: [], argv: ({ outputs }) => ["sh", "-c", "sleep 0.2; echo x > " + outputs.out] }));
const items = fanOut(many, {
  split: () => import("./recipes.ts").then((m) => m.split),
  recipes: { item: { recipe: () => import("./recipes.ts").then((m) => m.item), modal: { gpu: "H100:2" } } },
  merge: () => import("./recipes.ts").then((m) => m.merge),
});
export default experiments({ main: () => ({ there: there(), here: here(), program: program(), items: items() }) });
`,
  "recipes.ts": `const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const slow = async ({ outputs }) => { await sleep(200); await outputs.out.write("x"); };
export const split = () => [1, 2, 3].map((item) => ({ item }));
export const item = async ({ item, outputs }) => { await sleep(100); await outputs.out.write(String(item)); };
export const merge = async ({ items, outputs }) => { await sleep(50); await outputs.out.write(String(items.length)); };
`,
};

const { cpu, memory, gpu } = listPrices;
const small = cpu + memory;
const names = ["there", "here", "program", "items"];
let end: (() => void) | undefined;
let rig: Rig;
beforeAll(async () => {
  rig = makeProject(files, (undo) => (end = undo));
  await rig.build();
  for (const name of names) await rig.exp("clean", name);
});

afterAll(() => end?.());

async function plan(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stdout } = await rig.start(["plan", "--json", ...args], { env }).finished;
  expect(code).toBe(3);
  const made = JSON.parse(stdout) as Plan;
  return { made, of: (name: string): PlannedTarget => made.targets.find((one) => one.name === name)! };
}

/** Seconds that the items took. */
function itemSeconds(): number {
  const lines = readFileSync(rig.path("runs/default/trace/trace.jsonl"), "utf8").trim().split("\n");
  const made = lines.map(
    (line) => JSON.parse(line) as { readonly p?: string; readonly r?: { readonly tookMs: number } },
  );
  return made.reduce((sum, { p, r }) => sum + (p === "item" && r !== undefined ? r.tookMs / 1000 : 0), 0);
}

test("what took its time here is priced as its container would be; what stays here is not", async () => {
  const { made, of } = await plan(["--executor", "modal"]);
  expect(made.pricesOf).toBe("modal");
  expect(of("there").expectedUsd).toBeCloseTo((of("there").expectedMs! / 1000) * (2 * cpu + memory + gpu.L4!), 12);
  expect(of("there").expectedUsd).toBeGreaterThan(0.2 * gpu.L4!);
  expect(of("program").expectedUsd).toBeCloseTo((of("program").expectedMs! / 1000) * small, 12);
  expect(of("here").expectedUsd).toBe(0);
  // Split and merge are small and run here.
  expect(of("items").expectedUsd).toBeCloseTo(itemSeconds() * (small + 2 * gpu.H100!), 12);
  expect(of("items").expectedUsd).toBeLessThan((of("items").expectedMs! / 1000) * (small + 2 * gpu.H100!));
  const text = (await rig.exp("plan", "--executor", "modal")).stdout;
  expect(text).toMatch(/^due: 4 targets, .*\$0\.\d+ by past traces and modal's prices$/m);
});

test("by the environment as by the flag; other executors take nothing for their time", async () => {
  expect((await plan([], { EXP_EXECUTOR: "modal" })).made).toEqual((await plan(["--executor", "modal"])).made);
  for (const args of [[], ["--executor", "local"], ["--executor", "slurm"]]) {
    const { made, of } = await plan(args);
    expect(made).not.toHaveProperty("pricesOf");
    for (const name of names) expect(of(name).expectedUsd).toBe(0);
  }
  const wrong = await rig.start(["plan"], { env: { EXP_EXECUTOR: "modla" } }).finished;
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('EXP_EXECUTOR names no executor: "modla"');
  // Who asks what is there is not kept from it by what is wrong with the next build.
  expect((await rig.start(["status"], { env: { EXP_EXECUTOR: "modla" } }).finished).code).toBe(0);
});

test("own prices and own settings count, and what has no price is said", async () => {
  writeFileSync(
    rig.path("exp.local.yaml"),
    "modal:\n  prices: { cpu: 10, memory: 0 }\n  targets: { program: { cpu: 3 }, there: { gpu: B300 } }\n",
  );
  const { of } = await plan(["--executor", "modal", "--max-usd", "0.01"]);
  expect(of("program").expectedUsd).toBeCloseTo((of("program").expectedMs! / 1000) * 30, 9);
  expect(of("there").expectedUsd).toBe(0);
  expect(of("there").warnings).toEqual([
    expect.stringMatching(/^nobody has said what it costs at Modal.*prices: \{ gpu: \{ B300: … \} \} \}/),
  ]);
  const { stdout } = await rig.exp("plan", "--executor", "modal", "--max-usd", "0.01");
  expect(stdout).toContain("more than the $0.01 that it may spend (--max-usd)");
  writeFileSync(rig.path("exp.local.yaml"), "");
});

test("what was made in a container has paid for its time already", async () => {
  const trace = rig.path("runs/default/trace/trace.jsonl");
  const text = readFileSync(trace, "utf8");
  writeFileSync(
    trace,
    text.replaceAll('"executor":"local"', '"executor":"modal"').replaceAll('"costUsd":0', '"costUsd":0.5'),
  );
  const { of } = await plan(["--executor", "modal"]);
  for (const name of ["there", "program"]) expect(of(name).expectedUsd).toBe(0.5);
  expect(of("items").expectedUsd).toBe(0.5 * 4);
  writeFileSync(trace, text);
});
