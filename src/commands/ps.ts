// `exp ps` and `exp sweep`: what the project has running elsewhere, and ending what no build waits for.

import { inputFailure } from "../model/failure.ts";
import { modalOutpost } from "../project/containers-elsewhere.ts";
import { sweepAt, workAt, type Outpost, type SubmittedWork } from "../project/elsewhere.ts";
import { clusterOf } from "../project/cluster.ts";
import { slurmOutpost } from "../project/jobs-elsewhere.ts";
import { modalUse } from "../project/modal-use.ts";
import type { Project } from "../project/project.ts";
import { listRuns } from "../runs/run.ts";
import { countOf, formatDuration } from "../report/amounts.ts";
import { alignRows } from "../report/columns.ts";
import { paint, span } from "../report/text.ts";
import type { Arguments } from "./arguments.ts";
import { findProject } from "./asking.ts";
import { noSuchRun } from "./runs.ts";
import { paletteOf, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export function ps(args: Arguments, screen: Screen): Promise<number> {
  return withElsewhere(screen, [], async (project, outposts) => {
    const work = await Promise.all(outposts.map((outpost) => workAt(outpost, project)));
    const submitted = work.flatMap((one) => one.submitted);
    const strays = work.flatMap((one) => one.strays);
    const silent = wordSilent(work.find((one) => !one.isKnown));
    const isKnown = silent === undefined;
    for (const text of work.flatMap(({ warnings }) => warnings)) screen.writeError(`warning: ${text}\n`);
    for (const { silence } of work)
      if (silence !== undefined) screen.writeError(`what has ended cannot be learnt now: ${silence}\n`);
    if (args.flags.json === true) {
      writeJson(screen, { isKnown, submitted: submitted.map(jsonOf), strays });
      return isKnown ? exitCodes.done : exitCodes.failed;
    }
    const rows = submitted.map((work) => rowOf(work, screen.now()));
    if (rows.length + strays.length === 0) writeLines(screen, ["nothing runs elsewhere"]);
    else if (rows.length > 0)
      writeLines(
        screen,
        alignRows([head, ...rows].map((row) => row.map((cell) => span(cell)))).map((line) =>
          paint(line, paletteOf(screen)),
        ),
      );
    for (const { job, name } of strays)
      writeLines(screen, [`job ${job} (${name}) belongs to no run any more: exp sweep ends it`]);
    if (!isKnown) screen.writeError(`${silent}: what waits and what runs is not known\n`);
    return isKnown ? exitCodes.done : exitCodes.failed;
  });
}

export function sweep(args: Arguments, screen: Screen): Promise<number> {
  return withElsewhere(screen, args.operands, async (project, outposts) => {
    const swept = await Promise.all(outposts.map((outpost) => sweepAt(outpost, project, { runs: args.operands })));
    const ended = swept.flatMap((one) => one.ended);
    const kept = swept.flatMap((one) => one.kept);
    const strays = swept.flatMap((one) => one.strays);
    const silent = wordSilent(swept.find((one) => !one.isWhole));
    const isWhole = silent === undefined;
    if (args.flags.json === true)
      writeJson(screen, { ended: ended.map(jsonOf), kept: kept.map(jsonOf), strays, isWhole });
    else {
      const batches = ended.reduce((sum, { running, waiting }) => sum + running + waiting, 0);
      writeLines(screen, [
        batches === 0 && strays.length === 0
          ? "nothing to end"
          : `ended ${countOf(batches, "batch", "batches")}${strays.length === 0 ? "" : ` and ${countOf(strays.length, "job")} of runs that are gone`}`,
        ...kept.map(
          ({ run, submission, holder }) => `kept ${submission.intent.target} of run ${run}: ${holder} waits for it`,
        ),
      ]);
      if (!isWhole) screen.writeError(`${silent}: what runs was not ended\n`);
    }
    return isWhole ? exitCodes.done : exitCodes.failed;
  });
}

function wordSilent(
  one: { readonly name: string; readonly problem?: string | undefined } | undefined,
): string | undefined {
  return one === undefined ? undefined : (one.problem ?? `${one.name} does not answer`);
}

const head = ["run", "target", "job", "batches", "actions", "nodes", "for", "waited for by"];

/** Of a machine that submits to no cluster only Modal is asked, if the project has used it. */
async function withElsewhere(
  screen: Screen,
  runs: readonly string[],
  act: (project: Project, outposts: readonly Outpost[]) => Promise<number>,
): Promise<number> {
  const project = await findProject(screen);
  if (!project.ok) {
    showFailures(screen, project.error);
    return exitCodes.wrongInput;
  }
  const outposts: Outpost[] = [];
  try {
    const known = listRuns(project.value.paths.runs);
    const unknown = runs
      .filter((name) => !known.includes(name))
      .map((name) => noSuchRun(project.value.paths.runs, name));
    if (unknown.length > 0) {
      showFailures(screen, unknown);
      return exitCodes.wrongInput;
    }
    const problem = await clusterOf(project.value).problem();
    if (problem === undefined) outposts.push(slurmOutpost(project.value));
    if (modalUse(project.value) !== undefined) outposts.push(modalOutpost(project.value));
    if (outposts.length > 0) return await act(project.value, outposts);
    showFailures(screen, [
      inputFailure(`what runs on a cluster is not known here: ${problem}`, {
        fix: "Ask where it was submitted, on a login node. The project has used no Modal.",
      }),
    ]);
    return exitCodes.wrongInput;
  } finally {
    for (const outpost of outposts) outpost.close();
    project.value.close();
  }
}

function rowOf(
  { submission, run, running, waiting, over, reasons, actions, ended, nodes, holder }: SubmittedWork,
  now: number,
): string[] {
  const batches = [
    ...(running > 0 ? [`${running} running`] : []),
    ...(waiting > 0 ? [`${waiting} waiting${reasons.length > 0 ? ` (${reasons.join(", ")})` : ""}`] : []),
    ...(over > 0 ? [`${over} over`] : []),
  ];
  return [
    run,
    submission.intent.target,
    submission.job ?? "?",
    batches.join(", "),
    `${ended} of ${actions} ended`,
    nodes.join(","),
    formatDuration(now - submission.intent.at),
    holder ?? "nobody",
  ];
}

function jsonOf({ submission, run, running, waiting, over, reasons, actions, ended, nodes, holder }: SubmittedWork) {
  const { id, target, at } = submission.intent;
  return {
    ...{ id, run, target, job: submission.job ?? null, at, batches: { running, waiting, over }, reasons },
    ...{ actions, ended, nodes, holder: holder ?? null },
  };
}
