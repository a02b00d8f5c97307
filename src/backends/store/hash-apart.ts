// Many files, or large ones, hashed by threads: what is handed to which, so that all cores are busy to the end. Remembers nothing.

import type { BigIntStats } from "node:fs";
import type { Digest } from "../../model/digest.ts";
import { isStill, statText, type FileClock } from "../../util/stat.ts";
import {
  hashResting,
  joinQuick,
  pieceBytesOf,
  piecesOf,
  quickFromBytes,
  type HashedFile,
  type HashTerms,
  type Xxhash,
} from "./hash-file.ts";
import type { HashPool } from "./hash-pool.ts";

export interface ToHash {
  readonly path: string;
  readonly stat: BigIntStats;
  /** What it held when it was last looked at, if its quick hash was taken then. */
  readonly known: { readonly digest: Digest; readonly quick: string } | undefined;
}

interface Means {
  readonly pool: HashPool;
  readonly clock: FileClock;
  readonly xxhash: Xxhash | undefined;
}

/** What a thread is handed at a time. */
export const batchFiles = 64;
const batchBytes = 16 << 20;

/** Bytes. Of files at which nobody has looked, larger ones are left alone: they are worth more than one order. */
const mostUnseen = quickFromBytes - 1;

export function unseenTerms(clock: FileClock): HashTerms {
  return { at: clock.now(), device: clock.device, most: mostUnseen };
}

/** Takes files one by one: threads start and hash while others are still looked for, and what they know is told while they go on. */
export class HashingApart {
  readonly #pool: HashPool;
  readonly #clock: FileClock;
  readonly #xxhash: Xxhash | undefined;
  readonly #onHashed: (path: string, hashed: HashedFile) => void;
  /** One tick serves all: a file that changed before it cannot change unseen after. */
  readonly #at: bigint;
  readonly #running: Promise<void>[] = [];
  #batch: string[] = [];
  #batchBytes = 0;

  /** `onHashed` is not told of what could not be read or did not rest. */
  constructor({ pool, clock, xxhash }: Means, onHashed: (path: string, hashed: HashedFile) => void) {
    this.#pool = pool;
    this.#clock = clock;
    this.#xxhash = xxhash;
    this.#onHashed = onHashed;
    this.#at = clock.now();
  }

  add(file: ToHash): void {
    if (isLarge(file)) {
      this.#running.push(this.#hashLarge(file));
      return;
    }
    this.#batchBytes += Number(file.stat.size);
    this.#batch.push(file.path);
    if (this.#batch.length === batchFiles || this.#batchBytes >= batchBytes) this.#send();
  }

  /** Files at which nobody has looked: whoever opens them sees what they are. */
  addUnseen(paths: readonly string[]): void {
    for (let at = 0; at < paths.length; at += batchFiles)
      this.#running.push(this.#hashFiles(paths.slice(at, at + batchFiles), mostUnseen));
  }

  /** Takes part, and resolves when all have been told. */
  async done(): Promise<void> {
    this.#send();
    const all = Promise.all(this.#running);
    // What fails while this thread is at work is told below.
    all.catch(() => undefined);
    for (let own = this.#pool.takeBack(); own !== undefined; own = this.#pool.takeBack()) {
      const { order, tell } = own;
      tell(order.paths.map((path) => hashResting(path, order, this.#xxhash)));
      // What threads have found meanwhile is told, and they get the next order.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await all;
  }

  #send(): void {
    const paths = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    if (paths.length > 0) this.#running.push(this.#hashFiles(paths, Infinity));
  }

  async #hashFiles(paths: readonly string[], most: number): Promise<void> {
    const terms = { at: this.#at, device: this.#clock.device, most };
    const answer = await this.#pool.run({ kind: "files", paths, ...terms });
    answer?.files.forEach((file, i) => {
      if (file !== undefined) this.#onHashed(paths[i]!, file);
    });
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
