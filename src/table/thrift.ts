/**
 * Thrift's compact protocol, as far as Parquet uses it
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
 * Trusts no size that the bytes claim: a list is no longer than the bytes left, and nesting is bounded.
 */
import { Malformed } from "./error.ts";

export type Thrift = boolean | number | bigint | Uint8Array | readonly Thrift[] | Struct;

const MAX_DEPTH = 16;
const TEXT = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A struct's fields by number, with getters that check the type. A missing field is undefined. */
export class Struct {
  readonly #fields = new Map<number, Thrift>();

  set(field: number, value: Thrift): void {
    this.#fields.set(field, value);
  }

  /** A count, offset or enum: a whole number from 0 to 2^53-1. */
  count(field: number): number | undefined {
    const value = this.#fields.get(field);
    if (value === undefined) return undefined;
    if (typeof value !== "number" && typeof value !== "bigint") throw new Malformed("a number was expected");
    const count = Number(value);
    if (!Number.isSafeInteger(count) || count < 0) throw new Malformed(`impossible size ${value}`);
    return count;
  }

  /** A count that must be there. */
  need(field: number): number {
    const count = this.count(field);
    if (count === undefined) throw new Malformed("a size is missing");
    return count;
  }

  boolean(field: number): boolean | undefined {
    const value = this.#fields.get(field);
    return typeof value === "boolean" ? value : undefined;
  }

  text(field: number): string | undefined {
    const value = this.#fields.get(field);
    return value instanceof Uint8Array ? decodeText(value) : undefined;
  }

  struct(field: number): Struct | undefined {
    const value = this.#fields.get(field);
    return value instanceof Struct ? value : undefined;
  }

  structs(field: number): readonly Struct[] {
    return this.#items(field).map((item) => (item instanceof Struct ? item : new Struct()));
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }

  #items(field: number): readonly Thrift[] {
    const value = this.#fields.get(field);
    return Array.isArray(value) ? (value as readonly Thrift[]) : [];
  }
}

/** UTF-8 that must be right, byte order mark kept: what was written is what comes back. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return TEXT.decode(bytes);
  } catch {
    throw new Malformed("text is not UTF-8");
  }
}

/** Reads bytes front to back; `offset` is the next byte. */
export class ThriftReader {
  readonly bytes: Uint8Array;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }

  struct(depth = 0): Struct {
    if (depth > MAX_DEPTH) throw new Malformed("nested too deeply");
    const struct = new Struct();
    for (let field = 0; ;) {
      const header = this.#byte();
      const type = header & 0x0f;
      if (type === 0) return struct;
      field = header >> 4 ? field + (header >> 4) : Number(this.#zigzag());
      struct.set(field, type === 1 || type === 2 ? type === 1 : this.#value(type, depth));
    }
  }

  #value(type: number, depth: number): Thrift {
    switch (type) {
      case 1: // a boolean inside a list is a byte of its own
      case 2:
        return this.#byte() === 1;
      case 3:
        return this.#byte();
      case 4:
      case 5:
        return Number(this.#zigzag());
      case 6:
        return this.#zigzag();
      case 7:
        return this.#take(8);
      case 8:
        return this.#take(this.varint());
      case 9:
        return this.#list(depth + 1);
      case 12:
        return this.struct(depth + 1);
      default:
        throw new Malformed(`unknown field type ${type}`);
    }
  }

  #list(depth: number): Thrift[] {
    if (depth > MAX_DEPTH) throw new Malformed("nested too deeply");
    const header = this.#byte();
    const size = header >> 4 === 15 ? this.varint() : header >> 4;
    if (size > this.bytes.length - this.offset) throw new Malformed(`a list claims ${size} items`);
    return Array.from({ length: size }, () => this.#value(header & 0x0f, depth));
  }

  /** An unsigned number of at most 32 bits. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Malformed("a number is too long");
  }

  #zigzag(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
    }
    throw new Malformed("a number is too long");
  }

  #byte(): number {
    const byte = this.bytes[this.offset];
    if (byte === undefined) throw new Malformed("it ends too early");
    this.offset += 1;
    return byte;
  }

  #take(size: number): Uint8Array {
    if (size > this.bytes.length - this.offset) throw new Malformed("it ends too early");
    this.offset += size;
    return this.bytes.subarray(this.offset - size, this.offset);
  }
}
