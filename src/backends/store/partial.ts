// Large content that is on its way from elsewhere, kept when its process ends before all of it has come: who wants it next goes on from there, also where the
// process was killed. Nothing in here is trusted: whoever puts it together hashes all of it.

import { createHash, type Hash } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../model/digest.ts";
import { isMissing, removeFile, temporaryName } from "../../util/fs.ts";
import { hasEnded, processTag } from "../../util/host.ts";
import { statOf } from "../../util/stat.ts";

/** What is smaller is brought again from its beginning. */
const worthKeepingBytes = 4 << 20;
/** What nobody has wanted for so long goes. */
const keptForMs = 7 * 86_400_000;

/** One content on its way. */
export interface Partial {
  readonly path: string;
  readonly file: FileHandle;
  /** How much of it has come, and the hash of that. */
  got: number;
  hash: Hash;
  /** What it began with was left by somebody else. */
  isTakenUp: boolean;
}

/** Takes up what is there of it. A process that is at work on the same content keeps its file to itself. */
export async function openPartial(folder: string, digest: Digest, size: number): Promise<Partial> {
  mkdirSync(folder, { recursive: true });
  if (size < worthKeepingBytes) {
    const path = temporaryName(digest, folder);
    return { path, file: await open(path, "wx+"), got: 0, hash: createHash("sha256"), isTakenUp: false };
  }
  const path = join(folder, `${digest}.${processTag()}`);
  const isTakenUp = takeUp(folder, digest, path);
  const file = await open(path, isTakenUp ? "r+" : "wx+");
  const partial: Partial = { path, file, got: 0, hash: createHash("sha256"), isTakenUp };
  if (isTakenUp)
    for await (const bytes of file.createReadStream({ autoClose: false, start: 0, end: size - 1 })) {
      partial.hash.update(bytes as Buffer);
      partial.got += (bytes as Buffer).length;
    }
  return partial;
}

/** What has come of it is wrong, or the server begins anew. */
export async function beginAnew(partial: Partial): Promise<void> {
  await partial.file.truncate(0);
  partial.got = 0;
  partial.hash = createHash("sha256");
  partial.isTakenUp = false;
}

/** `isKept`: the rest may be had another time. */
export async function closePartial(folder: string, digest: Digest, partial: Partial, isKept: boolean): Promise<void> {
  await partial.file.close();
  const isWorthIt = isKept && partial.got >= worthKeepingBytes;
  // Under the name of nobody it is anybody's.
  if (isWorthIt) renameSync(partial.path, join(folder, digest));
  else removeFile(partial.path);
}

function takeUp(folder: string, digest: Digest, path: string): boolean {
  for (const name of readdirSync(folder)) {
    const [of, owner] = name.split(".");
    // A process number may come again.
    const isNobodys = owner === undefined || owner === processTag() || hasEnded(owner);
    if (of !== digest) {
      const stat = isNobodys ? statOf(join(folder, name)) : undefined;
      if (stat !== undefined && Date.now() - Number(stat.mtimeMs) > keptForMs)
        rmSync(join(folder, name), { force: true });
      continue;
    }
    if (!isNobodys) continue;
    try {
      renameSync(join(folder, name), path);
      return true;
    } catch (error) {
      // Another was quicker.
      if (!isMissing(error)) throw error;
    }
  }
  return false;
}
