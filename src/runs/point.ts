// A point of a run: `default@3` is the run as its third build left it, `default` as it is now.

import { inputFailure, type Failure } from "../model/failure.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { suggest } from "../util/suggest.ts";
import { listRuns, RunFolder, UnreadableRun, type HistoryEntry, type RunState } from "./run.ts";

export interface RunPoint {
  readonly run: RunFolder;
  readonly state: RunState;
  /** Undefined: as it is now. */
  readonly build: number | undefined;
  /** The build's entry in the history; of `default`, the last. */
  readonly entry: HistoryEntry | undefined;
}

export function findPoint(runsFolder: string, text: string): Result<RunPoint, Failure> {
  const match = /^(.+?)(?:@(.*))?$/.exec(text);
  const id = match?.[1] ?? text;
  const run = new RunFolder(runsFolder, id);
  let state: RunState | undefined;
  try {
    state = run.load();
  } catch (error) {
    if (!(error instanceof UnreadableRun)) throw error;
    return fail(error.failures[0]!);
  }
  if (state === undefined) {
    const near = suggest(id, listRuns(runsFolder));
    return fail(
      inputFailure(`there is no run "${id}"`, { fix: near ? `Did you mean "${near}"?` : "exp runs lists them." }),
    );
  }
  const history = run.history();
  if (match?.[2] === undefined) return ok({ run, state, build: undefined, entry: history.at(-1) });
  const build = Number(match[2]);
  const entry = history.find((one) => one.build === build);
  if (entry !== undefined) return ok({ run, state, build, entry });
  const numbers = history.map((one) => one.build);
  return fail(
    inputFailure(`the run "${id}" has no build ${match[2]}`, {
      fix:
        numbers.length === 0
          ? "It was never built."
          : `It has ${wordNumbers(numbers)}; exp runs show ${id} lists them.`,
    }),
  );
}

function wordNumbers(numbers: readonly number[]): string {
  const [first, last] = [numbers[0]!, numbers.at(-1)!];
  return numbers.length === 1 ? `build ${first}` : `builds ${first} to ${last}`;
}
