// "Is everything that we looked at still as it was?" — for what is kept between builds: compiled Expfiles, bundles.

import type { BlobRef, Digest } from "../../model/digest.ts";
import { statOf } from "../../util/stat.ts";
import type { Watched } from "./collect.ts";

/** The digest of a file, by its stat where that proves it. */
export type DigestOf = (path: string) => BlobRef | undefined;

export interface WatchedRecord {
  readonly files: readonly (readonly [path: string, digest: Digest])[];
  readonly absent: readonly string[];
}

export function recordWatched(watched: Watched, digestOf: DigestOf): WatchedRecord {
  const files = [...watched.files].flatMap(([path, read]) => {
    const digest = read ?? digestOf(path)?.digest;
    return digest === undefined ? [] : [[path, digest] as const];
  });
  return { files, absent: watched.absent };
}

export function watchedHolds(record: WatchedRecord, digestOf: DigestOf): boolean {
  return (
    record.absent.every((path) => statOf(path) === undefined) &&
    record.files.every(([path, digest]) => digestOf(path)?.digest === digest)
  );
}
