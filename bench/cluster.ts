// Slurm for the benchmark: the tests' cluster of one node, and programs first on the PATH that count how often each of Slurm's own is called.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { TestCluster } from "../test/slurm/cluster.ts";

export { slurmIsMissing } from "../test/slurm/cluster.ts";

const programs = ["sbatch", "squeue", "scontrol", "sacct", "scancel"] as const;

/** How often each of Slurm's programs was called; those that were not are absent. */
export type Calls = Readonly<Record<string, number>>;

export class BenchCluster {
  /** Batches that run at once. */
  readonly processors: number;
  readonly #cluster: TestCluster;
  readonly #folder: string;

  private constructor(cluster: TestCluster, folder: string, processors: number) {
    this.#cluster = cluster;
    this.#folder = folder;
    this.processors = processors;
  }

  static async start(scratch: string): Promise<BenchCluster> {
    const processors = cpus().length;
    const cluster = new BenchCluster(
      await TestCluster.start({ cpus: processors }),
      join(scratch, "counting"),
      processors,
    );
    cluster.#writePrograms();
    return cluster;
  }

  /** What a build needs to submit to it. */
  get environment(): Readonly<Record<string, string>> {
    const { environment } = this.#cluster;
    return { ...environment, PATH: `${this.#folder}:${environment.PATH}` };
  }

  /** Calls since the last time that this was asked. */
  takeCalls(): Calls {
    const log = join(this.#folder, "calls");
    if (!existsSync(log)) return {};
    const counts: Record<string, number> = {};
    for (const program of readFileSync(log, "utf8").trimEnd().split("\n")) counts[program] = (counts[program] ?? 0) + 1;
    rmSync(log);
    return counts;
  }

  /** Until nothing waits or runs. */
  async idle(): Promise<void> {
    while (this.#cluster.tell("squeue", "-h") !== "") await new Promise((resolve) => setTimeout(resolve, 200));
  }

  /** Seconds until so many batches have ended that do nothing: what Slurm itself takes. */
  async timeNothing(batches: number): Promise<number> {
    const start = performance.now();
    const job = this.#cluster.tell(
      "sbatch",
      "--parsable",
      "--output=/dev/null",
      `--array=0-${batches - 1}`,
      "--wrap=true",
    );
    if (!/^\d+$/m.test(job)) throw new Error("Slurm does not take an array of batches that do nothing");
    await this.idle();
    return (performance.now() - start) / 1000;
  }

  async stop(): Promise<void> {
    await this.#cluster.stop();
  }

  #writePrograms(): void {
    mkdirSync(this.#folder, { recursive: true });
    const env = { ...process.env, ...this.#cluster.environment };
    for (const program of programs) {
      const real = execFileSync("/bin/sh", ["-c", `command -v ${program}`], { env, encoding: "utf8" }).trim();
      const lines = ["#!/bin/sh", `echo ${program} >>'${join(this.#folder, "calls")}'`, `exec '${real}' "$@"`];
      writeFileSync(join(this.#folder, program), `${lines.join("\n")}\n`, { mode: 0o755 });
    }
  }
}
