// A set of digests that numbers its members from 0, in flat arrays: a million take 50 MB, where strings in a Map take 200.
// Whatever belongs to a digest lies in arrays beside, by number.

import type { Digest } from "../../model/digest.ts";

const digestBytes = 32;

export class DigestTable {
  #bytes = Buffer.alloc(1024 * digestBytes);
  /** Open addressing: number + 1, or 0. A digest is as good as random, so its first bytes are the hash. */
  #slots = new Int32Array(2048);
  #size = 0;
  readonly #asked = Buffer.alloc(digestBytes);

  get size(): number {
    return this.#size;
  }

  has(digest: Digest): boolean {
    return this.indexOf(digest) >= 0;
  }

  /** Its number; -1: not a member. */
  indexOf(digest: Digest): number {
    this.#asked.write(digest, "hex");
    return this.#slots[this.#slotOf(this.#asked, 0)]! - 1;
  }

  /** Its number, as a member from now on. */
  add(digest: Digest): number {
    this.#asked.write(digest, "hex");
    const known = this.#slots[this.#slotOf(this.#asked, 0)]! - 1;
    if (known >= 0) return known;
    if ((this.#size + 1) * digestBytes > this.#bytes.length) this.#grow();
    this.#asked.copy(this.#bytes, this.#size * digestBytes);
    this.#slots[this.#slotOf(this.#asked, 0)] = ++this.#size;
    return this.#size - 1;
  }

  digestAt(index: number): Digest {
    return this.#bytes.toString("hex", index * digestBytes, (index + 1) * digestBytes) as Digest;
  }

  /** The slot that holds the digest, or the empty one where it belongs. */
  #slotOf(bytes: Buffer, at: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = bytes.readUInt32LE(at) & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]! - 1;
      if (index < 0) return slot;
      const start = index * digestBytes;
      if (bytes.compare(this.#bytes, start, start + digestBytes, at, at + digestBytes) === 0) return slot;
    }
  }

  #grow(): void {
    this.#bytes = Buffer.concat([this.#bytes], this.#bytes.length * 2);
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let index = 0; index < this.#size; index++)
      this.#slots[this.#slotOf(this.#bytes, index * digestBytes)] = index + 1;
  }
}
