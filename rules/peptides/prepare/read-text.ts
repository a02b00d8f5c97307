/** A text file as lines end in "\n" only: UTF-8, with or without a byte order mark, whatever its line ends. */
import { readFileSync, statSync } from "node:fs";
import { sourceError, type SourceFile } from "./raw-table.ts";

const MAX_BYTES = 256 * 1024 * 1024;

export function readText(file: SourceFile): string {
  const { size } = statSync(file.path);
  if (size > MAX_BYTES)
    throw sourceError(file, undefined, `it has ${size} bytes; text is read up to 256 MiB, larger tables as Parquet`);
  const bytes = readFileSync(file.path);
  const other = otherThanText(bytes);
  if (other !== undefined) throw sourceError(file, 1, other);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r\n?/g, "\n");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw sourceError(
      file,
      firstBadLine(bytes),
      "it is not UTF-8 text. If it is Latin-1, as older spreadsheets save it, convert it: iconv -f latin1 -t utf-8 OLD > NEW",
    );
  }
}

/** What people download or save in place of a text, by its first bytes. */
function otherThanText(bytes: Buffer): string | undefined {
  const begins = (...start: number[]): boolean => start.every((byte, i) => bytes[i] === byte);
  if (begins(0xff, 0xfe) || begins(0xfe, 0xff))
    return "it is UTF-16, not UTF-8 text. Convert it: iconv -f utf-16 -t utf-8 OLD > NEW";
  if (begins(0x1f, 0x8b)) return "it is compressed. Unpack it: gunzip FILE.gz";
  if (begins(0x50, 0x4b, 3, 4)) return "it is a zip archive or a spreadsheet. Unpack it, or save the sheet as CSV";
  if (bytes.toString("latin1", 0, 4) === "PAR1") return "it is Parquet. Say format: parquet";
  const start = bytes.toString("utf8", 0, 200).trimStart().toLowerCase();
  if (/^(<!doctype|<html|<\?xml)/.test(start))
    return "it is a web page or XML, as servers send in place of a file. Download the file itself";
  if (start.startsWith("version https://git-lfs"))
    return "it is a pointer of Git LFS, not the file. Fetch it: git lfs pull";
  const zero = bytes.indexOf(0);
  return zero >= 0 && zero < 1024 ? "it has zero bytes in it, so it is UTF-16 or no text. Save it as UTF-8" : undefined;
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
