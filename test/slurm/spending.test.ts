// What a build may spend on a cluster, whose nodes cannot ask: the calls that its recipes pay for there.

import { describe, expect, test } from "vitest";
import { finishedIn, paidCalls, paying, spendingProject } from "../spending.fixture.ts";
import { args, Bench } from "./bench.ts";
import { slurmIsMissing } from "./cluster.ts";

describe.skipIf(slurmIsMissing !== undefined)("calls of recipes on nodes", () => {
  const bench = new Bench({ cpus: 4 });

  test("cost no more than the build may spend; what is finished stays, and nothing is paid for twice", async () => {
    const rig = spendingProject(paying(1), { local: "slurm: { poll: 0.3 }\n" });
    const first = await rig.build([...args, "draw", "--max-usd", "3.5"], 3, bench.there());
    const finished = finishedIn(first.events);
    // What one batch did not need of its part, the next may have.
    expect(finished).toBe(3);
    expect(first.end.spentUsd).toBe(3);
    const second = await rig.build([...args, "draw", "--max-usd", "10"], 0, bench.there());
    expect(finishedIn(second.events)).toBe(3);
    expect(second.end.spentUsd).toBe(3);
    expect(rig.read("runs/default/draw/all.txt")).toBe("6");
    const calls = paidCalls(rig);
    expect([new Set(calls).size, calls.length]).toEqual([6, 6]);
  });
});
