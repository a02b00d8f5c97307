// `exp gc`: makes the cache small again. What runs and pins reach stays; so does whatever a running build may rely on.

import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { isCollectionDue, isSweepDue, noteCollection } from "../project/collect/background.ts";
import { collect } from "../project/collect/collect.ts";
import { cacheLimits } from "../project/collect/limits.ts";
import { wordCollection } from "../report/gc.ts";
import { Lease } from "../runs/lease.ts";
import { sweepImports } from "../runs/import.ts";
import { sweepRemoved } from "../runs/remove.ts";
import type { Arguments } from "./arguments.ts";
import { findProject } from "./asking.ts";
import { showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function gc(args: Arguments, screen: Screen): Promise<number> {
  const project = await findProject(screen);
  if (!project.ok) {
    showFailures(screen, project.error);
    return exitCodes.wrongInput;
  }
  const { paths } = project.value;
  const isBackground = args.flags.background === true;
  const isDryRun = args.flags["dry-run"] === true;
  let lease: Lease | undefined;
  try {
    if (isBackground) setPriority(constants.priority.PRIORITY_LOW);
    const limits = await cacheLimits(project.value, {
      maxSize: args.flags["max-size"] as string | undefined,
      maxAge: args.flags["max-age"] as string | undefined,
    });
    if (!limits.ok) {
      showFailures(screen, limits.error);
      return exitCodes.wrongInput;
    }
    if (!isDryRun) {
      lease = await takeTurn(join(paths.cache, "gc.lock"), isBackground, screen);
      if (lease === undefined) return isBackground ? exitCodes.done : exitCodes.interrupted;
      // Of many builds that end at once, one collects.
      if (isBackground && !isSweepDue(paths) && !isCollectionDue(paths, screen.now())) return exitCodes.done;
    }
    if (!isDryRun) {
      sweepRemoved(paths.runs);
      sweepImports(paths.runs);
    }
    const collected = await collect(paths, {
      limits: limits.value,
      isDryRun,
      // People's work is removed when somebody asks for it, not by itself.
      withArchive: !isBackground,
      now: screen.now(),
    });
    const told = { ...collected, limits: limits.value };
    if (!isDryRun) noteCollection(paths, { format: 1, at: new Date(screen.now()).toISOString(), ...jsonOf(told) });
    if (args.flags.json === true) writeJson(screen, jsonOf(told));
    else {
      const heading = isBackground ? [new Date(screen.now()).toISOString()] : [];
      writeLines(screen, [...heading, ...wordCollection(told)]);
    }
    return collected.waitsFor.length > 0 ? exitCodes.incomplete : exitCodes.done;
  } finally {
    lease?.release();
    project.value.close();
  }
}

/** One collection at a time: another one waits, or leaves it at that when nobody asked for it. */
async function takeTurn(file: string, isBackground: boolean, screen: Screen): Promise<Lease | undefined> {
  const leave = new AbortController();
  const onWait = (holder: string) => {
    if (isBackground) leave.abort();
    else screen.writeError(`waiting for ${holder}\n`);
  };
  return Lease.take(file, "exp gc", { onWait, signal: AbortSignal.any([screen.signal, leave.signal]) });
}

function jsonOf(told: Parameters<typeof wordCollection>[0]): object {
  const { limits, cache, archive, leftovers, gone, waitsFor } = told;
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  return {
    dryRun: gone === undefined,
    limits: { maxSizeBytes: finite(limits.maxSizeBytes), maxAgeMs: finite(limits.maxAgeMs) },
    cache,
    archive: archive ?? null,
    leftovers,
    gone: gone ?? null,
    waitsFor,
  };
}
