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
/** Whoever has asked for so large a part asks for the rest as well, and it is quicker to read all in one piece. */
const manyAsked = 1 / 16;

export class Segment {
  readonly #file: string;
  /** Undefined: nobody writes to it any more, and all of it is known or indexed. */
  readonly #tail: LogTail<Entry> | undefined;
  /** By key, the result or the line that says it. */
  readonly #entries = new Map<Digest, ActionResult | string>();
  /** What is not in `#entries` may be here. */
  #index: LineIndex | undefined;
  #found = 0;

  /** `mayGrow`: somebody may still be writing to it. */
  constructor(root: string, name: string, mayGrow: boolean) {
    this.#file = join(root, name);
    const isLong = !mayGrow && isWorthIndexing(this.#file);
    this.#index = isLong ? LineIndex.open(indexFileOf(this.#file), this.#file) : undefined;
    if (isLong && this.#index === undefined) this.#readAndIndex();
    const tail = isLong ? undefined : new LogTail<Entry>(this.#file);
    for (const { k, r } of tail?.read() ?? []) this.#take(k, r);
    this.#tail = mayGrow ? tail : undefined;
  }

  /** The first result of the key. */
  get(key: Digest): ActionResult | undefined {
    const known = this.#entries.get(key) ?? this.#lineOf(key);
    if (typeof known !== "string") return known;
    const result = parseLine<Entry>(known)?.r;
    if (result !== undefined) this.#entries.set(key, result);
    return result;
  }

  #lineOf(key: Digest): string | undefined {
    if (this.#index === undefined) return undefined;
    for (const offset of this.#index.offsetsOf(key)) {
      const text = this.#index.lineAt(offset);
      if (keyAtFront(text) !== key) continue;
      if (++this.#found > this.#index.size * manyAsked) this.#readAll();
      return text;
    }
    return undefined;
  }

  /** Reads what was added since. */
  refresh(): void {
    for (const { k, r } of this.#tail?.read() ?? []) this.#take(k, r);
  }

  close(): void {
    this.#index?.close();
  }

  #readAll(): void {
    this.#index?.close();
    this.#index = undefined;
    for (const { text } of readTextLines(this.#file)) this.#take(keyAtFront(text), text);
  }

  #readAndIndex(): void {
    const builder = new LineIndexBuilder();
    for (const { text, offset } of readTextLines(this.#file)) {
      const key = keyAtFront(text);
      if (key === undefined) continue;
      this.#take(key, text);
      builder.add(key, offset);
    }
    keepIndex(this.#file, builder);
  }

  #take(key: Digest | undefined, result: ActionResult | string): void {
    if (key !== undefined && !this.#entries.has(key)) this.#entries.set(key, result);
  }
}

const front = '{"k":"';

/** The key of a line; undefined where it was torn so early that it has none. */
function keyAtFront(text: string): Digest | undefined {
  const end = front.length + 64;
  return text.startsWith(front) && text[end] === '"' ? (text.slice(front.length, end) as Digest) : undefined;
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
