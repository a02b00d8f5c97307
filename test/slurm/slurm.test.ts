// What only a cluster does: arrays and their limits, limits of time, requeued and cancelled batches, daemons that die, batches that outlive their driver.
// On a real Slurm of one node.

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Event } from "../../src/model/event.ts";
import { files, journal } from "../reliability/executors.project.ts";
import { makeProject, type Rig, type RunOptions } from "../rig.ts";
import { accountingIsMissing, memoryLimitsAreMissing, slurmIsMissing, TestCluster } from "./cluster.ts";

let cluster: TestCluster;
const clusterOrNone = (): TestCluster | undefined => cluster;
const args = ["--executor", "slurm"];
const there = (env: Readonly<Record<string, string>> = {}): RunOptions => ({
  env: { DECLARED: "yes", TOKEN: "secret-token-123", ...cluster.environment, ...env },
});

// What a test that failed has left waiting would keep the others from running.
afterEach(() => clusterOrNone()?.clear());

describe.skipIf(slurmIsMissing !== undefined)("a cluster without accounting", () => {
  let patient: TestCluster;
  const undone: (() => void)[] = [];
  let tooLittleTime: Promise<{ readonly rig: Rig; readonly built: Built }>;
  beforeAll(async () => {
    patient = await TestCluster.start({ cpus: 1 });
    tooLittleTime = buildInTooLittleTime(patient, (undo) => undone.push(undo));
    // It is awaited by its test.
    tooLittleTime.catch(() => undefined);
    cluster = await TestCluster.start({ cpus: 4, gpus: 2, maxArraySize: 7 });
  });
  afterAll(async () => {
    for (const undo of undone) undo();
    await cluster.stop();
    await patient.stop();
  });

  test("more batches than an array may have go into several", async () => {
    const rig = project({ count: 20 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 1,\n  merge: () =>");
    await rig.build(args, 0, there());
    const jobs = jobsOf("draw");
    expect(jobs.length).toBeGreaterThanOrEqual(3);
    expect(items(rig)).toEqual(upTo(20));
  });

  test("the script says what it asks for, and no secret", async () => {
    const rig = project({ faults: "gated", count: 3 });
    rig.edit(
      "Expfile.ts",
      "timeoutMs: 20_000,",
      'timeoutMs: 20_000, resources: { cpu: 2, memory: 300, gpu: 1 }, slurm: { partition: "main" },',
    );
    rig.write({
      "exp.local.yaml": `slurm:
  poll: 0.3
  parallel: 2
  targets:
    draw: { before: ["export NOTE=before"] }
`,
    });
    const build = rig.start(["build", ...args, "--json"], there());
    await until(() => scripts(rig).some((file) => readFileSync(file, "utf8").includes("draw")));
    const script = readFileSync(
      scripts(rig).find((file) => readFileSync(file, "utf8").includes("draw"))!,
      "utf8",
    );
    for (const line of [
      "--array=0-2%2",
      "--cpus-per-task=2",
      "--gres=gpu:1",
      "--mem=556M",
      "--partition=main",
      "--time=3",
      "--kill-on-invalid-dep=yes",
      "--requeue",
    ])
      expect(script.split("\n")).toContain(`#SBATCH ${line}`);
    expect(script).toContain("export NOTE=before");
    expect(script).toContain("# Target draw of run default: 3 actions");
    rig.write({ gate: "" });
    expect((await build.finished).code).toBe(0);
    expect(scripts(rig)).toEqual([]);
  });

  test("values of secrets lie where only their owner reads them, and go with the submission", async () => {
    const rig = project({ sendsAll: true });
    rig.edit(
      "recipes.ts",
      "export const see = async (",
      'import { setTimeout as pause } from "node:timers/promises";\nexport const see = async (',
    );
    rig.edit("recipes.ts", 'log("seen by', 'while (!existsSync(ROOTED + "/gate")) await pause(20);\n  log("seen by');
    rig.edit("recipes.ts", "const journal", `const ROOTED = ${JSON.stringify(rig.root)};\nconst journal`);
    const build = rig.start(["build", "see", ...args], there());
    await until(() => submissions(rig).some((folder) => existsSync(join(folder, "job"))));
    const [folder] = submissions(rig) as [string];
    const file = join(folder, "secrets.json");
    expect(statSync(file).mode & 0o077).toBe(0);
    const others = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "secrets.json")
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
    expect(others.join("\n")).not.toContain("secret-token");
    rig.write({ gate: "" });
    expect((await build.finished).code).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });

  test("GPUs that Slurm gave are told to the recipe's programs", async () => {
    const rig = project({ sendsAll: true });
    rig.edit("Expfile.ts", "command({ code", "command({ resources: { gpu: 2 }, code");
    rig.write({ "count.sh": 'echo "GPUs $CUDA_VISIBLE_DEVICES"; wc -c < "$1" > "$2"\n' });
    await rig.build([...args, "count"], 0, there());
    expect(rig.read("runs/default/logs/count.log")).toContain("GPUs 0,1");
  });

  test("what the cluster refuses is told in its words, at once", async () => {
    const rig = project({ sendsAll: true });
    rig.edit("Expfile.ts", 'secrets: ["TOKEN"]', 'secrets: ["TOKEN"], slurm: { partition: "nowhere" }');
    const failed = await rig.build([...args, "see"], 1, there());
    expect(failuresOf(failed.events)).toMatch(/Slurm does not take it: .*invalid partition/i);
    expect(submissions(rig)).toEqual([]);
    const many = project({ sendsAll: true });
    many.edit("Expfile.ts", 'secrets: ["TOKEN"]', 'secrets: ["TOKEN"], resources: { gpu: 50 }');
    expect(failuresOf((await many.build([...args, "see"], 1, there())).events)).toMatch(
      /node configuration is not available/i,
    );
  });

  test("after a failure, batches that wait for their turn are taken back, and those that run are not", async () => {
    const rig = project({ faults: "fails=0", count: 16 });
    rig.edit(
      "recipes.ts",
      'if (fault === "fails") throw',
      'await sleep(fault === "fails" ? 1500 : 4000);\n    if (fault === "fails") throw',
    );
    rig.edit("Expfile.ts", "merge: () =>", "batch: 2,\n  merge: () =>");
    // Four processors: of eight batches four run, and four wait.
    const failed = await rig.build(args, 1, there());
    expect(failuresOf(failed.events)).toContain("no luck with 0");
    const made = items(rig);
    expect(made).toContain(1);
    expect(made.length).toBeLessThanOrEqual(8);
    expect(made.length).toBeGreaterThanOrEqual(5);
    expect(cluster.tell("squeue", "-h")).toBe("");
    // With -k they have their turn.
    expect(failuresOf((await rig.build([...args, "-k"], 1, there())).events)).toContain("no luck with 0");
    expect(items(rig)).toEqual(upTo(16).slice(1));
  });

  test("how many batches wait and run is told as it changes", async () => {
    const rig = project({ faults: "slow3000", count: 6 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 1,\n  merge: () =>");
    const { events } = await rig.build(args, 0, there());
    const told = events.flatMap((event) => (event.kind === "elsewhere" ? [`${event.running} ${event.waiting}`] : []));
    expect(told).toContain("4 2");
    expect(told.at(-1)).toMatch(/^[0-2] 0$/);
  });

  test("a dependency on a job that never was is refused, because Slurm would not", async () => {
    const rig = project({ sendsAll: true });
    rig.write({ "exp.local.yaml": 'slurm: { poll: 0.3, sbatch: ["--dependency=afterok:999999"] }\n' });
    const failed = await rig.build(["see", ...args], 1, there());
    expect(failuresOf(failed.events)).toContain("it is to wait for job 999999, of which Slurm knows nothing");
    const job = /\d+/.exec(cluster.tell("sbatch", "--parsable", "--wrap", "true"))![0];
    rig.write({ "exp.local.yaml": `slurm: { poll: 0.3, sbatch: ["--dependency=afterok:${job}"] }\n` });
    await rig.build(["see", ...args], 0, there());
  });

  test("a batch that was cancelled by hand fails, and says so", async () => {
    const rig = project({ faults: "gated", count: 2 });
    const build = rig.start(["build", ...args, "--json"], there());
    await until(() => running("draw") > 0);
    cluster.tell("scancel", ...jobsOf("draw"));
    const { code, stdout } = await build.finished;
    expect(code).toBe(1);
    expect(stdout).toContain("was cancelled");
  });

  test("a batch that is requeued goes on where it was", async () => {
    const rig = project({ faults: "slow400", count: 8 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 8,\n  merge: () =>");
    const build = rig.start(["build", ...args, "--json"], there());
    await until(() => items(rig).length >= 2);
    const [job] = jobsOf("draw").slice(-1) as [string];
    cluster.tell("scontrol", "requeue", job);
    await until(
      () => cluster.tell("squeue", "-h", "-o", "%r", "-j", job).includes("BeginTime") || running("draw") === 0,
    );
    cluster.tell("scontrol", "update", `jobid=${job}`, "StartTime=now");
    expect((await build.finished).code).toBe(0);
    // One that was under way then is made again; those before it are not.
    expect(items(rig).length).toBeLessThanOrEqual(9);
    expect(new Set(items(rig))).toEqual(new Set(upTo(8)));
  });

  test("left running when interrupted, it is taken up by the next build", async () => {
    const rig = project({ faults: "gated", count: 6 });
    const build = rig.start(["build", ...args, "--detach"], there());
    await until(() => running("draw") > 0);
    build.process.kill("SIGINT");
    const { code, stderr } = await build.finished;
    expect(code).toBe(130);
    expect(stderr).toContain("left running");
    const listed = await rig.start(["ps"], there()).finished;
    expect(listed.stdout).toMatch(/default +draw +\d+ .*0 of 6 ended .*nobody/);
    rig.write({ gate: "" });
    const before = jobsOf("draw").length;
    await rig.build(args, 0, there());
    expect(jobsOf("draw").length).toBe(before);
    expect(items(rig)).toEqual(upTo(6));
    expect((await rig.start(["ps"], there()).finished).stdout).toBe("nothing runs elsewhere\n");
  });

  test("what was left running is ended by sweep, unless a build waits for it", async () => {
    const rig = project({ faults: "gated", count: 4 });
    const build = rig.start(["build", ...args, "--detach"], there());
    await until(() => running("draw") > 0);
    const kept = await rig.start(["sweep"], there()).finished;
    expect(kept.stdout).toMatch(/nothing to end\nkept draw of run default: .* waits for it/);
    build.process.kill("SIGINT");
    await build.finished;
    const swept = await rig.start(["sweep"], there()).finished;
    expect(swept.stdout).toMatch(/^ended \d batch/);
    await until(() => running("draw") === 0);
    rig.write({ gate: "" });
    await rig.build(args, 0, there());
    expect(items(rig)).toEqual(upTo(4));
  });

  test("another run that needs the same waits for what a dead build left", async () => {
    const rig = project({ faults: "gated", count: 5 });
    const build = rig.start(["build", ...args], there());
    await until(() => running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    const before = jobsOf("draw").length;
    const other = rig.start(["build", ...args, "--run", "other"], there());
    await until(() => submissions(rig).some((folder) => existsSync(join(folder, "waiters", "other"))));
    expect((await rig.start(["sweep"], there()).finished).stdout).toContain("kept");
    rig.write({ gate: "" });
    expect((await other.finished).code).toBe(0);
    expect(jobsOf("draw").length).toBe(before);
    expect(items(rig)).toEqual(upTo(5));
  });

  test("killed between the cluster's answer and writing it down, it is found by its name", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args], there());
    await until(() => running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    for (const folder of submissions(rig)) rig.remove(join(folder, "job").slice(rig.root.length + 1));
    const before = jobsOf("draw").length;
    const next = rig.start(["build", ...args], there());
    await until(() => submissions(rig).some((folder) => existsSync(join(folder, "job"))));
    rig.write({ gate: "" });
    expect((await next.finished).code).toBe(0);
    expect(jobsOf("draw").length).toBe(before);
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
    const build = rig.start(["build", ...args], there({ PATH: `${rig.path("bin")}:${cluster.environment.PATH}` }));
    await until(() => submissions(rig).length > 0 && existsSync(join(submissions(rig)[0]!, "intent.json")));
    build.process.kill("SIGKILL");
    await build.finished;
    await rig.build(args, 0, there());
    expect(items(rig)).toEqual(upTo(3));
    expect(submissions(rig)).toEqual([]);
  });

  test("cleaned while it was under way, it is not adopted but made anew", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args], there());
    await until(() => running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    const cleaned = await rig.start(["clean", "draw"], there()).finished;
    expect(cleaned.stdout).toContain(
      "3 batches wait or run on Slurm for what was cleaned, which no build will take: exp sweep ends them",
    );
    rig.write({ gate: "" });
    await until(() => running("draw") === 0);
    expect(items(rig)).toEqual(upTo(3));
    await rig.build(args, 0, there());
    expect(items(rig)).toEqual([0, 0, 1, 1, 2, 2]);
    // And what came after the clean is.
    await rig.build(args, 0, there());
    expect(items(rig)).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test("what is cleaned while it is under way is ended, if that is asked for", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args], there());
    await until(() => running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    const cleaned = await rig.start(["clean", "draw", "--sweep"], there()).finished;
    expect(cleaned.stdout).toContain("the 3 batches that ran on Slurm for it were ended");
    await until(() => running("draw") === 0);
    const again = await rig.start(["clean", "draw", "--json"], there()).finished;
    expect(JSON.parse(again.stdout)).toMatchObject({ elsewhere: [] });
    rig.write({ gate: "" });
    await rig.build(args, 0, there());
    expect(items(rig)).toEqual(upTo(3));
  });

  test("what nobody wants since the code was edited is told by the next build", async () => {
    const rig = project({ faults: "gated", count: 2 });
    const first = rig.start(["build", ...args], there());
    await until(() => running("draw") > 0);
    first.process.kill("SIGKILL");
    await first.finished;
    rig.edit("recipes.ts", 'faults === "gated"', 'faults === "never"');
    const { events } = await rig.build(args, 0, there());
    expect(JSON.stringify(events)).toContain(
      "2 batches of earlier builds that nobody asks for any more wait or run on Slurm: exp ps shows them, exp sweep ends them",
    );
  });

  test("what a build does not wait for can be ended beside it", async () => {
    const rig = project({ faults: "gated", count: 2 });
    const first = rig.start(["build", ...args], there());
    await until(() => running("draw") > 0);
    first.process.kill("SIGKILL");
    await first.finished;
    const old = jobsOf("draw").at(-1)!;
    rig.edit("recipes.ts", '"/gate"', '"/other-gate"');
    const second = rig.start(["build", ...args], there());
    await until(() => jobsOf("draw").at(-1) !== old);
    const swept = await rig.start(["sweep"], there()).finished;
    expect(swept.stdout).toMatch(/^ended 2 batches\nkept draw of run default: .*exp build.* waits for it\n$/);
    await until(() => cluster.tell("squeue", "-h", "-j", old) === "");
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
    const build = rig.start(["build", "see", ...args], there());
    await until(() => running("see") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    // Read by the batch, and gone again before the next build looks.
    rig.write({ "word.txt": "second", gate: "" });
    await until(() => running("see") === 0);
    rig.write({ "word.txt": "first" });
    await rig.build(["see", ...args], 0, there());
    expect(JSON.parse(rig.read("runs/default/see/seen.json"))).toMatchObject({ word: "first" });
  });

  test("another Node than the keys were made for is refused, by name", async () => {
    const rig = project({ sendsAll: true });
    mkdirSync(rig.path("bin"));
    const older = rig.path("bin/node");
    writeFileSync(older, `#!/bin/sh\nexec ${process.execPath} --require ${rig.path("bin/old.cjs")} "$@"\n`, {
      mode: 0o755,
    });
    rig.write({ "bin/old.cjs": 'Object.defineProperty(process.versions, "node", { value: "12.1.0" });\n' });
    rig.write({ "exp.local.yaml": `slurm: { poll: 0.3, node: "${older}" }\n` });
    const failed = await rig.build(["see", ...args], 1, there());
    expect(failuresOf(failed.events)).toMatch(
      /Node 12\.1\.0 is what .*@.* has, and Node \d+ is what keys were made for/,
    );
    rig.write({ "exp.local.yaml": `slurm: { poll: 0.3, node: "/nowhere/node" }\n` });
    expect(failuresOf((await rig.build(["see", ...args], 1, there())).events)).toContain("there is no Node on");
  });

  test("modules and a container are loaded around it", async () => {
    const rig = project({ sendsAll: true });
    mkdirSync(rig.path("bin"));
    writeFileSync(
      rig.path("bin/apptainer"),
      `#!/bin/sh\necho "$@" >> ${rig.path("asked")}\nwhile [ "$1" != image.sif ]; do shift; done; shift\nexec "$@"\n`,
      { mode: 0o755 },
    );
    rig.write({
      "exp.local.yaml": `slurm:
  poll: 0.3
  before: ["module() { echo module $* >> ${rig.path("asked")}; }", "export PATH=${rig.path("bin")}:$PATH"]
  container: image.sif
`,
    });
    await rig.build(["see", ...args], 0, there());
    expect(rig.read("asked")).toMatch(new RegExp(`exec --bind .*${rig.root}.* image.sif`));
  });

  test("a typo in exp.local.yaml is told at its line", async () => {
    const rig = project();
    rig.write({ "exp.local.yaml": "slurm:\n  partitoin: gpu\n" });
    const { code, stderr } = await rig.start(["build", ...args], there()).finished;
    expect(code).toBe(2);
    expect(stderr).toContain("exp.local.yaml:2:3");
    expect(stderr).toContain('Did you mean "partition"?');
  });

  test("collected while it is under way, nothing that it reads or made is lost", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args], there());
    await until(() => running("draw") > 0);
    build.process.kill("SIGKILL");
    await build.finished;
    rig.write({ gate: "" });
    await until(() => running("draw") === 0);
    expect((await rig.start(["gc", "--max-size", "0 B", "--max-age", "0d"], there()).finished).code).toBe(0);
    await rig.build(args, 0, there());
    expect(items(rig)).toEqual(upTo(3));
  });

  test("a batch of too little time gets more, and goes on where it was", async () => {
    const { rig, built } = await tooLittleTime;
    expect(JSON.stringify(built.events)).toContain("ran into its limit of time");
    const made = items(rig);
    expect(new Set(made)).toEqual(new Set(upTo(5)));
    expect(made.length).toBeLessThanOrEqual(6);
  }, 400_000);
});

