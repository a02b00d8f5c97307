// Whether a server that is told to put something only where nothing is (`If-None-Match: *`) heeds it: some ignore it, some refuse it. One that does is asked
// for nothing before a put that is likely to succeed. Before all others it is looked first, and between the look and the put somebody else may come.

import { digestOfBytes, type Digest } from "../../model/digest.ts";
import { sizeOf, type SharedContent, type SharedKind } from "./shared.ts";

/** It costs little to send what is there already; of what is longer it is asked first. */
const sentUnaskedBytes = 128 << 10;

const probe = Buffer.from("exp puts this where it is already, to see whether what is there is kept\n");
export const probeName = digestOfBytes(probe);

/** Puts content where nothing is, and tells the status of the answer. */
type Put = (name: Digest, bytes: Buffer, signal: AbortSignal) => Promise<number>;

export class Heeding {
  readonly #put: Put;
  #asked = 0;
  #known: Promise<boolean> | undefined;
  /** Of what was put last it was so: who publishes what is there mostly publishes more of it, and need not send that. */
  readonly #wasThere = new Set<SharedKind>();

  constructor(put: Put) {
    this.#put = put;
  }

  /** Whether this may be put without a look whether it is there. Throws what the put of the probe throws: then that is tried another time. */
  async maySend(kind: SharedKind, content: SharedContent, signal: AbortSignal): Promise<boolean> {
    return sizeOf(content) <= sentUnaskedBytes && !this.#wasThere.has(kind) && (await this.#isSure(signal));
  }

  /** What came of a put. */
  note(kind: SharedKind, done: "put" | "there"): "put" | "there" {
    if (done === "there") this.#wasThere.add(kind);
    else this.#wasThere.delete(kind);
    return done;
  }

  async #isSure(signal: AbortSignal): Promise<boolean> {
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
