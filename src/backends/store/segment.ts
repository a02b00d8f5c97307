// One segment of the action cache: the results that one process has found, or that were merged from many. Of a long one that nobody writes to any more an
// index is kept beside it, so that a build which asks for a few of a hundred thousand results reads those.

import { statSync } from "node:fs";
import { join } from "node:path";
import type { ActionResult } from "../../model/action.ts";
import type { Digest } from "../../model/digest.ts";
import { LogTail, parseLine, readTextLines } from "../../util/append-log.ts";
import { LineIndex, LineIndexBuilder } from "../../util/line-index.ts";

export interface Entry {
  readonly k: Digest;
  readonly r: ActionResult;
}

export const segmentEnding = ".jsonl";
/** A shorter one is read as quickly as its index. */
const worthIndexingBytes = 1 << 18;

export class Segment {
  readonly #file: string;
  readonly #tail: LogTail<Entry>;
  readonly #entries = new Map<Digest, ActionResult>();
  readonly #index: LineIndex | undefined;

  /** `mayGrow`: somebody may still be writing to it. */
  constructor(root: string, name: string, mayGrow: boolean) {
    this.#file = join(root, name);
    const isLong = !mayGrow && isWorthIndexing(this.#file);
    this.#index = isLong ? LineIndex.open(indexFileOf(this.#file), this.#file) : undefined;
    if (isLong && this.#index === undefined) this.#readAndIndex();
    this.#tail = new LogTail(this.#file, isLong ? Infinity : 0);
    this.refresh();
  }

  /** The first result of the key. */
  get(key: Digest): ActionResult | undefined {
    const known = this.#entries.get(key);
    if (known !== undefined || this.#index === undefined) return known;
    for (const offset of this.#index.offsetsOf(key)) {
      const entry = parseLine<Entry>(this.#index.lineAt(offset));
      if (entry?.k !== key) continue;
      this.#entries.set(key, entry.r);
      return entry.r;
    }
    return undefined;
  }

  /** Reads what was added since. */
  refresh(): void {
    for (const { k, r } of this.#tail.read()) this.#take(k, r);
  }

  close(): void {
    this.#index?.close();
  }

  #readAndIndex(): void {
    const builder = new LineIndexBuilder();
    for (const { text, offset } of readTextLines(this.#file)) {
      const entry = parseLine<Entry>(text);
      if (entry === undefined) continue;
      this.#take(entry.k, entry.r);
      builder.add(entry.k, offset);
    }
    keepIndex(this.#file, builder);
  }

  #take(key: Digest, result: ActionResult): void {
    if (!this.#entries.has(key)) this.#entries.set(key, result);
  }
}

/** Of a segment that nobody writes to any more. */
export function keepIndex(segment: string, builder: LineIndexBuilder): void {
  if (builder.size > 0 && isWorthIndexing(segment)) builder.save(indexFileOf(segment), segment);
}

function isWorthIndexing(segment: string): boolean {
  return (statSync(segment, { throwIfNoEntry: false })?.size ?? 0) >= worthIndexingBytes;
}

/** Of a segment that is gone, an index is of no use. */
export function indexFileOf(segment: string): string {
  return segment.slice(0, -segmentEnding.length) + ".index";
}
