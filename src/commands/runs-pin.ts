// `exp runs pin RUN` and `exp runs unpin RUN`: what a pinned run's builds made is never collected.

import { readPin, removePin, writePin } from "../runs/pin.ts";
import { RunFolder } from "../runs/run.ts";
import { who } from "../util/who.ts";
import type { Arguments } from "./arguments.ts";
import { noSuchRun } from "./runs.ts";
import { showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export function pinRun(runs: string, name: string, args: Arguments, screen: Screen): number {
  const run = new RunFolder(runs, name);
  if (run.load() === undefined) return refuse(runs, name, screen);
  const note = args.flags.note as string | undefined;
  writePin(run.folder, {
    at: new Date(screen.now()).toISOString(),
    by: who(),
    ...(note !== undefined && { note }),
  });
  if (args.flags.json === true) writeJson(screen, { run: name, pinned: readPin(run.folder) });
  else writeLines(screen, [`${name} is pinned: what its builds made stays`]);
  return exitCodes.done;
}

export function unpinRun(runs: string, name: string, args: Arguments, screen: Screen): number {
  const run = new RunFolder(runs, name);
  if (run.load() === undefined) return refuse(runs, name, screen);
  const wasPinned = readPin(run.folder) !== undefined;
  removePin(run.folder);
  if (args.flags.json === true) writeJson(screen, { run: name, pinned: null });
  else writeLines(screen, [wasPinned ? `${name} is pinned no more` : `${name} was not pinned`]);
  return exitCodes.done;
}

function refuse(runs: string, name: string, screen: Screen): number {
  showFailures(screen, [noSuchRun(runs, name)]);
  return exitCodes.wrongInput;
}
