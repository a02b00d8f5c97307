// Loads Expfile.ts: what it exports, what evaluating it looked at, and whom to blame for what it throws.

import { pathToFileURL } from "node:url";
import type { Experiments } from "../api/experiment.ts";
import { FailureError, inputFailure, type Failure } from "../model/failure.ts";
import type { DigestOf, WatchedRecord } from "../planning/bundle/watched.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { orStandstill } from "../util/standstill.ts";
import { failureOfThrown } from "./blame.ts";
import { compiledExpfile, expfileName } from "./compiled-expfile.ts";
import { Looks } from "./looks.ts";

export interface LoadedExpfile {
  readonly experiments: Experiments;
  readonly watched: WatchedRecord;
  /** What evaluating it looked at, and what it declared does so later: experiments, patterns. */
  readonly looks: Looks;
  /** Ways in which it can look at the world that are not recorded, as far as it is known now: with one, no build is taken for up to date unseen. */
  readonly impure: readonly string[];
  /** What a function of it threw while it was `doing` something, at the place where it did. */
  readonly blame: (error: unknown, doing: string) => Failure;
}

/** By module: Node evaluates it once a process, so a second load looks at nothing any more. */
const looksOf = new Map<string, Looks>();
/** What looks at the world unrecorded, or threw, is evaluated anew each time: the second build of a process may meet another world. */
let evaluations = 0;

export async function loadExpfile(
  root: string,
  cacheFolder: string,
  digestOf: DigestOf,
): Promise<Result<LoadedExpfile, readonly Failure[]>> {
  const compiled = await compiledExpfile(root, cacheFolder, digestOf);
  if (!compiled.ok) return compiled;
  const { file, watched, impure } = compiled.value;
  const known = looksOf.get(file);
  const isKept = known !== undefined && known.impure.size === 0 && impure.length === 0;
  const blame = (error: unknown, doing: string) => failureOfThrown(error, doing, { root, module: file });
  const looks = isKept ? known : new Looks();
  const address = `${pathToFileURL(file).href}${isKept || known === undefined ? "" : `?${++evaluations}`}`;
  looksOf.set(file, looks);
  let exported: unknown;
  try {
    exported = await looks.during(async () => {
      const module = (await orStandstill(() => import(address), neverSettled)) as { default?: unknown };
      return module.default;
    });
  } catch (error) {
    looks.impure.add("an error");
    if (error instanceof FailureError) return fail(error.failures);
    return fail([blame(error, "evaluating the Expfile")]);
  }
  if (!isExperiments(exported)) {
    return fail([
      inputFailure("the Expfile exports no experiments", {
        where: { file: expfileName },
        fix: "export default experiments({ main: () => ({ … }) });",
      }),
    ]);
  }
  return ok({
    experiments: exported,
    watched,
    looks,
    blame,
    get impure() {
      return [...impure, ...looks.impure];
    },
  });
}

function neverSettled(): Error {
  const what =
    "the Expfile awaits a promise that was never settled: no timer, file, connection, process or thread is left that could settle it";
  const fix = "Look for an `await` outside of functions, in the Expfile and in what it imports";
  return new FailureError([inputFailure(what, { where: { file: expfileName }, fix })]);
}

function isExperiments(value: unknown): value is Experiments {
  return typeof value === "object" && value !== null && (value as Partial<Experiments>).kind === "experiments";
}
