// Publishes all that this machine has computed: the results of its action cache one by one, and those of fan-outs on which its runs stand together, too, as the
// builds would have done. Needs no Expfile, and nothing of it has to be of today's code.

import { join } from "node:path";
import { forEachEntry } from "../backends/store/action-cache.ts";
import { packsOf } from "../backends/store/pack.ts";
import { PackNotes } from "../backends/store/pack-notes.ts";
import type { SharedCache } from "../backends/store/shared-cache.ts";
import { isForOthers } from "../backends/store/shared-entry.ts";
import { Trace } from "../backends/store/trace.ts";
import type { ActionResult } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import { presentItems } from "../runs/present-items.ts";
import { listRuns } from "../runs/run.ts";
import { who } from "../util/who.ts";
import type { Project } from "./project.ts";

/** Beside everything else: the cache's `settle` waits for it. */
export function publishAll(project: Project, shared: SharedCache, at: number): void {
  const results = new Map<Digest, ActionResult>();
  forEachEntry(join(project.paths.cache, "actions"), (key, result) => {
    shared.publish(key, result);
    if (isForOthers(result) && !results.has(key)) results.set(key, result);
  });
  const notes = new PackNotes(join(project.paths.cache, "packs.jsonl"));
  for (const run of listRuns(project.paths.runs))
    for (const keys of fanOutsOf(project, join(project.paths.runs, run)))
      for (const { key, items } of packsOf(keys)) {
        const known = items.flatMap((item) => {
          const result = results.get(item);
          return result === undefined ? [] : [[item, result] as const];
        });
        shared.publishPack(key, new Map(known), { at, by: who() });
        notes.add(key);
      }
  notes.close();
}

/** Of each fan-out on which the run stands, the keys of its items in the order of the split. */
function* fanOutsOf({ archiveBlobs, store }: Project, runFolder: string): Generator<readonly Digest[]> {
  const trace = new Trace(runFolder);
  const splits = {
    splitRecordOf: (core: Digest) => trace.recordOf(core),
    splitResultOf: (core: Digest) => trace.find(core)?.result,
  };
  const readText = (digest: Digest) => (archiveBlobs.read(digest) ?? store.read(digest))?.toString("utf8");
  for (const target of trace.targets()) {
    const standing = trace.lastStandingOf(target);
    const items = standing && presentItems(splits, standing, readText);
    if (items === undefined) continue;
    const keys = [...items].map(({ cores }) => cores.map((core) => trace.find(core)?.key).find((key) => key));
    // What was cleaned has no key here, and others ask by those of all.
    if (keys.every((key) => key !== undefined)) yield keys;
  }
  trace.close();
}
