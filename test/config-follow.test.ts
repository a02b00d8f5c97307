// A run follows its config: it remembers where it came from and what was said on the command line, and reads the source again each time.

import { renameSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { makeProject, type Rig } from "./rig.ts";

/** One target whose output is what its recipe was told. */
function tellProject(config: string, more: Readonly<Record<string, string>> = {}): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, json, rule, z } from "expfile";
const spec = contract({
  name: "tell",
  config: z.strictObject({ depth: z.int().min(0).default(1), word: z.string().default("none"), list: z.array(z.number()).default([]) }),
  outputs: { told: json() },
});
export default experiments({ main: () => ({ tell: rule(spec, () => import("./tell.ts"))() }) });
`,
    "tell.ts": `export const recipe = async ({ config, outputs }) => outputs.told.write(config);\n`,
    "configs/default.yaml": config,
    ...more,
  });
}

const told = (rig: Rig, run = "default"): unknown => JSON.parse(rig.read(`runs/${run}/tell/told.json`));
const recorded = (rig: Rig, run = "default") =>
  (parse(rig.read(`runs/${run}/run.yaml`)) as { config: { source: string; overrides: string[] } }).config;

describe("the source", () => {
  test("the next build follows an edit of configs/default.yaml", async () => {
    const rig = tellProject("version: 1\ntell: { depth: 2 }\n");
    await rig.build();
    rig.edit("configs/default.yaml", "depth: 2", "depth: 3");
    expect((await rig.build()).targets).toEqual({ tell: "computed" });
    expect(told(rig)).toMatchObject({ depth: 3 });
  });

  test("a run of another config is named after it and follows it without being told again", async () => {
    const rig = tellProject("version: 1\n", { "configs/deep.yaml": "version: 1\ntell: { depth: 9 }\n" });
    await rig.build(["-c", "configs/deep.yaml"]);
    expect(told(rig, "deep")).toMatchObject({ depth: 9 });
    rig.edit("configs/deep.yaml", "9", "10");
    await rig.build(["--run", "deep"]);
    expect(told(rig, "deep")).toMatchObject({ depth: 10 });
    expect(recorded(rig, "deep").source).toBe("configs/deep.yaml");
  });

  test("a build that gives a run another config says so once", async () => {
    const rig = tellProject("version: 1\n", { "configs/deep.yaml": "version: 1\ntell: { depth: 9 }\n" });
    await rig.build();
    const warnings = async (...args: string[]) =>
      (await rig.build(args)).events.flatMap((event) => (event.kind === "warning" ? [event.text] : []));
    expect((await rig.exp("plan", "--run", "default", "-c", "deep")).stderr).toBe("");
    expect(await warnings("-c", "configs/default.yaml")).toEqual([]);
    expect(await warnings("--run", "default", "-c", "deep")).toEqual([
      "run default followed configs/default.yaml; from now on it follows configs/deep.yaml",
    ]);
    expect(await warnings("--run", "default", "-c", "deep")).toEqual([]);
    expect(await warnings("-c", "runs/default/config.yaml", "--run", "default")).toEqual([]);
    expect(recorded(rig).source).toBe("configs/deep.yaml");
  });

  test("a file that the config extends is followed, too", async () => {
    const rig = tellProject("version: 1\nextends: base.yaml\n", {
      "configs/base.yaml": "version: 1\ntell: { word: old }\n",
    });
    await rig.build();
    rig.edit("configs/base.yaml", "old", "new");
    await rig.build();
    expect(told(rig)).toMatchObject({ word: "new" });
  });

  test("a comment in the config re-runs nothing", async () => {
    const rig = tellProject("version: 1\ntell: { depth: 2 }\n");
    await rig.build();
    rig.edit("configs/default.yaml", "tell:", "# As deep as it goes.\ntell:");
    expect((await rig.build()).targets).toEqual({ tell: "fresh" });
  });

  test("when the source is gone the run goes on with its own record and says so", async () => {
    const rig = tellProject("version: 1\n", { "configs/deep.yaml": "version: 1\ntell: { depth: 9 }\n" });
    await rig.build(["-c", "configs/deep.yaml", "--tell.word", "kept"]);
    rig.remove("configs/deep.yaml");
    rig.edit("tell.ts", "write(config)", "write({ ...config, again: true })");
    const built = await rig.build(["--run", "deep"]);
    const warnings = built.events.flatMap((event) => (event.kind === "warning" ? [event.text] : []));
    expect(warnings).toEqual(["configs/deep.yaml is gone: the run goes on with its own record, runs/deep/config.yaml"]);
    expect(told(rig, "deep")).toEqual({ depth: 9, word: "kept", list: [], again: true });
  });

  test("a source that comes back is followed again", async () => {
    const rig = tellProject("version: 1\n", { "configs/deep.yaml": "version: 1\ntell: { depth: 9 }\n" });
    await rig.build(["-c", "configs/deep.yaml"]);
    renameSync(rig.path("configs/deep.yaml"), rig.path("configs/away.yaml"));
    await rig.build(["--run", "deep"]);
    renameSync(rig.path("configs/away.yaml"), rig.path("configs/deep.yaml"));
    rig.edit("configs/deep.yaml", "9", "11");
    const built = await rig.build(["--run", "deep"]);
    expect(built.events.some((event) => event.kind === "warning")).toBe(false);
    expect(told(rig, "deep")).toMatchObject({ depth: 11 });
  });

  test("config.yaml of a run is the resolved config, and a build can use it as its source", async () => {
    const rig = tellProject("version: 1\ntell: { depth: 2 }\n");
    await rig.build(["--tell.word", "said"]);
    expect(parse(rig.read("runs/default/config.yaml"))).toMatchObject({ tell: { depth: 2, word: "said", list: [] } });
    rig.write({ "configs/copy.yaml": rig.read("runs/default/config.yaml") });
    expect((await rig.build(["-c", "configs/copy.yaml"])).targets).toEqual({ tell: "cached" });
  });
});

describe("overrides", () => {
  test("what --set says is remembered by the run", async () => {
    const rig = tellProject("version: 1\n");
    await rig.build(["--set", "tell.depth=4"]);
    expect((await rig.build()).targets).toEqual({ tell: "fresh" });
    expect(told(rig)).toMatchObject({ depth: 4 });
    expect(recorded(rig).overrides).toEqual(["tell.depth=4"]);
  });

  test("--reset drops it", async () => {
    const rig = tellProject("version: 1\n");
    await rig.build(["--set", "tell.depth=4"]);
    await rig.build(["--reset"]);
    expect(told(rig)).toMatchObject({ depth: 1 });
    expect(recorded(rig).overrides).toEqual([]);
    expect((await rig.build()).targets).toEqual({ tell: "fresh" });
  });

  test("a later one replaces an earlier one of the same key, and leaves the others", async () => {
    const rig = tellProject("version: 1\n");
    await rig.build(["--set", "tell.depth=4", "--tell.word", "first"]);
    await rig.build(["--tell.word=second"]);
    expect(told(rig)).toMatchObject({ depth: 4, word: "second" });
    expect(recorded(rig).overrides).toEqual(["tell.depth=4", "tell.word=second"]);
  });

  test("the command line counts more than the file, and the file more than the rule's defaults", async () => {
    const rig = tellProject("version: 1\ntell: { depth: 2, word: file }\n");
    await rig.build(["--tell.depth", "3"]);
    expect(told(rig)).toEqual({ depth: 3, word: "file", list: [] });
  });

  test("an edit of the file does not undo an override of another key", async () => {
    const rig = tellProject("version: 1\ntell: { depth: 2 }\n");
    await rig.build(["--tell.word", "said"]);
    rig.edit("configs/default.yaml", "depth: 2", "depth: 5");
    await rig.build();
    expect(told(rig)).toMatchObject({ depth: 5, word: "said" });
  });

  test("a list is overridden as a whole", async () => {
    const rig = tellProject("version: 1\ntell: { list: [1, 2] }\n");
    await rig.build(["--set", "tell.list=[3]"]);
    expect(told(rig)).toMatchObject({ list: [3] });
  });

  test("plan with an override remembers nothing", async () => {
    const rig = tellProject("version: 1\n");
    await rig.build();
    await rig.exp("plan", "--tell.depth", "8");
    expect((await rig.exp("build")).stdout).toContain("up to date");
    expect(recorded(rig).overrides).toEqual([]);
  });

  test("a build that fails by its input remembers nothing", async () => {
    const rig = tellProject("version: 1\n");
    await rig.build();
    expect((await rig.exp("build", "--tell.depth", "-1")).code).toBe(2);
    expect((await rig.build()).end.outcome).toBe("up-to-date");
    expect(recorded(rig).overrides).toEqual([]);
  });
});

describe("several experiments in one Expfile", () => {
  test("the config says which, and the first is the default", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, json, rule } from "expfile";
const spec = contract({ name: "say", outputs: { said: json() } });
const say = rule(spec, () => import("./say.ts"));
export default experiments({ first: () => ({ one: say() }), second: () => ({ two: say() }) });
`,
      "say.ts": "export const recipe = async ({ outputs }) => outputs.said.write(1);\n",
      "configs/other.yaml": "version: 1\nexperiment: second\n",
    });
    expect((await rig.build()).targets).toEqual({ one: "computed" });
    expect((await rig.build(["-c", "configs/other.yaml"])).targets).toEqual({ two: "cached" });
    const done = await rig.exp("build", "--experiment", "secnod");
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('Did you mean "second"?');
  });
});
