// Texts that the user wrote and spans in them. A span becomes a Place only when a message needs it, so that large configs stay cheap.

import type { Place } from "../../model/failure.ts";

/** A text by the name that messages use. Where `text` is undefined (the command line), the name says it all. */
export interface SourceText {
  /** Path from the project's root with `/`, or `command line: --set a=1`. */
  readonly file: string;
  readonly text: string | undefined;
  /** Offsets at which lines start. */
  readonly lineStarts: readonly number[];
}

/** A stretch of a source, in UTF-16 units; `end` is exclusive. */
export interface Span {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

export function sourceText(file: string, text: string): SourceText {
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  return { file, text, lineStarts };
}

export function commandLineSource(argument: string): SourceText {
  return { file: `command line: ${argument}`, text: undefined, lineStarts: [0] };
}

export function spanOf(source: SourceText, start: number, end: number): Span {
  return { source, start, end };
}

/** The whole of a source: what a message points at when nothing smaller is to blame. */
export function wholeOf(source: SourceText): Span {
  return { source, start: 0, end: 0 };
}

export function placeOf(span: Span): Place {
  const { source, start, end } = span;
  if (source.text === undefined) return { file: source.file };
  const line = lineAt(source, start);
  const lineStart = source.lineStarts[line - 1]!;
  const text = textOfLine(source, line);
  const column = Math.min(start - lineStart, text.length);
  // A span over several lines is underlined on its first one only.
  const length = Math.max(1, Math.min(end - lineStart, text.length) - column);
  return { file: source.file, line, column: column + 1, length, text };
}

export function lineAt(source: SourceText, offset: number): number {
  let low = 0;
  let high = source.lineStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (source.lineStarts[middle]! <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}

function textOfLine(source: SourceText, line: number): string {
  return source.text!.slice(source.lineStarts[line - 1], source.lineStarts[line]).replace(/\r?\n$/, "");
}
