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
  const text = bytes.includes(0) ? undefined : decodeUtf8(bytes);
  // A carriage return alone ends a line in YAML; the parser does not know.
  if (text !== undefined) return ok(text.replace(/\r(?!\n)/g, "\n"));
  return fail([inputFailure(...wordBadText(file, bytes))]);
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

function wordBadText(file: string, bytes: Uint8Array): Parameters<typeof inputFailure> {
  const where = { file, line: lineOfBadByte(bytes) };
  const [first, second] = bytes;
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const zeros = bytes.reduce((sum, byte) => sum + (byte === 0 ? 1 : 0), 0);
  // Of UTF-16 without a mark every other byte is zero where the text is ASCII.
  if (hasMark || (zeros * 3 > bytes.length && zeros < bytes.length))
    return ["the file is UTF-16, not UTF-8", { where, fix: "Save the file as UTF-8." }];
  if (zeros > 0)
    return [
      "the file holds zero bytes, which no text has",
      { where, fix: "It is damaged, or no text at all: take it from git or from a backup." },
    ];
  return ["the file is not UTF-8", { where, fix: "Save the file as UTF-8." }];
}

/** The first line that does not decode by itself or holds a zero; a newline is never part of a longer UTF-8 sequence. */
function lineOfBadByte(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    const part = bytes.subarray(start, end);
    if (part.includes(0) || decodeUtf8(part) === undefined) return line;
    start = end + 1;
  }
  return 1;
}
