// Fills in which functions of which files changed, for reasons that name code: from the archive's old bundle and the cache's new one.

import { readFileSync } from "node:fs";
import type { Digest } from "../model/digest.ts";
import type { CodeChange, Reason } from "../model/reason.ts";
import type { Compared } from "../planning/bundle/compare.ts";
import { kept } from "../util/kept.ts";
import type { Project } from "./project.ts";

export async function explainCode(project: Project, reasons: readonly Reason[]): Promise<readonly Reason[]> {
  return toldOnce(await Promise.all(reasons.map((reason) => explainReason(project, reason))));
}

/** The recipes of a fan-out share helpers: a place that changed for two of them is one place. */
function toldOnce(reasons: readonly Reason[]): readonly Reason[] {
  const told = new Set<string>();
  return reasons.flatMap((reason) => {
    if (reason.kind !== "code" || reason.changes.length === 0) return [reason];
    const changes = reason.changes.filter((change) => {
      const place = JSON.stringify(change);
      const isNew = !told.has(place);
      told.add(place);
      return isNew;
    });
    return changes.length === 0 ? [] : [{ ...reason, changes }];
  });
}

async function explainReason(project: Project, reason: Reason): Promise<Reason> {
  if (reason.kind !== "code" || reason.changes.length > 0 || reason.before === undefined) return reason;
  return { ...reason, changes: await compare(project, reason.before, reason.after) };
}

/** Many targets of a plan may have one rule, and so the same code: it is compared once. */
const compared = new WeakMap<Project, Map<string, Promise<readonly CodeChange[]>>>();

function compare(project: Project, before: Digest, after: Digest): Promise<readonly CodeChange[]> {
  const known = compared.get(project) ?? new Map<string, Promise<readonly CodeChange[]>>();
  compared.set(project, known);
  return kept(known, `${before} ${after}`, () => compareNow(project, before, after));
}

async function compareNow(project: Project, before: Digest, after: Digest): Promise<readonly CodeChange[]> {
  const [old, now] = [bundleOf(project, before), bundleOf(project, after)];
  if (old === undefined || now === undefined) return [];
  // The parser is loaded only when code has changed.
  const { compareBundles } = await import("../planning/bundle/compare.ts");
  return compareBundles(old, now);
}

function bundleOf(project: Project, code: Digest): Compared | undefined {
  const archived = project.archive.bundleOf(code);
  if (archived !== undefined)
    return { closure: archived.closure, map: archived.map, code: readFileSync(archived.file, "utf8") };
  const source = project.bundler.sourceOf(code);
  if (source === undefined) return undefined;
  return { closure: source.closure, map: source.map, code: readFileSync(project.bundler.fileOf(code), "utf8") };
}
