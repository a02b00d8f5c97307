// A Slurm cluster as people ask it: which of the project's jobs wait and run there.

import type { Submission } from "../backends/executors/remote/batches.ts";
import { submissionsOf } from "../backends/executors/remote/submission.ts";
import type { Cluster } from "../backends/executors/slurm/cluster.ts";
import { isLive, isWaiting } from "../backends/executors/slurm/states.ts";
import { openCarriers } from "./carriers.ts";
import type { Live, Outpost } from "./elsewhere.ts";
import { clusterOf, jobPrefixOf } from "./cluster.ts";
import type { Project } from "./project.ts";

export function slurmOutpost(project: Project, cluster: Cluster = clusterOf(project)): Outpost {
  return {
    name: "Slurm",
    submissionsOf,
    async see(submissions, findsStrays) {
      const named = await cluster.jobsNamed(`${jobPrefixOf(project)}-`);
      for (const submission of submissions)
        submission.job ??= named?.find(({ name }) => name === submission.intent.jobName)?.job;
      const queue = await cluster.queue();
      const live = new Map<Submission, Live>();
      for (const submission of submissions) {
        const batches = [...(queue?.get(submission.intent.jobName)?.values() ?? [])].filter(isLive);
        const waiting = batches.filter(isWaiting);
        live.set(submission, {
          running: batches.length - waiting.length,
          waiting: waiting.length,
          over: submission.batches.length - batches.length,
          reasons: distinct(waiting.map(({ reason }) => reason)),
          nodes: distinct(batches.map(({ node }) => node)),
        });
      }
      const own = new Set(submissions.map(({ intent }) => intent.jobName));
      const strays = findsStrays ? (named ?? []).filter(({ name }) => !own.has(name)) : [];
      return { isKnown: queue !== undefined && named !== undefined, live, strays };
    },
    open: (warn) => Promise.resolve(openCarriers(project, { through: undefined, warn })),
    end: (submissions, strays) =>
      cluster.cancel([...submissions.map(({ intent }) => intent.jobName), ...strays.map(({ name }) => name)]),
    close() {
      // Each question is a program of its own.
    },
  };
}

function distinct(words: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(words.filter((word) => word !== undefined))].sort();
}
