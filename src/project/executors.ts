// Which executor a build uses, and how it is made. Another of the files that name concrete ones.

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Budget } from "../backends/executors/budget.ts";
import type { Executor } from "../backends/executors/executor.ts";
import { SlurmExecutor } from "../backends/executors/slurm.ts";
import { Cluster } from "../backends/executors/slurm/cluster.ts";
import type { ProjectSettings } from "../api/experiment.ts";
import type { SlurmSettings } from "../api/slurm.ts";
import type { Digest } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { runFolders } from "../runs/roots.ts";
import { processTag } from "../util/host.ts";
import { fail, ok, unreachable, type Result } from "../util/result.ts";
import { withoutPasswords } from "../util/url.ts";
import { canTravelThrough, openCarriers } from "./carriers.ts";
import { noteModalUse } from "./containers-elsewhere.ts";
import { modalExecutor, openModal, type AtModal } from "./containers.ts";
import {
  executorNames,
  localSettingsFile,
  readLocalSettings,
  type ExecutorName,
  type LocalSettings,
} from "./local-settings.ts";
import type { OpenRun } from "./open-run.ts";
import { nodeMajor, type Project } from "./project.ts";
import { sharedVariables, type SharedWhere } from "./shared.ts";

export const executorVariable = "EXP_EXECUTOR";

/** What becomes of work elsewhere when the build is interrupted. */
export type OnInterrupt = (batches: number) => Promise<"leave" | "end">;

/** An executor that is not this machine's own, chosen and ready to be made. */
export type Elsewhere = OnSlurm | AtModal;

export interface OnSlurm {
  readonly name: "slurm";
  readonly cluster: Cluster;
  readonly settings: SlurmSettings;
  readonly targets: NonNullable<NonNullable<LocalSettings["slurm"]>["targets"]>;
  /** The shared cache through which work is sent; undefined: the nodes see the project's folder. */
  readonly through: string | undefined;
}

/** Undefined: everything runs here. The flag counts over the environment, and that over exp.local.yaml. */
export async function chooseExecutor(
  project: Project,
  flag: string | undefined,
  declared: ProjectSettings | undefined,
  shared: SharedWhere | undefined,
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
      inputFailure(`${by} names no executor: "${name}"`, {
        fix: `There are ${executorNames.slice(0, -1).join(", ")} and ${executorNames.at(-1)}.`,
      }),
    ]);
  if (name === "local") return ok(undefined);
  if (name === "modal") return openModal(project, declared?.modal, local.value.modal, by);
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
  const settings: SlurmSettings = { ...declared?.slurm, ...own };
  if (settings.files !== "shared-cache") return ok({ name: "slurm", cluster, settings, targets, through: undefined });
  const through = whereToSend(shared);
  return through.ok ? ok({ name: "slurm", cluster, settings, targets, through: through.value }) : fail([through.error]);
}

function whereToSend(shared: SharedWhere | undefined): Result<string, Failure> {
  const sends = 'slurm: { files: "shared-cache" } sends work through a shared cache';
  if (shared === undefined)
    return fail(
      inputFailure(`${sends}, and there is none`, {
        fix: `Name one that this machine and the nodes reach: --shared, ${sharedVariables.place}, or experiments({ … }, { cache: { shared: … } }).`,
      }),
    );
  if (!shared.mayWrite)
    return fail(
      inputFailure(`${sends}, and this machine may not write to ${withoutPasswords(shared.at)}`, {
        fix: `Let it (${sharedVariables.publish}=1; publish: true in the Expfile), or say files: "project-folder" where the nodes see the project.`,
      }),
    );
  if (!canTravelThrough(shared.at))
    return fail(
      inputFailure(`${sends}, and this exp was built without what nodes need for a bucket`, {
        fix: "Build it where @aws-sdk/client-s3 is installed (npm ci), or use a folder or HTTP.",
      }),
    );
  return ok(shared.at);
}

export function clusterOf({ environment }: Project): Cluster {
  return new Cluster(environment);
}

/** All of the project's work is called so in the queue. */
export function jobPrefixOf({ paths }: Project): string {
  return `exp-${createHash("sha256").update(paths.root).digest("hex").slice(0, 8)}`;
}

export interface ElsewhereSetup {
  readonly mayPay: boolean;
  /** What the build may spend, here and there. */
  readonly budget: Budget;
  readonly callsNotBefore: number;
  readonly isKnown: (key: Digest) => boolean;
  readonly onInterrupt: OnInterrupt;
  readonly warn: (text: string) => void;
  readonly onProgress: (target: string, batches: { readonly waiting: number; readonly running: number }) => void;
}

export function executorElsewhere(
  project: Project,
  run: OpenRun,
  elsewhere: Elsewhere,
  setup: ElsewhereSetup,
): Executor {
  switch (elsewhere.name) {
    case "slurm":
      return slurmExecutor(project, run, elsewhere, setup);
    case "modal":
      noteModalUse(project, elsewhere.settings);
      return modalExecutor(project, run, elsewhere, setup);
    default:
      return unreachable(elsewhere);
  }
}

function slurmExecutor(
  project: Project,
  run: OpenRun,
  { cluster, settings, targets, through }: OnSlurm,
  { mayPay, budget: _, callsNotBefore, ...setup }: ElsewhereSetup,
): SlurmExecutor {
  const { paths } = project;
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
      cacheFolder: paths.cache,
      blobsFolder: join(paths.cache, "blobs"),
      callsFolder: join(paths.archive, "calls"),
      callsNotBefore,
      mayPay,
      nodeMajor,
      what: `run ${run.folder.id}`,
    },
    carrier: openCarriers(project, { through, warn: setup.warn }),
    driver: processTag(),
    now: Date.now,
  });
}
