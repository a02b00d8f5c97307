// File stats as evidence that content is unchanged, and the one case in which they prove nothing: an edit within the clock's tick.

import { closeSync, fstatSync, mkdirSync, openSync, statSync, writeSync, type BigIntStats } from "node:fs";
import { dirname } from "node:path";

/** `size:mtime:ctime:inode`, times in nanoseconds. Equal text means that nothing touched the file in between. */
export type StatText = string & { readonly __brand: "StatText" };

/** What counts of a file's stat; of ten thousand files, the rest would fill megabytes. */
export type FileStat = Pick<BigIntStats, "size" | "mtimeNs" | "ctimeNs" | "ino" | "dev">;

export function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    // A file where a folder was expected, a loop of links, a name that no file can have: not there, as far as reading goes.
    if (["ENOTDIR", "ELOOP", "ENAMETOOLONG"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

export function statText(stat: FileStat): StatText {
  return `${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}:${stat.ino}` as StatText;
}

/** Whether they have the same `statText`, which takes longer to write than this to compare. */
export function isSameStat(a: FileStat, b: FileStat): boolean {
  return a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.size === b.size && a.ino === b.ino;
}

/** Whether the file is as it was seen. */
export function isStill(path: string, seen: StatText): boolean {
  const stat = statOf(path);
  return stat !== undefined && statText(stat) === seen;
}

/**
 * The clock of a file system. A file whose last change lies strictly before the clock's present tick cannot be edited again
 * without its times moving; in the same tick it can (writes within 4 ms share an mtime on Linux), so it is called racy.
 */
export class FileClock {
  readonly #fd: number;
  /** Of the file system whose clock it is. */
  readonly device: bigint;
  #last = 0n;

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true });
    this.#fd = openSync(file, "w");
    this.device = fstatSync(this.#fd, { bigint: true }).dev;
  }

  /** The present tick, nanoseconds on the file system's own clock. */
  now(): bigint {
    writeSync(this.#fd, ".", 0);
    return (this.#last = fstatSync(this.#fd, { bigint: true }).mtimeNs);
  }

  /**
   * A tick that is not later than the present one. For a file that changed before it, it proves what the present one would, and needs no look at
   * the clock; for any other this is the present one.
   */
  tickFor(stat: BigIntStats | undefined): bigint {
    return stat !== undefined && !this.isRacy(stat, this.#last) ? this.#last : this.now();
  }

  /**
   * A time that no later change of a file gets. A file that was given it when it was written shows every edit in its stat, also one within the present
   * tick, so it need not be read again when that has passed. Seconds since 1970, as `utimes` takes them: a double has them to a quarter of a microsecond.
   */
  past(): number {
    return Number(this.#last === 0n ? this.now() : this.#last) / 1e9 - 2e-6;
  }

  /** Whether the file has the time of `past` that it was given; elsewhere times may be coarser, or another's. */
  hasTime({ mtimeNs, dev }: BigIntStats, past: number | undefined): boolean {
    return past !== undefined && dev === this.device && Math.abs(Number(mtimeNs) - past * 1e9) < 1000;
  }

  /** Whether `stat`, taken before its file was hashed at tick `at`, leaves room for an unseen edit. */
  isRacy(stat: FileStat, at: bigint): boolean {
    return isRacyAt(stat, at, this.device);
  }

  /** Waits until the clock has left the tick `at`. */
  async pass(at: bigint): Promise<void> {
    while (this.now() <= at) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** `FileClock.isRacy`, for who has no clock: `at` is a tick of the file system `device`. */
export function isRacyAt(stat: FileStat, at: bigint, device: bigint): boolean {
  const changed = stat.mtimeNs > stat.ctimeNs ? stat.mtimeNs : stat.ctimeNs;
  // Another file system may keep another time: two seconds are more than the granularity of any in use.
  const tick = stat.dev === device ? 0n : 2_000_000_000n;
  return changed >= at - tick;
}
