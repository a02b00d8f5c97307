// What keeps a submission's own words its own in a place where others read and write: one key for each submission, known to its driver and its batches.
// It names messages so that nobody can guess them, signs them, and hides secrets.

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import type { Digest } from "../../../model/digest.ts";

const cipher = "aes-256-gcm";
const ivBytes = 12;
const tagBytes = 16;

export class Seal {
  /** For who is to know it: base64. */
  readonly key: string;
  readonly #naming: Buffer;
  readonly #signing: Buffer;
  readonly #hiding: Buffer;

  constructor(key: string) {
    const derive = (use: string) => Buffer.from(hkdfSync("sha256", Buffer.from(key, "base64"), "", `exp ${use}`, 32));
    this.key = key;
    this.#naming = derive("names");
    this.#signing = derive("signatures");
    this.#hiding = derive("secrets");
  }

  static make(): Seal {
    return new Seal(randomBytes(32).toString("base64"));
  }

  nameOf(...words: readonly (string | number)[]): Digest {
    return createHmac("sha256", this.#naming).update(JSON.stringify(words)).digest("hex") as Digest;
  }

  /** Under its name, so that it cannot be passed off as another. */
  sign(name: Digest, text: string): Buffer {
    return Buffer.from(`hmac-sha256 ${this.#signature(name, text)}\n${text}`, "utf8");
  }

  /** What was signed; undefined: not with this key, or not under this name. */
  read(name: Digest, bytes: Buffer): string | undefined {
    const end = bytes.indexOf("\n");
    const text = bytes.toString("utf8", end + 1);
    const given = bytes.toString("utf8", 0, Math.max(0, end));
    const right = `hmac-sha256 ${this.#signature(name, text)}`;
    return given.length === right.length && timingSafeEqual(Buffer.from(given), Buffer.from(right)) ? text : undefined;
  }

  hide(text: string): string {
    const iv = randomBytes(ivBytes);
    const hiding = createCipheriv(cipher, this.#hiding, iv);
    const hidden = Buffer.concat([hiding.update(text, "utf8"), hiding.final()]);
    return Buffer.concat([iv, hiding.getAuthTag(), hidden]).toString("base64");
  }

  /** Throws where it was hidden with another key. */
  reveal(hidden: string): string {
    const bytes = Buffer.from(hidden, "base64");
    const revealing = createDecipheriv(cipher, this.#hiding, bytes.subarray(0, ivBytes));
    revealing.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    return Buffer.concat([revealing.update(bytes.subarray(ivBytes + tagBytes)), revealing.final()]).toString("utf8");
  }

  #signature(name: Digest, text: string): string {
    return createHmac("sha256", this.#signing).update(name).update("\n").update(text).digest("hex");
  }
}
