// Slurm limits time by the minute: this test waits for longer than all others of a cluster do. On a real Slurm of one node.

import { describe, expect, test } from "vitest";
import { args, Bench, items, project, upTo } from "./bench.ts";
import { slurmIsMissing } from "./cluster.ts";

describe.skipIf(slurmIsMissing !== undefined)("a cluster that limits time", () => {
  const bench = new Bench({ cpus: 1, readsProfile: true });

  test("a batch of too little time gets more, and goes on where it was", async () => {
    const rig = project({ faults: "slow20000", count: 5 });
    rig.edit("Expfile.ts", "timeoutMs: 600_000,", "slurm: { time: 1 },");
    rig.edit("Expfile.ts", "merge: () =>", "batch: 5,\n  merge: () =>");
    const built = await rig.build(args, 0, bench.there());
    expect(JSON.stringify(built.events)).toContain("ran into its limit of time");
    const made = items(rig);
    expect(new Set(made)).toEqual(new Set(upTo(5)));
    expect(made.length).toBeLessThanOrEqual(6);
  }, 400_000);
});
