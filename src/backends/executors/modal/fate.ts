// What to do about a container that is over without having finished its batch: again, with more or as before, or give up, and in which words.

import { unreachable } from "../../../util/result.ts";
import type { Verdict } from "../remote/platform.ts";
import type { Setback } from "../remote/request.ts";
import type { Over } from "./cloud.ts";

/** Without any progress. What the platform did is not the batch's fault. */
const mostLosses = 3;
const mostMishaps = 10;
/** A process that was killed: most often by the kernel, for want of memory. */
const killed = 137;

export interface Lost {
  /** Of the container. */
  readonly name: string;
  /** Undefined: Modal knows nothing of it any more. */
  readonly fate: Over | undefined;
  readonly setback: Setback;
  /** Whether some of its actions ended. */
  readonly hasProgressed: boolean;
  readonly gave: { readonly memoryMiB: number; readonly lifetimeSeconds: number };
  /** The last lines that it printed. */
  readonly lastWords: string;
  /** What it was sent and did not find. */
  readonly lacked?: string | undefined;
}

export function judge({ name, fate, setback, hasProgressed, gave, lastWords, lacked }: Lost): Verdict {
  const who = `the container ${name}`;
  const losses = hasProgressed ? 0 : setback.losses + 1;
  const again = (why: string, more: Partial<Setback> = {}): Verdict => ({
    kind: "again",
    setback: { ...setback, losses, ...more },
    why: `${who} ${why}`,
  });
  const giveUp = (why: "timeout" | "memory" | "lost", message: string): Verdict => ({
    kind: "failed",
    outcome: {
      ...{ kind: "failed", why, message: `${who} ${message}`, retryable: false, tookMs: 0, costUsd: 0 },
      ...(lastWords !== "" && { stack: lastWords }),
    },
  });
  const mishap = (what: string): Verdict =>
    losses > mostMishaps ? giveUp("lost", `${what}, ${losses} times`) : again(what);
  const loss = (how: string): Verdict => (losses > mostLosses ? giveUp("lost", `${how}, ${losses} times`) : again(how));
  if (lacked !== undefined) return loss("did not find all that it was sent");
  if (fate === undefined) return mishap("is not known to Modal any more, and had not finished");
  switch (fate.status) {
    case "timeout": {
      const how = `ran into its limit of ${inMinutes(gave.lifetimeSeconds)}`;
      if (losses > mostLosses) return giveUp("timeout", `${how}, with ever more of it. Give it more: modal: { time }`);
      return again(how, hasProgressed ? {} : { moreTime: setback.moreTime * 2 });
    }
    case "failure": {
      if (fate.exitCode !== killed) return loss(`ended before its actions had (exit code ${fate.exitCode})`);
      const how = `was killed, as for want of memory, with ${gave.memoryMiB} MiB`;
      if (losses > mostLosses) return giveUp("memory", `${how}. Give it more: resources: { memory }`);
      return again(how, { moreMemory: setback.moreMemory * 2 });
    }
    case "terminated":
      return giveUp("lost", "was ended by somebody: by exp sweep, or in Modal's dashboard");
    // Preempted, or lost with its machine: GPUs may be taken back at any time.
    case "internal-failure":
      return mishap(`was taken back by Modal${said(fate.message)}`);
    case "init-failure":
      return loss(`could not begin${said(fate.message)}`);
    // Whatever the platform says: what the batch has not written down has not ended.
    case "success":
      return loss("ended before its actions had, with exit code 0");
    case "idle":
    case "unknown":
      return loss(`ended before its actions had${said(fate.message)}`);
    default:
      return unreachable(fate.status);
  }
}

function said(message: string): string {
  return message === "" ? "" : ` (${message})`;
}

function inMinutes(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
