// What a batch tells through a place, on the batch's side: lines gathered into chunks, each signed and put under the next name, after all that they name.

import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import type { TreeListing } from "../../../model/action.ts";
import type { BlobRef } from "../../../model/digest.ts";
import { isMissing } from "../../../util/fs.ts";
import type { BlobStore } from "../../store/store.ts";
import type { ResultLine, ResultLog } from "./batch.ts";
import {
  chunkWords,
  longestInlineLog,
  messageFormat,
  type Chunk,
  type PaidCall,
  type SentLine,
  type SentLog,
} from "./message.ts";
import type { Place } from "./place.ts";
import type { Seal } from "./seal.ts";

export interface SentResultsOptions {
  readonly place: Place;
  readonly seal: Seal;
  readonly batch: number;
  readonly start: number;
  readonly store: BlobStore;
  /** Where the log of an action lies here. */
  readonly logOf: (action: number) => string;
  /** Again and again, until it succeeds. */
  readonly persist: (act: () => Promise<void>) => Promise<void>;
}

/** A batch of a second writes a chunk each tenth of it, a long one each second: few are lost with a machine, and few are to be fetched. */
const share = 0.1;
const longestMs = 1000;
/** About so much goes into one: whoever reads it holds it in memory, and takes none that is much larger. */
const chunkBytes = 4 << 20;

export class SentResults implements ResultLog {
  readonly #options: SentResultsOptions;
  readonly #since = performance.now();
  readonly #waiting: SentLine[] = [];
  #sending = Promise.resolve();
  #sentAt = -Infinity;
  #number = 0;

  constructor(options: SentResultsOptions) {
    this.#options = options;
  }

  append(line: ResultLine): void {
    const log = "i" in line ? this.#logOf(line.i) : undefined;
    this.#waiting.push({ result: line, ...(log !== undefined && { log }) });
  }

  say(words: string): void {
    this.#waiting.push({ words });
  }

  async commit(): Promise<void> {
    const now = performance.now();
    const rest = this.#sentAt + Math.min(longestMs, share * (now - this.#since)) - now;
    const isLast = this.#waiting.some((line) => "result" in line && !("i" in line.result));
    if (rest > 0 && !isLast) await new Promise((resolve) => setTimeout(resolve, rest));
    return this.#send();
  }

  /** At once: whoever paid waits for it to be safe. */
  keepCall(call: PaidCall): Promise<void> {
    this.#waiting.push({ call });
    return this.#send();
  }

  #send(): Promise<void> {
    return (this.#sending = this.#sending.then(async () => {
      while (this.#waiting.length > 0) await this.#sendChunk(this.#takeSome());
    }));
  }

  /** As many lines as one message may hold, and one at least. */
  #takeSome(): readonly SentLine[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && (count === 0 || bytes < chunkBytes))
      bytes += JSON.stringify(this.#waiting[count++]).length;
    return this.#waiting.splice(0, count);
  }

  async #sendChunk(lines: readonly SentLine[]): Promise<void> {
    const { place, seal, batch, start, persist } = this.#options;
    const blobs = lines.flatMap((line) => this.#namedBy(line));
    const name = seal.nameOf(...chunkWords(batch, start, this.#number++));
    const chunk: Chunk = { v: messageFormat, lines };
    const bytes = seal.sign(name, JSON.stringify(chunk));
    await persist(async () => {
      await place.put(blobs);
      await place.write(name, bytes);
    });
    this.#sentAt = performance.now();
  }

  #logOf(action: number): SentLog | undefined {
    const { logOf, store } = this.#options;
    try {
      const text = readFileSync(logOf(action));
      return text.length > longestInlineLog ? { blob: store.putBytes(text) } : { text: text.toString("utf8") };
    } catch (error) {
      if (isMissing(error)) return undefined; // It printed nothing.
      throw error;
    }
  }

  #namedBy(line: SentLine): readonly BlobRef[] {
    if (!("result" in line)) return [];
    const blobs = line.log !== undefined && "blob" in line.log ? [line.log.blob] : [];
    if (!("outcome" in line.result) || line.result.outcome.kind !== "done") return blobs;
    for (const artifact of Object.values(line.result.outcome.outputs)) {
      if (artifact.kind === "absent" || (artifact.kind === "file" && artifact.text !== undefined)) continue;
      blobs.push(artifact.blob);
      if (artifact.kind !== "tree") continue;
      const listing = JSON.parse(this.#options.store.read(artifact.blob.digest)!.toString("utf8")) as TreeListing;
      for (const [, digest, size] of listing) blobs.push({ digest, size });
    }
    return blobs;
  }
}
