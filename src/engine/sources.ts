// Files of the project that were read: what they held, whether they still do, and why one cannot be read. Unaware of slots and wires.

import { lstatSync, readlinkSync, statSync, type StatsBase } from "node:fs";
import type { FileDigests, FoundFile } from "../backends/store/store.ts";
import type { Digest } from "../model/digest.ts";
import { hasCode } from "../util/fs.ts";
import { statOf, statText, type StatText } from "../util/stat.ts";
import { readOfWalk, type Walk, type WalkRead } from "./walk.ts";

/** A file with its digest, and the stat for which that holds. */
export interface SourceFile {
  readonly path: string;
  readonly seen: StatText;
  readonly digest: Digest;
}

export interface SourceDigests extends FileDigests {
  /** `isPlain`: of paths that were just seen to be plain files. */
  digestsOf(paths: readonly string[], isPlain?: (path: string) => boolean): Promise<ReadonlyMap<string, FoundFile>>;
  /** The stat for which the last answer held. */
  statTextOf(path: string): StatText | undefined;
  isRacy(path: string): boolean;
}

/** Files of the project that were read to resolve inputs, and the patterns whose matches count: for the stamp of the fast path. */
export class SourcesRead {
  readonly files = new Map<string, SourceFile>();
  readonly absent = new Set<string>();
  /** Glob, or folder with a `/` behind it → what it stood for. */
  readonly globs = new Map<string, WalkRead>();
  /** Whether something was seen in two states: then no stamp can vouch for what was made of the first. */
  moved = false;
  /** Paths by content, once somebody has asked. */
  #paths: Map<Digest, Set<string>> | undefined;

  addFile(file: SourceFile): void {
    const earlier = this.files.get(file.path);
    if (earlier !== undefined && (earlier.seen !== file.seen || earlier.digest !== file.digest)) this.moved = true;
    this.files.set(file.path, file);
    if (this.#paths !== undefined) note(this.#paths, file);
  }

  /** The paths at which a content was seen. */
  pathsWith(digest: Digest): readonly string[] {
    if (this.#paths === undefined) {
      this.#paths = new Map();
      for (const file of this.files.values()) note(this.#paths, file);
    }
    return [...(this.#paths.get(digest) ?? [])];
  }

  addGlob(pattern: string, walk: Walk): void {
    const read = readOfWalk(walk);
    if ((this.globs.get(pattern) ?? read).digest !== read.digest) this.moved = true;
    this.globs.set(pattern, read);
  }
}

function note(paths: Map<Digest, Set<string>>, { path, digest }: SourceFile): void {
  const known = paths.get(digest);
  if (known === undefined) paths.set(digest, new Set([path]));
  else known.add(path);
}

/**
 * What has happened to files since they were resolved. `touched`: they hold what they held, and yet their stat has moved, so that they may have
 * held something else meanwhile. Within a clock tick the stat says nothing, and the content decides.
 */
export function changeOf(files: readonly SourceFile[], digests: SourceDigests): "none" | "touched" | "edited" {
  let isTouched = false;
  for (const { path, seen, digest } of files) {
    const stat = statOf(path);
    const isProven = stat !== undefined && statText(stat) === seen && !digests.isRacy(path);
    if (isProven) continue;
    if (digests.digestOf(path)?.digest !== digest) return "edited";
    if (stat === undefined || statText(stat) !== seen) isTouched = true;
  }
  return isTouched ? "touched" : "none";
}

/** Why an entry that was listed cannot be read, as the end of a sentence that begins with its name; undefined if it is gone by now. */
export function whyUnreadable(path: string): string | undefined {
  const own = lstatSync(path, { throwIfNoEntry: false });
  if (own === undefined) return path.includes("\ufffd") ? "has a name that is not UTF-8" : undefined;
  if (!own.isSymbolicLink()) return own.isDirectory() ? "is reached again from inside, by a link" : `is ${kindOf(own)}`;
  const link = `is a link to ${readlinkSync(path)}, which`;
  try {
    const end = statSync(path);
    return end.isDirectory() ? `${link} leads back to a folder above it` : `${link} is ${kindOf(end)}`;
  } catch (error) {
    return hasCode(error, "ELOOP") ? `${link} leads back to it` : `${link} does not exist`;
  }
}

function kindOf(stat: StatsBase<number>): string {
  if (stat.isFIFO()) return "a named pipe";
  if (stat.isSocket()) return "a socket";
  return stat.isFile() ? "a file that could not be read" : "a device";
}
