// What a build says of its targets and at its end: counts in the right words, in the order of the Expfile.

import { describe, expect, test } from "vitest";
import { makeProject, type Rig } from "./rig.ts";
import { wordsProject } from "./words.fixture.ts";

const said = async (rig: Rig, ...args: readonly string[]) => (await rig.exp("build", ...args)).stdout;

describe("a fan-out", () => {
  test("that is put back from the run's own results counts its items, and says nothing of them", async () => {
    const rig = wordsProject();
    await rig.build();
    await rig.exp("clean", "draw", "--outputs");
    const text = await said(rig);
    expect(text).toMatch(/^draw +cached +4 items · /m);
    expect(text).toMatch(/^done in .*: 1 cached, 7 fresh$/m);
  });

  test("that is fetched from another run's results says so once", async () => {
    const rig = wordsProject();
    await rig.build();
    const text = await said(rig, "--run", "second");
    expect(text).toMatch(/^draw +cached +4 items · /m);
  });

  test("of which only the merge ran counts as computed", async () => {
    const rig = wordsProject();
    await rig.build();
    rig.edit("rules/draw.ts", /(export const merge[^]*?)=> \{/, "$1=> {\n  if (Math.max() > 0) return;");
    const text = await said(rig);
    expect(text).toMatch(/^draw +computed .* 4 items \(all fresh\) · same output · code/m);
    expect(text).toMatch(/^done in .*: 1 computed, 7 fresh$/m);
  });

  test("is cleaned by items and merges", async () => {
    const rig = wordsProject();
    await rig.build();
    const { stdout } = await rig.exp("clean", "draw");
    expect(stdout).toContain("draw: cleaned; 4 items and the merge took ");
    const other = await rig.exp("clean", "judge", "--json");
    expect(JSON.parse(other.stdout)).toMatchObject({ cleaned: [{ target: "judge", results: 1, items: 0, merges: 0 }] });
  });
});

/** `a` fails; what is `after` it depends on it; `b`, `c` and `d` do not. */
function failing(after: readonly string[]): Rig {
  return makeProject({
    "Expfile.ts": `
import { contract, experiments, rule, text } from "expfile";
const make = rule(contract({ name: "t/make", outputs: { out: text() } }), () => import("./make.ts").then((m) => m.good));
const bad = rule(contract({ name: "t/bad", outputs: { out: text() } }), () => import("./make.ts").then((m) => m.bad));
const use = rule(contract({ name: "t/use", inputs: { from: text() }, outputs: { out: text() } }), () => import("./make.ts").then((m) => m.good));
export default experiments({ main: () => {
  const a = bad();
  return { a, ${after.map((name) => `${name}: use({ from: a.out })`).join(", ")}, b: make() };
} });
`,
    "make.ts": `export const good = ({ outputs }) => outputs.out.write("good");
export const bad = () => { throw new Error("no luck"); };
`,
  });
}

describe("targets that were not tried", () => {
  const skippedIn = (text: string) => [...text.matchAll(/^(\w+) +skipped/gm)].map(([, name]) => name);

  test("come last, in the order of the Expfile", async () => {
    const rig = failing(["z", "m", "k"]);
    const text = await said(rig, "-k");
    expect(skippedIn(text)).toEqual(["z", "m", "k"]);
    expect(text).toMatch(/^failed after .*: a failed; 3 targets not tried; 1 computed$/m);
    expect(text.indexOf("b ")).toBeLessThan(text.indexOf("z  "));
  });

  test("are one line when they are many", async () => {
    const text = await said(failing(["z", "y", "x", "w", "v", "u", "t"]), "-k");
    expect(text).toMatch(/^7 targets +skipped +a failed · z, y, x, w, v and 2 more$/m);
  });
});
