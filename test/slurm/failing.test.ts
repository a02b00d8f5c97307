// A cluster that fails: a controller that is away, a node that dies, limits of time, of memory and of accounts, a queue that forgets. On a real Slurm of one node.

import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { args, Bench, failuresOf, items, project, until, upTo } from "./bench.ts";
import { accountingIsMissing, memoryLimitsAreMissing, slurmIsMissing } from "./cluster.ts";

// Each has a cluster of its own: a controller that was killed gives the numbers of jobs that it has forgotten to others, and drains their node.
for (const signal of ["SIGTERM", "SIGKILL"] as const)
  describe.skipIf(slurmIsMissing !== undefined)(`a cluster whose controller is away for a while (${signal})`, () => {
    const bench = new Bench({ cpus: 4 });

    test("what runs goes on, and the build too", async () => {
      const rig = project({ faults: "slow300", count: 12 });
      rig.edit("Expfile.ts", "merge: () =>", "batch: 6,\n  merge: () =>");
      const build = rig.start(["build", ...args, "--json"], bench.there());
      await until(() => items(rig).length >= 2);
      await bench.cluster.end("slurmctld", signal);
      await until(() => items(rig).length >= 6);
      await bench.cluster.startController();
      const { code, stdout } = await build.finished;
      expect(code).toBe(0);
      expect(stdout).toContain('"done"');
      expect(new Set(items(rig))).toEqual(new Set(upTo(12)));
      // Killed, it has forgotten its last seconds and ends what it does not know: that is made again.
      expect(items(rig).length).toBeLessThanOrEqual(signal === "SIGTERM" ? 12 : 16);
    });
  });

describe.skipIf(memoryLimitsAreMissing !== undefined)("a cluster that enforces limits of memory", () => {
  const bench = new Bench({ cpus: 4, enforcesMemory: true });

  test("a batch that uses more than it was given gets twice as much, and goes on where it was", async () => {
    const rig = project({ count: 4 });
    rig.edit("Expfile.ts", "merge: () =>", "batch: 4,\n  merge: () =>");
    rig.edit(
      "recipes.ts",
      'log("item " + n + " begins");',
      "if (n === 2) globalThis.held = Buffer.alloc(350 * 2 ** 20, 1);",
    );
    rig.write({ "exp.local.yaml": "slurm: { poll: 0.3, memory: 300 }\n" });
    const built = await rig.build(args, 0, bench.there());
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
    const failed = await rig.build([...args, "-k"], 1, bench.there());
    expect(failuresOf(failed.events)).toMatch(
      /used more memory than the \d+ MiB it was given on n1, with ever more of it/,
    );
    expect(items(rig)).toEqual([0]);
  });
});

describe.skipIf(accountingIsMissing !== undefined)("a cluster with accounting", () => {
  const bench = new Bench({ cpus: 4, accounting: true });

  test("a node that dies takes its batches with it, and they go elsewhere or wait for it", async () => {
    const rig = project({ faults: "gated", count: 3 });
    const build = rig.start(["build", ...args, "--json"], bench.there());
    await until(() => bench.running("draw") > 0);
    const jobs = bench.jobsOf("draw");
    bench.cluster.tell("scontrol", "update", "nodename=n1", "state=down", "reason=test");
    await until(() => bench.running("draw") === 0);
    rig.write({ gate: "" });
    // Requeued by Slurm itself, after its delay. Where a batch is begun again before the node has ended it, Slurm drains the node ("Duplicate jobid") and
    // holds the batch, until somebody says otherwise.
    await until(() => {
      bench.cluster.tell("scontrol", "update", "nodename=n1", "state=resume");
      for (const job of jobs) {
        bench.cluster.tell("scontrol", "release", job);
        bench.cluster.tell("scontrol", "update", `jobid=${job}`, "StartTime=now");
      }
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
    await rig.build(args, 0, bench.there({ PATH: `${rig.path("bin")}:${bench.cluster.environment.PATH}` }));
    expect(items(rig)).toEqual(upTo(10));
  });

  test("how a batch ended is known after the queue has forgotten it", async () => {
    const rig = project({ faults: "gated", count: 2 });
    const build = rig.start(["build", ...args, "--json"], bench.there());
    await until(() => bench.running("draw") > 0);
    // The driver sleeps through it.
    build.process.kill("SIGSTOP");
    bench.cluster.tell("scancel", bench.jobsOf("draw").at(-1)!);
    await until(() => bench.running("draw") === 0);
    const job = bench.jobsOf("draw").at(-1)!;
    await until(() => /CANCELLED/.test(bench.cluster.tell("sacct", "-X", "-n", "-j", job, "-o", "State")));
    build.process.kill("SIGCONT");
    const { code, stdout } = await build.finished;
    expect(code).toBe(1);
    expect(stdout).toContain("was cancelled");
  });
});
