// What the project has submitted to a cluster and not taken in yet: what of it runs where, whether a build waits for it, and ending it.

import { join } from "node:path";
import { Submission } from "../backends/executors/remote/batches.ts";
import type { Cluster } from "../backends/executors/slurm/cluster.ts";
import { isLive, isWaiting } from "../backends/executors/slurm/states.ts";
import { submissionsOf } from "../backends/executors/remote/submission.ts";
import { livingHolders } from "../runs/lease.ts";
import { runFolders } from "../runs/roots.ts";
import { clusterOf, jobPrefixOf } from "./executors.ts";
import type { Project } from "./project.ts";

export interface SubmittedWork {
  readonly submission: Submission;
  readonly run: string;
  /** Batches by what the queue says of them. */
  readonly running: number;
  readonly waiting: number;
  readonly over: number;
  /** Actions, and how many of them have ended. */
  readonly actions: number;
  readonly ended: number;
  readonly nodes: readonly string[];
  /** Who waits for it: a build that is under way. */
  readonly holder: string | undefined;
}

export interface Work {
  readonly submitted: readonly SubmittedWork[];
  /** Jobs of the project in the queue that belong to nothing: their run was removed, say. */
  readonly strays: readonly { readonly job: string; readonly name: string }[];
  /** False: Slurm does not answer, and what runs is not known. */
  readonly isKnown: boolean;
}

export async function workElsewhere(project: Project, cluster: Cluster = clusterOf(project)): Promise<Work> {
  const runs = runFolders(project.paths.runs);
  const found = [...runs].flatMap(([run, folder]) =>
    submissionsOf(folder).flatMap((each) => {
      const intent = each.intent();
      return intent === undefined ? [] : [{ run, submission: new Submission(each, intent) }];
    }),
  );
  const named = await cluster.jobsNamed(`${jobPrefixOf(project)}-`);
  for (const { submission } of found)
    submission.job ??= named?.find(({ name }) => name === submission.intent.jobName)?.job;
  const queue = await cluster.queue();
  const holders = new Map<string, string>();
  for (const run of new Set(found.flatMap(({ run, submission }) => [run, ...submission.folder.waiters()]))) {
    const [holder] = await livingHolders([join(project.paths.runs, run, "lock")]);
    if (holder !== undefined) holders.set(run, holder.words);
  }
  const submitted = found.map(({ run, submission }): SubmittedWork => {
    submission.readNews();
    const states = queue?.get(submission.intent.jobName);
    const live = [...(states?.values() ?? [])].filter(isLive);
    const waiting = live.filter(isWaiting);
    const holder = [run, ...submission.folder.waiters()].flatMap((name) => holders.get(name) ?? [])[0];
    return {
      submission,
      run,
      running: live.length - waiting.length,
      waiting: waiting.length,
      over: submission.batches.length - live.length,
      actions: submission.batches.reduce((sum, { keys }) => sum + keys.length, 0),
      ended: submission.batches.reduce((sum, batch) => sum + batch.endedCount, 0),
      nodes: [...new Set(live.flatMap(({ node }) => node ?? []))].sort(),
      holder,
    };
  });
  // What is over belongs to the build that is about to take it in, if there is one.
  const open = submitted.filter(({ running, waiting, holder }) => running + waiting > 0 || holder === undefined);
  const own = new Set(found.map(({ submission }) => submission.intent.jobName));
  const strays = (named ?? []).filter(({ name }) => !own.has(name));
  return { submitted: open, strays, isKnown: queue !== undefined && named !== undefined };
}

export interface SweptWork {
  readonly ended: readonly SubmittedWork[];
  readonly kept: readonly SubmittedWork[];
  readonly strays: Work["strays"];
  readonly isWhole: boolean;
}

/** Ends what no build waits for. What it has come to stays for the next build. */
export async function sweepElsewhere(project: Project, runs: readonly string[]): Promise<SweptWork> {
  const cluster = clusterOf(project);
  const { submitted, strays, isKnown } = await workElsewhere(project, cluster);
  const asked = submitted.filter(({ run }) => runs.length === 0 || runs.includes(run));
  const kept = asked.filter(({ holder }) => holder !== undefined);
  const ended = asked.filter((work) => work.holder === undefined && work.running + work.waiting > 0);
  const lost = runs.length === 0 ? strays : [];
  for (const { submission } of ended) submission.folder.giveUp();
  const names = [...ended.map(({ submission }) => submission.intent.jobName), ...lost.map(({ name }) => name)];
  const isTaken = await cluster.cancel(names);
  // What is over and has come to nothing that could be taken in is of no use to anybody.
  for (const { submission, running, waiting, holder } of asked)
    if (
      holder === undefined &&
      running + waiting === 0 &&
      isKnown &&
      submission.batches.every((batch) => batch.unasked().length === 0)
    )
      submission.folder.remove();
  return { ended, kept, strays: lost, isWhole: isTaken && isKnown };
}
