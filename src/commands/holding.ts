// Runs that a command holds while it changes or copies them, so that no build does meanwhile. Unaware of what their Expfile says.

import { join } from "node:path";
import type { Failure } from "../model/failure.ts";
import { openProject, type Project } from "../project/project.ts";
import { Lease } from "../runs/lease.ts";
import type { RunFolder } from "../runs/run.ts";
import { showFailures, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

/** Holds the run while `use` changes what it knows. */
export async function holdingRun(
  { folder }: RunFolder,
  what: string,
  screen: Screen,
  use: (lease: Lease) => Promise<number>,
): Promise<number> {
  const lease = await takeRun(folder, what, screen);
  if (lease === undefined) return exitCodes.interrupted;
  try {
    return await use(lease);
  } finally {
    lease.release();
  }
}

/** Says for whom it waits; undefined when it was interrupted. */
export function takeRun(folder: string, what: string, screen: Screen): Promise<Lease | undefined> {
  return Lease.take(join(folder, "lock"), what, {
    onWait: (holder) => screen.writeError(`waiting for ${holder}\n`),
    signal: screen.signal,
  });
}

/** Opens the project and tells what is wrong with the runs that were named. In the end all that `use` put under `leases` is given back. */
export async function withRuns(
  root: string,
  screen: Screen,
  problemsOf: (project: Project) => readonly Failure[],
  use: (project: Project, leases: Lease[]) => Promise<number>,
): Promise<number> {
  const project = await openProject(root, screen.environment);
  const leases: Lease[] = [];
  try {
    const failures = problemsOf(project);
    if (failures.length === 0) return await use(project, leases);
    showFailures(screen, failures);
    return exitCodes.wrongInput;
  } finally {
    for (const lease of leases) lease.release();
    project.close();
  }
}
