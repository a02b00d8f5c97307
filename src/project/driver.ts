// The driver of a run's work elsewhere: what it is told of the project and the run, whatever the platform.

import { join } from "node:path";
import type { Executor } from "../backends/executors/executor.ts";
import type { Carrier } from "../backends/executors/remote/carrier.ts";
import { Driver } from "../backends/executors/remote/driver.ts";
import type { Lot, Platform } from "../backends/executors/remote/platform.ts";
import type { SubmissionFolder } from "../backends/executors/remote/submission.ts";
import { runFolders } from "../runs/roots.ts";
import { processTag } from "../util/host.ts";
import type { ElsewhereSetup } from "./executors.ts";
import type { OpenRun } from "./open-run.ts";
import { nodeMajor, type Project } from "./project.ts";

export interface Submitting<L extends Lot> {
  readonly platform: Platform<L>;
  readonly carrier: Carrier;
  /** The name of the folder in a run where submissions go. */
  readonly folder: string;
  /** Those of a run. */
  readonly submissionsOf: (runFolder: string) => readonly SubmissionFolder[];
}

export function driverFor<L extends Lot>(
  { paths }: Project,
  { folder: { id, folder } }: OpenRun,
  { platform, carrier, folder: submissions, submissionsOf }: Submitting<L>,
  { mayPay, callsNotBefore, ...setup }: ElsewhereSetup,
): Executor {
  return new Driver(platform, {
    ...setup,
    run: id,
    submissions: join(folder, submissions),
    allSubmissions: () => [...runFolders(paths.runs).values()].flatMap(submissionsOf),
    setup: {
      cacheFolder: paths.cache,
      blobsFolder: join(paths.cache, "blobs"),
      callsFolder: join(paths.archive, "calls"),
      ...{ callsNotBefore, mayPay, nodeMajor },
      what: `run ${id}`,
    },
    carrier,
    driver: processTag(),
    now: Date.now,
  });
}
