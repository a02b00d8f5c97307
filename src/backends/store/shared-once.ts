// Whether a server that is told to put something only where nothing is (`If-None-Match: *`) heeds it: some ignore it, some refuse it. One that does is asked
// for nothing before a put. Before all others it is looked first, and between the look and the put somebody else may come.

import { digestOfBytes, type Digest } from "../../model/digest.ts";

/** It costs little to send what is there already; of what is longer it is asked first. */
export const sentUnaskedBytes = 128 << 10;

const probe = Buffer.from("exp puts this where it is already, to see whether what is there is kept\n");
const probeName = digestOfBytes(probe);

/** Puts content where nothing is, and tells the status of the answer. */
type Put = (name: Digest, bytes: Buffer, signal: AbortSignal) => Promise<number>;

export class Heeding {
  readonly #put: Put;
  #asked = 0;
  #known: Promise<boolean> | undefined;

  constructor(put: Put) {
    this.#put = put;
  }

  /** Throws what the put throws: then it is found out another time. */
  async isSure(signal: AbortSignal): Promise<boolean> {
    // For one put alone it is not worth finding out.
    if (this.#asked++ === 0) return false;
    this.#known ??= this.#find(signal).catch((error: unknown) => {
      this.#known = undefined;
      throw error;
    });
    return this.#known;
  }

  /** Whoever was here before has left it behind: mostly that is one request. */
  async #find(signal: AbortSignal): Promise<boolean> {
    for (const _ of ["it may not be there", "it is there"]) {
      const status = await this.#put(probeName, probe, signal);
      if (status === 412 || status === 409) return true;
      if (status >= 300) return false;
    }
    return false;
  }
}
