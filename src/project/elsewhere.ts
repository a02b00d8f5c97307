// What the project has submitted to a cluster and not taken in yet: what of it runs where, whether a build waits for it, and ending it.

import { join } from "node:path";
import { Submission } from "../backends/executors/remote/batches.ts";
import type { Cluster } from "../backends/executors/slurm/cluster.ts";
import { isLive, isWaiting } from "../backends/executors/slurm/states.ts";
import { submissionsOf } from "../backends/executors/remote/submission.ts";
import { livingHolders, type Holder } from "../runs/lease.ts";
import { runFolders } from "../runs/roots.ts";
import { openCarriers } from "./carriers.ts";
import { clusterOf, jobPrefixOf } from "./executors.ts";
import { useStores, type Project } from "./project.ts";

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
  /** Why what has ended cannot be learnt now, of what travelled through a shared cache. */
  readonly silence?: string | undefined;
  readonly warnings: readonly string[];
}

/** `targets`: of these alone, and no strays. */
export interface Asked {
  readonly runs?: readonly string[];
  readonly targets?: readonly string[] | undefined;
}

export async function workElsewhere(
  project: Project,
  { runs = [], targets }: Asked = {},
  cluster: Cluster = clusterOf(project),
): Promise<Work> {
  const folders = [...runFolders(project.paths.runs)];
  const found = folders.flatMap(([run, folder]) =>
    submissionsOf(folder).flatMap((each) => {
      const intent = each.intent();
      const isAsked = targets === undefined || (runs.includes(run) && targets.includes(intent?.target ?? ""));
      return intent === undefined || !isAsked ? [] : [{ run, submission: new Submission(each, intent) }];
    }),
  );
  if (found.length === 0 && targets !== undefined) return { submitted: [], strays: [], isKnown: true, warnings: [] };
  const named = await cluster.jobsNamed(`${jobPrefixOf(project)}-`);
  for (const { submission } of found)
    submission.job ??= named?.find(({ name }) => name === submission.intent.jobName)?.job;
  const queue = await cluster.queue();
  const { silence, warnings } = await hear(
    project,
    found.map(({ submission }) => submission),
  );
  const holders = await holdersOf(
    project,
    found.flatMap(({ run, submission }) => [run, ...submission.folder.waiters().keys()]),
  );
  const submitted = found.map(({ run, submission }): SubmittedWork => {
    const states = queue?.get(submission.intent.jobName);
    const live = [...(states?.values() ?? [])].filter(isLive);
    const waiting = live.filter(isWaiting);
    return {
      submission,
      run,
      running: live.length - waiting.length,
      waiting: waiting.length,
      over: submission.batches.length - live.length,
      actions: submission.batches.reduce((sum, { keys }) => sum + keys.length, 0),
      ended: submission.batches.reduce((sum, batch) => sum + batch.endedCount, 0),
      nodes: [...new Set(live.flatMap(({ node }) => node ?? []))].sort(),
      holder: whoWaits(submission, run, holders),
    };
  });
  // What is over belongs to the build that is about to take it in, if there is one.
  const open = submitted.filter(({ running, waiting, holder }) => running + waiting > 0 || holder === undefined);
  const own = new Set(found.map(({ submission }) => submission.intent.jobName));
  const strays = targets === undefined ? (named ?? []).filter(({ name }) => !own.has(name)) : [];
  return { submitted: open, strays, isKnown: queue !== undefined && named !== undefined, silence, warnings };
}

/** What their batches have told since somebody last listened, of what travelled through a shared cache. */
async function hear(
  project: Project,
  submissions: readonly Submission[],
): Promise<{ readonly silence: string | undefined; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const travelled = submissions.filter(({ folder }) => folder.place() !== undefined);
  let silence: string | undefined;
  if (travelled.length > 0) {
    const carrier = openCarriers(project, { through: undefined, warn: (text) => warnings.push(text) });
    const using = useStores(project, "what runs elsewhere");
    try {
      for (const submission of travelled) silence ??= await carrier.collect(submission.folder, submission.speaking());
    } finally {
      carrier.close();
      using?.release();
    }
  }
  for (const submission of submissions) submission.readNews();
  return { silence, warnings };
}

/** The living holders of runs. */
export async function holdersOf(project: Project, runs: readonly string[]): Promise<ReadonlyMap<string, Holder>> {
  const holders = new Map<string, Holder>();
  for (const run of new Set(runs)) {
    const [holder] = await livingHolders([join(project.paths.runs, run, "lock")]);
    if (holder !== undefined) holders.set(run, holder);
  }
  return holders;
}

/** A build that has submitted it, or taken it up: others hold their run for something else. */
export function whoWaits(
  { folder, intent }: Submission,
  run: string,
  holders: ReadonlyMap<string, Holder>,
): string | undefined {
  const waiters = [[run, intent.driver] as const, ...folder.waiters()];
  return waiters.flatMap(([name, driver]) => {
    const holder = holders.get(name);
    return holder?.process === driver ? [holder.words] : [];
  })[0];
}

export interface SweptWork {
  readonly ended: readonly SubmittedWork[];
  readonly kept: readonly SubmittedWork[];
  readonly strays: Work["strays"];
  readonly isWhole: boolean;
}

/** Ends what no build waits for. What it has come to stays for the next build. */
export async function sweepElsewhere(project: Project, { runs = [], targets }: Asked): Promise<SweptWork> {
  const cluster = clusterOf(project);
  const { submitted, strays, isKnown, silence } = await workElsewhere(project, { runs, targets }, cluster);
  const asked = submitted.filter(({ run }) => runs.length === 0 || runs.includes(run));
  const kept = asked.filter(({ holder }) => holder !== undefined);
  const ended = asked.filter((work) => work.holder === undefined && work.running + work.waiting > 0);
  const lost = runs.length === 0 ? strays : [];
  const carrier = openCarriers(project, { through: undefined, warn: () => undefined });
  for (const { submission } of ended) {
    submission.folder.giveUp();
    await carrier.giveUp(submission.folder);
  }
  carrier.close();
  const names = [...ended.map(({ submission }) => submission.intent.jobName), ...lost.map(({ name }) => name)];
  const isTaken = await cluster.cancel(names);
  // What is over and has come to nothing that could be taken in is of no use to anybody.
  for (const { submission, running, waiting, holder } of asked)
    if (
      holder === undefined &&
      running + waiting === 0 &&
      isKnown &&
      silence === undefined &&
      submission.batches.every((batch) => batch.unasked().length === 0)
    )
      submission.folder.remove();
  return { ended, kept, strays: lost, isWhole: isTaken && isKnown };
}
