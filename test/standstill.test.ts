// What is waited for and can never come is told, and is no success.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { expect, test } from "vitest";
import { makeProject, repository } from "./rig.ts";

/** A process of its own, which runs `program` with `orStandstill`, and `never`. */
function run(program: string): readonly string[] {
  const bundled = buildSync({
    entryPoints: [join(repository, "src/util/standstill.ts")],
    ...{ bundle: true, write: false, format: "esm", platform: "node" },
  });
  const [{ text }] = bundled.outputFiles as unknown as readonly [{ text: string }];
  const whole = `${text}
const never = () => new Promise(() => {});
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (work, word) => orStandstill(work, () => new Error(word)).then(console.log, ({ message }) => console.log(message));
${program}`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", whole], {
    encoding: "utf8",
  });
  return [...stdout.split("\n").filter((line) => line !== ""), ...(status === 0 ? [] : [`${status}: ${stderr}`])];
}

test("what comes late comes; what never comes is told", () => {
  expect(run('await say(() => later(50).then(() => "came"), "never"); await say(never, "never");')).toEqual([
    ...["came", "never"],
  ]);
});

test("of those within each other the innermost is told first, and what waited for it goes on", () => {
  const inner = 'say(never, "inner").then(() => later(20)).then(() => "outer came")';
  expect(run(`await say(() => ${inner}, "outer"); await say(never, "alone");`)).toEqual([
    ...["inner", "outer came", "alone"],
  ]);
});

test("what is over is not told of", () => {
  expect(run('await say(async () => 1, "told"); process.on("exit", () => console.log("ended"));')).toEqual([
    ...["1", "ended"],
  ]);
});

test("an Expfile that awaits what never comes is the user's to mend", async () => {
  const rig = makeProject({
    "Expfile.ts": `import { experiments } from "expfile";
await new Promise(() => {});
export default experiments({ main: () => ({}) });
`,
  });
  for (const command of ["build", "plan"]) {
    const { code, stderr } = await rig.exp(command);
    expect([code, stderr]).toEqual([2, expect.stringContaining("Expfile.ts: the Expfile awaits a promise")]);
  }
});
