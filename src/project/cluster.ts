// Slurm as a project uses it: whether this machine submits to a cluster, and how its executor is made. Another of the files that name concrete executors.

import { createHash } from "node:crypto";
import type { SlurmSettings } from "../api/slurm.ts";
import { submissionsFolder, submissionsOf } from "../backends/executors/remote/submission.ts";
import { SlurmPlatform } from "../backends/executors/slurm.ts";
import { Cluster } from "../backends/executors/slurm/cluster.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { withoutPasswords } from "../util/url.ts";
import { canTravelThrough, openCarriers } from "./carriers.ts";
import { driverFor } from "./driver.ts";
import type { Elsewhere } from "./executors.ts";
import type { LocalSettings } from "./local-settings.ts";
import type { Project } from "./project.ts";
import { sharedVariables, type SharedWhere } from "./shared.ts";

export function clusterOf({ environment }: Project): Cluster {
  return new Cluster(environment);
}

/** All of the project's work is called so in the queue. */
export function jobPrefixOf({ paths }: Project): string {
  return `exp-${createHash("sha256").update(paths.root).digest("hex").slice(0, 8)}`;
}

/** `by`: who wants it. */
export async function openSlurm(
  project: Project,
  declared: SlurmSettings | undefined,
  local: LocalSettings["slurm"],
  shared: SharedWhere | undefined,
  by: string,
): Promise<Result<Elsewhere, readonly Failure[]>> {
  const cluster = clusterOf(project);
  const problem = await cluster.problem();
  if (problem !== undefined)
    return fail([
      inputFailure(problem, {
        neededBy: `the executor slurm, by ${by}`,
        fix: "Build on a machine that submits to the cluster (a login node), or with --executor local.",
      }),
    ]);
  const { targets = {}, ...own } = local ?? {};
  const settings: SlurmSettings = { ...declared, ...own };
  const through = settings.files === "shared-cache" ? whereToSend(shared) : ok(undefined);
  if (!through.ok) return fail([through.error]);
  return ok({
    name: "slurm",
    make(run, setup) {
      const { warn } = setup;
      const platform = new SlurmPlatform({ cluster, settings, targets, jobPrefix: jobPrefixOf(project), warn });
      const carrier = openCarriers(project, { through: through.value, warn });
      return driverFor(project, run, { platform, carrier, folder: submissionsFolder, submissionsOf }, setup);
    },
  });
}

/** The shared cache through which work is sent. */
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
