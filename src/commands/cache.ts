// `exp cache`: the cache that a team shares: whether it answers, and publishing there what this machine has computed. Other verbs have files of their own.

import { performance } from "node:perf_hooks";
import type { SharedCache } from "../backends/store/shared-cache.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { loadExpfile } from "../project/expfile.ts";
import type { Project } from "../project/project.ts";
import { publishAll } from "../project/push.ts";
import { openShared, sharedVariables } from "../project/shared.ts";
import { countOf, formatBytes, formatDuration } from "../report/amounts.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { suggest } from "../util/suggest.ts";
import type { Arguments } from "./arguments.ts";
import { findProject } from "./asking.ts";
import { showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

/** What a verb has to say, and how the command ends. */
export interface Told {
  readonly json: object;
  readonly lines: readonly string[];
  readonly exitCode: number;
}
export type Answer = Result<Told, readonly Failure[]>;

export interface Surroundings {
  readonly shared: SharedCache;
  readonly project: Project;
  readonly args: Arguments;
  readonly screen: Screen;
}
type Verb = (around: Surroundings, words: readonly string[]) => Promise<Answer>;

const verbs: Readonly<Record<string, () => Promise<Verb> | Verb>> = {
  stat: () => stat,
  pull: async () => (await import("./cache-pull.ts")).pull,
  push: () => push,
  sweep: async () => (await import("./cache-sweep.ts")).sweep,
  verify: async () => (await import("./cache-verify.ts")).verify,
};

export async function cache(args: Arguments, screen: Screen): Promise<number> {
  const project = await findProject(screen);
  const told = project.ok ? await answer(project.value, args, screen) : project;
  if (project.ok) project.value.close();
  if (!told.ok) {
    showFailures(screen, told.error);
    return exitCodes.wrongInput;
  }
  if (args.flags.json === true) writeJson(screen, told.value.json);
  else writeLines(screen, told.value.lines);
  return told.value.exitCode;
}

async function answer(project: Project, args: Arguments, screen: Screen): Promise<Answer> {
  const [verb = "stat", ...words] = args.operands;
  const load = verbs[verb];
  if (load === undefined) return fail([unknown(verb, Object.keys(verbs))]);
  if (verb !== "pull" && words.length > 0)
    return fail([
      inputFailure(`exp cache ${verb} takes no words: "${words[0]!}" is too much`, { fix: `exp cache ${verb}` }),
    ]);
  const act = await load();
  const shared = await sharedOf(project, args, screen);
  if (!shared.ok) return shared;
  // What waits for an answer is told that none comes any more.
  const leave = () => shared.value.close();
  screen.signal.addEventListener("abort", leave, { once: true });
  try {
    const told = await act({ shared: shared.value, project, args, screen }, words);
    return told.ok && screen.signal.aborted ? ok({ ...told.value, exitCode: exitCodes.interrupted }) : told;
  } finally {
    screen.signal.removeEventListener("abort", leave);
    shared.value.close();
  }
}

function unknown(verb: string, known: readonly string[]): Failure {
  const near = suggest(verb, known);
  return inputFailure(`exp cache knows no "${verb}"`, {
    fix: near === undefined ? `exp cache ${known.join("|")}` : `Did you mean "exp cache ${near}"?`,
  });
}

async function sharedOf(
  project: Project,
  args: Arguments,
  screen: Screen,
): Promise<Result<SharedCache, readonly Failure[]>> {
  const { root, cache } = project.paths;
  const expfile = await loadExpfile(root, cache, (path) => project.digests.digestOf(path));
  if (!expfile.ok) return expfile;
  const shared = await openShared(project, {
    flag: args.flags.shared as string | undefined,
    declared: expfile.value.experiments.settings?.cache?.shared,
    warn: (text) => screen.writeError(`warning: ${text}\n`),
  });
  if (!shared.ok) return shared;
  return shared.value === undefined ? fail([noShared()]) : ok(shared.value);
}

export function noShared(): Failure {
  return inputFailure("no shared cache is named", {
    fix: `--shared PLACE, ${sharedVariables.place}, or experiments({ … }, { cache: { shared: "…" } })`,
  });
}

async function stat({ shared }: Surroundings): Promise<Answer> {
  const startedAt = performance.now();
  const answers = (await shared.answers()) === true;
  const tookMs = performance.now() - startedAt;
  const { place, mayWrite, isSigned } = shared;
  return ok({
    json: { place, answers, tookMs, publishes: mayWrite, signed: isSigned },
    lines: [
      place,
      answers ? `answers in ${formatDuration(tookMs)}` : "does not answer",
      mayWrite ? "what is computed here is published there" : "what is computed here is not published there",
      isSigned
        ? "results are signed, and only signed ones are taken"
        : "results are not signed: whoever can write there is trusted",
    ],
    exitCode: answers ? exitCodes.done : exitCodes.failed,
  });
}

async function push({ shared, project, screen }: Surroundings): Promise<Answer> {
  if (!shared.mayWrite)
    return fail([
      inputFailure("what is computed here is not published", {
        fix: `${sharedVariables.publish}=1 says otherwise, whatever the Expfile says.`,
      }),
    ]);
  publishAll(project, shared, screen.now());
  await shared.settle(Infinity);
  const { offered, results: published, bytes, there, gone } = shared.published;
  const left = offered - published - there - gone;
  return ok({
    json: { place: shared.place, results: offered, published, bytes, there, gone, left },
    lines: [
      `${shared.place}: published ${countOf(published, "result")}, ${formatBytes(bytes)}; ${there} were there already`,
      ...(gone > 0 ? [`the content of ${countOf(gone, "result")} is no longer here`] : []),
      ...(left > 0 ? [`${countOf(left, "result")} could not be published`] : []),
    ],
    exitCode: left > 0 ? exitCodes.failed : exitCodes.done,
  });
}
