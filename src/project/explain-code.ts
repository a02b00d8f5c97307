// Fills in which functions of which files changed, for reasons that name code: from the archive's old bundle and the cache's new one.

import { readFileSync } from "node:fs";
import type { Digest } from "../model/digest.ts";
import type { Reason } from "../model/reason.ts";
import type { Compared } from "../planning/bundle/compare.ts";
import type { Project } from "./project.ts";

export async function explainCode<T extends { readonly reasons: readonly Reason[] }>(
  project: Project,
  targets: readonly T[],
): Promise<readonly T[]> {
  return Promise.all(
    targets.map(async (target) => ({ ...target, reasons: await explainReasons(project, target.reasons) })),
  );
}

export async function explainReasons(project: Project, reasons: readonly Reason[]): Promise<readonly Reason[]> {
  return Promise.all(reasons.map((reason) => explainReason(project, reason)));
}

async function explainReason(project: Project, reason: Reason): Promise<Reason> {
  if (reason.kind !== "code" || reason.changes.length > 0 || reason.before === undefined) return reason;
  const [old, now] = [bundleOf(project, reason.before), bundleOf(project, reason.after)];
  if (old === undefined || now === undefined) return reason;
  // The parser is loaded only when code has changed.
  const { compareBundles } = await import("../planning/bundle/compare.ts");
  return { ...reason, changes: compareBundles(old, now) };
}

function bundleOf(project: Project, code: Digest): Compared | undefined {
  const archived = project.archive.bundleOf(code);
  if (archived !== undefined)
    return { closure: archived.closure, map: archived.map, code: readFileSync(archived.file, "utf8") };
  const source = project.bundler.sourceOf(code);
  if (source === undefined) return undefined;
  return { closure: source.closure, map: source.map, code: readFileSync(project.bundler.fileOf(code), "utf8") };
}
