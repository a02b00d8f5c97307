// A project whose items go to a cluster of the test's own, and what a test asks of both.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import type { Event } from "../../src/model/event.ts";
import { until as untilOf } from "../reliability/bench.ts";
import { files, journal } from "../reliability/executors.project.ts";
import { makeProject, type Rig, type RunOptions } from "../rig.ts";
import { TestCluster, type ClusterOptions } from "./cluster.ts";

export const args = ["--executor", "slurm"];

/** What a build takes to speak to a cluster, and its recipes to run. */
export function environmentFor(cluster: TestCluster): Readonly<Record<string, string>> {
  return { DECLARED: "yes", TOKEN: "secret-token-123", ...cluster.environment };
}

/** A cluster for the length of a `describe`, and empty after each of its tests. */
export class Bench {
  #cluster: TestCluster | undefined;

  constructor(options: ClusterOptions) {
    beforeAll(async () => {
      this.#cluster = await TestCluster.start(options);
    });
    // What a test that failed has left waiting would keep the others from running.
    afterEach(() => this.#cluster?.clear());
    afterAll(() => this.#cluster?.stop());
  }

  get cluster(): TestCluster {
    if (this.#cluster === undefined) throw new Error("the cluster has not been started");
    return this.#cluster;
  }

  there(env: Readonly<Record<string, string>> = {}): RunOptions {
    return { env: { ...environmentFor(this.cluster), ...env } };
  }

  /** Jobs of a target, past ones too, in their order. */
  jobsOf(target: string): readonly string[] {
    const lines = this.cluster.tell("squeue", "-h", "-t", "all", "-o", "%F %j").split("\n");
    return [...new Set(lines.filter((line) => line.endsWith(`-${target}`)).map((line) => line.split(" ")[0]!))].sort(
      (a, b) => Number(a) - Number(b),
    );
  }

  /** How many of its batches run. */
  running(target: string): number {
    return this.cluster
      .tell("squeue", "-h", "-t", "running,completing", "-o", "%j")
      .split("\n")
      .filter((line) => line.endsWith(`-${target}`)).length;
  }
}

/** Only the items go to the cluster, unless all is asked for. */
export function project({
  faults = "",
  count = 12,
  sendsAll = false,
}: {
  readonly faults?: string;
  readonly count?: number;
  readonly sendsAll?: boolean;
} = {}): Rig {
  const rig = makeProject(files);
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

export function items(rig: Rig): readonly number[] {
  if (!rig.has(journal)) return [];
  return [...rig.read(journal).matchAll(/^item (\d+)$/gm)].map(([, n]) => Number(n)).sort((a, b) => a - b);
}

export function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n);
}

export function submissions(rig: Rig): readonly string[] {
  const folders = (rig.has("runs") ? readdirSync(rig.path("runs")) : []).map((run) =>
    rig.path(`runs/${run}/.submitted`),
  );
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((id) => join(folder, id)));
}

export function scripts(rig: Rig): readonly string[] {
  return submissions(rig)
    .map((folder) => join(folder, "submit.sh"))
    .filter((file) => existsSync(file));
}

export function failuresOf(events: readonly Event[]): string {
  return JSON.stringify(events.filter((event) => event.kind === "target-failed"));
}

/** Waits until something is so for which a program of the cluster is asked. */
export function until(isSo: () => boolean): Promise<void> {
  return untilOf(isSo, 50);
}
