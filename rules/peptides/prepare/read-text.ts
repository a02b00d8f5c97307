/** A text file as lines end in "\n" only: UTF-8, with or without a byte order mark, whatever its line ends. */
import { readFileSync, statSync } from "node:fs";
import { sourceError, type SourceFile } from "./raw-table.ts";

const MAX_BYTES = 256 * 1024 * 1024;

export function readText(file: SourceFile): string {
  const { size } = statSync(file.path);
  if (size > MAX_BYTES)
    throw sourceError(file, undefined, `it has ${size} bytes; text is read up to 256 MiB, larger tables as Parquet`);
  const bytes = readFileSync(file.path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r\n?/g, "\n");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw sourceError(file, firstBadLine(bytes), "it is not UTF-8 text; convert it first, as with iconv -t utf-8");
  }
}

function firstBadLine(bytes: Buffer): number {
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(10, start);
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(start, end < 0 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end < 0) return line;
    start = end + 1;
  }
}
