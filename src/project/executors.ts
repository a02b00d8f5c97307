// Which executor a build uses, and how it is made. Another of the files that name concrete ones.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SlurmExecutor } from "../backends/executors/slurm.ts";
import { Cluster } from "../backends/executors/slurm/cluster.ts";
import type { SlurmSettings } from "../api/slurm.ts";
import type { Digest } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { runFolders } from "../runs/roots.ts";
import { processTag } from "../util/host.ts";
import { fail, ok, type Result } from "../util/result.ts";
import {
  executorNames,
  localSettingsFile,
  readLocalSettings,
  type ExecutorName,
  type LocalSettings,
} from "./local-settings.ts";
import type { OpenRun } from "./open-run.ts";
import { nodeMajor, type Project } from "./project.ts";

export const executorVariable = "EXP_EXECUTOR";

/** What becomes of work elsewhere when the build is interrupted. */
export type OnInterrupt = (batches: number) => Promise<"leave" | "end">;

/** An executor that is not this machine's own, chosen and ready to be made. */
export interface Elsewhere {
  readonly name: "slurm";
  readonly cluster: Cluster;
  readonly settings: SlurmSettings;
  readonly targets: NonNullable<NonNullable<LocalSettings["slurm"]>["targets"]>;
}

/** Undefined: everything runs here. The flag counts over the environment, and that over exp.local.yaml. */
export async function chooseExecutor(
  project: Project,
  flag: string | undefined,
  declared: SlurmSettings | undefined,
): Promise<Result<Elsewhere | undefined, readonly Failure[]>> {
  const local = readLocalSettings(project.paths.root);
  if (!local.ok) return local;
  const variable = project.environment[executorVariable];
  const [name, by] =
    flag !== undefined
      ? [flag, "--executor"]
      : variable !== undefined && variable !== ""
        ? [variable, executorVariable]
        : [local.value.executor ?? "local", localSettingsFile];
  if (!executorNames.includes(name as ExecutorName))
    return fail([
      inputFailure(`${by} names no executor: "${name}"`, { fix: `There are ${executorNames.join(" and ")}.` }),
    ]);
  if (name === "local") return ok(undefined);
  const cluster = clusterOf(project);
  const problem = await cluster.problem();
  if (problem !== undefined)
    return fail([
      inputFailure(problem, {
        neededBy: `the executor slurm, by ${by}`,
        fix: "Build on a machine that submits to the cluster (a login node), or with --executor local.",
      }),
    ]);
  const { targets = {}, ...own } = local.value.slurm ?? {};
  return ok({ name: "slurm", cluster, settings: { ...declared, ...own }, targets });
}

export function clusterOf({ environment }: Project): Cluster {
  return new Cluster(environment);
}

/** All of the project's work is called so in the queue. */
export function jobPrefixOf({ paths }: Project): string {
  return `exp-${createHash("sha256").update(paths.root).digest("hex").slice(0, 8)}`;
}

export interface SlurmSetup {
  readonly mayPay: boolean;
  readonly callsNotBefore: number;
  readonly isKnown: (key: Digest) => boolean;
  readonly onInterrupt: OnInterrupt;
  readonly warn: (text: string) => void;
  readonly onProgress: (target: string, batches: { readonly waiting: number; readonly running: number }) => void;
}

export function slurmExecutor(
  project: Project,
  run: OpenRun,
  { cluster, settings, targets }: Elsewhere,
  { mayPay, callsNotBefore, ...setup }: SlurmSetup,
): SlurmExecutor {
  const { paths } = project;
  const programOf = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  return new SlurmExecutor({
    ...setup,
    cluster,
    settings,
    targets,
    run: run.folder.id,
    runFolder: run.folder.folder,
    runFolders: () => [...runFolders(paths.runs).values()],
    jobPrefix: jobPrefixOf(project),
    setup: {
      workerFile: programOf("worker"),
      cacheFolder: paths.cache,
      blobsFolder: join(paths.cache, "blobs"),
      callsFolder: join(paths.archive, "calls"),
      callsNotBefore,
      mayPay,
      nodeMajor,
      what: `run ${run.folder.id}`,
    },
    batchFile: programOf("batch"),
    driver: processTag(),
    now: Date.now,
  });
}
