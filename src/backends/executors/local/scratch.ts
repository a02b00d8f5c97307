// The folder of one build's workers, with a sign of life for those on other machines, who cannot ask for its process.

import { utimesSync } from "node:fs";
import { join } from "node:path";
import { isMissing } from "../../../util/fs.ts";
import { removeWhole } from "../../../util/remove.ts";

/** Whoever finds it unchanged for a day takes it for dead. */
const signMs = 3_600_000;

export class ScratchFolder {
  readonly path: string;
  #workers = 0;
  #signs: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Where the next worker makes its own. */
  next(): string {
    this.#signs ??= setInterval(() => this.#sign(), signMs).unref();
    return join(this.path, String(this.#workers++));
  }

  get wasUsed(): boolean {
    return this.#workers > 0;
  }

  remove(): void {
    clearInterval(this.#signs);
    removeWhole(this.path);
  }

  #sign(): void {
    const now = new Date();
    try {
      utimesSync(this.path, now, now);
    } catch (error) {
      // Somebody deleted the cache.
      if (!isMissing(error)) throw error;
    }
  }
}
