/**
 * A Parquet file's footer: its columns, row groups and metadata, checked against the real size of the file before
 * anything is allocated for them (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
 */
import type { FileHandle } from "node:fs/promises";
import type { ColumnKind } from "./columns.ts";
import { Malformed } from "./error.ts";
import { ThriftReader } from "./thrift.ts";
import type { Struct } from "./thrift.ts";

export type Footer = {
  readonly rows: number;
  readonly columns: readonly StoredColumn[];
  readonly rowGroups: readonly RowGroup[];
  readonly metadata: Readonly<Record<string, string>>;
};

/** A column as the file has it. `kind` is "other" when no declaration can mean it; `parquetType` says what it is. */
export type StoredColumn = {
  readonly name: string;
  readonly kind: ColumnKind | "other";
  readonly nullable: boolean;
  readonly parquetType: string;
  /** Which chunk of each row group holds it. */
  readonly chunk: number;
};

export type RowGroup = { readonly rows: number; readonly chunks: readonly Chunk[] };

/** One column of one row group: `sizeBytes` bytes of pages at `offset`. */
export type Chunk = { readonly codec: number; readonly offset: number; readonly sizeBytes: number };

const MAX_FOOTER_BYTES = 67_108_864; // 64 MiB

export async function readFooter(handle: FileHandle): Promise<Footer> {
  const { size } = await handle.stat();
  const tail = await readBytes(handle, Math.max(0, size - 8), Math.min(8, size));
  const footerBytes = tail.length === 8 ? new DataView(tail.buffer).getUint32(0, true) : 0;
  if (tail.length < 8 || String.fromCharCode(...tail.subarray(4)) !== "PAR1") {
    throw new Malformed("it does not end like a Parquet file");
  }
  if (footerBytes > size - 12 || footerBytes > MAX_FOOTER_BYTES) {
    throw new Malformed(`its footer claims ${footerBytes} bytes of a file of ${size}`);
  }
  const bytes = await readBytes(handle, size - 8 - footerBytes, footerBytes);
  return parseFooter(new ThriftReader(bytes).struct(), size - 8 - footerBytes);
}

/** Reads exactly `size` bytes, which the caller has checked against the file's size. */
export async function readBytes(handle: FileHandle, offset: number, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size;) {
    const { bytesRead } = await handle.read(bytes, done, size - done, offset + done);
    if (bytesRead === 0) throw new Malformed("it ends too early");
    done += bytesRead;
  }
  return bytes;
}

function parseFooter(footer: Struct, dataEnd: number): Footer {
  const { columns, chunkCount } = parseColumns(footer.structs(2));
  const rowGroups = footer.structs(4).map((group) => parseRowGroup(group, chunkCount, dataEnd));
  const rows = footer.need(3);
  const rowsInGroups = rowGroups.reduce((sum, group) => sum + group.rows, 0);
  if (rows !== rowsInGroups) {
    throw new Malformed(`its footer claims ${rows} rows, its row groups hold ${rowsInGroups}`);
  }
  const metadata = footer.structs(5).map((pair): [string, string] => [pair.text(1) ?? "", pair.text(2) ?? ""]);
  return { rows, columns, rowGroups, metadata: Object.fromEntries(metadata) };
}

/** The elements are the tree in depth-first order, the root first; only leaves have chunks. */
function parseColumns(elements: readonly Struct[]): { columns: StoredColumn[]; chunkCount: number } {
  const columns: StoredColumn[] = [];
  let chunkCount = 0;
  let next = 1;
  const skipSubtree = (): void => {
    const element = elements[next];
    if (element === undefined) throw new Malformed("its schema ends too early");
    next += 1;
    const children = element.count(5) ?? 0;
    if (children === 0) chunkCount += 1;
    for (let child = 0; child < children; child += 1) skipSubtree();
  };
  while (next < elements.length) {
    columns.push({ ...parseColumn(elements[next]!), chunk: chunkCount });
    skipSubtree();
  }
  return { columns, chunkCount };
}

function parseColumn(element: Struct): Omit<StoredColumn, "chunk"> {
  const type = element.has(1) ? (TYPES[element.count(1)!] ?? "unknown type") : "nested";
  const logical = LOGICAL.find(([field]) => element.struct(10)?.has(field))?.[1];
  const converted = element.has(6) ? (CONVERTED[element.count(6)!] ?? "other") : undefined;
  const repetition = element.count(3) ?? 0;
  const annotation = repetition === 2 ? "REPEATED" : (converted ?? (element.has(10) ? (logical ?? "other") : ""));
  const parquetType = `${type} ${annotation}`.trim();
  return { name: element.text(4) ?? "", kind: KINDS[parquetType] ?? "other", nullable: repetition !== 0, parquetType };
}

const TYPES = ["BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"];
const LOGICAL = [[1, "UTF8"], [5, "DECIMAL"], [6, "DATE"], [7, "TIME"], [8, "TIMESTAMP"], [12, "JSON"]] as const; // prettier-ignore
// prettier-ignore
const CONVERTED = ["UTF8", "MAP", "MAP_KEY_VALUE", "LIST", "ENUM", "DECIMAL", "DATE", "TIME_MILLIS", "TIME_MICROS", "TIMESTAMP_MILLIS", "TIMESTAMP_MICROS", "UINT_8", "UINT_16", "UINT_32", "UINT_64", "INT_8", "INT_16", "INT_32", "INT_64", "JSON", "BSON", "INTERVAL"];

const KINDS: Record<string, ColumnKind> = {
  BOOLEAN: "boolean",
  INT32: "int32",
  "INT32 INT_32": "int32",
  INT64: "int64",
  "INT64 INT_64": "int64",
  DOUBLE: "double",
  "BYTE_ARRAY UTF8": "string",
  "BYTE_ARRAY JSON": "json",
};

function parseRowGroup(group: Struct, chunkCount: number, dataEnd: number): RowGroup {
  const rows = group.need(3);
  const chunks = group.structs(1).map((chunk) => parseChunk(chunk, dataEnd));
  if (chunks.length !== chunkCount) throw new Malformed("a row group lacks columns");
  return { rows, chunks };
}

function parseChunk(chunk: Struct, dataEnd: number): Chunk {
  const meta = chunk.struct(3);
  const data = meta?.count(9);
  const sizeBytes = meta?.count(7);
  if (meta === undefined || data === undefined || sizeBytes === undefined)
    throw new Malformed("a column lacks its place");
  // Some writers leave a 0 here when there is no dictionary.
  const offset = Math.min(data, meta.count(11) || data);
  if (offset < 4 || offset + sizeBytes > dataEnd) throw new Malformed("a column claims to lie outside of the file");
  return { codec: meta.count(4) ?? 0, offset, sizeBytes };
}
