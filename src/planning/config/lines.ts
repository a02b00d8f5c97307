// The lines of a YAML text as people see them: how deep each is, and what stands above it. Unaware of what the parser makes of them.

import type { SourceText } from "./source-text.ts";

/** A line with something in it other than a comment. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly indent: number;
  /** Without indentation, comment and space at the end. */
  readonly content: string;
  /** The offset of the content. */
  readonly start: number;
}

/** Where something that stands above a line begins: a key, or the dash of a list's element. */
export interface Column {
  readonly indent: number;
  readonly line: number;
  readonly isElement: boolean;
}

export function lineIn(source: SourceText, number: number): Line | undefined {
  const start = source.lineStarts[number - 1];
  if (start === undefined) return undefined;
  const text = source.text!.slice(start, source.lineStarts[number]).trimEnd();
  const content = text.trimStart();
  if (content === "" || content.startsWith("#")) return undefined;
  const indent = text.length - content.length;
  return { number, indent, content: withoutComment(content), start: start + indent };
}

/** The first line at or below this one. */
export function lineFrom(source: SourceText, number: number): Line | undefined {
  for (let at = number; at <= source.lineStarts.length; at++) {
    const line = lineIn(source, at);
    if (line !== undefined) return line;
  }
  return undefined;
}

/** The last line above this one. */
export function lineAbove(source: SourceText, number: number): Line | undefined {
  for (let at = number - 1; at >= 1; at--) {
    const line = lineIn(source, at);
    if (line !== undefined) return line;
  }
  return undefined;
}

/** The columns that are open above a line, the deepest first. */
export function columnsAbove(source: SourceText, number: number): Column[] {
  const columns: Column[] = [];
  for (let line = lineAbove(source, number); line !== undefined; line = lineAbove(source, line.number)) {
    for (const column of columnsOf(line).reverse())
      if (columns.length === 0 || column.indent < columns.at(-1)!.indent) columns.push(column);
    if (columns.at(-1)!.indent === 0) break;
  }
  return columns;
}

/** `- name: a` has two: the dash, and the key after it. */
function columnsOf({ number, indent, content }: Line): Column[] {
  const dashes = /^(?:- +)*/.exec(content)![0];
  const elements = [...dashes.matchAll(/- +/g)].map(({ index }) => ({
    indent: indent + index,
    line: number,
    isElement: true,
  }));
  return [...elements, { indent: indent + dashes.length, line: number, isElement: false }];
}

function withoutComment(content: string): string {
  // A # in quotes begins no comment; a line with both is kept whole.
  return /["']/.test(content) ? content : content.replace(/\s+#.*$/, "");
}
