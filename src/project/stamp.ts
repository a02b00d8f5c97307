// Writes the stamp of the fast path after a complete, successful build: everything that the build looked at, with stats that prove it unchanged.
// If anything was edited while the build went on, there is no stamp: the next build has to look for itself.

import { existsSync, type BigIntStats } from "node:fs";
import { dirname, join } from "node:path";
import { listMatches, matchCode, readOfWalk } from "../engine/walk.ts";
import type { Artifacts } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import { askedText, packStamp, screenOf, stampFormat, stampName } from "../fast/stamp.ts";
import { listTree, writeAtomic } from "../util/fs.ts";
import { statOf } from "../util/stat.ts";
import { leadsThere } from "../planning/bundle/watched.ts";
import type { OpenRun } from "./open-run.ts";
import { expfileName } from "./expfile.ts";
import type { ProjectPaths } from "./paths.ts";
import type { DecidingSession, Project } from "./project.ts";
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
  const looked = gather(project, run, session, needed);
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
  if (!isAsBuilt(project, run, session, needed, outputs)) return;
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

/** Whether everything that the build read is still what it was then, and every output what the build left. */
function isAsBuilt(
  project: Project,
  run: OpenRun,
  session: DecidingSession,
  needed: readonly number[],
  outputs: Outputs,
): boolean {
  const { root } = project.paths;
  const { sources, factory, contents } = session;
  const isStill = (path: string, digest: Digest | undefined) => project.digests.digestOf(path)?.digest === digest;
  return (
    !sources.moved &&
    run.configReads.every(({ path, digest }) => isStill(path, digest)) &&
    run.expfile.watched.files.every(([path, digest]) => isStill(path, digest)) &&
    project.bundler.looked.files.every(([path, digest]) => isStill(path, digest)) &&
    [...run.expfile.watched.links, ...project.bundler.looked.links].every(leadsThere) &&
    [...sources.files.values(), ...factory.read.files].every(({ path, digest }) => isStill(path, digest)) &&
    [...sources.globs].every(([pattern, { digest }]) => readOfWalk(listMatches(root, pattern)).digest === digest) &&
    [...factory.read.globs].every(([pattern, { digest }]) => readOfWalk(matchCode(root, pattern)).digest === digest) &&
    needed.every((index) => {
      const { name, declaration } = run.graph.targets[index]!;
      const artifacts = outputs(index);
      return artifacts !== undefined && contents.isPlaced(name, declaration.contract.outputs, artifacts);
    })
  );
}

interface Looked {
  readonly files: string[];
  readonly folders: string[];
  readonly absent: string[];
  readonly environment: ReadonlySet<string>;
}

function gather(project: Project, run: OpenRun, session: DecidingSession, needed: readonly number[]): Looked {
  const { root } = project.paths;
  const files = new Set<string>([join(root, expfileName), run.folder.stateFile, run.folder.traceFile]);
  const folders = new Set<string>();
  const absent = new Set<string>();
  for (const { path, present } of run.configReads) (present ? files : absent).add(path);
  for (const [path] of run.expfile.watched.files) files.add(path);
  for (const path of [...run.expfile.watched.absent, ...project.bundler.looked.absent, ...session.sources.absent])
    absent.add(path);
  for (const [path] of project.bundler.looked.files) files.add(path);
  // What a link leads to may be another name of the same file (packages of pnpm's store, for other peers), and its stat the same: the folder in
  // which the link is made anew shows it.
  for (const [path] of [...run.expfile.watched.links, ...project.bundler.looked.links]) folders.add(dirname(path));
  for (const { path } of [...session.sources.files.values(), ...session.factory.read.files]) files.add(path);
  for (const walk of [...session.sources.globs.values(), ...session.factory.read.globs.values()]) {
    for (const path of walk.looked) folders.add(path);
    for (const path of walk.absent) absent.add(path);
  }
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
  // A file that is watched and not there was absent when it was looked for, too.
  const missing = [...files].filter((path) => statOf(path) === undefined);
  for (const path of missing) {
    files.delete(path);
    absent.add(path);
  }
  return {
    files: [...files],
    folders: [...folders],
    absent: [...absent],
    environment: new Set([...run.expfile.looks.environment.keys(), ...session.factory.read.environment]),
  };
}
