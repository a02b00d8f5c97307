// The stages of a run.yaml that nobody has touched since exp wrote it: one is found among ten thousand without reading the others, and written in place.

/** Where lines lie, in bytes. */
interface Range {
  readonly begin: number;
  readonly end: number;
}

const [newline, space] = [0x0a, 0x20];
/** Where a stage lies is mostly guessed that well. */
const firstReach = 1 << 13;

export class WrittenStages {
  /** What stands after `targets:`, from its line break on. */
  readonly pieces: readonly Buffer[];
  #bytes: Buffer | undefined;
  readonly #found = new Map<string, Range | undefined>();
  #at = 0;

  constructor(pieces: readonly Buffer[]) {
    this.pieces = pieces;
  }

  /** All of it, put together when somebody looks into it. */
  get bytes(): Buffer {
    return (this.#bytes ??= this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces));
  }

  /** What is asked for next is to be sought near this place, from 0 to 1. */
  lookNear(place: number): void {
    this.#at = Math.floor(place * this.bytes.length);
  }

  /** The lines of a stage, without its name. `name`: one that is written as it is. */
  find(name: string): Buffer | undefined {
    const range = this.#rangeOf(name);
    return range === undefined ? undefined : this.bytes.subarray(range.begin, range.end);
  }

  /** The same with other lines for some stages. Undefined: one of them is not there. */
  replaced(changed: ReadonlyMap<string, Buffer>): WrittenStages | undefined {
    const all: (Range & { readonly lines: Buffer })[] = [];
    for (const [name, lines] of changed) {
      const range = this.#rangeOf(name);
      if (range === undefined) return undefined;
      all.push({ ...range, lines });
    }
    const pieces: Buffer[] = [];
    let at = 0;
    for (const { begin, end, lines } of all.sort((one, other) => one.begin - other.begin)) {
      pieces.push(this.bytes.subarray(at, begin), lines);
      at = end;
    }
    return new WrittenStages([...pieces, this.bytes.subarray(at)]);
  }

  #rangeOf(name: string): Range | undefined {
    if (this.#found.has(name)) return this.#found.get(name);
    const line = Buffer.from(`\n  ${name}:\n`, "latin1");
    const at = this.#search(line);
    const begin = at + line.length;
    const range = at === -1 ? undefined : { begin, end: this.#endOf(begin) };
    if (range !== undefined) this.#at = range.end;
    this.#found.set(name, range);
    return range;
  }

  #search(line: Buffer): number {
    const { length } = this.bytes;
    for (let [from, to, reach] = [this.#at, this.#at, firstReach]; from > 0 || to < length; reach *= 2) {
      // With what may have been cut at the border of what was searched before.
      for (const [begin, end] of [
        [to - line.length, to + reach] as const,
        [from - reach, from + line.length] as const,
      ]) {
        const first = Math.max(0, begin);
        const found = this.bytes.subarray(first, Math.max(first, end)).indexOf(line);
        if (found !== -1) return first + found;
      }
      [from, to] = [Math.max(0, from - reach), Math.min(length, to + reach)];
    }
    return -1;
  }

  /** Where the lines of a stage end: they are further in than its name, or empty. */
  #endOf(begin: number): number {
    const { bytes } = this;
    let at = begin;
    while (at < bytes.length && (bytes[at] === newline || isIndented(bytes, at))) {
      const next = bytes.indexOf(newline, at);
      at = next === -1 ? bytes.length : next + 1;
    }
    return at;
  }
}

function isIndented(bytes: Buffer, at: number): boolean {
  for (let k = 0; k < 4; k++) if (bytes[at + k] !== space) return false;
  return true;
}
