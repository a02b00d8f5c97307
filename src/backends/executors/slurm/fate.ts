// What to do about a batch that has left the cluster without having finished: try again, with more or elsewhere, or give up, and in which words.

import type { Verdict } from "../remote/platform.ts";
import type { Setback } from "../remote/request.ts";
import { exitCodes } from "../remote/exit-codes.ts";
import type { BatchState } from "./states.ts";

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
  /** What it was sent and did not find. */
  readonly lacked?: string | undefined;
  /** Of its submission, in the project. */
  readonly folder: string;
}

export function judge({ name, fate, setback, hasProgressed, lastWords, lacked, folder }: Lost): Verdict {
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
  const giveUp = (why: "timeout" | "memory" | "lost" | "refused", message: string): Verdict => ({
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
  const unfit = whyUnfit(fate, folder);
  if (unfit !== undefined) return giveUp("refused", `${who} could not begin${where}: ${unfit}`);
  if (lacked !== undefined) {
    if (losses > mostLosses) return giveUp("lost", `${who} did not find what it was sent${where}, ${losses} times`);
    return again("did not find all that it was sent");
  }
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

/** It will be the same each time. */
function whyUnfit(fate: BatchState | undefined, folder: string): string | undefined {
  switch (fate?.exitCode) {
    // Slurm itself has no better word for an output file that it cannot open.
    case "0:53":
    case `${exitCodes.seesNoFolder}:0`:
      return `the node does not see ${folder}. Nodes that do not share the project's file system work through a shared cache: slurm: { files: "shared-cache" }`;
    case `${exitCodes.reachesNoPlace}:0`:
      return 'the node does not find in the shared cache what was sent there (slurm: { files: "shared-cache" }). The cache has to be one that nodes reach by the same name; or it has been swept since';
    case `${exitCodes.hasNoNode}:0`:
      return "there is no Node on it: load a module that brings it, or name its path (slurm: node, in exp.local.yaml)";
    default:
      return undefined;
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
