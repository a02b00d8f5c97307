// Writes the stamp of the fast path after a complete, successful build: everything that the build looked at, with stats that prove it unchanged.
// If anything was edited while the build went on, there is no stamp: the next build has to look for itself.

import { existsSync, type BigIntStats } from "node:fs";
import { dirname, join } from "node:path";
import type { Artifacts } from "../model/action.ts";
import { askedText, packStamp, screenOf, stampFormat, stampName } from "../fast/stamp.ts";
import { listTree, writeAtomic } from "../util/fs.ts";
import { statOf } from "../util/stat.ts";
import type { OpenRun } from "./open-run.ts";
import type { ProjectPaths } from "./paths.ts";
import type { DecidingSession, Project } from "./project.ts";
import { areAsRead, pathsOf, readsOf, type Reads } from "./reads.ts";
import { buildId } from "./version.ts";

interface Surroundings {
  readonly argv: readonly string[];
  readonly workingFolder: string;
  readonly isTerminal: boolean;
  readonly environment: NodeJS.ProcessEnv;
}

export function stampFile(
  paths: ProjectPaths,
  around: Surroundings,
): { readonly file: string; readonly asked: string } {
  const asked = askedText(around.argv, around.workingFolder, screenOf(around.isTerminal, around.environment));
  return { file: join(paths.cache, "stamps", stampName(asked)), asked };
}

/** What the build found or made, target by target: what is stamped must be that, not what came after. */
export type Outputs = (target: number) => Artifacts | undefined;

export async function writeStamp(
  project: Project,
  run: OpenRun,
  session: DecidingSession,
  needed: readonly number[],
  outputs: Outputs,
  output: string,
  around: Surroundings,
): Promise<void> {
  const { clock } = project.digests;
  const reads = readsOf(project, run, session);
  const looked = gather(reads, run, session, needed);
  // The stats first, then whether all of it is still what the build took it for: what is edited before is seen here, what is edited after
  // by the stats. An edit within the tick of the stats shows in no stat, so that tick has to pass before the second look.
  const at = clock.now();
  const present = looked.files.length + looked.folders.length;
  const paths = [...looked.files, ...looked.folders, ...looked.absent];
  const stats = new BigInt64Array(paths.length * 4);
  let isRacy = false;
  for (const [i, path] of paths.entries()) {
    const stat = statOf(path);
    if ((stat === undefined) !== i >= present) return;
    stats.set(numbersOf(stat), i * 4);
    if (stat !== undefined && clock.isRacy(stat, at)) isRacy = true;
  }
  if (isRacy) {
    await clock.pass(at);
    const later = clock.now();
    for (const [i, path] of paths.entries()) {
      const stat = statOf(path);
      if (numbersOf(stat).some((number, k) => number !== stats[i * 4 + k])) return;
      // On another file system, whose clock is not known, a change stays racy for a while: then there is no stamp yet.
      if (stat !== undefined && clock.isRacy(stat, later)) return;
    }
  }
  if (!areAsRead(reads, (path) => project.digests.digestOf(path))) return;
  if (!arePlaced(run, session, needed, outputs)) return;
  if (looked.files.some((path) => project.digests.isRacy(path))) return;
  const environment = [...looked.environment].map((name) => [name, project.environment[name] ?? null] as const);
  // A stamp would hold the value as it is.
  if (environment.some(([, value]) => value !== null && run.secrets.mask(value) !== value)) return;
  const { file, asked } = stampFile(project.paths, around);
  writeAtomic(
    file,
    packStamp({ format: stampFormat, build: buildId, node: process.version, asked, paths, environment, output }, stats),
  );
}

function numbersOf(stat: BigIntStats | undefined): readonly bigint[] {
  return stat === undefined ? [-1n, -1n, -1n, -1n] : [stat.size, stat.mtimeNs, stat.ctimeNs, stat.ino];
}

/** Whether every output is still what the build left. */
function arePlaced(run: OpenRun, { contents }: DecidingSession, needed: readonly number[], outputs: Outputs): boolean {
  return needed.every((index) => {
    const { name, declaration } = run.graph.targets[index]!;
    const artifacts = outputs(index);
    return artifacts !== undefined && contents.isPlaced(name, declaration.contract.outputs, artifacts);
  });
}

interface Looked {
  readonly files: string[];
  readonly folders: string[];
  readonly absent: string[];
  readonly environment: ReadonlySet<string>;
}

function gather(reads: Reads, run: OpenRun, session: DecidingSession, needed: readonly number[]): Looked {
  const { files, folders, absent } = pathsOf(reads);
  for (const path of [run.folder.stateFile, run.folder.traceFile])
    (statOf(path) === undefined ? absent : files).add(path);
  for (const index of needed) {
    const target = run.graph.targets[index]!;
    for (const [slot, shape] of Object.entries(target.declaration.contract.outputs)) {
      const place = session.contents.placeOf(target.name, slot, shape);
      if (!existsSync(place)) absent.add(place);
      else if (shape.format !== "tree") files.add(place);
      else {
        folders.add(place);
        for (const name of listTree(place)) {
          files.add(join(place, name));
          folders.add(dirname(join(place, name)));
        }
      }
    }
  }
  return {
    files: [...files],
    folders: [...folders],
    absent: [...absent],
    environment: new Set([...run.expfile.looks.environment.keys(), ...session.factory.read.environment]),
  };
}
