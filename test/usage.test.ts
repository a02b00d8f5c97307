// What actions take of their machine is measured, kept with their results and shown by `exp status --usage`.

import { mkdirSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readLook } from "../src/backends/executors/local/gpus.ts";
import { makeProject } from "./rig.ts";

const files = {
  "Expfile.ts": `import { command, contract, experiments, fanOut, rule, text, type } from "expfile";
const one = (name: string) => contract({ name, outputs: { out: text() } });
const many = contract({ name: "many", outputs: { out: text() }, items: { item: type<number>(), outputs: { out: text() } } });
const busy = rule(one("busy"), { recipe: () => import("./recipes.ts").then((m) => m.busy), resources: { cpu: 1, memory: 2000 } });
const large = rule(one("large"), () => import("./recipes.ts").then((m) => m.large));
const program = rule(one("program"), command({ code: ["busy.sh"], argv: ({ outputs }) => ["sh", "busy.sh", outputs.out] }));
const gpu = rule(one("gpu"), { recipe: () => import("./recipes.ts").then((m) => m.idle), resources: { gpu: 2 } });
const items = fanOut(many, {
  split: () => import("./recipes.ts").then((m) => m.split),
  recipes: { item: () => import("./recipes.ts").then((m) => m.item) },
  merge: () => import("./recipes.ts").then((m) => m.merge),
});
export default experiments({ main: () => ({ busy: busy(), large: large(), program: program(), gpu: gpu(), items: items() }) });
`,
  "busy.sh": `i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done > "$1"\n`,
  "recipes.ts": `const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const burn = (ms) => { const start = process.cpuUsage().user; while (process.cpuUsage().user - start < ms * 1000); };
export const busy = async ({ outputs }) => { burn(400); await outputs.out.write("x"); };
export const large = async ({ outputs }) => {
  const held = Buffer.alloc(300 * 2 ** 20, 1);
  await sleep(2500);
  await outputs.out.write(String(held[5]));
};
export const idle = async ({ outputs }) => { await sleep(7000); await outputs.out.write("x"); };
export const split = () => [1, 2, 3].map((item) => ({ item }));
export const item = async ({ item, outputs }) => { burn(100); await outputs.out.write(String(item)); };
export const merge = async ({ items, outputs }) => outputs.out.write(String(items.length));
`,
};

interface Shown {
  readonly targets: readonly {
    readonly target: string;
    readonly actions: number;
    readonly cpuMs: number;
    readonly peakMiB: number | null;
    readonly gpuPercent: number | null;
    readonly gpuMiB: number | null;
    readonly asked: Readonly<Record<string, number>>;
  }[];
}

test("processor time of recipes and programs, memory, and GPUs by nvidia-smi", async () => {
  const rig = makeProject(files);
  mkdirSync(rig.path("bin"));
  writeFileSync(
    rig.path("bin/nvidia-smi"),
    "#!/bin/sh\necho '0, GPU-aa11, 90, 1000'\necho '1, GPU-bb22, 30, 500'\necho '2, GPU-cc33, 100, 7000'\n",
    { mode: 0o755 },
  );
  const env = { PATH: `${rig.path("bin")}:${process.env.PATH}` };
  await rig.build(["--limit", "gpu=2"], 0, { env });
  const shown = JSON.parse((await rig.exp("status", "--usage", "--json")).stdout) as Shown;
  const of = (name: string) => shown.targets.find(({ target }) => target === name)!;
  expect(of("busy")).toMatchObject({ actions: 1, asked: { cpu: 1, memory: 2000 } });
  expect(of("busy").cpuMs).toBeGreaterThanOrEqual(400);
  expect(of("large").peakMiB).toBeGreaterThan(300);
  expect(of("large").gpuPercent).toBeNull();
  // The shell's own loop, which is no process of exp's.
  expect(of("program").cpuMs).toBeGreaterThan(50);
  expect(of("items")).toMatchObject({ actions: 3 });
  expect(of("items").cpuMs).toBeGreaterThanOrEqual(300);
  expect(of("gpu")).toMatchObject({ gpuMiB: 8500, asked: { gpu: 2 } });
  expect(of("gpu").gpuPercent).toBeCloseTo(220 / 3, 0);

  const text = (await rig.exp("status", "--usage")).stdout;
  expect(text).toMatch(/^target +took +processor +cores +memory +given +GPU +its memory$/m);
  expect(text).toMatch(/^gpu +1 action .* 73 % of 2 +8\.3 GiB$/m);
  // What is up to date shows what it took when it was made.
  await rig.build(["--limit", "gpu=2"], 0, { env });
  expect(JSON.parse((await rig.exp("status", "--usage", "--json")).stdout)).toEqual(shown);
});

test("of the GPUs of a machine those count that are the action's", () => {
  const text = "0, GPU-aa11, 90, 1000\n1, GPU-bb22, 30, 500\n";
  expect(readLook(text, undefined)).toEqual({ percent: 60, usedMiB: 1500 });
  expect(readLook(text, "1")).toEqual({ percent: 30, usedMiB: 500 });
  expect(readLook(text, "GPU-aa")).toEqual({ percent: 90, usedMiB: 1000 });
  expect(readLook(text, "")).toBeUndefined();
  expect(readLook("No devices were found\n", undefined)).toBeUndefined();
});
