// Which executor a build uses. Those that are not this machine's own are loaded when they are chosen.

import type { ProjectSettings } from "../api/experiment.ts";
import type { Budget } from "../backends/executors/budget.ts";
import type { Executor } from "../backends/executors/executor.ts";
import type { Rates } from "../engine/plan.ts";
import type { Digest } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { hasLocalSettings, localSettingsFile, type LocalSettings } from "./local-settings.ts";
import type { OpenRun } from "./open-run.ts";
import type { Project } from "./project.ts";
import type { SharedWhere } from "./shared.ts";

export const executorVariable = "EXP_EXECUTOR";

export const executorNames = ["local", "slurm", "modal"] as const;
export type ExecutorName = (typeof executorNames)[number];

/** What becomes of work elsewhere when the build is interrupted. */
export type OnInterrupt = (batches: number) => Promise<"leave" | "end">;

/** An executor that is not this machine's own, chosen and ready to be made. */
export interface Elsewhere {
  readonly name: Exclude<ExecutorName, "local">;
  make(run: OpenRun, setup: ElsewhereSetup): Executor;
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

/** Undefined: everything runs here. The flag counts over the environment, and that over exp.local.yaml. */
export async function chooseExecutor(
  project: Project,
  flag: string | undefined,
  declared: ProjectSettings | undefined,
  shared: SharedWhere | undefined,
): Promise<Result<Elsewhere | undefined, readonly Failure[]>> {
  const wanted = await wantedExecutor(project, flag);
  if (!wanted.ok) return wanted;
  const { name, by, local } = wanted.value;
  switch (name) {
    case "local":
      return ok(undefined);
    case "slurm": {
      const { openSlurm } = await import("./cluster.ts");
      return openSlurm(project, declared?.slurm, local.slurm, shared, by);
    }
    case "modal": {
      const { openModal } = await import("./containers.ts");
      return openModal(project, declared?.modal, local.modal, by);
    }
  }
}

/** What the time of the executor costs that a build would choose. Undefined: nothing. Nobody is spoken to. */
export async function ratesOf(
  project: Project,
  flag: string | undefined,
  declared: ProjectSettings | undefined,
): Promise<Result<Rates | undefined, readonly Failure[]>> {
  const wanted = await wantedExecutor(project, flag);
  if (!wanted.ok) return wanted;
  const { name, local } = wanted.value;
  if (name !== "modal") return ok(undefined);
  const { modalRates } = await import("./modal-settings.ts");
  return ok(modalRates(declared?.modal, local.modal));
}

interface Wanted {
  readonly name: ExecutorName;
  /** Who says so. */
  readonly by: string;
  readonly local: LocalSettings;
}

async function wantedExecutor(project: Project, flag: string | undefined): Promise<Result<Wanted, readonly Failure[]>> {
  const local = await localSettingsOf(project);
  if (!local.ok) return local;
  const variable = project.environment[executorVariable];
  const [said, by] =
    flag !== undefined
      ? [flag, "--executor"]
      : variable !== undefined && variable !== ""
        ? [variable, executorVariable]
        : [local.value.executor ?? "local", localSettingsFile];
  const name = executorNames.find((one) => one === said);
  if (name !== undefined) return ok({ name, by, local: local.value });
  return fail([
    inputFailure(`${by} names no executor: "${said}"`, {
      fix: `There are ${executorNames.slice(0, -1).join(", ")} and ${executorNames.at(-1)}.`,
    }),
  ]);
}

/** Its schema takes longer to load than most projects need it. */
async function localSettingsOf({ paths }: Project): Promise<Result<LocalSettings, readonly Failure[]>> {
  if (!hasLocalSettings(paths.root)) return ok({});
  const { readLocalSettings } = await import("./read-local-settings.ts");
  return readLocalSettings(paths.root);
}
