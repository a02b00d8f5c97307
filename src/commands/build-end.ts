// What a build came to: its outcome, what was done, the exit code, and the pages that a person would open first.

import { join } from "node:path";
import { fileNameOf, type Slot } from "../api/slot.ts";
import type { TargetEnd } from "../engine/bring-up.ts";
import type { Counts } from "../model/event.ts";
import type { Asked } from "./asking.ts";
import { nearPath, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export interface Summary {
  readonly outcome: "done" | "up-to-date" | "failed" | "unaffordable" | "waiting" | "interrupted";
  readonly counts: Counts;
  readonly savedMs: number;
  readonly costUsd: number;
}

/** `counts` are of all targets together: a fan-out of which only the split or the merge was done counts as one there. */
export function summarise(ends: ReadonlyMap<number, TargetEnd>, signal: AbortSignal): Summary {
  const counts = { computed: 0, cached: 0, fresh: 0 };
  let savedMs = 0;
  let costUsd = 0;
  let nothingDone = true;
  const kinds = new Set<TargetEnd["kind"]>();
  for (const end of ends.values()) {
    kinds.add(end.kind);
    if ("counts" in end) {
      counts.computed += end.counts.computed;
      counts.cached += end.counts.cached;
      counts.fresh += end.counts.fresh;
    }
    if (end.kind === "done") {
      nothingDone &&= end.origin === "fresh";
      savedMs += end.savedMs;
      if (end.counts[end.origin] === 0) counts[end.origin] += 1;
    } else nothingDone = false;
    if ("costUsd" in end) costUsd += end.costUsd;
  }
  const outcome =
    signal.aborted || kinds.has("interrupted")
      ? "interrupted"
      : kinds.has("failed")
        ? "failed"
        : kinds.has("unaffordable")
          ? "unaffordable"
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
    case "unaffordable":
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
  const { graph, folder } = asked.run;
  for (const indices of [asked.asked, asked.needed]) {
    for (const ext of [".html", ".md"]) {
      const found: string[] = [];
      for (const index of indices) {
        const { name, declaration } = graph.targets[index]!;
        const slots = slotsWithEnding(declaration.contract.outputs, ext);
        const end = slots.length === 0 ? undefined : ends.get(index);
        if (end?.kind !== "done") continue;
        for (const [slot, shape] of slots)
          if (end.artifacts[slot]?.kind === "file") found.push(join(folder.folder, name, fileNameOf(slot, shape)));
      }
      if (found.length > 0) return found.map((path) => nearPath(screen, path));
    }
  }
  return [];
}

type Outputs = Readonly<Record<string, Slot>>;
/** Thousands of targets share a contract. */
const slotsByEnding = new WeakMap<Outputs, Map<string, readonly (readonly [slot: string, shape: Slot])[]>>();

function slotsWithEnding(outputs: Outputs, ext: string): readonly (readonly [slot: string, shape: Slot])[] {
  let known = slotsByEnding.get(outputs);
  if (known === undefined)
    slotsByEnding.set(outputs, (known = new Map<string, readonly (readonly [string, Slot])[]>()));
  let slots = known.get(ext);
  if (slots === undefined)
    known.set(ext, (slots = Object.entries<Slot>(outputs).filter(([, shape]) => shape.ext === ext)));
  return slots;
}
