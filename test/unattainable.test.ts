// What an action wants and there is not: refused when it is asked for, in a first try, in a second, and by `exp reproduce`; never waited for.

import { expect, test } from "vitest";
import { makeProject } from "./rig.ts";

const files = {
  "Expfile.ts": `import { contract, experiments, rule, text } from "expfile";
const one = (name: string) => contract({ name, outputs: { out: text() } });
const places = rule(one("places"), { recipe: () => import("./recipes.ts").then((m) => m.write), resources: { place: 3, cpu: 64 } });
const grows = rule(one("grows"), {
  recipe: () => import("./recipes.ts").then((m) => m.busy),
  retries: { times: 2, backoffMs: 1, resources: (attempt) => ({ place: 2 * attempt }) },
});
export default experiments({ main: () => ({ places: places(), grows: grows() }) });
`,
  "recipes.ts": `export const write = async ({ outputs }) => outputs.out.write("x");
export const busy = async () => {
  throw Object.assign(new Error("busy"), { retryable: true });
};
`,
};

test("a second try that wants more than there is", async () => {
  const rig = makeProject(files);
  const { code, stdout } = await rig.exp("build", "grows", "--limit", "place=3");
  expect(code).toBe(1);
  expect(stdout).toContain('needs 4 of "place", and there are 3');
  expect(stdout).toContain("the try before failed: busy");
});

test("what is reproduced where there is less than where it was made is not run, and not taken for the same", async () => {
  const rig = makeProject(files);
  await rig.build(["places", "--limit", "place=3"]);
  const reproduce = (...args: string[]) => rig.exp("reproduce", "default", "places", ...args);
  const without = await reproduce();
  expect([without.code, without.stdout]).toEqual([
    3,
    expect.stringContaining('the resource "place" has no limit here'),
  ]);
  const less = await reproduce("--limit", "place=2");
  expect([less.code, less.stdout]).toEqual([3, expect.stringContaining('needs 3 of "place", and there are 2')]);
  const enough = await reproduce("--limit", "place=3");
  expect([enough.code, enough.stdout]).toEqual([0, expect.stringContaining("1 action: 1 same")]);
});

test("resources of a second try that are none, or that cannot be said", async () => {
  const rig = makeProject(files);
  rig.edit("Expfile.ts", "({ place: 2 * attempt })", "({ place: NaN })");
  const none = await rig.exp("build", "grows", "--limit", "place=3");
  expect([none.code, none.stdout]).toEqual([2, expect.stringContaining("`retries.resources` gave an object where")]);
  rig.edit("Expfile.ts", "({ place: NaN })", '{ throw new Error("boo"); }');
  const thrown = await rig.exp("build", "grows", "--limit", "place=3");
  expect([thrown.code, thrown.stdout]).toEqual([2, expect.stringContaining("`retries.resources` threw: boo")]);
});

test("a limit of time longer than a timer can wait", async () => {
  const rig = makeProject(files);
  rig.edit("Expfile.ts", "resources: { place: 3, cpu: 64 }", "timeoutMs: 30 * 24 * 3600 * 1000");
  const { code, stdout, stderr } = await rig.exp("build", "places");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("1 computed");
});

test("a resource may be called as something that every object has", async () => {
  const rig = makeProject(files);
  rig.edit("Expfile.ts", "{ place: 3, cpu: 64 }", "{ constructor: 1 }");
  expect((await rig.exp("build", "places")).stdout).toContain('the resource "constructor" has no limit here');
  await rig.build(["places", "--limit", "constructor=1"]);
});
