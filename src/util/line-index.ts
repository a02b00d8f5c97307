// Where the lines of a log lie, by what they are about: kept in a file of its own, so that who asks for a few of a hundred thousand lines reads those
// and no others. A log only grows; what has come since the index was written is read as ever. Unaware of what lines say.

import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { hasCode, openIfThere, readIfThere, writeAtomic } from "./fs.ts";

/**
 * SHA-256 of all that follows it; a JSON header, with its length before it, and spaces after it up to a multiple of 8 bytes; then, by buckets of keys:
 * the offset of each line, where each bucket begins (one more than there are buckets), the hash of each line's key. All of 32 bits, but for the offsets of
 * a log of 4 GiB or more, which are floats of 64 bits. It is short, and read where it lies: there are machines on which
 * each new page of memory takes as long as a look at a file.
 */
interface Header {
  readonly format: 2;
  /** The log's inode, and how many of its bytes are covered: whole lines. */
  readonly inode: number;
  readonly end: number;
  /** The last bytes of those, base64: another log that took the place of this one has others. */
  readonly last: string;
  readonly buckets: number;
  readonly lines: number;
}

const digestBytes = 32;
const headerFrom = digestBytes + 4;
/** From here on offsets do not fit into 32 bits. */
const longLog = 2 ** 32;
/** Few, so that where they begin is little to read; a look goes through so many hashes. */
const linesOfBucket = 4;
const lastBytes = 256;
/** Lines are read in pieces of this length; most are shorter. */
const pieceBytes = 2048;

export class LineIndex {
  /** How many bytes of the log are covered. */
  readonly end: number;
  readonly #path: string;
  readonly #inode: number;
  #log: number | undefined;
  readonly #starts: Uint32Array;
  readonly #hashes: Uint32Array;
  readonly #offsets: Uint32Array | Float64Array;
  #piece = Buffer.allocUnsafe(pieceBytes);

  private constructor(path: string, log: number, { end, inode, buckets, lines }: Header, arrays: Buffer) {
    this.end = end;
    this.#path = path;
    this.#inode = inode;
    this.#log = log;
    const { buffer, byteOffset } = arrays;
    this.#offsets = new (end < longLog ? Uint32Array : Float64Array)(buffer as ArrayBuffer, byteOffset, lines);
    const rest = byteOffset + this.#offsets.byteLength;
    this.#starts = new Uint32Array(buffer, rest, buckets + 1);
    this.#hashes = new Uint32Array(buffer, rest + this.#starts.byteLength, lines);
  }

  /** Undefined where there is none, it is damaged, or it is of another log. */
  static open(file: string, log: string): LineIndex | undefined {
    const bytes = readIfThere(file);
    if (bytes === undefined || bytes.length < headerFrom) return undefined;
    const digest = createHash("sha256").update(bytes.subarray(digestBytes)).digest();
    if (!digest.equals(bytes.subarray(0, digestBytes))) return undefined;
    const start = headerFrom + bytes.readUInt32LE(digestBytes);
    const header = JSON.parse(bytes.toString("utf8", headerFrom, start)) as Header;
    if (header.format !== 2) return undefined;
    const fd = openIfThere(log);
    if (fd === undefined) return undefined;
    const { ino, size } = fstatSync(fd);
    if (ino === header.inode && size >= header.end && lastOf(fd, header.end) === header.last)
      return new LineIndex(log, fd, header, aligned(bytes.subarray(start)));
    closeSync(fd);
    return undefined;
  }

  get size(): number {
    return this.#offsets.length;
  }

