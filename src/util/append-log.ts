// An append-only file of JSON lines with group commit: many appends share one fsync. One writer at a time; a torn last line is dropped.

import { closeSync, fstatSync, mkdirSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { isMissing, openIfThere, readIfThere, readPieces, syncData } from "./fs.ts";

export class AppendLog<Line> {
  readonly #path: string;
  #fd: number | undefined;
  #waiting: string[] = [];
  #end: number | undefined;
  #committing: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;
  readonly #mayWrite: () => boolean;

  /** `mayWrite` is asked once for all that a commit writes, right before. */
  constructor(path: string, mayWrite: () => boolean = () => true) {
    this.#path = path;
    this.#mayWrite = mayWrite;
  }

  /** Takes a line; it is on its way to the disk when `commit` returns. Returns the offset at which it will lie, if nobody else writes to the log. */
  append(line: Line): number {
    const text = JSON.stringify(line);
    const at = (this.#end ??= nextLineOf(this.#path));
    this.#end += Buffer.byteLength(text) + 1;
    this.#waiting.push(text);
    return at;
  }

  /** Where the next line will begin, if nobody else writes to the log. Undefined: nothing was appended. */
  get end(): number | undefined {
    return this.#end;
  }

  /**
   * Everything appended so far, written and synced. Calls that come while a sync runs share the next one. False: nothing may be written any more, and
   * what was appended is forgotten.
   */
  commit(): Promise<boolean> {
    if (this.#committing === undefined)
      return (this.#committing = this.#flush().finally(() => (this.#committing = undefined)));
    this.#next ??= this.#committing.then(
      () => ((this.#next = undefined), this.commit()),
      () => ((this.#next = undefined), this.commit()),
    );
    return this.#next;
  }

  /** Forgets what was appended and is not written yet. */
  drop(): void {
    this.#waiting = [];
    this.#end = undefined;
  }

  /** Written, not synced: survives the death of the process, not power loss. */
  write(): void {
    if (this.#waiting.length === 0) return;
    const text = this.#waiting.join("\n") + "\n";
    this.#waiting = [];
    this.#fd ??= openForAppend(this.#path);
    try {
      writeAll(this.#fd, text);
    } catch (error) {
      // The disk is full, say, in the middle of a line: whoever writes next opens the log anew and closes that line first.
      closeSync(this.#fd);
      this.#fd = undefined;
      this.#end = undefined;
      throw error;
    }
  }

  close(): void {
    this.write();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  async #flush(): Promise<boolean> {
    if (!this.#mayWrite()) {
      this.drop();
      return false;
    }
    if (this.#waiting.length === 0) return true;
    this.write();
    await syncData(this.#fd!);
    return true;
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}

/** If the last writer died within a line, that line is closed first, so that it spoils no other. */
function openForAppend(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, "a+");
  if (endsWithin(fd, fstatSync(fd).size)) writeSync(fd, "\n");
  return fd;
}

/** Whether the last line is not closed. */
function endsWithin(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

/** Where `openForAppend` will let the next line begin. */
function nextLineOf(path: string): number {
  const fd = openIfThere(path);
  if (fd === undefined) return 0;
  try {
    const { size } = fstatSync(fd);
    return endsWithin(fd, size) ? size + 1 : size;
  } finally {
    closeSync(fd);
  }
}

/** The whole lines of a log; lines that do not parse (torn by a crash) are left out and counted. */
export function readLog<Line>(path: string): { readonly lines: Line[]; readonly torn: number } {
  const bytes = readIfThere(path);
  return bytes === undefined ? { lines: [], torn: 0 } : parseLines<Line>(bytes.toString("utf8"));
}

/** Calls `take` with each whole line and its bytes, without holding the log in memory. A log that is gone has none. */
export function forEachLine<Line>(path: string, take: (line: Line, bytes: number) => void): void {
  let rest: Buffer[] = [];
  const takeText = (text: string) => {
    for (const line of text.split("\n")) {
      const parsed = line === "" ? undefined : parseLine<Line>(line);
      if (parsed !== undefined) take(parsed, Buffer.byteLength(line) + 1);
    }
  };
  try {
    readPieces(path, (piece) => {
      const end = piece.lastIndexOf(0x0a) + 1;
      // Copied out of the shared buffer before anybody may read another file.
      const whole = end === 0 ? undefined : Buffer.concat([...rest, piece.subarray(0, end)]);
      if (whole !== undefined) rest = [];
      rest.push(Buffer.from(piece.subarray(end)));
      if (whole !== undefined) takeText(whole.toString("utf8"));
    });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  takeText(Buffer.concat(rest).toString("utf8"));
}

/** Reads a log that others append to: each time only what has come since, and only whole lines. */
export class LogTail<Line> {
  readonly #path: string;
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** A log that is gone, as when another process has just merged it into a new one, has nothing to say. */
  read(): readonly Line[] {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= this.#offset) return [];
    const fd = openIfThere(this.#path);
    if (fd === undefined) return [];
    const bytes = Buffer.alloc(size - this.#offset);
    try {
      const got = readSync(fd, bytes, 0, bytes.length, this.#offset);
      const end = bytes.subarray(0, got).lastIndexOf(0x0a) + 1;
      this.#offset += end;
      return parseLines<Line>(bytes.toString("utf8", 0, end)).lines;
    } finally {
      closeSync(fd);
    }
  }
}

/** A line as it is, and where it begins, in bytes. */
export interface TextLine {
  readonly text: string;
  readonly offset: number;
}

/** The lines of a log as they are, empty ones left out: of its bytes from `from` to `until`. A log that is gone has none. */
export function* readTextLines(path: string, from = 0, until = Infinity): Generator<TextLine> {
  const all = (from === 0 ? readIfThere(path) : readFrom(path, from)) ?? Buffer.alloc(0);
  const bytes = all.subarray(0, until - from);
  const text = bytes.toString("utf8");
  // As nearly always: all of it is ASCII. A character that was torn is another length in the text.
  const isBytewise = text.length === bytes.length;
  let offset = from;
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end === -1 ? text.length : end);
    at = end === -1 ? text.length : end + 1;
    if (line !== "") yield { text: line, offset };
    offset = from + (isBytewise ? at : bytes.indexOf(0x0a, offset - from) + 1);
  }
}

function readFrom(path: string, from: number): Buffer | undefined {
  const fd = openIfThere(path);
  if (fd === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - from));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
  } finally {
    closeSync(fd);
  }
}

/** Undefined: torn by a crash, or no object. */
export function parseLine<Line>(text: string): Line | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Line) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parseLines<Line>(text: string): { readonly lines: Line[]; readonly torn: number } {
  const lines: Line[] = [];
  let torn = 0;
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end === -1 ? text.length : end);
    at = end === -1 ? text.length : end + 1;
    if (line === "") continue;
    const parsed = parseLine<Line>(line);
    if (parsed === undefined) torn++;
    else lines.push(parsed);
  }
  return { lines, torn };
}
