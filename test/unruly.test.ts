// What runs inside of exp and is not its own: an Expfile, schemas, migrations. Whatever they do, what is said and the exit code are right.

import { closeSync, existsSync, openSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeProject, repository, type Rig } from "./rig.ts";

/** `above`: before the declarations; `config`, `output`, `more`: of the contract. */
function project({ above = "", config = "z.strictObject({ n: z.number().default(1) })", output = "", more = "" }): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, json, rule, z } from "expfile";
${above}
const one = contract({ name: "lab/one", config: ${config}, outputs: { out: json(${output}) }, ${more} });
export default experiments({ main: () => ({ one: rule(one, () => import("./recipes.ts").then((m) => m.one))() }) });
`,
    "recipes.ts": `export const one = async ({ config, outputs }) => outputs.out.write(config.n ?? null);\n`,
  });
}

describe("an Expfile", () => {
  test("that ends the process has not built anything", async () => {
    const rig = project({ above: "process.exit(0);" });
    for (const command of ["build", "plan", "watch"]) {
      const { code, stderr } = await rig.exp(command);
      expect([code, stderr]).toEqual([1, expect.stringContaining("process.exit() was called")]);
    }
  });

  test("that leaves a timer running keeps no command from its end", async () => {
    const rig = project({ above: "setInterval(() => {}, 1000);" });
    expect((await rig.exp("build")).stdout).toContain("1 computed");
    const { code, stderr } = await rig.exp("status");
    expect([code, stderr]).toEqual([0, expect.stringContaining("has left a timer or a connection open")]);
  });
});

describe("a schema of an output", () => {
  for (const [what, body, said] of [
    ["throws", '() => { throw new Error("boo"); }', "its schema threw: boo"],
    ["throws nothing", "() => { throw undefined; }", "its schema threw undefined"],
    ["is async", "async () => true", "its schema is async"],
  ] as const)
    test(`that ${what} fails its target, and no other`, async () => {
      const rig = project({ output: `z.number().refine(${body})` });
      rig.edit(
        "Expfile.ts",
        "main: () => ({",
        'main: () => ({ other: rule(contract({ name: "lab/other", outputs: { out: json() } }), () => import("./recipes.ts").then((m) => m.other))(),',
      );
      rig.edit("recipes.ts", "export", "export const other = async ({ outputs }) => outputs.out.write(1);\nexport");
      const { code, stdout } = await rig.exp("build", "-k");
      expect(code).toBe(1);
      expect(stdout).toContain(said);
      expect(stdout).toContain("1 computed");
    });
});

test("a schema of the config that throws is told at the value", async () => {
  for (const [body, said] of [
    ['() => { throw new Error("boo"); }', "its schema threw: boo"],
    ["async () => true", "its schema is async"],
  ] as const) {
    const rig = project({ config: `z.strictObject({ n: z.number().refine(${body}) })` });
    const { code, stderr } = await rig.exp("build", "--one.n", "2");
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
  }
});

test("a migration that is async is refused, and does not cost the section", async () => {
  const rig = project({ more: "version: 2, migrations: { 1: async (section) => section }" });
  rig.write({ "configs/default.yaml": "experiment: main\nversion: 1\none: { n: 3 }\n" });
  const { code, stderr } = await rig.exp("build");
  expect([code, stderr]).toEqual([2, expect.stringContaining("a migration may not be async")]);
});

test.skipIf(!existsSync("/dev/full"))("what cannot be said for want of room is told in words", async () => {
  const rig = project({});
  await rig.build();
  const full = openSync("/dev/full", "w");
  for (const command of [["status"], ["plan"], ["build", "--one.n", "5"], ["runs"]]) {
    const { status, stderr } = spawnSync(process.execPath, [join(repository, "bin/exp.cjs"), ...command], {
      ...{ cwd: rig.root, encoding: "utf8", stdio: ["ignore", full, "pipe"] },
    });
    expect([command, status, stderr.split("\n")]).toEqual([
      command,
      1,
      [expect.stringContaining("the disk is full"), ""],
    ]);
  }
  closeSync(full);
});
