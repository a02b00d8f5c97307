// Everything that a build read to decide, with what it held: whether it is all as it was, and where an edit would show. Unaware of outputs and stamps.

import { dirname, join } from "node:path";
import { listMatches, matchCode, readOfWalk, type WalkRead } from "../engine/walk.ts";
import type { Digest } from "../model/digest.ts";
import { leadsThere } from "../planning/bundle/watched.ts";
import { expfileName } from "./compiled-expfile.ts";
import type { FileRead } from "../planning/config/reads.ts";
import type { OpenRun } from "./open-run.ts";
import type { DecidingSession, Project } from "./project.ts";

export interface Reads {
  readonly root: string;
  /** By absolute path. Undefined: it was not there. */
  readonly files: readonly (readonly [path: string, digest: Digest | undefined])[];
  /** Files that single targets read as inputs. */
  readonly inputs: readonly (readonly [path: string, digest: Digest])[];
  /** Of no content that counts, and yet there: a folder where a config might have been. */
  readonly places: readonly string[];
  readonly absent: ReadonlySet<string>;
  /** Paths that lead elsewhere, with where. */
  readonly links: readonly (readonly [path: string, real: string])[];
  readonly sources: ReadonlyMap<string, WalkRead>;
  readonly code: ReadonlyMap<string, WalkRead>;
  /** Something was seen in two states while the build went on. */
  readonly moved: boolean;
}

export function readsOf(project: Project, run: OpenRun, { sources, factory }: DecidingSession): Reads {
  const { looked } = project.bundler;
  const { watched } = run.expfile;
  const isPlace = ({ present, digest }: FileRead) => present && digest === undefined;
  return {
    root: project.paths.root,
    files: [
      ...run.configReads.filter((read) => !isPlace(read)).map(({ path, digest }) => [path, digest] as const),
      ...watched.files,
      ...looked.files,
      ...factory.read.files.map(({ path, digest }) => [path, digest] as const),
    ],
    inputs: [...sources.files.values()].map(({ path, digest }) => [path, digest]),
    places: run.configReads.filter(isPlace).map(({ path }) => path),
    absent: new Set([...watched.absent, ...looked.absent, ...sources.absent]),
    links: [...watched.links, ...looked.links],
    sources: sources.globs,
    code: factory.read.globs,
    moved: sources.moved,
  };
}

/** Whether everything that was there still is what it was. What was absent is not asked for: `pathsOf` names it. */
export function areAsRead(
  { root, files, inputs, links, sources, code, moved }: Reads,
  digestOf: (path: string) => { readonly digest: Digest } | undefined,
): boolean {
  const isSame = (walks: Reads["sources"], walk: typeof listMatches) =>
    [...walks].every(([pattern, { digest }]) => readOfWalk(walk(root, pattern)).digest === digest);
  return (
    !moved &&
    [...files, ...inputs].every(([path, digest]) => digestOf(path)?.digest === digest) &&
    links.every(leadsThere) &&
    isSame(sources, listMatches) &&
    isSame(code, matchCode)
  );
}

export interface Paths {
  /** One of them may not be there any more. */
  readonly files: Set<string>;
  readonly folders: Set<string>;
  readonly absent: Set<string>;
}

/** Where a change of what was read shows: in a file, in the listing of a folder, or in that something appears. */
export function pathsOf({ root, files: read, inputs, places, absent, links, sources, code }: Reads): Paths {
  const files = new Set<string>([join(root, expfileName), ...places]);
  const paths = { files, folders: new Set<string>(), absent: new Set(absent) };
  for (const [path, digest] of [...read, ...inputs]) (digest === undefined ? paths.absent : files).add(path);
  // What a link leads to may be another name of the same file (packages of pnpm's store, for other peers), and its stat the same: the folder in
  // which the link is made anew shows it.
  for (const [path] of links) paths.folders.add(dirname(path));
  for (const walk of [...sources.values(), ...code.values()]) {
    for (const path of walk.looked) paths.folders.add(path);
    for (const path of walk.absent) paths.absent.add(path);
  }
  return paths;
}
