// Expfiles load the zod that came along with exp where they would find that very one, and any other as the package that it is.

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeProject, repository, type Rig } from "./rig.ts";

const zod = join(repository, "node_modules", "zod");

const files = {
  "Expfile.ts": `import { contract, experiments, json, rule, z } from "expfile";
import { count, same } from "./count.ts";
const one = rule(
  contract({ name: "lab/one", config: z.strictObject({ count: count.default(1) }), outputs: { out: json() } }),
  () => import("./one.ts"),
);
export default experiments({ main: () => ({ [same(z) ? "one" : "another"]: one() }) });
`,
  "count.ts": `import { z } from "zod";
export const count = z.int().min(1);
export const same = (other) => other === z;
`,
  "one.ts": `export const recipe = ({ config, outputs }) => outputs.out.write(config.count);\n`,
};

/** The text of the Expfile that was compiled last. */
function compiled(rig: Rig): string {
  const names = readdirSync(rig.path("cache/expfile")).filter((name) => name.endsWith(".mjs"));
  expect(names).toHaveLength(1);
  return rig.read(`cache/expfile/${names[0]}`);
}

const isCompiledAlong = (text: string) => text.includes("$ZodObject");

test("all modules of an Expfile have one zod, which is not compiled", async () => {
  const rig = makeProject(files);
  symlinkSync(zod, rig.path("node_modules/zod"));
  const { targets } = await rig.build();
  expect(targets).toEqual({ one: "computed" });
  expect(isCompiledAlong(compiled(rig))).toBe(false);
  const { code, stderr } = await rig.start(["build", "--one.count=0"]).finished;
  expect(code).toBe(2);
  expect(stderr).toContain("one.count");
});

test("a zod of another version is compiled along, and an edit of it is seen", async () => {
  const rig = makeProject(files);
  cpSync(zod, rig.path("node_modules/zod"), { recursive: true });
  rig.edit("node_modules/zod/package.json", /"version": "[^"]*"/, '"version": "4.0.0-other"');
  const { targets } = await rig.build();
  expect(targets).toEqual({ another: "computed" });
  expect(isCompiledAlong(compiled(rig))).toBe(true);
  rig.edit("node_modules/zod/index.js", /$/, "\nexport const added = 1;\n");
  rig.edit("count.ts", "{ z }", "{ added, z }");
  rig.edit("count.ts", "min(1)", "min(added)");
  expect(await rig.start(["build", "--another.count=1"]).finished).toMatchObject({ code: 0 });
  rig.edit("node_modules/zod/index.js", "added = 1", "added = 2");
  expect(await rig.start(["build", "--another.count=1"]).finished).toMatchObject({ code: 2 });
});

test("a zod that is upgraded in its place is found", async () => {
  const rig = makeProject(files);
  cpSync(zod, rig.path("node_modules/zod"), { recursive: true });
  expect((await rig.build()).targets).toEqual({ one: "computed" });
  rig.edit("node_modules/zod/package.json", /"version": "[^"]*"/, '"version": "99.0.0"');
  expect((await rig.build()).targets).toEqual({ another: "cached" });
});

test("an Expfile that uses no schema loads no zod", async () => {
  const rig = makeProject({
    "Expfile.ts": `import { contract, experiments, json, rule, z } from "expfile";
const one = rule(contract({ name: "lab/one", outputs: { out: json() } }), () => import("./one.ts"));
export default experiments({ main: () => ({ one: one() }) });
`,
    "one.ts": `export const recipe = ({ outputs }) => outputs.out.write(1);\n`,
  });
  await rig.build();
  expect(compiled(rig)).not.toContain("zod.js");
});

test("what another exp has compiled is compiled anew when that one is gone", async () => {
  const other = mkdtempSync(join(tmpdir(), "exp other #1 %20-"));
  onTestFinished(() => rmSync(other, { recursive: true, force: true }));
  for (const part of ["bin", "dist", "package.json"])
    cpSync(join(repository, part), join(other, part), { recursive: true });
  symlinkSync(join(repository, "node_modules"), join(other, "node_modules"));
  const rig = makeProject(files);
  symlinkSync(zod, rig.path("node_modules/zod"));
  const env = { ...process.env, EXP_GC: "off" };
  execFileSync(process.execPath, [join(other, "bin", "exp.cjs"), "build"], { cwd: rig.root, env });
  rmSync(other, { recursive: true });
  rig.edit("one.ts", "config.count", "config.count + 1");
  expect((await rig.build()).targets).toEqual({ one: "computed" });
});
