// `exp runs`: the registry: every run with its config, notes and where it stands. Other verbs have files of their own.

import { inputFailure, type Failure } from "../model/failure.ts";
import type { Json } from "../model/json.ts";
import { formatAgo, formatDuration } from "../report/amounts.ts";
import { alignRows } from "../report/columns.ts";
import { wordSpent } from "../report/money.ts";
import { paint, span } from "../report/text.ts";
import { findProjectFolder, pathsOf } from "../project/paths.ts";
import { readPin, type Pin } from "../runs/pin.ts";
import { listRuns, RunFolder, UnreadableRun, type HistoryEntry, type RunState } from "../runs/run.ts";
import { largest } from "../util/largest.ts";
import { suggest } from "../util/suggest.ts";
import type { Arguments } from "./arguments.ts";
import { paletteOf, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function runs(args: Arguments, screen: Screen): Promise<number> {
  const [verb = "list", name, ...more] = args.operands;
  if (verb === "import" && name !== undefined && more.length === 0) {
    const { importFile } = await import("./runs-import.ts");
    return importFile(name, args, screen);
  }
  // Runs can be looked at where their Expfile is not.
  const root = findProjectFolder(screen.workingFolder);
  if (root === undefined) {
    showFailures(screen, [
      inputFailure("there is no Expfile.ts here or in a folder above", {
        fix: "exp init makes this folder a project.",
      }),
    ]);
    return exitCodes.wrongInput;
  }
  const folder = pathsOf(root).runs;
  if (verb === "list" && name === undefined) return list(folder, args, screen);
  if (verb === "rm" && name !== undefined) {
    const { removeRuns } = await import("./runs-remove.ts");
    return removeRuns(root, [name, ...more], args, screen);
  }
  if (verb === "export" && name !== undefined) {
    const { exportThem } = await import("./runs-export.ts");
    return exportThem(root, [name, ...more], args, screen);
  }
  if (verb === "diff" && name !== undefined && more.length < 2) {
    const { diffRuns } = await import("./runs-diff.ts");
    return diffRuns(root, [name, ...more], args, screen);
  }
  if (name !== undefined && more.length === 0) {
    if (verb === "show") return show(folder, name, args, screen);
    if (verb === "pin" || verb === "unpin") {
      const { pinRun, unpinRun } = await import("./runs-pin.ts");
      return (verb === "pin" ? pinRun : unpinRun)(folder, name, args, screen);
    }
  }
  showFailures(screen, [misspelt(folder, verb, args.operands)]);
  return exitCodes.wrongInput;
}

const verbsOfOne = ["show", "pin", "unpin", "rm", "diff", "export"];

function misspelt(folder: string, verb: string, words: readonly string[]): Failure {
  const known = listRuns(folder);
  if (verbsOfOne.includes(verb) && words.length < 2) {
    const which = known.length === 0 ? "There are no runs yet." : `The runs are ${known.join(", ")}.`;
    return inputFailure("which run?", { fix: `exp runs ${verb} NAME. ${which}` });
  }
  if (verb === "import")
    return inputFailure("which file?", { fix: "exp runs import FILE, as exp runs export wrote it" });
  const near = suggest(verb, ["list", "import", ...verbsOfOne]);
  const run = known.find((name) => name === verb) ?? suggest(verb, known);
  const meant =
    near !== undefined ? [near, ...words.slice(1)].join(" ") : run === undefined ? undefined : `show ${run}`;
  return inputFailure(`unknown words "${words.join(" ")}"`, {
    fix: meant === undefined ? "exp runs, or exp runs show NAME" : `Did you mean "exp runs ${meant}"?`,
  });
}

export function noSuchRun(folder: string, id: string): Failure {
  const near = suggest(id, listRuns(folder));
  return inputFailure(`there is no run "${id}"`, { fix: near ? `Did you mean "${near}"?` : "exp runs lists them." });
}

/** Aside, so that what is asked for can still be piped. */
export function warnOfHistory(run: RunFolder, screen: Screen): void {
  const damage = run.historyDamage();
  if (damage !== undefined) screen.writeError(`warning: ${damage}\n`);
}

function pinOf(folder: string, id: string): Pin | undefined {
  return readPin(new RunFolder(folder, id).folder);
}

function list(folder: string, args: Arguments, screen: Screen): number {
  const states = listRuns(folder).flatMap((id) => {
    try {
      const run = new RunFolder(folder, id);
      warnOfHistory(run, screen);
      const state = run.load();
      return state === undefined ? [] : [state];
    } catch (error) {
      if (!(error instanceof UnreadableRun)) throw error;
      screen.writeError(`${error.message}\n`);
      return [];
    }
  });
  if (args.flags.json === true) {
    writeJson(
      screen,
      states.map((state) => ({ ...state, pinned: pinOf(folder, state.run) ?? null })),
    );
    return exitCodes.done;
  }
  if (states.length === 0) {
    writeLines(screen, ["no runs yet: exp build makes the first"]);
    return exitCodes.done;
  }
  const heading = ["run", "experiment", "state", "last result", "config", "what"].map((text) => span(text, "dim"));
  const rows = states.map((state) => [
    span(`${state.run}@${state.builds}`, "bold"),
    span(state.experiment),
    span(pinOf(folder, state.run) === undefined ? stateOf(state) : `${stateOf(state)}, pinned`),
    span(lastResult(state) === undefined ? "" : formatAgo(lastResult(state)!, screen.now())),
    span([state.config.source, ...state.config.overrides].join(" ")),
    span(textOf(state.notes?.what)),
  ]);
  writeLines(
    screen,
    alignRows([heading, ...rows]).map((line) => paint(line, paletteOf(screen)).trimEnd()),
  );
  return exitCodes.done;
}

function show(folder: string, name: string, args: Arguments, screen: Screen): number {
  const [id = name, number] = name.split("@");
  const run = new RunFolder(folder, id);
  const state = run.load();
  if (state === undefined) {
    showFailures(screen, [noSuchRun(folder, id)]);
    return exitCodes.wrongInput;
  }
  warnOfHistory(run, screen);
  const all = run.history();
  const history = all.filter((entry) => number === undefined || entry.build === Number(number));
  if (number !== undefined && history.length === 0) {
    showFailures(screen, [
      inputFailure(`run ${id} has no build ${number} in its history`, {
        fix: `It has ${all.map((entry) => `${id}@${entry.build}`).join(", ")}.`,
      }),
    ]);
    return exitCodes.wrongInput;
  }
  if (args.flags.json === true) {
    writeJson(screen, { ...state, pinned: pinOf(folder, id) ?? null, history });
    return exitCodes.done;
  }
  const notes = Object.entries(state.notes ?? {}).map(([key, value]) => `${key}: ${textOf(value)}`);
  const builds = history.flatMap((entry) => [
    `${state.run}@${entry.build}  ${entry.at}  ${entry.outcome}, ${formatDuration(entry.took_ms)}${costOf(entry)}, exp ${entry.exp}, node ${entry.node}`,
    ...Object.entries(entry.changed).map(([target, change]) => `  ${target}  ${change.origin}  ${change.reason}`),
  ]);
  writeLines(screen, [
    `${state.run} · ${state.experiment} · ${[state.config.source, ...state.config.overrides].join(" ")}`,
    ...notes,
    `created ${state.created}`,
    ...pinLines(pinOf(folder, id)),
    "",
    ...builds,
  ]);
  return exitCodes.done;
}

function costOf({ cost_usd: usd = 0, max_usd: maxUsd }: HistoryEntry): string {
  return usd > 0 || maxUsd !== undefined ? `, ${wordSpent(usd, maxUsd)}` : "";
}

function pinLines(pin: Pin | undefined): readonly string[] {
  return pin === undefined ? [] : [`pinned ${pin.at} by ${pin.by}${pin.note === undefined ? "" : `: ${pin.note}`}`];
}

function textOf(note: Json | undefined): string {
  return note === undefined ? "" : typeof note === "string" ? note : JSON.stringify(note);
}

function stateOf(state: RunState): string {
  const counts = new Map<string, number>();
  for (const [, stage] of state.targets) counts.set(stage.status, (counts.get(stage.status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
}

function lastResult(state: RunState): number | undefined {
  const times = [...state.targets].flatMap(([, stage]) => (stage.at === undefined ? [] : [Date.parse(stage.at)]));
  return times.length === 0 ? undefined : largest(times, 0);
}
