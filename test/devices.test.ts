// GPUs of this machine are counted, and each action has its own: with a stand-in for nvidia-smi, which is all that is asked.

import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Devices, namesIn, namesListed } from "../src/backends/executors/local/devices.ts";
import { makeProject, type Rig } from "./rig.ts";

describe("which there are", () => {
  test("by what nvidia-smi lists, parts instead of what is partitioned", () => {
    const gpu = (n: number) => `GPU ${n}: NVIDIA H200 (UUID: GPU-5a${n})\n`;
    expect(namesListed(`${gpu(0)}${gpu(1)}`)).toEqual(["0", "1"]);
    const parts = [1, 2].map((n) => `  MIG 1g.18gb     Device  ${n}: (UUID: MIG-77${n})\n`).join("");
    expect(namesListed(`${gpu(0)}${parts}${gpu(1)}`)).toEqual(["MIG-771", "MIG-772", "1"]);
    expect(namesListed("No devices found.\n")).toEqual([]);
  });

  test("by CUDA_VISIBLE_DEVICES, up to the first that is none", () => {
    expect(namesIn("2, 3")).toEqual(["2", "3"]);
    expect(namesIn("GPU-5a1,MIG-7")).toEqual(["GPU-5a1", "MIG-7"]);
    expect(namesIn("1,-1,0")).toEqual(["1"]);
    for (const none of ["", "-1", "NoDevFiles"]) expect(namesIn(none)).toEqual([]);
  });
});

describe("who has which", () => {
  const take = (devices: Devices, amount: number, before: readonly string[] = [], held: readonly string[] = []) =>
    devices.take(amount, before, new Set(held))!;

  test("they are nobody else's until they are given back", () => {
    const devices = new Devices(["0", "1", "2"], "said");
    const first = take(devices, 2);
    expect(first.names).toEqual(["0", "1"]);
    expect(first.variables).toEqual({ CUDA_VISIBLE_DEVICES: "0,1" });
    expect(take(devices, 1).names).toEqual(["2"]);
    first.release();
    first.release();
    expect(take(devices, 1).names).toEqual(["0"]);
    expect(take(devices, 1).names).toEqual(["1"]);
    // More were asked for than there are, as the user allowed: shared, and evenly.
    const [one, other] = [take(devices, 1).names, take(devices, 1).names];
    expect(one).not.toEqual(other);
    expect(take(devices, 7).names).toHaveLength(3);
  });

  test("who had one has it again, if it is free; who had none leaves it to him, if there is another", () => {
    const devices = new Devices(["0", "1"], "said");
    const had = take(devices, 1, ["1"]);
    expect(had.names).toEqual(["1"]);
    expect(take(devices, 1, ["1"]).names).toEqual(["0"]);
    had.release();
    expect(take(devices, 1, ["0", "1"]).names).toEqual(["1"]);
    const others = new Devices(["0", "1"], "said");
    expect(take(others, 1, [], ["0"]).names).toEqual(["1"]);
    expect(take(others, 1, [], ["0"]).names).toEqual(["0"]);
  });

  test("where there are none, none are given", () => {
    expect(new Devices([], "said").take(1, [], new Set())).toBeUndefined();
  });
});

const files = {
  "Expfile.ts": `import { command, contract, experiments, fanOut, json, rule, text, type } from "expfile";
const one = (name: string) => contract({ name, outputs: { out: text() } });
const recipe = () => import("./recipes.ts").then((m) => m.both);
const both = rule(one("both"), { recipe, resources: { gpu: 2 } });
const none = rule(one("none"), () => import("./recipes.ts").then((m) => m.none));
const program = rule(one("program"), {
  ...command({ code: ["gpu.sh"], argv: ({ outputs }) => ["sh", "gpu.sh", outputs.out] }),
  resources: { gpu: 1 },
});
const draw = fanOut(
  contract({ name: "draw", outputs: { all: json() }, items: { item: type<number>(), outputs: { seen: json() } } }),
  {
    split: () => import("./recipes.ts").then((m) => m.split),
    recipes: { item: { recipe: () => import("./recipes.ts").then((m) => m.item), resources: { gpu: 1 } } },
    merge: () => import("./recipes.ts").then((m) => m.merge),
    batch: 1,
  },
);
export default experiments({ main: () => ({ both: both(), none: none(), program: program(), draw: draw() }) });
`,
  "gpu.sh": `echo "$CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER" > "$1"\n`,
  "recipes.ts": `const gpus = () => String(process.env.CUDA_VISIBLE_DEVICES);
export const both = async ({ outputs }) => outputs.out.write(gpus());
export const none = async ({ outputs }) => outputs.out.write("not given: " + gpus());
export const split = () => [1, 2, 3, 4, 5, 6].map((item) => ({ item }));
export const item = async ({ item, outputs }) => {
  // As a library does that is told once which GPU to use.
  globalThis.first ??= gpus();
  const from = Date.now();
  await new Promise((resolve) => setTimeout(resolve, item === 1 ? 2000 : 150));
  await outputs.seen.write({ gpu: gpus(), pid: process.pid, first: globalThis.first, from, to: Date.now() });
};
export const merge = async ({ items, outputs }) =>
  outputs.all.write(await Promise.all(items.map((item) => item.outputs.seen.read())));
`,
};

