/**
 * The pages of one column chunk, decoded to JavaScript values. Encodings: plain, dictionary and run length, data pages
 * 1 and 2, uncompressed or Snappy: what we, DuckDB, Arrow and pandas write by default. A page that claims more values
 * than its row group has rows is refused before anything is allocated for it.
 */
import type { ColumnKind } from "./columns.ts";
import { Malformed } from "./error.ts";
import { decodeRuns } from "./runs.ts";
import { snappyDecompress } from "./snappy.ts";
import { decodeText, ThriftReader } from "./thrift.ts";
import type { Struct } from "./thrift.ts";

type PageColumn = { readonly kind: ColumnKind; readonly nullable: boolean };
type Body = { readonly values: Uint8Array; readonly levels: Uint8Array | null };

const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
const DATA_PAGE_V2 = 3;
const PLAIN = 0;
const RLE = 3;
const PLAIN_DICTIONARY = 2;
const RLE_DICTIONARY = 8;

/** @returns one value for each of the group's rows; null where there is none */
export function decodeChunk(bytes: Uint8Array, codec: number, column: PageColumn, rows: number): unknown[] {
  const values: unknown[] = [];
  let dictionary: unknown[] = [];
  const reader = new ThriftReader(bytes);
  while (values.length < rows) {
    const header = reader.struct();
    const start = reader.offset;
    const size = header.need(3);
    if (size > bytes.length - start) throw new Malformed("a page claims to be larger than its column");
    const page = bytes.subarray(start, start + size);
    reader.offset = start + size;
    const uncompressedSize = header.need(2);
    switch (header.count(1)) {
      case DICTIONARY_PAGE: {
        const body = decompress(page, codec, uncompressedSize);
        dictionary = decodePlain(body, column.kind, header.struct(7)?.count(1) ?? 0);
        break;
      }
      case DATA_PAGE: {
        const about = aboutPage(header, 5);
        const body = splitVersion1(decompress(page, codec, uncompressedSize), column.nullable);
        append(values, rows, body, about.need(1), about.need(2), column, dictionary);
        break;
      }
      case DATA_PAGE_V2: {
        const about = aboutPage(header, 8);
        const body = splitVersion2(page, about, codec, uncompressedSize, column.nullable);
        append(values, rows, body, about.need(1), about.need(4), column, dictionary);
        break;
      }
      default: // index pages, and whatever comes later, carry no values
    }
  }
  return values;
}

function aboutPage(header: Struct, field: number): Struct {
  const about = header.struct(field);
  if (about === undefined) throw new Malformed("a page does not say what it holds");
  return about;
}

function append(
  values: unknown[],
  rows: number,
  body: Body,
  count: number,
  encoding: number,
  column: PageColumn,
  dictionary: readonly unknown[],
): void {
  if (count === 0 || count > rows - values.length) {
    throw new Malformed(`a page claims ${count} values where ${rows - values.length} rows are left`);
  }
  const levels = body.levels === null ? null : decodeRuns(body.levels, 1, count);
  const present = levels === null ? count : levels.reduce((sum, level) => sum + level, 0);
  const found = decodeValues(body.values, encoding, column.kind, present, dictionary);
  if (levels === null) {
    for (const value of found) values.push(value);
    return;
  }
  let next = 0;
  for (const level of levels) values.push(level === 1 ? found[next++] : null);
}

function decodeValues(
  bytes: Uint8Array,
  encoding: number,
  kind: ColumnKind,
  count: number,
  dictionary: readonly unknown[],
): unknown[] {
  if (count === 0) return [];
  switch (encoding) {
    case PLAIN:
      return decodePlain(bytes, kind, count);
    case RLE: // booleans only; four bytes of length come first
      return Array.from(decodeRuns(bytes.subarray(4), 1, count), (bit) => bit === 1);
    case PLAIN_DICTIONARY:
    case RLE_DICTIONARY:
      return Array.from(decodeRuns(bytes.subarray(1), bytes[0] ?? 0, count), (index) => {
        if (index >= dictionary.length) throw new Malformed("a value is not in its dictionary");
        return dictionary[index];
      });
    default:
      throw new Malformed(`encoding ${encoding} is not supported`);
  }
}

const FIXED_BYTES = { boolean: 0.125, int32: 4, int64: 8, double: 8, string: 4, json: 4 };

function decodePlain(bytes: Uint8Array, kind: ColumnKind, count: number): unknown[] {
  if (count * FIXED_BYTES[kind] > bytes.length) {
    throw new Malformed(`a page of ${bytes.length} bytes claims ${count} values`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const each = <T>(decode: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => decode(index));
  switch (kind) {
    case "boolean":
      return each((index) => ((bytes[index >> 3]! >> (index & 7)) & 1) === 1);
    case "int32":
      return each((index) => view.getInt32(4 * index, true));
    case "int64":
      return each((index) => Number(view.getBigInt64(8 * index, true)));
    case "double":
      return each((index) => view.getFloat64(8 * index, true));
    case "string":
    case "json": {
      let offset = 0;
      return each(() => {
        const start = offset + 4;
        offset = start <= bytes.length ? start + view.getUint32(offset, true) : Infinity;
        if (offset > bytes.length) throw new Malformed("text is longer than its page");
        const text = decodeText(bytes.subarray(start, offset));
        return kind === "json" ? parseJson(text) : text;
      });
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Malformed("a json value is not JSON");
  }
}

function splitVersion1(body: Uint8Array, nullable: boolean): Body {
  if (!nullable) return { values: body, levels: null };
  const size = body.length < 4 ? Infinity : new DataView(body.buffer, body.byteOffset).getUint32(0, true);
  if (size > body.length - 4) throw new Malformed("levels are longer than their page");
  return { levels: body.subarray(4, 4 + size), values: body.subarray(4 + size) };
}

/** In version 2 the levels are never compressed. */
function splitVersion2(page: Uint8Array, about: Struct, codec: number, size: number, nullable: boolean): Body {
  const levelBytes = about.need(5);
  if (about.need(6) !== 0) throw new Malformed("nested values");
  if (levelBytes > page.length || levelBytes > size) throw new Malformed("levels are longer than their page");
  const rest = page.subarray(levelBytes);
  const compressed = about.boolean(7) ?? true;
  return {
    levels: nullable ? page.subarray(0, levelBytes) : null,
    values: compressed && rest.length > 0 ? decompress(rest, codec, size - levelBytes) : rest,
  };
}

function decompress(page: Uint8Array, codec: number, uncompressedSize: number): Uint8Array {
  if (codec === 0) return page;
  if (codec === 1) return snappyDecompress(page, uncompressedSize);
  throw new Malformed(`compression ${codec} is not supported (use snappy or none)`);
}
