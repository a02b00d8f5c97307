// `exp runs rm RUN…`: says what goes, and with --yes removes it. Content that nobody else needs is left to `exp gc`.

import { join } from "node:path";
import { inputFailure, type Failure } from "../model/failure.ts";
import { countOf, formatBytes, formatDuration, formatMoney } from "../report/amounts.ts";
import type { Project } from "../project/project.ts";
import { readPin } from "../runs/pin.ts";
import { contentOfRun, removeRun, type RunContent } from "../runs/remove.ts";
import { RunFolder } from "../runs/run.ts";
import type { Arguments } from "./arguments.ts";
import { takeRun, withRuns } from "./holding.ts";
import { noSuchRun } from "./runs.ts";
import { writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function removeRuns(
  root: string,
  names: readonly string[],
  args: Arguments,
  screen: Screen,
): Promise<number> {
  const problems = (project: Project) => names.flatMap((name) => problemsOf(project, name, args.flags.force === true));
  return withRuns(root, screen, problems, async ({ paths, digests }, leases) => {
    const isMeant = args.flags.yes === true;
    const told: { run: string; removed: boolean; content: RunContent }[] = [];
    for (const run of names) {
      const folder = join(paths.runs, run);
      const lease = isMeant ? await takeRun(folder, "exp runs rm", screen) : undefined;
      if (isMeant && lease === undefined) return exitCodes.interrupted;
      if (lease !== undefined) leases.push(lease);
      // Looked at while it is held: a build may have added to it.
      told.push({ run, removed: isMeant, content: contentOfRun(folder, digests) });
    }
    if (args.flags.json !== true) for (const one of told) writeLines(screen, wordRemoval(one));
    if (isMeant) for (const { run } of told) removeRun(paths.runs, run);
    if (args.flags.json === true)
      writeJson(
        screen,
        told.map(({ run, removed, content }) => ({ run, removed, ...content })),
      );
    else if (isMeant) writeLines(screen, ["content that no other run needs is left to exp gc"]);
    else writeLines(screen, [`nothing is removed yet: exp runs rm ${names.join(" ")} --yes`]);
    return isMeant ? exitCodes.done : exitCodes.incomplete;
  });
}

function problemsOf(project: Project, name: string, isForced: boolean): readonly Failure[] {
  const folder = new RunFolder(project.paths.runs, name);
  if (folder.load() === undefined) return [noSuchRun(project.paths.runs, name)];
  const pin = readPin(folder.folder);
  if (pin === undefined || isForced) return [];
  const note = pin.note === undefined ? "" : `: ${pin.note}`;
  return [
    inputFailure(`the run "${name}" is pinned by ${pin.by}${note}`, {
      fix: `exp runs unpin ${name}, or exp runs rm ${name} --force`,
    }),
  ];
}

function wordRemoval({ run, removed, content }: { run: string; removed: boolean; content: RunContent }): string[] {
  const { bytes, results, tookMs, costUsd, peoplesWork } = content;
  const cost = costUsd > 0 ? ` and ${formatMoney(costUsd)}` : "";
  return [
    `${run}: ${removed ? "removed" : "would be removed"}: ${formatBytes(bytes)}, and what it knows of ${countOf(results, "result")} that took ${formatDuration(tookMs)}${cost}`,
    ...peoplesWork.map(({ kind, path }) => `  ${kind}: ${join(run, path)}`),
  ];
}
