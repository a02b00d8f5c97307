// Slips of authors' hands in recipes: the message names the file, the name and the target, and holds up no other target.

import { expect, test } from "vitest";
import { makeProject } from "./rig.ts";
import { wordsProject } from "./words.fixture.ts";

const project = (recipe: string) => ({
  "Expfile.ts": `
import { contract, experiments, rule, text } from "expfile";
const make = (name: string, recipe: any) => rule(contract({ name, outputs: { out: text() } }), recipe)();
export default experiments({ main: () => ({ good: make("t/good", () => import("./good.ts")), bad: make("t/bad", () => import("./bad.ts")) }) });
`,
  "good.ts": 'export const recipe = ({ outputs }) => outputs.out.write("good");',
  "bad.ts": recipe,
  "helper.ts": "export const helper = 1;\nexport const other = 2;\n",
});

test("a recipe that does not parse is blamed at its own place, and other targets are built", async () => {
  const rig = makeProject(project("export const recipe = () => ;"));
  expect((await rig.build(["-k"], 2)).targets).toEqual({ good: "computed", bad: "failed" });
  const { stdout } = await rig.exp("build", "bad");
  expect(stdout).toContain('bad.ts:1:29 Unexpected ";"');
  expect(stdout).toContain('needed by target "bad"');
});

test("a misspelt name of an import is an error before anything runs, alone or beside right ones", async () => {
  for (const names of ["helpr", "helpr, other"]) {
    const body = `import { ${names} } from "./helper.ts";\nexport const recipe = ({ outputs }) => outputs.out.write(String(helpr));\n`;
    const rig = makeProject(project(body));
    const { code, stdout } = await rig.exp("build", "bad");
    expect(code).toBe(2);
    expect(stdout).toContain("bad.ts:");
    expect(stdout).toContain('"helpr"');
  }
});

test("a package that is not installed is told with the command that installs it", async () => {
  const rig = wordsProject();
  rig.edit(
    "rules/judge.ts",
    "import type",
    'import pad from "@left/pad/once";\nimport other from "lib/none";\nvoid [pad, other];\nimport type',
  );
  rig.write({ "node_modules/lib/package.json": '{ "name": "lib" }' });
  const recipe = await rig.exp("build", "judge");
  expect(recipe.code).toBe(2);
  expect(/\n( {2}rules\/judge\.ts[^]*)\nfailed after/.exec(recipe.stdout)?.[1])
    .toBe(`  rules/judge.ts:1:17 the package "@left/pad" is not installed
    1 │ import pad from "@left/pad/once";
      │                 ^^^^^^^^^^^^^^^^
    needed by target "judge"
    npm install @left/pad

  rules/judge.ts:2:19 Could not resolve "lib/none"
    2 │ import other from "lib/none";
      │                   ^^^^^^^^^^
    needed by target "judge"`);
  rig.remove("node_modules/expfile");
  rig.edit("Expfile.ts", 'from "./rules/words.ts"', 'from "./rules/words.ts" ');
  expect((await rig.exp("build")).stderr).toContain(`Expfile.ts:1:29 the package "expfile" is not installed
  1 │ import { experiments } from "expfile";
    │                             ^^^^^^^^^
  needed by the Expfile
  npm install expfile
`);
});

test("an export of another name is named", async () => {
  const rig = makeProject(project("export const recipee = () => undefined;"));
  const { code, stdout } = await rig.exp("build", "bad");
  expect(code).toBe(2);
  expect(stdout).toContain('bad.ts has no export "recipe"; it has "recipee"');
});

test("clean --outputs keeps its promise after the cache was deleted", async () => {
  const rig = makeProject({
    "Expfile.ts": `
import { contract, experiments, rule, file } from "expfile";
const big = rule(contract({ name: "t/big", outputs: { out: file(".bin") } }), () => import("./big.ts"));
export default experiments({ main: () => ({ big: big() }) });
`,
    "big.ts":
      'import { writeFileSync } from "node:fs";\nexport const recipe = ({ outputs }) => writeFileSync(outputs.out.path, "x".repeat(9999));',
  });
  await rig.build();
  rig.remove("cache");
  const { stdout } = await rig.exp("clean", "--outputs");
  expect(stdout).toContain("the next build fetches them back");
  expect((await rig.build()).targets).toEqual({ big: "cached" });
});
