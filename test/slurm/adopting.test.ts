// Batches that outlive their driver, are cancelled, requeued or run out of time: what the next build takes up, and what ends. On a real Slurm of one node.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasPython, terminal } from "../terminal.ts";
import { args, Bench, items, project, submissions, until, upTo } from "./bench.ts";
import { slurmIsMissing } from "./cluster.ts";

describe.skipIf(slurmIsMissing !== undefined)("work that goes on without its driver", () => {
  const bench = new Bench({ cpus: 4 });

  test("a batch that was cancelled by hand fails, and says so", async () => {
    const rig = project({ faults: "gated", count: 2 });
    const build = rig.start(["build", ...args, "--json"], bench.there());
    await until(() => bench.running("draw") > 0);
    bench.cluster.tell("scancel", ...bench.jobsOf("draw"));
    const { code, stdout } = await build.finished;
    expect(code).toBe(1);
    expect(stdout).toContain("was cancelled");
  });

  test("a batch that is requeued goes on where it was", async () => {
    const rig = project({ faults: "slow400", count: 8 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 8,\n  merge: () =>");
    const build = rig.start(["build", ...args, "--json"], bench.there());
    await until(() => items(rig).length >= 2);
    const [job] = bench.jobsOf("draw").slice(-1) as [string];
    bench.cluster.tell("scontrol", "requeue", job);
    await until(
      () =>
        bench.cluster.tell("squeue", "-h", "-o", "%r", "-j", job).includes("BeginTime") || bench.running("draw") === 0,
    );
    bench.cluster.tell("scontrol", "update", `jobid=${job}`, "StartTime=now");
    expect((await build.finished).code).toBe(0);
    // One that was under way then is made again; those before it are not.
    expect(items(rig).length).toBeLessThanOrEqual(9);
    expect(new Set(items(rig))).toEqual(new Set(upTo(8)));
  });

  test("left running when interrupted, it is taken up by the next build", async () => {
    const rig = project({ faults: "gated", count: 6 });
    const build = rig.start(["build", ...args, "--detach"], bench.there());
    await until(() => bench.running("draw") > 0);
    build.process.kill("SIGINT");
    const { code, stderr } = await build.finished;
    expect(code).toBe(130);
    expect(stderr).toContain("left running");
    const listed = await rig.start(["ps"], bench.there()).finished;
    expect(listed.stdout).toMatch(/default +draw +\d+ .*0 of 6 ended .*nobody/);
    rig.write({ gate: "" });
    const before = bench.jobsOf("draw").length;
    await rig.build(args, 0, bench.there());
    expect(bench.jobsOf("draw").length).toBe(before);
    expect(items(rig)).toEqual(upTo(6));
    expect((await rig.start(["ps"], bench.there()).finished).stdout).toBe("nothing runs elsewhere\n");
  });

  test.skipIf(!hasPython)("asked whether to leave it when interrupted, Ctrl-D says no (needs python3)", async () => {
    const rig = project({ faults: "gated", count: 2 });
    const build = rig.start(["build", ...args], { ...bench.there(), through: terminal });
    await until(() => bench.running("draw") > 0);
    build.process.kill("SIGINT");
    await build.saw("[Y/n]");
    build.process.stdin!.write("\u0004");
    const { code, stdout } = await build.finished;
    expect(stdout).toContain("ended (--detach leaves such work running)");
    expect(code).toBe(130);
    expect((await rig.start(["ps"], bench.there()).finished).stdout).toBe("nothing runs elsewhere\n");
  });

  test("what was left running is ended by sweep, unless a build waits for it", async () => {
    const rig = project({ faults: "gated", count: 4 });
    const build = rig.start(["build", ...args, "--detach"], bench.there());
    await until(() => bench.running("draw") > 0);
    const kept = await rig.start(["sweep"], bench.there()).finished;
    expect(kept.stdout).toMatch(/nothing to end\nkept draw of run default: .* waits for it/);
    build.process.kill("SIGINT");
    await build.finished;
    const swept = await rig.start(["sweep"], bench.there()).finished;
    expect(swept.stdout).toMatch(/^ended \d batch/);
    await until(() => bench.running("draw") === 0);
    rig.write({ gate: "" });
    await rig.build(args, 0, bench.there());
    expect(items(rig)).toEqual(upTo(4));
  });

  test("another run that needs the same waits for what a dead build left", async () => {
    const rig = project({ faults: "gated", count: 5 });
    const build = rig.start(["build", ...args], bench.there());
    await until(() => bench.running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    const before = bench.jobsOf("draw").length;
    const other = rig.start(["build", ...args, "--run", "other"], bench.there());
    await until(() => submissions(rig).some((folder) => existsSync(join(folder, "waiters", "other"))));
    expect((await rig.start(["sweep"], bench.there()).finished).stdout).toContain("kept");
    rig.write({ gate: "" });
    expect((await other.finished).code).toBe(0);
    expect(bench.jobsOf("draw").length).toBe(before);
    expect(items(rig)).toEqual(upTo(5));
  });

  test("killed between the cluster's answer and writing it down, it is found by its name", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args], bench.there());
    await until(() => bench.running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    for (const folder of submissions(rig)) rig.remove(join(folder, "job").slice(rig.root.length + 1));
    const before = bench.jobsOf("draw").length;
    const next = rig.start(["build", ...args], bench.there());
    await until(() => submissions(rig).some((folder) => existsSync(join(folder, "job"))));
    rig.write({ gate: "" });
    expect((await next.finished).code).toBe(0);
    expect(bench.jobsOf("draw").length).toBe(before);
    expect(items(rig)).toEqual(upTo(3));
  });

  test("killed before it was submitted, it is submitted then", async () => {
    const rig = project({ count: 3 });
    // A sbatch that never returns stands for a driver that dies in it.
    mkdirSync(rig.path("bin"));
    writeFileSync(
      rig.path("bin/sbatch"),
      '#!/bin/sh\n[ "$1" = --version ] && exec /usr/bin/sbatch --version\nsleep 60\n',
      { mode: 0o755 },
    );
    const build = rig.start(
      ["build", ...args],
      bench.there({ PATH: `${rig.path("bin")}:${bench.cluster.environment.PATH}` }),
    );
    await until(() => submissions(rig).length > 0 && existsSync(join(submissions(rig)[0]!, "intent.json")));
    build.process.kill("SIGKILL");
    await build.finished;
    await rig.build(args, 0, bench.there());
    expect(items(rig)).toEqual(upTo(3));
    expect(submissions(rig)).toEqual([]);
  });

  test("cleaned while it was under way, it is not adopted but made anew", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args], bench.there());
    await until(() => bench.running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    const cleaned = await rig.start(["clean", "draw"], bench.there()).finished;
    expect(cleaned.stdout).toContain(
      "3 batches wait or run on Slurm for what was cleaned, which no build will take: exp sweep ends them",
    );
    rig.write({ gate: "" });
    await until(() => bench.running("draw") === 0);
    expect(items(rig)).toEqual(upTo(3));
    await rig.build(args, 0, bench.there());
    expect(items(rig)).toEqual([0, 0, 1, 1, 2, 2]);
    // And what came after the clean is.
    await rig.build(args, 0, bench.there());
    expect(items(rig)).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test("what is cleaned while it is under way is ended, if that is asked for", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args], bench.there());
    await until(() => bench.running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    const cleaned = await rig.start(["clean", "draw", "--sweep"], bench.there()).finished;
    expect(cleaned.stdout).toContain("the 3 batches that ran on Slurm for it were ended");
    await until(() => bench.running("draw") === 0);
    const again = await rig.start(["clean", "draw", "--json"], bench.there()).finished;
    expect(JSON.parse(again.stdout)).toMatchObject({ elsewhere: [] });
    rig.write({ gate: "" });
    await rig.build(args, 0, bench.there());
    expect(items(rig)).toEqual(upTo(3));
  });

  test("what nobody wants since the code was edited is told by the next build", async () => {
    const rig = project({ faults: "gated", count: 2 });
    const first = rig.start(["build", ...args], bench.there());
    await until(() => bench.running("draw") > 0);
    first.process.kill("SIGKILL");
    await first.finished;
    rig.edit("recipes.ts", 'faults === "gated"', 'faults === "never"');
    const { events } = await rig.build(args, 0, bench.there());
    expect(JSON.stringify(events)).toContain(
      "2 batches of earlier builds that nobody asks for any more wait or run on Slurm: exp ps shows them, exp sweep ends them",
    );
  });

  test("what a build does not wait for can be ended beside it", async () => {
    const rig = project({ faults: "gated", count: 2 });
    const first = rig.start(["build", ...args], bench.there());
    await until(() => bench.running("draw") > 0);
    first.process.kill("SIGKILL");
    await first.finished;
    const old = bench.jobsOf("draw").at(-1)!;
    rig.edit("recipes.ts", '"/gate"', '"/other-gate"');
    const second = rig.start(["build", ...args], bench.there());
    await until(() => bench.jobsOf("draw").at(-1) !== old);
    const swept = await rig.start(["sweep"], bench.there()).finished;
    expect(swept.stdout).toMatch(/^ended 2 batches\nkept draw of run default: .*exp build.* waits for it\n$/);
    await until(() => bench.cluster.tell("squeue", "-h", "-j", old) === "");
    rig.write({ "other-gate": "" });
    expect((await second.finished).code).toBe(0);
    expect(items(rig)).toEqual(upTo(2));
  });

  test("a source that is edited while a batch reads it makes no result, even if it is put back", async () => {
    const rig = project({ sendsAll: true });
    rig.edit("Expfile.ts", "outputs: { seen: json()", "inputs: { word: text() }, outputs: { seen: json()");
    rig.edit("Expfile.ts", "const seen = see();", 'const seen = see({ word: source("word.txt", text()) });');
    rig.edit("Expfile.ts", "rule, text", "rule, source, text");
    rig.edit("recipes.ts", "export const see = async ({ config,", "export const see = async ({ inputs, config,");
    rig.edit(
      "recipes.ts",
      'log("seen by',
      `while (!existsSync(${JSON.stringify(rig.path("gate"))})) await sleep(20);\n  config = { word: await inputs.word.read() };\n  log("seen by`,
    );
    rig.write({ "word.txt": "first" });
    const build = rig.start(["build", "see", ...args], bench.there());
    await until(() => bench.running("see") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    // Read by the batch, and gone again before the next build looks.
    rig.write({ "word.txt": "second", gate: "" });
    await until(() => bench.running("see") === 0);
    rig.write({ "word.txt": "first" });
    await rig.build(["see", ...args], 0, bench.there());
    expect(JSON.parse(rig.read("runs/default/see/seen.json"))).toMatchObject({ word: "first" });
  });

  test("collected while it is under way, nothing that it reads or made is lost", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args], bench.there());
    await until(() => bench.running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    rig.write({ gate: "" });
    await until(() => bench.running("draw") === 0);
    expect((await rig.start(["gc", "--max-size", "0 B", "--max-age", "0d"], bench.there()).finished).code).toBe(0);
    await rig.build(args, 0, bench.there());
    expect(items(rig)).toEqual(upTo(3));
  });
});
