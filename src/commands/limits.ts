// What a command may use of this machine: -j and --limit.

import { inputFailure, type Failure } from "../model/failure.ts";
import type { Limits } from "../engine/resources.ts";
import { machineLimits } from "../project/project.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { Arguments } from "./arguments.ts";

export function readLimits(args: Arguments): Result<Limits, readonly Failure[]> {
  const failures: Failure[] = [];
  const { jobs } = args.flags as { jobs?: string };
  if (jobs !== undefined && !isWholeAboveZero(jobs))
    failures.push(inputFailure(`-j takes a whole number above 0, not "${jobs}"`, { fix: "-j 4" }));
  const named = Object.create(null) as Record<string, number>;
  for (const text of (args.flags.limit ?? []) as readonly string[]) {
    const match = /^(.+)=(\d+(?:\.\d+)?)$/.exec(text);
    if (match === null)
      failures.push(inputFailure(`--limit takes NAME=NUMBER, not "${text}"`, { fix: "--limit api:anthropic=4" }));
    else named[match[1]!] = Number(match[2]);
  }
  return failures.length > 0 ? fail(failures) : ok(machineLimits(jobs === undefined ? undefined : Number(jobs), named));
}

/** As people write it: `4`, and not `4.0`, `1e3` or `0x10`. */
export function isWholeAboveZero(text: string): boolean {
  return /^0*[1-9]\d{0,14}$/.test(text);
}
