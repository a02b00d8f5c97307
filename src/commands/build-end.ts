// What a build came to: its outcome, what was done, the exit code, and the pages that a person would open first.

import { join } from "node:path";
import { fileNameOf } from "../api/slot.ts";
import type { TargetEnd } from "../engine/build.ts";
import type { Counts } from "../model/event.ts";
import type { Asked } from "./asking.ts";
import { nearPath, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export interface Summary {
  readonly outcome: "done" | "up-to-date" | "failed" | "waiting" | "interrupted";
  readonly counts: Counts;
  readonly savedMs: number;
  readonly costUsd: number;
}

/** `counts` are of all targets together: a fan-out of which only the split or the merge was done counts as one there. */
export function summarise(ends: ReadonlyMap<number, TargetEnd>, signal: AbortSignal): Summary {
  const counts = { computed: 0, cached: 0, fresh: 0 };
  let savedMs = 0;
  let costUsd = 0;
  const kinds = new Set<TargetEnd["kind"]>();
  for (const end of ends.values()) {
    kinds.add(end.kind);
    if ("counts" in end) for (const name of ["computed", "cached", "fresh"] as const) counts[name] += end.counts[name];
    if (end.kind === "done") {
      savedMs += end.savedMs;
      if (end.counts[end.origin] === 0) counts[end.origin] += 1;
    }
    if (end.kind === "done" || end.kind === "failed") costUsd += end.costUsd;
  }
  const nothingDone = [...ends.values()].every((end) => end.kind === "done" && end.origin === "fresh");
  const outcome =
    signal.aborted || kinds.has("interrupted")
      ? "interrupted"
      : kinds.has("failed")
        ? "failed"
        : kinds.has("waits")
          ? "waiting"
          : nothingDone
            ? "up-to-date"
            : "done";
  return { outcome, counts, savedMs, costUsd };
}

export function exitCodeOf(outcome: Summary["outcome"]): number {
  switch (outcome) {
    case "done":
    case "up-to-date":
      return exitCodes.done;
    case "failed":
      return exitCodes.failed;
    case "waiting":
      return exitCodes.incomplete;
    case "interrupted":
      return exitCodes.interrupted;
  }
}

/** Nothing that ran has failed: a source is missing, or a recipe does not compile. */
export function isInputWrong(ends: ReadonlyMap<number, TargetEnd>): boolean {
  const failures = [...ends.values()].flatMap((end) => (end.kind === "failed" ? end.failures : []));
  return failures.every((failure) => failure.kind === "input");
}

/** What a person would open first: pages, else Markdown, of the targets asked for; else of everything that was built. */
export function reportsOf(asked: Asked, ends: ReadonlyMap<number, TargetEnd>, screen: Screen): string[] {
  for (const indices of [asked.asked, asked.needed]) {
    for (const ext of [".html", ".md"]) {
      const found = indices.flatMap((index) => {
        const target = asked.run.graph.targets[index]!;
        const end = ends.get(index);
        if (end?.kind !== "done") return [];
        return Object.entries(target.declaration.contract.outputs).flatMap(([slot, shape]) =>
          shape.ext === ext && end.artifacts[slot]?.kind === "file"
            ? [join(asked.run.folder.folder, target.name, fileNameOf(slot, shape))]
            : [],
        );
      });
      if (found.length > 0) return found.map((path) => nearPath(screen, path));
    }
  }
  return [];
}
