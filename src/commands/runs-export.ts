// `exp runs export RUN… -o FILE`: runs as one file that another machine can import, explain and reproduce.

import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { inputFailure, type Failure } from "../model/failure.ts";
import { useStores, type Project } from "../project/project.ts";
import { version } from "../project/version.ts";
import { countOf, formatBytes } from "../report/amounts.ts";
import { ChangedMeanwhile, exportRuns, type Exported } from "../runs/export.ts";
import type { Missing } from "../runs/missing.ts";
import { RunFolder, UnreadableRun } from "../runs/run.ts";
import type { Arguments } from "./arguments.ts";
import { takeRun, withRuns } from "./holding.ts";
import { noSuchRun } from "./runs.ts";
import { nearPath, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function exportThem(
  root: string,
  names: readonly string[],
  args: Arguments,
  screen: Screen,
): Promise<number> {
  const unique = [...new Set(names)];
  const file = resolve(
    screen.workingFolder,
    (args.flags.output as string | undefined) ?? `${unique.join("+")}.exp.tar.gz`,
  );
  const problems = (project: Project) => [
    ...unique.flatMap((name) => problemsOf(project, name)),
    ...problemsOfFile(screen, file),
  ];
  return withRuns(root, screen, problems, async (project, leases) => {
    const { paths, archive, store, digests } = project;
    const runs = unique.map((name) => new RunFolder(paths.runs, name));
    for (const run of runs) {
      // A build would change it under our hands.
      const lease = await takeRun(run.folder, "exp runs export", screen);
      if (lease === undefined) return exitCodes.interrupted;
      leases.push(lease);
    }
    const using = useStores(project, "exp runs export");
    if (using !== undefined) leases.push(using);
    const from = { root, archiveFolder: paths.archive, archive, store, digests };
    try {
      const exported = await exportRuns(from, runs, file, {
        exp: version,
        logs: args.flags["without-logs"] !== true,
        calls: args.flags["without-calls"] !== true,
        signal: screen.signal,
      });
      if (args.flags.json === true) writeJson(screen, { file, ...exported });
      else writeLines(screen, wordExport(nearPath(screen, file), exported));
      return exitCodes.done;
    } catch (error) {
      if (screen.signal.aborted) return exitCodes.interrupted;
      if (!(error instanceof ChangedMeanwhile)) throw error;
      showFailures(screen, [inputFailure(error.message, { fix: "Run the command again." })]);
      return exitCodes.failed;
    }
  });
}

function problemsOf(project: Project, name: string): readonly Failure[] {
  const [id = name] = name.split("@");
  try {
    if (new RunFolder(project.paths.runs, id).load() === undefined) return [noSuchRun(project.paths.runs, id)];
  } catch (error) {
    if (!(error instanceof UnreadableRun)) throw error;
    return error.failures;
  }
  if (id === name) return [];
  return [
    inputFailure(`a run is exported with all of its builds, not as ${name}`, {
      fix: `exp runs export ${id}; once it is imported, exp reproduce ${name} runs that build again.`,
    }),
  ];
}

function problemsOfFile(screen: Screen, file: string): readonly Failure[] {
  if (existsSync(file))
    return [inputFailure(`${nearPath(screen, file)} is there already`, { fix: "Name another file with -o FILE." })];
  if (statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory() === true) return [];
  return [inputFailure(`there is no folder ${nearPath(screen, dirname(file))}`, { fix: "Make it, or name another." })];
}

function wordExport(file: string, exported: Exported): string[] {
  const { runs, size, content, files, blobs, calls, silent, lostCalls, lost, missing } = exported;
  const paid = calls === 0 ? "" : `, ${countOf(calls, "remembered paid call")}`;
  return [
    `${file}: ${runs.join(", ")}: ${formatBytes(size)}, packed from ${formatBytes(content)}: ${countOf(files, "file")}, ${countOf(blobs, "blob")}${paid}`,
    ...Object.entries(calls === 0 ? {} : silent).map(
      ([run, count]) =>
        `  all paid calls of the project are among them: ${countOf(count, "result")} of ${run} ${count === 1 ? "does" : "do"} not say which ${count === 1 ? "it" : "they"} used, made by an earlier exp`,
    ),
    ...(lostCalls === 0
      ? []
      : [
          `  ${countOf(lostCalls, "answer")} to paid calls that results used ${lostCalls === 1 ? "is" : "are"} nowhere any more`,
        ]),
    ...Object.entries(lost).map(
      ([run, count]) =>
        `  ${countOf(count, "content")} of results of ${run} ${count === 1 ? "is" : "are"} not here: exp fetch --items brings what a shared cache has, exp reproduce ${run} makes again what the run stands on`,
    ),
    ...Object.entries(missing).flatMap(([run, what]) => wordMissing(run, what)),
  ];
}

/** So many names are told. */
const mostNames = 10;

function wordMissing(run: string, { code, sources, handedOver, past }: Missing): string[] {
  const list = (names: readonly string[]) =>
    names.length <= mostNames
      ? names.join(", ")
      : `${names.slice(0, mostNames).join(", ")} and ${names.length - mostNames} more`;
  return [
    `  warning: runs/.archive/ has lost what results of ${run} were made with; exp reproduce ${run} cannot run again what needs it:`,
    ...(code.length > 0 ? [`    the code of ${list(code)}`] : []),
    ...(sources.length > 0 ? [`    as it was then: ${list(sources)}`] : []),
    ...(handedOver.length > 0 ? [`    what people handed over for ${list(handedOver)}`] : []),
    ...(past > 0 ? [`    something of ${countOf(past, "result")} of past builds`] : []),
  ];
}
