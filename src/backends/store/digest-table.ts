// A set of digests that numbers its members from 0, in flat arrays: a million take 50 MB, where strings in a Map take 200.
// Whatever belongs to a digest lies in arrays beside, by number.

import type { Digest } from "../../model/digest.ts";

/** Of 32 bits. Compared one by one: mostly the first says it, and a call of `Buffer.compare` takes longer than all eight. */
const digestWords = 8;
const digestBytes = 4 * digestWords;

export class DigestTable {
  #words = new Uint32Array(1024 * digestWords);
  /** Open addressing: number + 1, or 0. A digest is as good as random, so its first word is the hash. */
  #slots = new Int32Array(2048);
  #size = 0;
  readonly #asked = new Uint32Array(digestWords);
  readonly #askedBytes = Buffer.from(this.#asked.buffer);

  get size(): number {
    return this.#size;
  }

  has(digest: Digest): boolean {
    return this.indexOf(digest) >= 0;
  }

  /** Its number; -1: not a member. */
  indexOf(digest: Digest): number {
    this.#askedBytes.write(digest, "hex");
    return this.#slots[this.#slotOf(this.#asked, 0)]! - 1;
  }

  /** Its number, as a member from now on. */
  add(digest: Digest): number {
    const known = this.indexOf(digest);
    if (known >= 0) return known;
    if ((this.#size + 1) * digestWords > this.#words.length) this.#grow();
    this.#words.set(this.#asked, this.#size * digestWords);
    this.#slots[this.#slotOf(this.#asked, 0)] = ++this.#size;
    return this.#size - 1;
  }

  digestAt(index: number): Digest {
    return Buffer.from(this.#words.buffer, index * digestBytes, digestBytes).toString("hex") as Digest;
  }

  /** The slot that holds the digest, or the empty one where it belongs. */
  #slotOf(words: Uint32Array, at: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = words[at]! & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]! - 1;
      if (index < 0 || this.#isAt(index, words, at)) return slot;
    }
  }

  #isAt(index: number, words: Uint32Array, at: number): boolean {
    const start = index * digestWords;
    for (let word = 0; word < digestWords; word++) if (this.#words[start + word] !== words[at + word]) return false;
    return true;
  }

  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let index = 0; index < this.#size; index++) this.#slots[this.#slotOf(words, index * digestWords)] = index + 1;
  }
}
