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
export const batchFiles = 256;
const batchBytes = 16 << 20;

/** Takes files one by one: threads start and hash while others are still looked for, and what they know is told while they go on. */
export class HashingApart {
  readonly #pool: HashPool;
  readonly #clock: FileClock;
  readonly #onHashed: (path: string, hashed: HashedFile) => void;
  /** One tick serves all: a file that changed before it cannot change unseen after. */
  readonly #at: bigint;
  readonly #running: Promise<void>[] = [];
  #batch: string[] = [];
  #batchBytes = 0;

  /** `onHashed` is not told of what could not be read or did not rest. */
  constructor(pool: HashPool, clock: FileClock, onHashed: (path: string, hashed: HashedFile) => void) {
    this.#pool = pool;
    this.#clock = clock;
    this.#onHashed = onHashed;
    this.#at = clock.now();
  }

  add(file: ToHash): void {
    if (isLarge(file)) {
      this.#running.push(this.#hashLarge(file));
      return;
    }
    this.#batch.push(file.path);
    this.#batchBytes += Number(file.stat.size);
    if (this.#batch.length === batchFiles || this.#batchBytes >= batchBytes) this.#send();
  }

  /** Resolves when all have been told. */
  async done(): Promise<void> {
    this.#send();
    await Promise.all(this.#running);
  }

  #send(): void {
    const paths = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    if (paths.length > 0) this.#running.push(this.#hashFiles(paths));
  }

  async #hashFiles(paths: readonly string[]): Promise<void> {
    const answer = await this.#pool.run({ kind: "files", paths, at: this.#at, device: this.#clock.device });
    for (const [i, file] of answer?.files.entries() ?? []) if (file !== undefined) this.#onHashed(paths[i]!, file);
  }

  async #hashLarge(file: ToHash): Promise<void> {
    const hashed = await hashLarge(this.#pool, file, this.#clock.isRacy(file.stat, this.#at));
    if (hashed !== undefined) this.#onHashed(file.path, hashed);
  }
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
