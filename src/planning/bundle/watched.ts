// "Is everything that we looked at still as it was?" — for what is kept between builds: compiled Expfiles, bundles.

import { realpathSync } from "node:fs";
import type { BlobRef, Digest } from "../../model/digest.ts";
import { statOf } from "../../util/stat.ts";

/** The digest of a file, by its stat where that proves it. */
export type DigestOf = (path: string) => BlobRef | undefined;

/** What has to be unchanged for a compilation to be unchanged, by absolute path. */
export interface Watched {
  /** With the digest of what was read, where it was. */
  readonly files: ReadonlyMap<string, Digest | undefined>;
  /** What was not there. */
  readonly absent: ReadonlySet<string>;
  /** Paths that lead elsewhere, with where. */
  readonly links: ReadonlyMap<string, string>;
}

export interface WatchedRecord {
  readonly files: readonly (readonly [path: string, digest: Digest])[];
  readonly absent: readonly string[];
  readonly links: readonly (readonly [path: string, real: string])[];
}

export function recordWatched(watched: Watched, digestOf: DigestOf): WatchedRecord {
  const files = [...watched.files].flatMap(([path, read]) => {
    const digest = read ?? digestOf(path)?.digest;
    return digest === undefined ? [] : [[path, digest] as const];
  });
  return { files, absent: [...watched.absent], links: [...watched.links] };
}

export function watchedHolds(record: WatchedRecord, digestOf: DigestOf): boolean {
  return isFoundAsBefore(record) && record.files.every(([path, digest]) => digestOf(path)?.digest === digest);
}

/** Whether whoever looked again would look at the same files. */
export function isFoundAsBefore({ links, absent }: WatchedRecord): boolean {
  return links.every(leadsThere) && absent.every((path) => statOf(path) === undefined);
}

/** Whether a path still leads to where it led. */
export function leadsThere([path, real]: readonly [path: string, real: string]): boolean {
  return statOf(path) !== undefined && realpathSync.native(path) === real;
}
