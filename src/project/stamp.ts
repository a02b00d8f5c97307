// Writes the stamp of the fast path after a complete, successful build: everything that the build looked at, with stats that prove it unchanged.
// A file that was changed within the clock's tick in which it was hashed is hashed again once the tick has passed; if that shows an edit, no stamp.

import { existsSync, readdirSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { isDynamicPattern } from "tinyglobby";
import { askedText, packStamp, screenOf, stampFormat, stampName } from "../fast/stamp.ts";
import { listTree, writeAtomic } from "../util/fs.ts";
import { statOf } from "../util/stat.ts";
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

export async function writeStamp(
  project: Project,
  run: OpenRun,
  session: DecidingSession,
  needed: readonly number[],
  output: string,
  around: Surroundings,
): Promise<void> {
  const { digests } = project;
  const { clock } = digests;
  const looked = gather(project, run, session, needed);
  // Files first: what their digest was for this build. Then their stats; then, past the tick, the racy ones again.
  const before = new Map(looked.files.map((path) => [path, digests.digestOf(path)?.digest]));
  const at = clock.now();
  const paths = [...looked.files, ...looked.folders, ...looked.absent];
  const stats = new BigInt64Array(paths.length * 4);
  const racy: string[] = [];
  for (const [i, path] of paths.entries()) {
    const stat = statOf(path);
    if ((stat === undefined) !== i >= looked.files.length + looked.folders.length) return;
    stats.set(stat === undefined ? [-1n, -1n, -1n, -1n] : [stat.size, stat.mtimeNs, stat.ctimeNs, stat.ino], i * 4);
    if (stat !== undefined && (clock.isRacy(stat, at) || digests.isRacy(path))) racy.push(path);
  }
  if (racy.length > 0) {
    await clock.pass(at);
    for (const path of racy) {
      const stat = statOf(path);
      const i = paths.indexOf(path) * 4;
      if (
        stat === undefined ||
        stat.size !== stats[i] ||
        stat.mtimeNs !== stats[i + 1] ||
        stat.ctimeNs !== stats[i + 2] ||
        stat.ino !== stats[i + 3]
      )
        return;
      if (before.has(path) && digests.digestOf(path)?.digest !== before.get(path)) return;
      // A file on another file system, whose clock is not known, stays racy for a while: then there is no stamp yet.
      if (before.has(path) && digests.isRacy(path)) return;
    }
  }
  const environment = [...looked.environment].map((name) => [name, project.environment[name] ?? null] as const);
  const { file, asked } = stampFile(project.paths, around);
  writeAtomic(
    file,
    packStamp({ format: stampFormat, build: buildId, node: process.version, asked, paths, environment, output }, stats),
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
  for (const path of [...project.bundler.looked.files, ...session.sources.files.keys(), ...session.factory.read.files])
    files.add(path);
  for (const pattern of [...session.sources.globs.keys(), ...session.factory.read.globs.keys()]) {
    for (const folder of foldersOf(root, pattern)) folders.add(folder);
  }
  for (const index of needed) {
    const target = run.graph.targets[index]!;
    for (const [slot, { ext, format }] of Object.entries(target.declaration.contract.outputs)) {
      const place = session.contents.placeOf(target.name, slot, ext);
      if (!existsSync(place)) absent.add(place);
      else if (format !== "tree") files.add(place);
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
    environment: new Set([...run.expfile.environment.keys(), ...session.factory.read.environment]),
  };
}

/** Every folder in which a new file could come to match: the pattern's fixed part, and what lies below it where the pattern goes deeper. */
function foldersOf(root: string, pattern: string): string[] {
  const parts = pattern.split("/");
  const fixed: string[] = [];
  while (parts.length > 0 && !isDynamicPattern(parts[0]!)) fixed.push(parts.shift()!);
  const base = isAbsolute(pattern) ? fixed.join("/") || "/" : join(root, ...fixed);
  if (statOf(base)?.isDirectory() !== true) return [];
  const result = [base];
  if (parts.length <= 1 && !pattern.includes("**")) return result;
  const walk = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name === "node_modules") continue;
      result.push(join(folder, entry.name));
      walk(join(folder, entry.name));
    }
  };
  walk(base);
  return result;
}
