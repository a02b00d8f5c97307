// From the bytes of a file to its text: UTF-8 with or without a byte order mark, of a bounded size.

import { inputFailure, type Failure } from "../../model/failure.ts";
import { fail, ok, type Result } from "../../util/result.ts";

export const maxFileBytes = 8 * 1024 * 1024;

export function decode(file: string, bytes: Uint8Array): Result<string, Failure[]> {
  if (bytes.length > maxFileBytes) {
    const size = (bytes.length / 1024 / 1024).toFixed(1);
    return fail([
      inputFailure(`the file has ${size} MiB; a config may have 8`, {
        where: { file },
        fix: "Keep data in files of their own and wire them as sources.",
      }),
    ]);
  }
  const text = decodeUtf8(bytes);
  if (text !== undefined) return ok(text);
  return fail([
    inputFailure(describeEncoding(bytes), {
      where: { file, line: lineOfBadByte(bytes) },
      fix: "Save the file as UTF-8.",
    }),
  ]);
}

/** Undefined where the bytes are not UTF-8. A byte order mark is left out. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function describeEncoding(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  return isUtf16 ? "the file is UTF-16, not UTF-8" : "the file is not UTF-8";
}

/** The first line that does not decode by itself; a newline is never part of a longer UTF-8 sequence. */
function lineOfBadByte(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    if (decodeUtf8(bytes.subarray(start, end)) === undefined) return line;
    start = end + 1;
  }
  return 1;
}