  /** Of lines that may be about the key, ascending: another key may share its hash. */
  offsetsOf(key: string): readonly number[] {
    const hash = hashOf(key);
    const bucket = hash & (this.#starts.length - 2);
    const found: number[] = [];
    for (let at = this.#starts[bucket]!; at < this.#starts[bucket + 1]!; at++)
      if (this.#hashes[at] === hash) found.push(this.#offsets[at]!);
    return found;
  }

  /** Also when it is closed: a session is asked a few things after its end. Empty, if another log lies there by then. */
  lineAt(offset: number): string {
    if (this.#log !== undefined) return this.#read(this.#log, offset);
    const log = openIfThere(this.#path);
    if (log === undefined) return "";
    try {
      return fstatSync(log).ino === this.#inode ? this.#read(log, offset) : "";
    } finally {
      closeSync(log);
    }
  }

  #read(log: number, offset: number): string {
    for (;;) {
      const got = readSync(log, this.#piece, 0, this.#piece.length, offset);
      const end = this.#piece.subarray(0, got).indexOf(0x0a);
      if (end >= 0 || got < this.#piece.length) return this.#piece.toString("utf8", 0, end < 0 ? got : end);
      this.#piece = Buffer.allocUnsafe(this.#piece.length * 4);
    }
  }

  /** Every line's hash and offset. */
  forEach(take: (hash: number, offset: number) => void): void {
    for (let at = 0; at < this.#hashes.length; at++) take(this.#hashes[at]!, this.#offsets[at]!);
  }

  close(): void {
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
  }
}

/** Gathers lines for an index. */
export class LineIndexBuilder {
  readonly #hashes: number[] = [];
  readonly #offsets: number[] = [];

  add(key: string, offset: number): void {
    this.#hashes.push(hashOf(key));
    this.#offsets.push(offset);
  }

  get size(): number {
    return this.#hashes.length;
  }

  /** Of the first `end` bytes of the log, all of it if nothing is said: the lines of an earlier index, and what was added. */
  save(file: string, log: string, { earlier, end }: { earlier?: LineIndex | undefined; end?: number } = {}): void {
    if (earlier === undefined) return this.#save(file, log, end);
    const all = new LineIndexBuilder();
    for (const one of [earlier, this])
      one.forEach((hash, offset) => {
        all.#hashes.push(hash);
        all.#offsets.push(offset);
      });
    all.#save(file, log, end);
  }

  forEach(take: (hash: number, offset: number) => void): void {
    for (let i = 0; i < this.#hashes.length; i++) take(this.#hashes[i]!, this.#offsets[i]!);
  }

  #save(file: string, log: string, until: number | undefined): void {
    const lines = this.#hashes.length;
    const buckets = 2 ** Math.ceil(Math.log2(Math.max(2, lines / linesOfBucket)));
    const offsets = new Float64Array(lines);
    const starts = new Uint32Array(buckets + 1);
    const hashes = new Uint32Array(lines);
    for (const hash of this.#hashes) starts[(hash & (buckets - 1)) + 1]!++;
    for (let bucket = 0; bucket < buckets; bucket++) starts[bucket + 1]! += starts[bucket]!;
    const next = starts.slice();
    // In the order in which they came, so that the lines of a key stay in the order of the log.
    for (let i = 0; i < lines; i++) {
      const at = next[this.#hashes[i]! & (buckets - 1)]!++;
      hashes[at] = this.#hashes[i]!;
      offsets[at] = this.#offsets[i]!;
    }
    const fd = openSync(log, "r");
    let header: Header;
    try {
      const { ino: inode, size } = fstatSync(fd);
      const end = until ?? size;
      // Who else wrote to the log has moved what came after.
      if (!offsets.every((offset) => offset < end) || !beginsLine(fd, this.#offsets.at(-1)!)) return;
      header = { format: 2, inode, end, last: lastOf(fd, end), buckets, lines };
    } finally {
      closeSync(fd);
    }
    const json = JSON.stringify(header);
    const padded = Buffer.from(json + " ".repeat(7 - ((headerFrom + json.length + 7) % 8)), "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32LE(padded.length);
    const arrays = [header.end < longLog ? Uint32Array.from(offsets) : offsets, starts, hashes];
    const pieces = [length, padded, ...arrays.map((array) => Buffer.from(array.buffer))];
    const hash = createHash("sha256");
    for (const piece of pieces) hash.update(piece);
    try {
      writeAtomic(file, Buffer.concat([hash.digest(), ...pieces]));
    } catch (error) {
      // It only saves time: no build fails for want of it.
      if (!["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM"].some((code) => hasCode(error, code))) throw error;
    }
  }
}

/** Small files are read into a part of some buffer, which may begin anywhere. */
function aligned(bytes: Buffer): Buffer {
  return bytes.byteOffset % 8 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
}

/** FNV-1a of the UTF-16 code units, as an unsigned number of 32 bits. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function beginsLine(fd: number, offset: number): boolean {
  const before = Buffer.alloc(1);
  return offset === 0 || (readSync(fd, before, 0, 1, offset - 1) === 1 && before[0] === 0x0a);
}

function lastOf(fd: number, end: number): string {
  const length = Math.min(end, lastBytes);
  const bytes = Buffer.alloc(length);
  readSync(fd, bytes, 0, length, end - length);
  return bytes.toString("base64");
}
