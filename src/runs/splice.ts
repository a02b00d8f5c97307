// A splice: another run's stage as given. `old@3:generate` names it; what it made counts in this run as the target's result.

import { inputFailure, type Failure } from "../model/failure.ts";
import { fail, ok, type Result } from "../util/result.ts";

export interface SpliceName {
  /** `old`, or `old@3`. */
  readonly point: string;
  readonly target: string;
}

export function parseSplice(text: string): Result<SpliceName, Failure> {
  const match = /^([^:]+):([^:]+)$/.exec(text);
  if (match !== null) return ok({ point: match[1]!, target: match[2]! });
  return fail(
    inputFailure(`--from takes RUN:TARGET, not "${text}"`, { fix: "--from old:generate, or --from old@3:generate" }),
  );
}
