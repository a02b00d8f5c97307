// How a build ends that cannot go on: at once and in good order, whatever else is under way or was left behind.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { takeAll } from "../src/util/steps.ts";
import { eventsOf, markModule, oneTarget, plainRule, benchOf, until } from "./reliability/bench.ts";
import { cleanEnvironment, program } from "./rig.ts";
import { hasPython, terminal } from "./terminal.ts";

/**
 * A fan-out whose items leave files where later workers' homes are to be. The odd ones kill their worker, so that there has to be another: an error
 * that ends the build. The even ones are at work meanwhile.
 */
const broken = {
  "fan.rule.ts": `import { contract, fanOut, json, type } from "expfile";
export const fan = fanOut(contract({
  name: "test/fan",
  items: { item: type<number>(), outputs: { value: json<number>() } },
  outputs: { all: json<number>() },
}), {
  split: () => import("./fan.ts").then((m) => m.split),
  recipes: { one: () => import("./fan.ts").then((m) => m.one) },
  merge: () => import("./fan.ts").then((m) => m.merge),
});
`,
  "fan.ts": `// @ts-nocheck
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
export const split = () => [1, 2, 3, 4, 5, 6].map((item) => ({ item }));
export const one = async ({ item, outputs }) => {
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8].map(String)) {
    if (existsSync("../../" + n)) continue;
    mkdirSync("../../" + n);
    writeFileSync("../../" + n + "/home", "");
  }
  if (item % 2 === 1) process.kill(process.pid, "SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 600_000));
  await outputs.value.write(1);
};
export const merge = ({ outputs }) => outputs.all.write(1);
`,
};
const said = /cache\/tmp\/.*: there is a file where a folder is needed/;

describe("an error ends a build", () => {
  test("while other items of the fan-out are at work", async () => {
    const bench = benchOf({
      ...broken,
      "Expfile.ts": `import { experiments } from "expfile";
import { fan } from "./fan.rule.ts";
export default experiments({ main: () => ({ fan: fan() }) });
`,
    });
    const failed = await bench.exp("build", "-k", "-j", "2");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(said);
  });

  test("while it waits for what another build computes", async () => {
    const bench = benchOf({
      ...broken,
      ...plainRule("slow", "outputs: { out: text() }", `await waitFor("slow"); await outputs.out.write("slow");`),
      "rules/mark.ts": markModule,
      "Expfile.ts": `import { experiments } from "expfile";
import { fan } from "./fan.rule.ts";
import { slow } from "./rules/slow.rule.ts";
export default experiments({ main: () => ({ slow: slow(), fan: fan() }) });
`,
    });
    const other = bench.start("build", "slow", "--run", "other", "--json");
    await other.saw("target-started");
    const failed = await bench.exp("build", "-k", "-j", "3", "--json");
    expect(eventsOf(failed.stdout).map(({ kind }) => kind)).toContain("waiting-for-action");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(said);
    expect(other.process.exitCode).toBe(null);
    bench.allow("slow");
    expect((await other.finished).code).toBe(0);
  });
});

test("a build whose reader has gone is interrupted, and its next one goes on", async () => {
  const bench = benchOf(
    oneTarget(
      "outputs: { out: text() }",
      `log("begins"); await waitFor("reader"); signal.addEventListener("abort", () => mark("told")); await outputs.out.write("it");`,
    ),
  );
  const build = bench.start("build", "--json");
  await build.saw("target-started");
  build.process.stdout!.destroy();
  bench.allow("reader");
  expect((await build.finished).code).toBe(130);
  expect(bench.rig.read("runs/default/run.yaml")).toContain("builds: 1");
  await bench.build();
  expect(bench.rig.read("runs/default/it/out.txt")).toBe("it");
});

test.skipIf(!hasPython)(
  "a build whose terminal was closed is interrupted, and its next one goes on (needs python3)",
  async () => {
    const bench = benchOf(
      oneTarget(
        "outputs: { out: text() }",
        `signal.addEventListener("abort", () => mark("told")); await waitFor("go"); await outputs.out.write("it");`,
      ),
    );
    const build = bench.rig.start(["build"], { ...bench.options, through: terminal });
    await until(() => bench.marks.counts.it === 1);
    build.process.stdin!.end();
    await until(() => bench.marks.counts.told === 1 || build.process.exitCode !== null);
    bench.allow("go");
    expect((await build.finished).code).toBe(130);
    expect(bench.rig.read("runs/default/run.yaml")).toContain("builds: 1");
    await bench.build();
    expect(bench.rig.read("runs/default/it/out.txt")).toBe("it");
  },
);

test("every step is taken, and the first error told", async () => {
  const taken: number[] = [];
  const step = (n: number, fails: boolean) => () => {
    taken.push(n);
    if (fails) throw new Error(`step ${n}`);
  };
  await expect(takeAll([step(1, false), step(2, true), step(3, true), step(4, false)])).rejects.toThrow("step 2");
  expect(taken).toEqual([1, 2, 3, 4]);
});

const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
/** Who is root may remove anything; and another user may not be let into the folder that this program is in. */
const canBeNobody =
  process.getuid?.() === 0 &&
  spawnSync("setpriv", [...asNobody, "test", "-r", program, "-a", "-x", process.execPath]).status === 0;
test.skipIf(!canBeNobody)(
  "folders that a recipe made read-only go with it, where one is not root (needs root, and a program that all may read)",
  async () => {
    const bench = benchOf(
      oneTarget(
        "outputs: { out: text() }",
        `for (const place of [process.env.HOME, scratch]) {
    fs.mkdirSync(place + "/modules/one", { recursive: true });
    fs.writeFileSync(place + "/modules/one/file", "");
    fs.chmodSync(place + "/modules/one", 0o555);
    fs.chmodSync(place + "/modules", 0o555);
  }
  await outputs.out.write("made");`,
      ),
    );
    const { root } = bench.rig;
    chmodSync(root, 0o777);
    execFileSync("chown", ["-R", "65534:65534", root]);
    const env = { ...cleanEnvironment(), HOME: root, EXP_TEST_MARKS: `${root}/marks` };
    const args = [...asNobody, process.execPath, program, "build", "--json"];
    const build = spawn("setpriv", args, { cwd: root, env });
    let output = "";
    for (const stream of [build.stdout, build.stderr])
      stream.on("data", (piece: Buffer) => (output += piece.toString()));
    const code = await new Promise((resolve) => build.once("close", resolve));
    expect(output).not.toMatch(/warning|EACCES/);
    expect(code).toBe(0);
    expect(bench.rig.read("runs/default/it/out.txt")).toBe("made");
    expect(
      bench.rig.has("cache/tmp") ? execFileSync("ls", [bench.rig.path("cache/tmp")], { encoding: "utf8" }) : "",
    ).toBe("");
  },
);
