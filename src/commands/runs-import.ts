// `exp runs import FILE`: takes in what `exp runs export` wrote, also where there is no project yet.

import { resolve } from "node:path";
import { statSync } from "node:fs";
import { inputFailure } from "../model/failure.ts";
import { findProjectFolder, findRoot } from "../project/paths.ts";
import { openProject, useStores } from "../project/project.ts";
import { countOf } from "../report/amounts.ts";
import { BadExport } from "../runs/export-format.ts";
import { importRuns, type Imported } from "../runs/import.ts";
import { runNameProblem } from "../runs/run.ts";
import type { Arguments } from "./arguments.ts";
import { nearPath, showFailures, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function importFile(name: string, args: Arguments, screen: Screen): Promise<number> {
  const file = resolve(screen.workingFolder, name);
  const refuse = (what: string, fix?: string) => {
    showFailures(screen, [inputFailure(what, fix === undefined ? {} : { fix })]);
    return exitCodes.wrongInput;
  };
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
    return refuse(`there is no file ${nearPath(screen, file)}`, "exp runs import FILE, as exp runs export wrote it");
  const as = args.flags.as as string | undefined;
  const problem = as === undefined ? undefined : runNameProblem(as);
  if (problem !== undefined) return refuse(`"${as}" cannot be the name of a run`, problem);
  // Where there is no project, this folder begins to hold runs: to look at them and to reproduce them takes no Expfile.
  const project = await openProject(
    findProjectFolder(screen.workingFolder) ?? screen.workingFolder,
    screen.environment,
  );
  const using = useStores(project, "exp runs import");
  try {
    const { paths, archive, store } = project;
    const into = { runsFolder: paths.runs, archiveFolder: paths.archive, archive, store };
    const imported = await importRuns(into, file, { as, signal: screen.signal });
    if (args.flags.json === true) writeJson(screen, imported);
    else writeLines(screen, wordImport(imported, findRoot(screen.workingFolder) !== undefined));
    return exitCodes.done;
  } catch (error) {
    if (screen.signal.aborted) return exitCodes.interrupted;
    if (error instanceof BadExport)
      return refuse(
        `${nearPath(screen, file)} ${error.message}`,
        "Nothing was imported. Copy the file again, or export the run again where it is.",
      );
    throw error;
  } finally {
    using?.release();
    project.close();
  }
}

/** Where there is no Expfile, there is nothing to build: what works is to look, and to run again. */
function wordImport({ runs, files, blobs, calls }: Imported, hasExpfile: boolean): string[] {
  const paid = calls === 0 ? "" : `, ${countOf(calls, "paid call")}`;
  return [
    `imported ${runs.join(", ")}: ${countOf(files, "file")}, ${countOf(blobs, "blob")}${paid}`,
    ...runs.map(
      (run) => `  exp runs show ${run} · exp reproduce ${run}${hasExpfile ? ` · exp build --run ${run}` : ""}`,
    ),
  ];
}
