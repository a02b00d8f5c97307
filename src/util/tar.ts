// Tar as far as an export needs it (POSIX.1-1988 ustar): regular files with short names. The reader takes nothing else, so that a hostile archive has
// no links, devices or folders to offer.

const blockBytes = 512;

/** Larger sizes are written in base 256, as GNU tar does. */
const largestOctal = 8 ** 11 - 1;

export interface TarEntry {
  readonly name: string;
  readonly size: number;
}

/** Names of up to 100 bytes. No time, owner or machine: equal content gives equal bytes. */
export function tarHeader({ name, size }: TarEntry): Buffer {
  const block = Buffer.alloc(blockBytes);
  if (Buffer.byteLength(name) > 100) throw new Error(`a name too long for tar: ${name}`);
  block.write(name, 0);
  block.write("0000644\u00000000000\u00000000000\u0000", 100, "latin1");
  if (size <= largestOctal) block.write(size.toString(8).padStart(11, "0"), 124, "latin1");
  else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
  block.write("00000000000\u0000        0", 136, "latin1");
  block.write("ustar\u000000", 257, "latin1");
  block.write(`${checksumOf(block).toString(8).padStart(6, "0")}\u0000 `, 148, "latin1");
  return block;
}

/** What follows the content of a file, up to the end of its last block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);
}

export const tarEnd = Buffer.alloc(2 * blockBytes);

/** The text says what is wrong, as the end of a sentence about the file. */
export class BadTar extends Error {}

export class TarReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  /** Of the present entry's content, with its padding. */
  #left = 0;
  #padding = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next file; undefined at the end. The content of the one before has to have been read. */
  async next(): Promise<TarEntry | undefined> {
    const block = await this.#block();
    if (block.every((byte) => byte === 0)) return undefined;
    const stored = parseInt(block.toString("latin1", 148, 156).replace(/[\0 ]+$/, ""), 8);
    if (stored !== checksumOf(block)) throw new BadTar("is damaged: the header of a file in it is not whole");
    const [name, prefix] = [textAt(block, 0, 100), textAt(block, 345, 500)];
    const kind = block.toString("latin1", 156, 157);
    if ((kind !== "0" && kind !== "\0") || prefix !== "")
      throw new BadTar(`holds something that no export holds: "${name}" is no plain file`);
    const size = sizeAt(block);
    this.#left = size;
    this.#padding = tarPadding(size).length;
    return { name, size };
  }

  /** The content of the present file. Pieces are valid until the next is asked for. */
  async *content(): AsyncGenerator<Buffer> {
    while (this.#left > 0) {
      if (this.#rest.length === 0) await this.#more();
      const piece = this.#rest.subarray(0, this.#left);
      this.#rest = this.#rest.subarray(piece.length);
      this.#left -= piece.length;
      yield piece;
    }
    await this.#take(this.#padding);
    this.#padding = 0;
  }

  #block(): Promise<Buffer> {
    return this.#take(blockBytes);
  }

  async #take(size: number): Promise<Buffer> {
    while (this.#rest.length < size) await this.#more();
    const taken = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return taken;
  }

  async #more(): Promise<void> {
    const next = await this.#source.next();
    if (next.done === true) throw new BadTar("is cut short");
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
  }
}

function textAt(block: Buffer, from: number, to: number): string {
  const end = block.indexOf(0, from);
  return block.toString("utf8", from, end === -1 || end > to ? to : end);
}

function sizeAt(block: Buffer): number {
  const size =
    block[124] === 0x80
      ? Number(block.readBigUInt64BE(128))
      : parseInt(block.toString("latin1", 124, 136).replace(/[\0 ]+$/, ""), 8);
  if (!Number.isSafeInteger(size) || size < 0) throw new BadTar("is damaged: a size in it is no number");
  return size;
}

/** The sum of the header's bytes, those of the sum itself taken as spaces. */
function checksumOf(block: Buffer): number {
  return block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);
}
