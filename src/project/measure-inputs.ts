// Adds sizes, rows and file counts to reasons that name an input, as far as the old and the new content are still at hand.

import { relative } from "node:path";
import { describeTable } from "../table.ts";
import type { Digest } from "../model/digest.ts";
import type { InputContent, Reason } from "../model/reason.ts";
import type { OpenRun } from "./open-run.ts";
import type { DecidingSession, Project } from "./project.ts";

export async function measureInputs(
  project: Project,
  run: OpenRun,
  session: DecidingSession,
  target: string,
  reasons: readonly Reason[],
): Promise<readonly Reason[]> {
  const inputs = run.graph.byName.get(target)?.declaration.contract.inputs ?? {};
  return Promise.all(
    reasons.map(async (reason) => {
      if (reason.kind !== "input") return reason;
      const declared = inputs[reason.slot.replace(/\[\d+\]/g, "")];
      const isTable =
        declared !== undefined &&
        declared.kind !== "sources" &&
        (declared.kind === "list" ? declared.slot : declared).format === "table";
      const [before, after] = await Promise.all([
        measure(project, session, reason.before, isTable),
        measure(project, session, reason.after, isTable),
      ]);
      return { ...reason, before, after };
    }),
  );
}

async function measure(
  project: Project,
  session: DecidingSession,
  content: InputContent | undefined,
  isTable: boolean,
): Promise<InputContent | undefined> {
  if (content?.digest === undefined) return content;
  const source = sourceOf(project, session, content.digest);
  const file =
    project.store.pathOf(content.digest) ??
    project.archiveBlobs.pathOf(content.digest) ??
    placeOf(session, content.digest);
  const size = (file === undefined ? undefined : session.digests.digestOf(file)?.size) ?? source?.size ?? content.size;
  const measured = { ...content, size, ...(source !== undefined && { file: source.file }) };
  if (!isTable || file === undefined) return measured;
  try {
    return { ...measured, rows: (await describeTable({ path: file })).rows };
  } catch {
    // Not readable as a table any more: its size is all that can be said.
    return measured;
  }
}

/** The source file that has the content today, or had it when the run read it. */
function sourceOf(
  project: Project,
  session: DecidingSession,
  digest: Digest,
): { readonly size?: number; readonly file: string } | undefined {
  const today = placeOf(session, digest);
  if (today !== undefined) return { file: relative(project.paths.root, today) };
  const seen = session.trace.sourceOf(digest);
  return seen === undefined ? undefined : { size: seen[1], file: seen[2] };
}

/** A source file of the project that holds the content today. */
function placeOf(session: DecidingSession, digest: Digest): string | undefined {
  return [...session.sources.files.keys()].find((path) => session.digests.digestOf(path)?.digest === digest);
}
