// `build --from RUN:TARGET`: another run's stage as given, recorded as such.

import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "./rig.ts";

/** generate → judge → analyse, of which generate says when it ran. */
function stagesProject(): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, file, json, rule, text, tree, z } from "expfile";
const generate = rule(
  contract({ name: "stages/generate", config: z.strictObject({ draw: z.int().default(1) }), outputs: { list: json(), large: file(".bin"), folder: tree() } }),
  () => import("./generate.ts"),
);
const judge = rule(contract({ name: "stages/judge", inputs: { list: json(), folder: tree() }, outputs: { score: text() } }), () => import("./rules.ts").then((m) => m.judge));
const analyse = rule(contract({ name: "stages/analyse", inputs: { score: text() }, outputs: { page: text() } }), () => import("./rules.ts").then((m) => m.analyse));
export default experiments({
  main: () => {
    const made = generate();
    const judged = judge({ list: made.list, folder: made.folder });
    return { generate: made, judge: judged, analyse: analyse({ score: judged.score }) };
  },
});
`,
    "generate.ts": `import { writeFileSync } from "node:fs";
export const recipe = async ({ config, outputs }) => {
  await outputs.list.write([config.draw, "old"]);
  writeFileSync(outputs.large.path, "y".repeat(5000) + config.draw);
  writeFileSync(outputs.folder.file("deep/a.txt"), "a" + config.draw);
};
`,
    "rules.ts": `import { readFileSync } from "node:fs";
export const judge = async ({ inputs, outputs }) => outputs.score.write(JSON.stringify(await inputs.list.read()) + readFileSync(inputs.folder.file("deep/a.txt"), "utf8"));
export const analyse = async ({ inputs, outputs }) => outputs.page.write("page " + (await inputs.score.read()));
`,
  });
}
const page = (rig: Rig, run: string) => rig.read(`runs/${run}/analyse/page.txt`);

describe("a spliced stage", () => {
  test("is taken as it is, whatever its code and config say here; what follows is made of it", async () => {
    const rig = stagesProject();
    await rig.build(["--run", "old", "--generate.draw", "7"]);
    rig.edit("generate.ts", '"old"', '"new"');
    rig.edit("rules.ts", '"page "', '"PAGE "');
    const built = await rig.build(["--run", "second", "--from", "old:generate"]);
    expect(built.targets).toEqual({ generate: "cached", judge: "cached", analyse: "computed" });
    expect(page(rig, "second")).toBe('PAGE [7,"old"]a7');
    expect(rig.read("runs/second/generate/folder/deep/a.txt")).toBe("a7");
    expect(rig.read("runs/second/generate/large.bin")).toHaveLength(5001);
  });

  test("is remembered with the build that it came from, and said by status, why and run.yaml", async () => {
    const rig = stagesProject();
    await rig.build(["--run", "old"]);
    await rig.build(["--run", "second", "--from", "old:generate"]);
    expect((await rig.build(["--run", "second"])).end.outcome).toBe("up-to-date");
    expect(rig.read("runs/second/run.yaml")).toContain("from:\n    - old@1:generate");
    expect(rig.read("runs/second/run.yaml")).toContain("from: old@1:generate");
    expect((await rig.exp("why", "generate", "--run", "second")).stdout).toContain("taken from old@1:generate");
    // Later builds of the other run do not move it.
    rig.edit("generate.ts", '"old"', '"new"');
    await rig.build(["--run", "old"]);
    expect((await rig.build(["--run", "second"])).end.outcome).toBe("up-to-date");
    expect(page(rig, "second")).toContain('"old"');
  });

  test("taken again, it is as the other run stands now; a point is what it was then", async () => {
    const rig = stagesProject();
    await rig.build(["--run", "old"]);
    rig.edit("generate.ts", '"old"', '"new"');
    await rig.build(["--run", "old"]);
    await rig.build(["--run", "second", "--from", "old@1:generate"]);
    expect(page(rig, "second")).toContain('"old"');
    await rig.build(["--run", "second", "--from", "old:generate"]);
    expect(page(rig, "second")).toContain('"new"');
    expect(rig.read("runs/second/run.yaml")).toContain("old@2:generate");
  });

  test("needs nothing of the other run once it is taken", async () => {
    const rig = stagesProject();
    await rig.build(["--run", "old"]);
    await rig.build(["--run", "second", "--from", "old:generate"]);
    rig.remove("runs/old");
    rig.edit("rules.ts", '"page "', '"PAGE "');
    expect((await rig.build(["--run", "second"])).targets).toEqual({
      generate: "fresh",
      judge: "fresh",
      analyse: "computed",
    });
    rig.remove("runs/second/generate");
    await rig.build(["--run", "second"]);
    expect(rig.read("runs/second/generate/folder/deep/a.txt")).toBe("a1");
  });

  test("comes from the other run's folder when the cache is gone", async () => {
    const rig = stagesProject();
    await rig.build(["--run", "old"]);
    rig.remove("cache");
    await rig.build(["--run", "second", "--from", "old:generate"]);
    expect(page(rig, "second")).toBe('page [1,"old"]a1');
  });

  test("--reset drops it", async () => {
    const rig = stagesProject();
    await rig.build(["--run", "old", "--generate.draw", "7"]);
    await rig.build(["--run", "second", "--from", "old:generate"]);
    await rig.build(["--run", "second", "--reset"]);
    expect(page(rig, "second")).toBe('page [1,"old"]a1');
    expect(rig.read("runs/second/run.yaml")).not.toContain("from:");
  });

  test("a wide stage is taken without its items, and what it read is not looked at", async () => {
    const rig = stagesProject();
    await rig.build(["--run", "old"]);
    rig.edit("generate.ts", "recipe = async", "recipe = this is no TypeScript =");
    expect((await rig.build(["--run", "second", "--from", "old:judge", "analyse"])).targets).toEqual({
      judge: "cached",
      analyse: "cached",
    });
  });

  test("reproduce looks whether it is still there", async () => {
    const rig = stagesProject();
    await rig.build(["--run", "old"]);
    await rig.build(["--run", "second", "--from", "old:generate"]);
    const done = await rig.exp("reproduce", "second");
    expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/generate +same/) as string]);
  });
});

describe("what is refused", () => {
  const refused = async (rig: Rig, from: string) => {
    const { code, stderr } = await rig.exp("build", "--run", "second", "--from", from);
    return [code, stderr];
  };

  test("names that lead nowhere are told with what was meant", async () => {
    const rig = stagesProject();
    await rig.build(["--run", "old"]);
    expect(await refused(rig, "old")).toEqual([2, expect.stringContaining("RUN:TARGET")]);
    expect(await refused(rig, "odl:generate")).toEqual([2, expect.stringContaining('Did you mean "old"?')]);
    expect(await refused(rig, "old@9:generate")).toEqual([2, expect.stringContaining("has no build 9")]);
    expect(await refused(rig, "old:generat")).toEqual([2, expect.stringContaining("Did you mean old:generate?")]);
    expect(await refused(rig, "second:generate")).toEqual([2, expect.stringContaining('there is no run "second"')]);
    expect(rig.has("runs/second")).toBe(false);
  });

  test("outputs of another shape do not fit", async () => {
    const rig = stagesProject();
    await rig.build(["--run", "old"]);
    rig.edit("Expfile.ts", 'large: file(".bin")', 'large: file(".dat")');
    expect(await refused(rig, "old:generate")).toEqual([2, expect.stringContaining("does not fit")]);
  });
});
