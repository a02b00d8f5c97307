// What to do about a batch that has left the cluster without having finished: try again, with more or elsewhere, or give up, and in which words.

import type { Outcome } from "../executor.ts";
import type { Setback } from "../remote/request.ts";
import type { BatchState } from "./states.ts";

export type Verdict =
  | { readonly kind: "again"; readonly setback: Setback; readonly why: string }
  | { readonly kind: "failed"; readonly outcome: Outcome };

/** Losses without any progress. What ends with its machine is not the batch's fault. */
const mostLosses = 3;
const mostMishaps = 10;

export interface Lost {
  /** `12_3`. */
  readonly name: string;
  readonly fate: BatchState | undefined;
  readonly setback: Setback;
  /** Whether some of its actions ended. */
  readonly hasProgressed: boolean;
  /** The last lines that it printed. */
  readonly lastWords: string;
}

export function judge({ name, fate, setback, hasProgressed, lastWords }: Lost): Verdict {
  const where = fate?.node === undefined ? "" : ` on ${fate.node}`;
  const state = fate?.state ?? "unknown";
  const who = `Slurm's batch ${name}`;
  const losses = hasProgressed ? 0 : setback.losses + 1;
  const gave = {
    ...(fate?.memoryMiB !== undefined && { memoryMiB: fate.memoryMiB }),
    ...(fate?.minutes !== undefined && { minutes: fate.minutes }),
  };
  const again = (why: string, more: Partial<Setback> = {}): Verdict => ({
    kind: "again",
    setback: { ...setback, losses, gave, ...more },
    why: `${who} ${why}${where}`,
  });
  const giveUp = (why: "timeout" | "memory" | "lost", message: string): Verdict => ({
    kind: "failed",
    outcome: {
      kind: "failed",
      why,
      message,
      ...(lastWords !== "" && { stack: lastWords }),
      retryable: false,
      tookMs: 0,
      costUsd: 0,
    },
  });
  switch (state) {
    case "TIMEOUT":
    case "DEADLINE":
      if (losses > mostLosses)
        return giveUp(
          "timeout",
          `${who} ran into its limit of time${inMinutes(gave.minutes)}${where}, with ever more of it. Give it more: slurm: { time }`,
        );
      return again("ran into its limit of time", hasProgressed ? {} : { moreTime: setback.moreTime * 2 });
    case "OUT_OF_MEMORY":
      if (losses > mostLosses)
        return giveUp(
          "memory",
          `${who} used more memory than the ${gave.memoryMiB ?? "?"} MiB it was given${where}, with ever more of it. Give it more: resources: { memory }`,
        );
      // Whether or not something ended before: what needs more has not.
      return again("used more memory than it was given", { moreMemory: setback.moreMemory * 2 });
    case "CANCELLED":
      return giveUp("lost", `${who} was cancelled${where}: by scancel, or by those who run the cluster`);
    case "NODE_FAIL":
    case "BOOT_FAIL":
      if (losses > mostMishaps) return giveUp("lost", `${who} was lost with its node ${losses} times`);
      return again("was lost with its node", {
        exclude: fate?.node === undefined ? setback.exclude : [...new Set([...setback.exclude, fate.node])],
      });
    case "PREEMPTED":
    case "REVOKED":
      if (losses > mostMishaps) return giveUp("lost", `${who} was preempted ${losses} times`);
      return again("was preempted");
    default: {
      const how = howItEnded(fate);
      if (losses > mostLosses)
        return giveUp("lost", `${who} ended before its actions had, ${losses} times${where}${how}`);
      return again(`ended before its actions had${how}`);
    }
  }
}

function howItEnded(fate: BatchState | undefined): string {
  if (fate === undefined) return " (Slurm knows nothing of it any more)";
  const reason = fate.reason === undefined ? "" : `, ${fate.reason}`;
  return ` (${fate.state}${reason}${fate.exitCode === undefined ? "" : `, exit code ${fate.exitCode}`})`;
}

function inMinutes(minutes: number | undefined): string {
  return minutes === undefined ? "" : ` of ${minutes} min`;
}
