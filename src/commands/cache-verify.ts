// `exp cache verify`: whether what lies in the shared cache is right, as far as this machine can name it.

import { join } from "node:path";
import { forEachEntry } from "../backends/store/action-cache.ts";
import { PackNotes } from "../backends/store/pack-notes.ts";
import { isForOthers } from "../backends/store/shared-entry.ts";
import { verifyShared, type Verified, type WrongEntry } from "../backends/store/shared-verify.ts";
import { Trace } from "../backends/store/trace.ts";
import type { ActionResult } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import { inputFailure } from "../model/failure.ts";
import { codesOf } from "../project/team-codes.ts";
import type { ProjectPaths } from "../project/paths.ts";
import { countOf, formatBytes } from "../report/amounts.ts";
import { listRuns } from "../runs/run.ts";
import { fail, ok, unreachable } from "../util/result.ts";
import type { Answer, Surroundings } from "./cache.ts";
import { isWholeAboveZero } from "./limits.ts";
import { exitCodes } from "./table.ts";

export async function verify({ shared, project, args }: Surroundings): Promise<Answer> {
  const sample = args.flags.sample as string | undefined;
  if (sample !== undefined && !isWholeAboveZero(sample))
    return fail([inputFailure(`--sample takes a whole number above 0, not "${sample}"`, { fix: "--sample 200" })]);
  const { own, targets } = resultsOf(project.paths);
  const beside = new Map<Digest, "codes" | "packs">();
  for (const [key, { result, label }] of codesOf(project.archive)) {
    own.set(key, result);
    targets.set(key, [label]);
    beside.set(key, "codes");
  }
  for (const key of new PackNotes(join(project.paths.cache, "packs.jsonl")).keys) {
    own.set(key, nothing);
    beside.set(key, "packs");
  }
  const verified = await verifyShared(shared.access, {
    own,
    beside,
    sample: sample === undefined ? Infinity : Number(sample),
    random: Math.random,
  });
  const { results, codes, packs, contents, bytes, unseen } = verified;
  const wrong = verified.wrong
    .map((entry) => ({ ...entry, targets: targets.get(entry.of ?? entry.name) ?? [] }))
    .sort((a, b) => (a.at < b.at ? -1 : 1));
  return ok({
    json: { place: shared.place, signed: shared.isSigned, results, codes, packs, contents, bytes, unseen, wrong },
    lines: [
      `${shared.place}: looked at ${wordLookedAt(verified)}, ${formatBytes(bytes)}`,
      ...wrong.map((entry) => `${entry.at} ${wordWrong(entry)}${wordTargets(entry.targets)}`),
      ...(unseen > 0 ? [`${countOf(unseen, "entry", "entries")} could not be looked at`] : []),
      ...(wrong.length > 0
        ? ["Builds do not use what is wrong. Remove it there; exp cache push publishes again what this machine has."]
        : []),
    ],
    exitCode: wrong.length > 0 || unseen > 0 ? exitCodes.failed : exitCodes.done,
  });
}

/** What a pack holds is known only there. */
const nothing: ActionResult = {
  outputs: {},
  ...{ at: 0, tookMs: 0, costUsd: 0, by: "", executor: "", attempts: 1 },
};

/** `12 results, 3 codes and 40 contents`. */
function wordLookedAt({ results, codes, packs, contents }: Verified): string {
  const entries = [
    countOf(results, "result"),
    ...(codes > 0 ? [countOf(codes, "code")] : []),
    ...(packs > 0 ? [countOf(packs, "pack")] : []),
  ];
  return `${entries.join(", ")} and ${countOf(contents, "content")}`;
}

function wordWrong({ kind, wrong }: WrongEntry): string {
  switch (wrong) {
    case "newer":
      return "is a result of a newer exp, which this one cannot read";
    case "unsigned":
    case "wrongly signed":
      return `is ${wrong}`;
    case "damaged":
      return kind === "ac" ? "is a result that makes no sense" : "is a folder's listing that makes no sense";
    case "other bytes":
      return "holds other bytes than its name stands for";
    case "missing":
      return "is missing, though a result names it";
    default:
      return unreachable(wrong);
  }
}

function wordTargets(targets: readonly string[]): string {
  const [first, ...more] = targets;
  if (first === undefined) return "";
  return ` (${first}${more.length > 0 ? ` and ${more.length} more` : ""})`;
}

/** What the action cache and all runs hold by action key, and for which targets, as `default:judge`. */
function resultsOf({ cache, runs }: ProjectPaths): {
  readonly own: Map<Digest, ActionResult>;
  readonly targets: Map<Digest, string[]>;
} {
  const own = new Map<Digest, ActionResult>();
  const targets = new Map<Digest, string[]>();
  forEachEntry(join(cache, "actions"), (key, result) => {
    if (isForOthers(result) && !own.has(key)) own.set(key, result);
  });
  for (const run of listRuns(runs)) {
    const trace = new Trace(join(runs, run));
    for (const [, { target, key, result, label }] of trace.results()) {
      if (!isForOthers(result)) continue;
      if (!own.has(key)) own.set(key, result);
      const names = targets.get(key) ?? [];
      names.push(`${run}:${target}${label === undefined ? "" : `[${label}]`}`);
      targets.set(key, names);
    }
    trace.close();
  }
  return { own, targets };
}
