// Handoffs: whether what people were asked for is there, and taking it in. The answer is content-addressed like any input.

import { basename, isAbsolute, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { HandoffRequest } from "../api/rule.ts";
import type { ActionResult, TreeListing } from "../model/action.ts";
import { actionKey, coreKey, recordFormat, type ActionRecord } from "../planning/fingerprint/action-key.ts";
import { digestOfBytes } from "../model/digest.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { isMissing, listTreeThroughLinks } from "../util/fs.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { statOf } from "../util/stat.ts";
import type { Assessment, DueAction } from "./assess.ts";
import type { ResolvedInput } from "./inputs.ts";
import type { Session } from "./session.ts";
import { whyUnreadable, type SourceFile } from "./sources.ts";

export async function assessHandoff(
  session: Session,
  target: GraphTarget,
  requests: readonly HandoffRequest[],
): Promise<Assessment> {
  // So that the stamp of the fast path knows them: a correction must be seen.
  await session.resolver.look(requests.map(({ path }) => path));
  const gone = requests.filter(({ path }) => statOf(absolutePath(session, path)) === undefined);
  const kept = gone.length === 0 ? new Map<string, readonly GivenFile[]>() : filesKept(session, target);
  const missing = gone.filter(({ path }) => !kept.has(path));
  if (missing.length > 0) return { kind: "waits", requests: missing };
  const warnings = gone.map(
    ({ path }) =>
      `${path} is gone: what was handed over is used, out of the archive (exp clean ${target.name} asks for it again)`,
  );
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

  const found = filesGiven(session, requests.filter((request) => !gone.includes(request)), target.name); // prettier-ignore
  if (!found.ok) return { kind: "wrong", failures: found.error };
  const given = [...found.value, ...gone.flatMap(({ path }) => kept.get(path) ?? [])];
  given.sort((a, b) => (a.name < b.name ? -1 : 1));
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
  const requested = requests.map(({ path }) => path);
  // Results of early exps do not say for which paths: what lies there is what was given, so there is nothing to take in.
  const isKnown = decision.kind === "fresh" && isDeepStrictEqual(decision.result.requested ?? requested, requested);
  if (isKnown && session.places.isPlaced(target.name, target.declaration.contract.outputs, decision.result.outputs)) {
    return {
      kind: "settled",
      core,
      split: undefined,
      result: decision.result,
      how: "fresh",
      states: undefined,
      warnings,
    };
  }
  const artifact = {
    kind: "tree" as const,
    blob: { digest: digestOfBytes(text), size: Buffer.byteLength(text) },
    files: listing.length,
    size: listing.reduce((sum, [, , size]) => sum + size, 0),
  };
  const files: ResolvedInput = {
    record: record.inputs.files!,
    order: () => ({ kind: "tree", files: given.map(({ name, path }) => [name, path] as const) }),
    size: artifact.size,
    sources: given,
  };
  const result: ActionResult = isKnown
    ? decision.result
    : {
        outputs: { files: artifact },
        at: 0,
        tookMs: 0,
        costUsd: 0,
        by: "",
        executor: "people",
        attempts: 1,
        requested,
      };
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
    stage: { kind: "action", part: "handoff", action, inputs: { files }, adopt: result, reasons, items: undefined },
    warnings,
  };
}

/**
 * Takes what was handed over into the archive, not the cache: people's work cannot be recomputed. False when a file is no longer what it was when
 * the target was assessed.
 */
export async function keepHandedOver(session: Session, { inputs, adopt }: DueAction): Promise<boolean> {
  const order = inputs.files!.order();
  const artifact = adopt?.outputs.files;
  if (order.kind !== "tree" || artifact?.kind !== "tree") throw new Error("what is handed over is a tree");
  try {
    const listing: TreeListing = order.files.map(([name, path]) => {
      const { digest, size } = session.archive.putFile(path, { durable: false });
      return [name, digest, size];
    });
    const text = JSON.stringify(listing);
    if (digestOfBytes(text) !== artifact.blob.digest) return false;
    await session.archive.sync(listing.map(([, digest]) => digest));
    session.archive.putBytes(text, { durable: true });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

interface GivenFile extends SourceFile {
  /** As the tree has it: a file by its base name, a folder's files below the folder's own. */
  readonly name: string;
  readonly size: number;
}

function filesGiven(
  session: Session,
  requests: readonly HandoffRequest[],
  target: string,
): Result<readonly GivenFile[], readonly Failure[]> {
  const files = requests.flatMap(({ path }) => {
    const absolute = absolutePath(session, path);
    const name = basename(path);
    if (statOf(absolute)?.isDirectory() !== true) return [{ name, path: absolute, shown: path }];
    return listTreeThroughLinks(absolute).map((inner) => ({
      name: `${name}/${inner}`,
      path: join(absolute, inner),
      shown: join(path, inner),
    }));
  });
  const failures: Failure[] = [];
  const given = files.flatMap(({ name, path, shown }): GivenFile[] => {
    const blob = session.digests.digestOf(path);
    const seen = session.digests.statTextOf(path);
    if (blob !== undefined && seen !== undefined) return [{ name, path, seen, ...blob }];
    const why = whyUnreadable(path);
    if (why === undefined) return []; // Deleted since it was listed.
    failures.push(
      inputFailure(`${shown} was handed over and ${why}`, {
        neededBy: `target "${target}"`,
        fix: "Put the file itself there, or take the entry away.",
      }),
    );
    return [];
  });
  return failures.length > 0 ? fail(failures) : ok(given);
}

/**
 * What the target stands on, by the path that it was handed over at: an answer once given is the run's, whatever becomes of the file. Another run
 * that asks for the same path was given nothing and goes on asking.
 */
function filesKept(session: Session, target: GraphTarget): ReadonlyMap<string, readonly GivenFile[]> {
  const last = session.trace.lastStandingOf(target.name);
  const result = last === undefined ? undefined : session.trace.find(last.core)?.result;
  const artifact = result?.outputs.files;
  const listing = artifact?.kind === "tree" ? session.contents.listingOf(artifact) : undefined;
  const kept = new Map<string, readonly GivenFile[]>();
  for (const path of result?.requested ?? []) {
    const own = (listing ?? []).filter(([name]) => name.split("/")[0] === basename(path));
    const files = own.flatMap(([name, digest, size]): GivenFile[] => {
      const blob = session.archive.pathOf(digest);
      const seen = blob === undefined ? undefined : session.digests.statTextOf(blob);
      return blob === undefined || seen === undefined ? [] : [{ name, path: blob, seen, digest, size }];
    });
    // A part of an answer is none, and what was an empty folder cannot be told from that.
    if (files.length > 0 && files.length === own.length) kept.set(path, files);
  }
  return kept;
}

function absolutePath(session: Session, path: string): string {
  return isAbsolute(path) ? path : join(session.root, path);
}