interface Seen {
  readonly gpu: string;
  readonly first: string;
  readonly pid: number;
  readonly from: number;
  readonly to: number;
}

/** With a nvidia-smi that says what `script` echoes. */
function projectWith(script: string): { rig: Rig; env: NodeJS.ProcessEnv } {
  const rig = makeProject(files);
  mkdirSync(rig.path("bin"));
  writeFileSync(rig.path("bin/nvidia-smi"), `#!/bin/sh\n${script}`, { mode: 0o755 });
  return { rig, env: { PATH: `${rig.path("bin")}:${process.env.PATH}`, CUDA_VISIBLE_DEVICES: undefined } };
}

const two = 'for n in 0 1; do echo "GPU $n: Stand-in (UUID: GPU-5a$n)"; done\n';
const out = (rig: Rig, target: string) => rig.read(`runs/default/${target}/out.txt`).trim();

describe("a machine with two", () => {
  test("each action has its own while it runs, and a worker never another than it had", async () => {
    const { rig, env } = projectWith(two);
    await rig.build(["-j", "6"], 0, { env });
    expect(out(rig, "both")).toBe("0,1");
    expect(out(rig, "none")).toBe("not given: undefined");
    expect(out(rig, "program")).toMatch(/^[01] PCI_BUS_ID$/);
    const all = JSON.parse(rig.read("runs/default/draw/all.json")) as readonly Seen[];
    expect(new Set(all.map(({ gpu }) => gpu))).toEqual(new Set(["0", "1"]));
    for (const one of all) {
      expect(one.first).toBe(one.gpu);
      const beside = all.filter((other) => other !== one && other.from < one.to && one.from < other.to);
      expect(beside.map(({ gpu }) => gpu)).not.toContain(one.gpu);
    }
  });

  test("small actions take turns in the workers that there are", async () => {
    const { rig, env } = projectWith(two);
    rig.edit("recipes.ts", "[1, 2, 3, 4, 5, 6]", "Array.from({ length: 40 }, (_, n) => 100 + n)");
    rig.edit("recipes.ts", ": 150)", ": 5)");
    await rig.build(["draw", "-j", "6"], 0, { env });
    const all = JSON.parse(rig.read("runs/default/draw/all.json")) as readonly Seen[];
    expect(all).toHaveLength(40);
    // Those that came first may have to make way for who is given what they had.
    expect(new Set(all.map(({ pid }) => pid)).size).toBeLessThanOrEqual(6);
  });

  test("those of CUDA_VISIBLE_DEVICES are all there are, for every action; what they are is in no key", async () => {
    const { rig, env } = projectWith("exit 9\n");
    const build = (visible: string, ...targets: string[]) =>
      rig.start(["build", ...targets], { env: { ...env, CUDA_VISIBLE_DEVICES: visible } }).finished;
    const reproduce = (visible: string) =>
      rig.start(["reproduce", "default", "both"], { env: { ...env, CUDA_VISIBLE_DEVICES: visible } }).finished;
    expect((await build("5,3", "both", "program", "none")).code).toBe(0);
    expect(out(rig, "both")).toBe("5,3");
    expect(out(rig, "program")).toMatch(/^[35]$/);
    expect(out(rig, "none")).toBe("not given: 5,3");
    expect((await build("1", "both", "program", "none")).stdout).toContain("up to date");
    const less = await reproduce("1");
    expect([less.code, less.stdout]).toEqual([3, expect.stringContaining('needs 2 of "gpu", and there are 1')]);
    const enough = await reproduce("5,3");
    expect([enough.code, enough.stdout]).toEqual([0, expect.stringContaining("1 action: 1 same")]);
  });
});

test("a machine without any says how that is known, and --limit overrules it", async () => {
  const { rig, env } = projectWith("echo 'NVIDIA-SMI has failed: no driver'\nexit 9\n");
  const { stdout } = await rig.start(["build", "both"], { env }).finished;
  expect(stdout).toContain('needs 2 of "gpu", and there are 0 (nvidia-smi: NVIDIA-SMI has failed: no driver)');
  await rig.build(["both", "--limit", "gpu=2"], 0, { env });
  expect(out(rig, "both")).toBe("undefined");
});

test("a part of one is not to be had", async () => {
  const { rig, env } = projectWith(two);
  rig.edit("Expfile.ts", "gpu: 2", "gpu: 0.5");
  const { code, stderr } = await rig.start(["build", "both"], { env }).finished;
  expect([code, stderr]).toEqual([2, expect.stringContaining("GPUs are whole")]);
});
