/**
 * Snappy decompression (https://github.com/google/snappy/blob/main/format_description.txt), refusing sizes that the
 * input cannot hold. Ours, because hyparquet's loops forever on some damaged input.
 */
import { Malformed } from "./error.ts";
import { ThriftReader } from "./thrift.ts";

// A copy of 3 bytes stands for 64 at most; beyond this ratio the claimed size is a lie.
const MAX_RATIO = 22;

export function snappyDecompress(input: Uint8Array, claimedSize: number): Uint8Array {
  const preamble = new ThriftReader(input);
  const size = preamble.varint();
  if (size !== claimedSize || size > input.length * MAX_RATIO) {
    throw new Malformed(`${input.length} compressed bytes claim to be ${claimedSize}`);
  }
  const output = new Uint8Array(size);
  let written = 0;
  let at = preamble.offset;
  const littleEndian = (bytes: number): number => {
    let value = 0;
    for (let index = 0; index < bytes; index += 1) value += (input[at + index] ?? 0) * 2 ** (8 * index);
    at += bytes;
    return value;
  };
  while (at < input.length) {
    const tag = input[at]!;
    at += 1;
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >> 2;
      const length = 1 + (short < 60 ? short : littleEndian(short - 59));
      if (length > input.length - at || length > size - written) throw new Malformed("damaged compression");
      output.set(input.subarray(at, at + length), written);
      at += length;
      written += length;
      continue;
    }
    const length = kind === 1 ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
    const distance = kind === 1 ? (tag >> 5) * 256 + littleEndian(1) : littleEndian(kind === 2 ? 2 : 4);
    if (distance === 0 || distance > written || length > size - written) throw new Malformed("damaged compression");
    // Byte by byte: the copy may overlap what it writes.
    for (const end = written + length; written < end; written += 1) output[written] = output[written - distance]!;
  }
  if (written !== size) throw new Malformed("damaged compression");
  return output;
}
