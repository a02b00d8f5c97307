// Batches whose turn never comes unless somebody does something: which they are, and in which words people are told. `squeue` shows them as waiting, like all
// others.

import type { BatchState } from "./states.ts";

/** Batches of one job that are held for one reason, or ask for too much. */
export interface Stuck {
  /** In Slurm's own word; the first, where its schedulers give one each. */
  readonly reason: string;
  /** They have to be let go. Otherwise they ask for what the cluster never gives. */
  readonly isHeld: boolean;
  readonly count: number;
}

/** By a person, by the cluster's administrators, or by Slurm itself, where a batch could not be started on its node or was requeued too often. */
const held = /held|hold/i;

/** Reasons (https://slurm.schedmd.com/job_reason_codes.html) that time does not mend. A node that is away, or a budget that is used up, may come back. */
const unfit =
  /^(?:BadConstraints|DependencyNeverSatisfied|Partition(?:TimeLimit|NodeLimit|Config)|Invalid(?:Account|QOS)|(?:Account|QOS)NotAllowed|MaxMemPerLimit|(?:Assoc|QOS)Max\w+Per(?:Job|Node)\w*)$/;

/** Of one job, whose batches all ask for the same: by the reason for which they are held, or by that they are `unfit`. */
export function stuckIn(states: Iterable<BatchState>): ReadonlyMap<string, Stuck> {
  const found = new Map<string, Stuck>();
  for (const { state, reason = state } of states) {
    if (state !== "PENDING" && state !== "REQUEUE_HOLD" && state !== "SPECIAL_EXIT") continue;
    // Slurm writes some reasons as words and some as a sentence.
    const word = reason.replaceAll(" ", "_");
    const isHeld = state !== "PENDING" || held.test(word);
    if (!isHeld && !unfit.test(word)) continue;
    const kind = isHeld ? word : "unfit";
    const { count, reason: first } = found.get(kind) ?? { count: 0, reason: word };
    found.set(kind, { reason: first, isHeld, count: count + 1 });
  }
  return found;
}

export function wordStuck(
  { reason, isHeld, count }: Stuck,
  { job, target }: { readonly job: string; readonly target: string },
): string {
  const [batches, wait, ask, them] =
    count === 1 ? ["a batch", "It waits", "it asks", "it"] : [`${count} batches`, "They wait", "they ask", "them"];
  const which = `${batches} of ${target} (job ${job}, ${reason})`;
  if (reason === "JobHeldAdmin") return `Slurm holds ${which}. ${wait} until its administrators let ${them} go`;
  return isHeld
    ? `Slurm holds ${which}. ${wait} until somebody says: scontrol release ${job}`
    : `Slurm does not begin ${which}: ${ask} for what it does not give. Interrupt the build, ask for something else (slurm: in exp.local.yaml), and build again`;
}
