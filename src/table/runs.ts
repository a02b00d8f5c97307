/**
 * Parquet's hybrid of run lengths and packed bits
 * (https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE), for levels, dictionary indexes and booleans.
 */
import { Malformed } from "./error.ts";
import { ThriftReader } from "./thrift.ts";

/** @returns `count` numbers of `width` bits each; a run that claims more than `count` is refused */
export function decodeRuns(bytes: Uint8Array, width: number, count: number): Uint32Array {
  if (width > 32) throw new Malformed(`${width} bits for one value`);
  const output = new Uint32Array(count);
  if (width === 0) return output;
  const reader = new ThriftReader(bytes);
  for (let filled = 0; filled < count;) {
    const header = reader.varint();
    const start = reader.offset;
    if (header % 2 === 0) {
      const run = header / 2;
      if (run > count - filled) throw new Malformed(`a run claims ${run} values where ${count - filled} are left`);
      reader.offset = start + Math.ceil(width / 8);
      if (reader.offset > bytes.length) throw new Malformed("it ends too early");
      output.fill(littleEndian(bytes, start, reader.offset), filled, filled + run);
      filled += run;
      continue;
    }
    // Groups of eight values; the last group may be padded beyond the values, and its bytes cut short.
    const groups = (header - 1) / 2;
    const wanted = Math.min(groups * 8, count - filled);
    if (Math.ceil((wanted * width) / 8) > bytes.length - start) throw new Malformed("it ends too early");
    unpack(bytes, start, width, output.subarray(filled, filled + wanted));
    filled += wanted;
    reader.offset = start + groups * width;
  }
  return output;
}

function littleEndian(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let index = end - 1; index >= start; index -= 1) value = value * 256 + bytes[index]!;
  return value;
}

/** Bits come lowest first, across byte borders. Plain arithmetic where 32-bit operators would overflow. */
function unpack(bytes: Uint8Array, start: number, width: number, output: Uint32Array): void {
  const base = 2 ** width;
  let buffer = 0;
  let bits = 0;
  let at = start;
  for (let index = 0; index < output.length; index += 1) {
    while (bits < width) {
      buffer += bytes[at]! * 2 ** bits;
      at += 1;
      bits += 8;
    }
    output[index] = buffer % base;
    buffer = Math.floor(buffer / base);
    bits -= width;
  }
}
