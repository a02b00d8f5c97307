// Many files, or large ones, hashed by threads: what is handed to which, so that all cores are busy to the end. Remembers nothing.

import type { BigIntStats } from "node:fs";
import type { Digest } from "../../model/digest.ts";
import { isStill, statText, type FileClock } from "../../util/stat.ts";
import { joinQuick, pieceBytesOf, piecesOf, quickFromBytes } from "./hash-file.ts";
import type { HashedFile, HashPool } from "./hash-pool.ts";

export interface ToHash {
  readonly path: string;
  readonly stat: BigIntStats;
  /** What it held when it was last looked at, if its quick hash was taken then. */
  readonly known: { readonly digest: Digest; readonly quick: string } | undefined;
}

/** What a thread is handed at a time. */
const batchFiles = 256;
const batchBytes = 16 << 20;

/** By path, without what could not be read or did not rest. */
export async function hashApart(
  pool: HashPool,
  clock: FileClock,
  files: readonly ToHash[],
): Promise<ReadonlyMap<string, HashedFile>> {
  const hashed = new Map<string, HashedFile>();
  // One tick serves all: a file that changed before it cannot change unseen after.
  const at = clock.now();
  const large = files.filter(isLarge).map(async (file) => {
    const one = await hashLarge(pool, file, clock.isRacy(file.stat, at));
    if (one !== undefined) hashed.set(file.path, one);
  });
  const small = batchesOf(files.filter((file) => !isLarge(file))).map(async (paths) => {
    const answer = await pool.run({ kind: "files", paths, at, device: clock.device });
    for (const [i, file] of answer?.files.entries() ?? []) if (file !== undefined) hashed.set(paths[i]!, file);
  });
  await Promise.all([...large, ...small]);
  return hashed;
}

/** Worth more than one order. */
function isLarge({ stat, known }: ToHash): boolean {
  const size = Number(stat.size);
  return size >= pieceBytesOf(size) || (size >= quickFromBytes && known !== undefined);
}

/** Its quick hash first where it may only have been touched; else the quick hash of its pieces beside its digest, which one thread has to make. */
async function hashLarge(
  pool: HashPool,
  { path, stat, known }: ToHash,
  isRacy: boolean,
): Promise<HashedFile | undefined> {
  const size = Number(stat.size);
  const seen = statText(stat);
  const whole = () => pool.run({ kind: "digest", path });
  const pieces = async () => {
    const orders = Array.from({ length: piecesOf(size) }, (_, piece) => pool.run({ kind: "quick", path, size, piece }));
    const hashes = (await Promise.all(orders)).flatMap((answer) => answer?.hash ?? []);
    return hashes.length === orders.length ? joinQuick(hashes) : undefined;
  };
  const before = known === undefined ? undefined : await pieces();
  const isSame = known !== undefined && before === known.quick;
  const [digest, quick] = isSame
    ? [known.digest, before]
    : await Promise.all([whole().then((answer) => answer?.digest), before ?? pieces()]);
  if (digest === undefined || quick === undefined || !isStill(path, seen)) return undefined;
  // Both are of one content only if nothing can have changed it unseen between the two readings.
  return { seen, size, digest, isRacy, ...((isSame || !isRacy) && { quick }) };
}

function batchesOf(files: readonly ToHash[]): readonly (readonly string[])[] {
  const batches: string[][] = [];
  let bytes = Infinity;
  for (const { path, stat } of files) {
    if (bytes >= batchBytes || batches.at(-1)!.length === batchFiles) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)!.push(path);
    bytes += Number(stat.size);
  }
  return batches;
}
