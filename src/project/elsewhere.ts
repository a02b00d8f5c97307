// What the project has submitted elsewhere and not taken in yet: what of it runs where, whether a build waits for it, and ending it. The same for every
// place where work may be.

import { join } from "node:path";
import { Submission } from "../backends/executors/remote/batches.ts";
import type { Carrier } from "../backends/executors/remote/carrier.ts";
import type { SubmissionFolder } from "../backends/executors/remote/submission.ts";
import { livingHolders, type Holder } from "../runs/lease.ts";
import { runFolders } from "../runs/roots.ts";
import { useStores, type Project } from "./project.ts";

/** A place where work of the project may be, as it is asked by people: without the Expfile, and by name. */
export interface Outpost {
  /** "Slurm does not answer". */
  readonly name: string;
  /** Of one run. */
  submissionsOf(runFolder: string): readonly SubmissionFolder[];
  /** What of them waits and runs; of nothing if nothing of the project can be there. `findsStrays`: also what belongs to no run. */
  see(submissions: readonly Submission[], findsStrays: boolean): Promise<Sight>;
  /** Through which they are heard of. Undefined: it cannot be reached now. */
  open(warn: (text: string) => void): Promise<Carrier | undefined>;
  /** False: there is no answer. */
  end(submissions: readonly Submission[], strays: readonly Stray[]): Promise<boolean>;
  close(): void;
}

/** Work of the project that belongs to nothing: its run was removed, say. */
export interface Stray {
  readonly job: string;
  readonly name: string;
}

/** Batches of a submission. */
export interface Live {
  readonly running: number;
  readonly waiting: number;
  readonly over: number;
  /** Why those wait that wait, in the place's own words. */
  readonly reasons: readonly string[];
  readonly nodes: readonly string[];
}

export interface Sight {
  /** False: what runs is not known. */
  readonly isKnown: boolean;
  /** Why not, where it is not that there was no answer. */
  readonly problem?: string | undefined;
  readonly live: ReadonlyMap<Submission, Live>;
  readonly strays: readonly Stray[];
}

export interface SubmittedWork extends Live {
  readonly submission: Submission;
  readonly run: string;
  /** Actions, and how many of them have ended. */
  readonly actions: number;
  readonly ended: number;
  /** Who waits for it: a build that is under way. */
  readonly holder: string | undefined;
}

export interface Work {
  /** Of the place. */
  readonly name: string;
  readonly submitted: readonly SubmittedWork[];
  readonly strays: readonly Stray[];
  readonly isKnown: boolean;
  readonly problem?: string | undefined;
  /** Why what has ended cannot be learnt now, of what travelled by content. */
  readonly silence: string | undefined;
  readonly warnings: readonly string[];
}

/** `targets`: of these alone, and no strays. */
export interface Asked {
  readonly runs?: readonly string[];
  readonly targets?: readonly string[] | undefined;
}

export async function workAt(outpost: Outpost, project: Project, { runs = [], targets }: Asked = {}): Promise<Work> {
  const found = [...runFolders(project.paths.runs)].flatMap(([run, folder]) =>
    outpost.submissionsOf(folder).flatMap((each) => {
      const intent = each.intent();
      const isAsked = targets === undefined || (runs.includes(run) && targets.includes(intent?.target ?? ""));
      return intent === undefined || !isAsked ? [] : [{ run, submission: new Submission(each, intent) }];
    }),
  );
  const nothing = { name: outpost.name, submitted: [], strays: [], isKnown: true, silence: undefined, warnings: [] };
  if (found.length === 0 && targets !== undefined) return nothing;
  const submissions = found.map(({ submission }) => submission);
  const { isKnown, problem, live, strays } = await outpost.see(submissions, targets === undefined);
  const { silence, warnings } = await hear(outpost, project, submissions);
  const holders = await holdersOf(
    project,
    found.flatMap(({ run, submission }) => [run, ...submission.folder.waiters().keys()]),
  );
  const submitted = found.map(({ run, submission }): SubmittedWork => {
    const { batches } = submission;
    const own = live.get(submission) ?? { running: 0, waiting: 0, over: batches.length, reasons: [], nodes: [] };
    return {
      ...{ submission, run, ...own },
      actions: batches.reduce((sum, { keys }) => sum + keys.length, 0),
      ended: batches.reduce((sum, batch) => sum + batch.endedCount, 0),
      holder: whoWaits(submission, run, holders),
    };
  });
  // What is over belongs to the build that is about to take it in, if there is one.
  const open = submitted.filter(({ running, waiting, holder }) => running + waiting > 0 || holder === undefined);
  return { ...nothing, submitted: open, strays, isKnown, problem, silence, warnings };
}

/** What their batches have told since somebody last listened, of what travelled by content. */
async function hear(
  outpost: Outpost,
  project: Project,
  submissions: readonly Submission[],
): Promise<Pick<Work, "silence" | "warnings">> {
  const warnings: string[] = [];
  const travelled = submissions.filter(({ folder }) => folder.place() !== undefined);
  let silence: string | undefined;
  if (travelled.length > 0) {
    const using = useStores(project, "what runs elsewhere");
    const carrier = await outpost.open((text) => warnings.push(text));
    if (carrier === undefined) silence = `${outpost.name} cannot be reached`;
    try {
      for (const submission of travelled) silence ??= await carrier?.collect(submission.folder, submission.speaking());
    } finally {
      carrier?.close();
      using?.release();
    }
  }
  for (const submission of submissions) submission.readNews();
  return { silence, warnings };
}

/** The living holders of runs. */
async function holdersOf(project: Project, runs: readonly string[]): Promise<ReadonlyMap<string, Holder>> {
  const holders = new Map<string, Holder>();
  for (const run of new Set(runs)) {
    const [holder] = await livingHolders([join(project.paths.runs, run, "lock")]);
    if (holder !== undefined) holders.set(run, holder);
  }
  return holders;
}

/** A build that has submitted it, or taken it up: others hold their run for something else. */
function whoWaits(
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
  readonly name: string;
  readonly ended: readonly SubmittedWork[];
  readonly kept: readonly SubmittedWork[];
  readonly strays: readonly Stray[];
  readonly isWhole: boolean;
  readonly problem?: string | undefined;
}

/** Ends what no build waits for. What it has come to stays for the next build. */
export async function sweepAt(outpost: Outpost, project: Project, { runs = [], targets }: Asked): Promise<SweptWork> {
  const { name, submitted, strays, isKnown, problem, silence } = await workAt(outpost, project, { runs, targets });
  const asked = submitted.filter(({ run }) => runs.length === 0 || runs.includes(run));
  const kept = asked.filter(({ holder }) => holder !== undefined);
  const ended = asked.filter((work) => work.holder === undefined && work.running + work.waiting > 0);
  const lost = runs.length === 0 ? strays : [];
  if (ended.length > 0) {
    const carrier = await outpost.open(() => undefined);
    for (const { submission } of ended) {
      submission.folder.giveUp();
      await carrier?.giveUp(submission.folder);
    }
    carrier?.close();
  }
  const isTaken = await outpost.end(
    ended.map(({ submission }) => submission),
    lost,
  );
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
  return { name, ended, kept, strays: lost, isWhole: isTaken && isKnown, problem };
}
