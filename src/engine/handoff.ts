// Handoffs: whether what people were asked for is there, and taking it in. The answer is content-addressed like any input.

import { basename, isAbsolute, join } from "node:path";
import type { HandoffRequest } from "../api/rule.ts";
import type { ActionResult, TreeListing } from "../model/action.ts";
import { actionKey, coreKey, recordFormat, type ActionRecord } from "../planning/fingerprint/action-key.ts";
import { digestOfBytes } from "../model/digest.ts";
import { inputFailure } from "../model/failure.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { listTree } from "../util/fs.ts";
import { statOf } from "../util/stat.ts";
import type { Assessment } from "./assess.ts";
import type { Session } from "./session.ts";

export function assessHandoff(session: Session, target: GraphTarget, requests: readonly HandoffRequest[]): Assessment {
  // So that the stamp of the fast path knows them: a correction must be seen.
  for (const { path } of requests) session.resolver.look(path);
  const missing = requests.filter(({ path }) => statOf(absolutePath(session, path)) === undefined);
  if (missing.length > 0) return { kind: "waits", requests: missing };
  const names = requests.map(({ path }) => basename(path));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    return {
      kind: "wrong",
      failures: [
        inputFailure(`two handed-over files are both named "${twice}"`, {
          neededBy: `target "${target.name}"`,
          fix: "Give one of them another name.",
        }),
      ],
    };

  const given = filesGiven(session, requests);
  const listing: TreeListing = given.map(({ name, digest, size }) => [name, digest, size]);
  const text = JSON.stringify(listing);
  const record: ActionRecord = {
    format: recordFormat,
    part: "handoff",
    code: { kind: "builtin", name: "handoff" },
    version: 1,
    config: {},
    inputs: { files: { kind: "tree", digest: digestOfBytes(text) } },
    outputs: { files: "tree " },
    environment: {},
    tools: {},
    items: null,
  };
  const core = coreKey(record);
  const key = actionKey(core, "builtin", session.nodeMajor);
  const decision = session.rebuilder.decide({
    target: target.name,
    section: target.section,
    part: "handoff",
    core,
    key,
    record,
  });
  if (
    decision.kind === "fresh" &&
    session.contents.isPlaced(target.name, target.declaration.contract.outputs, decision.result.outputs)
  ) {
    return { kind: "settled", core, split: undefined, result: decision.result, how: "fresh", states: undefined };
  }
  // People's work cannot be recomputed: it goes into the archive, not the cache.
  for (const { path } of given) session.archive.putFile(path);
  const blob = session.archive.putBytes(text, { durable: true });
  const artifact = {
    kind: "tree" as const,
    blob,
    files: listing.length,
    size: listing.reduce((sum, [, , size]) => sum + size, 0),
  };
  const result: ActionResult =
    decision.kind === "fresh"
      ? decision.result
      : { outputs: { files: artifact }, at: 0, tookMs: 0, costUsd: 0, by: "", executor: "people", attempts: 1 };
  const reasons = decision.kind === "stale" ? decision.reasons : [];
  const action = {
    record,
    core,
    key,
    codeOrder: { kind: "command" as const, argv: [], files: [] },
    codeFiles: [],
    outputs: target.declaration.contract.outputs,
    environment: {},
    secrets: {},
    missingSecrets: [],
    options: { resources: {} },
  };
  return {
    kind: "due",
    stage: { kind: "action", part: "handoff", action, inputs: {}, adopt: result, reasons, items: undefined },
  };
}

/** Every file that was given, named as the tree has it: a file by its base name, a folder's files below the folder's own. */
function filesGiven(session: Session, requests: readonly HandoffRequest[]) {
  const files = requests.flatMap(({ path }) => {
    const absolute = absolutePath(session, path);
    const name = basename(path);
    if (statOf(absolute)?.isDirectory() !== true) return [{ name, path: absolute }];
    return listTree(absolute).map((inner) => ({ name: `${name}/${inner}`, path: join(absolute, inner) }));
  });
  return files
    .flatMap(({ name, path }) => {
      const blob = session.digests.digestOf(path);
      return blob === undefined ? [] : [{ name, path, ...blob }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function absolutePath(session: Session, path: string): string {
  return isAbsolute(path) ? path : join(session.root, path);
}
