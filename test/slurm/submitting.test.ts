// What a build asks of a cluster: the script and what it says, arrays and their limits, what is refused, what waits for its turn. On a real Slurm of one node.

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eventsOf } from "../reliability/bench.ts";
import { args, Bench, failuresOf, items, project, scripts, submissions, until, upTo } from "./bench.ts";
import { slurmIsMissing } from "./cluster.ts";

describe.skipIf(slurmIsMissing !== undefined)("work for a cluster", () => {
  const bench = new Bench({ cpus: 4, gpus: 2, maxArraySize: 7 });

  test("more batches than an array may have go into several", async () => {
    const rig = project({ count: 20 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 1,\n  merge: () =>");
    await rig.build(args, 0, bench.there());
    const jobs = bench.jobsOf("draw");
    expect(jobs.length).toBeGreaterThanOrEqual(3);
    expect(items(rig)).toEqual(upTo(20));
  });

  test("the script says what it asks for, and no secret", async () => {
    const rig = project({ faults: "gated", count: 3 });
    rig.edit(
      "Expfile.ts",
      "timeoutMs: 600_000,",
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
    const build = rig.start(["build", ...args, "--json"], bench.there());
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
    const build = rig.start(["build", "see", ...args], bench.there());
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
    await rig.build([...args, "count"], 0, bench.there());
    expect(rig.read("runs/default/logs/count.log")).toContain("GPUs 0,1");
  });

  test("what the cluster refuses is told in its words, at once", async () => {
    const rig = project({ sendsAll: true });
    rig.edit("Expfile.ts", 'secrets: ["TOKEN"]', 'secrets: ["TOKEN"], slurm: { partition: "nowhere" }');
    const failed = await rig.build([...args, "see"], 1, bench.there());
    expect(failuresOf(failed.events)).toMatch(/Slurm does not take it: .*invalid partition/i);
    expect(submissions(rig)).toEqual([]);
    const many = project({ sendsAll: true });
    many.edit("Expfile.ts", 'secrets: ["TOKEN"]', 'secrets: ["TOKEN"], resources: { gpu: 50 }');
    expect(failuresOf((await many.build([...args, "see"], 1, bench.there())).events)).toMatch(
      /node configuration is not available/i,
    );
  });

  test("after a failure, batches that wait for their turn are taken back, and those that run are not", async () => {
    const rig = project({ faults: "fails=0", count: 16 });
    // The first fails when it may, and the others wait meanwhile.
    rig.edit(
      "recipes.ts",
      'if (fault === "fails") throw',
      `while (!existsSync(${JSON.stringify(rig.root)} + (fault === "fails" ? "/fail" : "/gate"))) await sleep(20);
    if (fault === "fails") throw`,
    );
    rig.edit("Expfile.ts", "merge: () =>", "batch: 2,\n  merge: () =>");
    // Four processors: of eight batches four run, and four wait.
    const build = rig.start(["build", ...args, "--json"], bench.there());
    await build.saw('"waiting":4,"running":4');
    rig.write({ fail: "" });
    await until(() => bench.cluster.tell("squeue", "-h", "-t", "pending") === "");
    rig.write({ gate: "" });
    const failed = await build.finished;
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain("no luck with 0");
    expect(items(rig)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(bench.cluster.tell("squeue", "-h")).toBe("");
    // With -k they have their turn.
    expect(failuresOf((await rig.build([...args, "-k"], 1, bench.there())).events)).toContain("no luck with 0");
    expect(items(rig)).toEqual(upTo(16).slice(1));
  });

  test("how many batches wait and run is told as it changes", async () => {
    const rig = project({ faults: "gated", count: 6 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 1,\n  merge: () =>");
    const build = rig.start(["build", ...args, "--json"], bench.there());
    await build.saw('"waiting":2,"running":4');
    rig.write({ gate: "" });
    const { code, stdout } = await build.finished;
    expect(code).toBe(0);
    const told = eventsOf(stdout).flatMap((event) =>
      event.kind === "elsewhere" ? [`${event.running} ${event.waiting}`] : [],
    );
    expect(told.at(-1)).toMatch(/^[0-2] 0$/);
  });

  test("a batch that is held is told of once, with what lets it go", async () => {
    const rig = project({ faults: "gated", count: 6 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 1,\n  merge: () =>");
    const build = rig.start(["build", ...args], bench.there());
    await until(() => bench.running("draw") === 4);
    const job = bench.jobsOf("draw").at(-1)!;
    bench.cluster.tell("scontrol", "uhold", `${job}_4`);
    await build.saw(
      `warning: Slurm holds a batch of draw (job ${job}, JobHeldUser). It waits until somebody says: scontrol release ${job}\n`,
    );
    const { stdout: listed } = await rig.start(["ps"], bench.there()).finished;
    expect(listed).toMatch(/draw +\d+ +4 running, 2 waiting \(JobHeldUser, \w+\) /);
    bench.cluster.tell("scontrol", "release", job);
    rig.write({ gate: "" });
    const { code, stdout } = await build.finished;
    expect(code).toBe(0);
    expect(stdout.match(/Slurm holds/g)).toHaveLength(1);
  });

  test("a batch that asks for more than there is, of a cluster that takes it all the same, is told of", async () => {
    const rig = project({ sendsAll: true });
    rig.write({ "exp.local.yaml": "slurm: { poll: 0.3, time: 5 }\n" });
    bench.cluster.tell("scontrol", "update", "partitionname=main", "MaxTime=3");
    try {
      const build = rig.start(["build", "see", ...args], bench.there());
      await build.saw("): it asks for what it does not give. Interrupt the build, ask for");
      bench.cluster.tell("scontrol", "update", "partitionname=main", "MaxTime=INFINITE");
      const { code, stdout } = await build.finished;
      expect(code).toBe(0);
      expect(stdout.match(/Slurm does not begin a batch of see \(job \d+, Partition\w+\)/g)).toHaveLength(1);
    } finally {
      bench.cluster.tell("scontrol", "update", "partitionname=main", "MaxTime=INFINITE");
    }
  });

  test("a dependency on a job that never was is refused, because Slurm would not", async () => {
    const rig = project({ sendsAll: true });
    rig.write({ "exp.local.yaml": 'slurm: { poll: 0.3, sbatch: ["--dependency=afterok:999999"] }\n' });
    const failed = await rig.build(["see", ...args], 1, bench.there());
    expect(failuresOf(failed.events)).toContain("it is to wait for job 999999, of which Slurm knows nothing");
    const job = /\d+/.exec(bench.cluster.tell("sbatch", "--parsable", "--output=/dev/null", "--wrap", "true"))![0];
    rig.write({ "exp.local.yaml": `slurm: { poll: 0.3, sbatch: ["--dependency=afterok:${job}"] }\n` });
    await rig.build(["see", ...args], 0, bench.there());
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
    const failed = await rig.build(["see", ...args], 1, bench.there());
    expect(failuresOf(failed.events)).toMatch(
      /Node 12\.1\.0 is what .*@.* has, and Node \d+ is what keys were made for/,
    );
    rig.write({ "exp.local.yaml": `slurm: { poll: 0.3, node: "/nowhere/node" }\n` });
    expect(failuresOf((await rig.build(["see", ...args], 1, bench.there())).events)).toContain("there is no Node on");
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
    await rig.build(["see", ...args], 0, bench.there());
    expect(rig.read("asked")).toMatch(new RegExp(`exec --bind .*${rig.root}.* image.sif`));
  });

  test("a typo in exp.local.yaml is told at its line", async () => {
    const rig = project();
    rig.write({ "exp.local.yaml": "slurm:\n  partitoin: gpu\n" });
    const { code, stderr } = await rig.start(["build", ...args], bench.there()).finished;
    expect(code).toBe(2);
    expect(stderr).toContain("exp.local.yaml:2:3");
    expect(stderr).toContain('Did you mean "partition"?');
  });
});
