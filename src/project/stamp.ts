// Writes the stamp of the fast path after a complete, successful build: everything that the build looked at, with stats that prove it unchanged.
// If anything was edited while the build went on, there is no stamp: the next build has to look for itself.

import { existsSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { Acceptance } from "../backends/store/trace-lines.ts";
import type { Artifacts } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import { askedText, pack, packPaths, screenOf, stampFormat, stampName, type StampHeader } from "../fast/stamp.ts";
import { listTree, writeAtomic } from "../util/fs.ts";
import { statOf, statText, type FileStat, type StatText } from "../util/stat.ts";
import { withoutPasswords } from "../util/url.ts";
import type { OpenRun } from "./open-run.ts";
import type { ProjectPaths } from "./paths.ts";
import type { DecidingSession, Project } from "./project.ts";
import { areAsRead, pathsOf, readsOf, type Reads } from "./reads.ts";
import { leave, seenByAll, type LookedAt, type OwnFiles } from "./leave.ts";
import { bytesOf } from "./left.ts";
import { askedOf, leftFile, sourcesOf } from "./recall.ts";
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
export type Ends = (
  target: number,
) => { readonly artifacts: Artifacts; readonly core: Digest; readonly accepted: Acceptance | undefined } | undefined;

/** The stamp answers the same command line; beside it lies what answers for the untouched targets of any. */
export async function writeStamp(
  project: Project,
  run: OpenRun,
  session: DecidingSession,
  needed: readonly number[],
  ends: Ends,
  output: string,
  around: Surroundings,
  /** The stat of the run's record, if it is known that exp wrote it. */
  recordKnown: StatText | undefined,
): Promise<void> {
  const { file, asked } = stampFile(project.paths, around);
  // A stamp would hold it as it is.
  if (withoutPasswords(asked) !== asked) return;
  const { recalled } = session;
  const assessed = needed.filter((index) => recalled?.isTaken(index) !== true);
  const looked = await look(project, run, session, assessed, ends);
  if (looked === undefined) return;

  // What was recalled was seen with the stats of then; an edit since shows when they are compared the next time.
  const former = recalled?.isUsed === true ? recalled : undefined;
  const environment = new Map(former?.left.header.environment);
  for (const name of [...run.expfile.looks.environment.keys(), ...session.factory.read.environment])
    environment.set(name, project.environment[name] ?? null);
  // A stamp would hold the value as it is.
  if ([...environment.values()].some((value) => value !== null && run.secrets.mask(value) !== value)) return;
  const { root } = project.paths;
  const about = {
    ...{ root, asked: askedOf(run), environment: [...environment] },
    trace: looked.statOf(run.folder.traceFile),
    // What somebody has written into it is to be read.
    record:
      recordKnown !== undefined && looked.seenAs(run.folder.stateFile) === recordKnown
        ? looked.statOf(run.folder.stateFile)
        : asNever,
  };
  const own = new Map<number, OwnFiles>();
  for (const index of assessed) {
    const { core, accepted } = ends(index)!;
    // What was accepted is told each time that somebody asks, and only the trace knows it.
    const paths = accepted === undefined ? looked.of(index, former?.restored.has(index) === true) : undefined;
    if (paths !== undefined) own.set(index, { core, paths });
  }
  const isWhole = needed.length === run.graph.targets.length;
  const left = leftFile(project, run.folder.id);
  const told = isWhole
    ? leave(left, about, { former, looked, own, targets: run.graph.targets })
    : { version: undefined, rest: seenByAll(former, looked) };
  if (told?.rest === undefined) return;
  const { workingFolder } = around;
  const from = root === workingFolder ? "" : root + sep;
  const header: StampHeader = {
    ...{ format: stampFormat, build: buildId, node: process.version, asked, output, environment: about.environment },
    left: told.version === undefined ? undefined : { file: nearer(left, workingFolder), version: told.version, from },
  };
  const paths = told.rest.paths.map((path) => nearer(resolve(root, path), workingFolder));
  writeAtomic(file, pack(header, [packPaths(paths), bytesOf(told.rest.stats)]));
}

/** All that the build has looked at, with its stats, if all of it is still what the build took it for. */
async function look(
  project: Project,
  run: OpenRun,
  session: DecidingSession,
  assessed: readonly number[],
  ends: Ends,
): Promise<LookedAt | undefined> {
  const { clock } = project.digests;
  const reads = readsOf(project, run, session);
  const looked = gather(reads, run, session, assessed);
  // The stats first, then whether all of it is still what the build took it for: what is edited before is seen here, what is edited after
  // by the stats. An edit within the tick of the stats shows in no stat, so that tick has to pass before the second look.
  const at = clock.now();
  const present = looked.files.length + looked.folders.length;
  const paths = [...looked.files, ...looked.folders, ...looked.absent];
  const stats = new Float64Array(paths.length * 4);
  const seen = new Map<string, StatText>();
  const racy: number[] = [];
  for (const [i, path] of paths.entries()) {
    // Of what was put there by this build it is known.
    const stat = session.places.statAsPut(path) ?? statOf(path);
    if (stat !== undefined && i >= present) return undefined;
    stats.set(numbersOf(stat), i * 4);
    if (stat === undefined) continue;
    if (i < looked.files.length) seen.set(path, statText(stat));
    if (clock.isRacy(stat, at)) racy.push(i);
  }
  if (racy.length > 0) {
    await clock.pass(at);
    const later = clock.now();
    for (const i of racy) {
      const stat = statOf(paths[i]!);
      if (numbersOf(stat).some((number, k) => number !== stats[i * 4 + k])) return undefined;
      // On another file system, whose clock is not known, a change stays racy for a while: then there is no stamp yet.
      if (stat !== undefined && clock.isRacy(stat, later)) return undefined;
    }
  }
  // What was there and is not is missed here.
  const digestOf = (path: string) => {
    const text = seen.get(path);
    const digest = text === undefined ? undefined : project.digests.digestSeen(path, text);
    return digest === undefined ? project.digests.digestOf(path) : { digest };
  };
  if (!areAsRead(reads, digestOf)) return undefined;
  if (!arePlaced(run, session, assessed, ends, digestOf)) return undefined;
  if (looked.files.some((path) => project.digests.isRacy(path))) return undefined;
  const { root } = project.paths;
  const places = new Map(paths.map((path, i) => [path, i]));
  const near = (all: readonly string[]) => all.map((path) => nearer(path, root));
  // An output that may be absent and is: that nothing lies there would not show that another result was to be put there.
  const isThere = (path: string) => stats[(places.get(path) ?? -1) * 4] !== -1;
  const common = pathsOf({ ...reads, inputs: [] });
  return {
    paths: near(paths),
    stats,
    shared: near([...common.files, ...common.folders, ...common.absent].filter((path) => places.has(path))),
    statOf(path) {
      const place = places.get(path)! * 4;
      return [...stats.subarray(place, place + 4)];
    },
    seenAs: (path) => seen.get(path),
    of(index, isRestored) {
      const target = run.graph.targets[index]!;
      const sources = isRestored ? [] : sourcesOf(target);
      if (sources === undefined || run.splices.has(target.name)) return undefined;
      const own = [
        ...sources.map((path) => resolve(root, path)),
        ...Object.entries(target.declaration.contract.outputs).map(([slot, shape]) =>
          session.places.placeOf(target.name, slot, shape),
        ),
      ];
      return own.every((path) => places.has(path) && isThere(path)) ? near(own) : undefined;
    },
  };
}

/** The stat of no file. */
const asNever: readonly number[] = [0, 0, 0, 0];

/** From a folder, where it lies there: that is shorter, and for the kernel less to walk. */
function nearer(path: string, folder: string): string {
  return path.startsWith(folder + sep) ? path.slice(folder.length + 1) : path;
}

function numbersOf(stat: FileStat | undefined): readonly number[] {
  return stat === undefined
    ? [-1, -1, -1, -1]
    : [Number(stat.size), msOf(stat.mtimeNs), msOf(stat.ctimeNs), Number(stat.ino)];
}

/** As Node makes milliseconds of seconds and nanoseconds. */
function msOf(ns: bigint): number {
  return Number(ns / 1_000_000_000n) * 1000 + Number(ns % 1_000_000_000n) / 1e6;
}

/** Whether every output is still what the build left, or still where it was left with others. */
function arePlaced(
  run: OpenRun,
  { places }: DecidingSession,
  assessed: readonly number[],
  ends: Ends,
  digestOf: (path: string) => { readonly digest: Digest } | undefined,
): boolean {
  return assessed.every((index) => {
    const { name, declaration } = run.graph.targets[index]!;
    const end = ends(index);
    if (end === undefined) return false;
    const { outputs } = declaration.contract;
    const left = places.leftOf(name, outputs, end.artifacts);
    const here =
      left.size === 0 ? outputs : Object.fromEntries(Object.entries(outputs).filter(([slot]) => !left.has(slot)));
    return places.isPlaced(name, here, end.artifacts, digestOf);
  });
}

interface Looked {
  readonly files: string[];
  readonly folders: string[];
  readonly absent: string[];
}

function gather(reads: Reads, run: OpenRun, session: DecidingSession, needed: readonly number[]): Looked {
  const { files, folders, absent } = pathsOf(reads);
  files.add(run.folder.stateFile).add(run.folder.traceFile);
  for (const index of needed) {
    const target = run.graph.targets[index]!;
    for (const [slot, shape] of Object.entries(target.declaration.contract.outputs)) {
      const place = session.places.placeOf(target.name, slot, shape);
      if (shape.format !== "tree") files.add(place);
      else if (!existsSync(place)) absent.add(place);
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
  };
}