// Each has a cluster of its own: a controller that was killed gives the numbers of jobs that it has forgotten to others, and drains their node.
for (const signal of ["SIGTERM", "SIGKILL"] as const)
  describe.skipIf(slurmIsMissing !== undefined)(`a cluster whose controller is away for a while (${signal})`, () => {
    beforeAll(async () => {
      cluster = await TestCluster.start({ cpus: 4 });
    });
    afterAll(() => cluster.stop());

    test("what runs goes on, and the build too", async () => {
      const rig = project({ faults: "slow300", count: 12 });
      rig.edit("Expfile.ts", "merge: () =>", "batch: 6,\n  merge: () =>");
      const build = rig.start(["build", ...args, "--json"], there());
      await until(() => items(rig).length >= 2);
      await cluster.end("slurmctld", signal);
      await until(() => items(rig).length >= 6);
      await cluster.startController();
      const { code, stdout } = await build.finished;
      expect(code).toBe(0);
      expect(stdout).toContain('"done"');
      expect(new Set(items(rig))).toEqual(new Set(upTo(12)));
      // Killed, it has forgotten its last seconds and ends what it does not know: that is made again.
      expect(items(rig).length).toBeLessThanOrEqual(signal === "SIGTERM" ? 12 : 16);
    });
  });

describe.skipIf(memoryLimitsAreMissing !== undefined)("a cluster that enforces limits of memory", () => {
  beforeAll(async () => {
    cluster = await TestCluster.start({ cpus: 4, enforcesMemory: true });
  });
  afterAll(() => cluster.stop());

  test("a batch that uses more than it was given gets twice as much, and goes on where it was", async () => {
    const rig = project({ count: 4 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 4,\n  merge: () =>");
    rig.edit(
      "recipes.ts",
      'log("item " + n + " begins");',
      "if (n === 2) globalThis.held = Buffer.alloc(350 * 2 ** 20, 1);",
    );
    rig.write({ "exp.local.yaml": "slurm: { poll: 0.3, memory: 300 }\n" });
    const built = await rig.build(args, 0, there());
    expect(JSON.stringify(built.events)).toContain("used more memory than it was given");
    // What had ended just before, and was not reported yet, may have been made again.
    expect(new Set(items(rig))).toEqual(new Set(upTo(4)));
  });

  test("a batch that never has enough fails, and says how much there was", async () => {
    const rig = project({ count: 2 });
    rig.edit(
      "recipes.ts",
      'log("item " + n + " begins");',
      "if (n === 1) globalThis.held = Buffer.alloc(1500 * 2 ** 20, 1);",
    );
    rig.write({ "exp.local.yaml": "slurm: { poll: 0.3, memory: 120 }\n" });
    const failed = await rig.build([...args, "-k"], 1, there());
    expect(failuresOf(failed.events)).toMatch(
      /used more memory than the \d+ MiB it was given on n1, with ever more of it/,
    );
    expect(items(rig)).toEqual([0]);
  });
});

describe.skipIf(accountingIsMissing !== undefined)("a cluster with accounting", () => {
  beforeAll(async () => {
    cluster = await TestCluster.start({ cpus: 4, accounting: true });
  });
  afterAll(() => cluster.stop());

  test("a node that dies takes its batches with it, and they go elsewhere or wait for it", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args, "--json"], there());
    await until(() => running("draw") > 0);
    const jobs = jobsOf("draw");
    cluster.tell("scontrol", "update", "nodename=n1", "state=down", "reason=test");
    await until(() => running("draw") === 0);
    rig.write({ gate: "" });
    cluster.tell("scontrol", "update", "nodename=n1", "state=resume");
    // Requeued by Slurm itself, after its delay.
    await until(() => {
      for (const job of jobs) cluster.tell("scontrol", "update", `jobid=${job}`, "StartTime=now");
      return build.process.exitCode !== null;
    });
    expect((await build.finished).code).toBe(0);
    expect(new Set(items(rig))).toEqual(new Set(upTo(3)));
  });

  test("a user who may have few batches at once hands them over in parts", async () => {
    // As a cluster with limits does (AccountingStorageEnforce=limits, MaxSubmitJobs=3); here a program before sbatch says its words.
    const rig = project({ count: 10 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 1,\n  merge: () =>");
    mkdirSync(rig.path("bin"));
    const refusal =
      "sbatch: error: AssocMaxSubmitJobLimit\\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)";
    writeFileSync(
      rig.path("bin/sbatch"),
      `#!/bin/sh
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$2" 2>/dev/null)
if [ "\${last:-0}" -gt 2 ]; then printf "${refusal}\\n" >&2; exit 1; fi
exec /usr/bin/sbatch "$@"
`,
      { mode: 0o755 },
    );
    await rig.build(args, 0, there({ PATH: `${rig.path("bin")}:${cluster.environment.PATH}` }));
    expect(items(rig)).toEqual(upTo(10));
  });

  test("how a batch ended is known after the queue has forgotten it", async () => {
    const rig = project({ faults: "gated", count: 2 });
    const build = rig.start(["build", ...args, "--json"], there());
    await until(() => running("draw") > 0);
    // The driver sleeps through it.
    build.process.kill("SIGSTOP");
    cluster.tell("scancel", jobsOf("draw").at(-1)!);
    await until(() => running("draw") === 0);
    const job = jobsOf("draw").at(-1)!;
    await until(() => /CANCELLED/.test(cluster.tell("sacct", "-X", "-n", "-j", job, "-o", "State")));
    build.process.kill("SIGCONT");
    const { code, stdout } = await build.finished;
    expect(code).toBe(1);
    expect(stdout).toContain("was cancelled");
  });
});

type Built = Awaited<ReturnType<Rig["build"]>>;

/** Slurm limits time by the minute: so this is begun before all tests, and goes on beside them. */
async function buildInTooLittleTime(
  { environment }: TestCluster,
  atEnd: (undo: () => void) => void,
): Promise<{ readonly rig: Rig; readonly built: Built }> {
  const rig = project({ faults: "slow20000", count: 5, atEnd });
  rig.edit("Expfile.ts", "timeoutMs: 20_000,", "slurm: { time: 1 },");
  rig.edit("Expfile.ts", "merge: () =>", "batch: 5,\n  merge: () =>");
  const built = await rig.build(args, 0, { env: { DECLARED: "yes", TOKEN: "secret-token-123", ...environment } });
  return { rig, built };
}

/** Only the items go to the cluster, unless all is asked for. */
function project({
  faults = "",
  count = 12,
  sendsAll = false,
  atEnd,
}: {
  readonly faults?: string;
  readonly count?: number;
  readonly sendsAll?: boolean;
  readonly atEnd?: (undo: () => void) => void;
} = {}): Rig {
  const rig = makeProject(files, atEnd);
  if (!sendsAll) {
    rig.edit("Expfile.ts", 'env: ["DECLARED"]', 'executor: "local", env: ["DECLARED"]');
    rig.edit("Expfile.ts", "command({ code", 'command({ executor: "local", code');
  }
  rig.write({
    "recipes.ts": rig.read("recipes.ts").replaceAll("ROOT", JSON.stringify(rig.root)),
    "configs/default.yaml": `version: 1\ndraw: { count: ${count}, faults: "${faults}" }\n`,
    "exp.local.yaml": "slurm: { poll: 0.3 }\n",
  });
  return rig;
}

function items(rig: Rig): readonly number[] {
  if (!rig.has(journal)) return [];
  return [...rig.read(journal).matchAll(/^item (\d+)$/gm)].map(([, n]) => Number(n)).sort((a, b) => a - b);
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function submissions(rig: Rig): readonly string[] {
  const folders = (rig.has("runs") ? readdirSync(rig.path("runs")) : []).map((run) =>
    rig.path(`runs/${run}/.submitted`),
  );
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((id) => join(folder, id)));
}

function scripts(rig: Rig): readonly string[] {
  return submissions(rig)
    .map((folder) => join(folder, "submit.sh"))
    .filter((file) => existsSync(file));
}

/** Jobs of a target, past ones too, in their order. */
function jobsOf(target: string): readonly string[] {
  const lines = cluster.tell("squeue", "-h", "-t", "all", "-o", "%F %j").split("\n");
  return [...new Set(lines.filter((line) => line.endsWith(`-${target}`)).map((line) => line.split(" ")[0]!))].sort(
    (a, b) => Number(a) - Number(b),
  );
}

function running(target: string): number {
  return cluster
    .tell("squeue", "-h", "-t", "running,completing", "-o", "%j")
    .split("\n")
    .filter((line) => line.endsWith(`-${target}`)).length;
}

function failuresOf(events: readonly Event[]): string {
  return JSON.stringify(events.filter((event) => event.kind === "target-failed"));
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    if (tries > 600) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
