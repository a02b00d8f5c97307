// `exp cache`: the cache that a team shares: whether it answers, and publishing there what this machine has computed.

import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { forEachEntry } from "../backends/store/action-cache.ts";
import type { SharedCache } from "../backends/store/shared-cache.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { loadExpfile } from "../project/expfile.ts";
import type { Project } from "../project/project.ts";
import { openShared, sharedVariables } from "../project/shared.ts";
import { countOf, formatBytes, formatDuration } from "../report/amounts.ts";
import { fail, ok, type Result } from "../util/result.ts";
import type { Arguments } from "./arguments.ts";
import { findProject } from "./asking.ts";
import { showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

const verbs: Readonly<Record<string, (shared: SharedCache, project: Project) => Promise<Told>>> = { stat, push };

interface Told {
  readonly json: Readonly<Record<string, string | number | boolean>>;
  readonly lines: readonly string[];
  readonly isWhole: boolean;
}

export async function cache(args: Arguments, screen: Screen): Promise<number> {
  const wrong = (failures: readonly Failure[]) => {
    showFailures(screen, failures);
    return exitCodes.wrongInput;
  };
  const [verb = "stat", ...more] = args.operands;
  const act = verbs[verb];
  if (act === undefined || more.length > 0)
    return wrong([
      inputFailure(`unknown words "${args.operands.join(" ")}"`, { fix: "exp cache stat, or exp cache push" }),
    ]);
  const project = await findProject(screen);
  if (!project.ok) return wrong(project.error);
  try {
    const shared = await sharedOf(project.value, args, screen);
    if (!shared.ok) return wrong(shared.error);
    const { json, lines, isWhole } = await act(shared.value, project.value);
    shared.value.close();
    if (args.flags.json === true) writeJson(screen, json);
    else writeLines(screen, lines);
    return isWhole ? exitCodes.done : exitCodes.failed;
  } finally {
    project.value.close();
  }
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
  if (shared.value !== undefined) return ok(shared.value);
  return fail([
    inputFailure("no shared cache is named", {
      fix: `--shared PLACE, ${sharedVariables.place}, or experiments({ … }, { cache: { shared: "…" } })`,
    }),
  ]);
}

async function stat(shared: SharedCache): Promise<Told> {
  const startedAt = performance.now();
  const answers = (await shared.answers()) === true;
  const tookMs = performance.now() - startedAt;
  const { place, mayWrite, isSigned } = shared;
  return {
    json: { place, answers, tookMs, publishes: mayWrite, signed: isSigned },
    lines: [
      place,
      answers ? `answers in ${formatDuration(tookMs)}` : "does not answer",
      mayWrite ? "what is computed here is published there" : "what is computed here is not published there",
      isSigned
        ? "results are signed, and only signed ones are taken"
        : "results are not signed: whoever can write there is trusted",
    ],
    isWhole: answers,
  };
}

async function push(shared: SharedCache, { paths }: Project): Promise<Told> {
  let results = 0;
  forEachEntry(join(paths.cache, "actions"), (key, result) => {
    results++;
    shared.publish(key, result);
  });
  await shared.settle(Infinity);
  const { results: published, bytes, there } = shared.published;
  const left = results - published - there;
  return {
    json: { place: shared.place, results, published, bytes, there, left },
    lines: [
      `${shared.place}: published ${countOf(published, "result")}, ${formatBytes(bytes)}; ${there} were there already`,
      ...(left > 0 ? [`${countOf(left, "result")} could not be published, or their content is no longer here`] : []),
    ],
    isWhole: shared.mayWrite,
  };
}
