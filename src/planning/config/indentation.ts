// A line that stands where it can belong to nothing: which one it is, and where it could stand instead.

import { columnsAbove, lineAbove, lineFrom, type Column, type Line } from "./lines.ts";
import { spanOf, type SourceText, type Span } from "./source-text.ts";
import { count } from "./words.ts";

/** What is wrong at a place of a text, and what to do. */
export interface Complaint {
  readonly span: Span;
  readonly what: string;
  readonly fix?: string;
}

/** What to say of a line that the parser found at the wrong depth; undefined where its depth is right. */
export function wordIndentation(source: SourceText, line: Line): Complaint | undefined {
  const columns = columnsAbove(source, line.number);
  const deepest = columns[0];
  if (deepest === undefined) return undefined;
  const span = spanOf(source, line.start, line.start + line.content.length);
  if (line.indent > deepest.indent) return { span, ...wordTooDeep(source, line, deepest) };
  const same = columns.find((column) => column.indent === line.indent);
  if (same !== undefined) return wordNeighbour(span, line, same);
  const inner = columns.findLast((column) => column.indent > line.indent)!;
  const outer = columns.find((column) => column.indent < line.indent);
  if (outer === undefined)
    return {
      span,
      what: `this line is indented less than line ${inner.line}, where the config begins`,
      fix: `Indent all keys at the top alike, best not at all.`,
    };
  return {
    span,
    what: `this line is indented by ${count(line.indent, "space")}: neither as line ${outer.line} nor as line ${inner.line}`,
    fix: `Indent it by ${count(inner.indent, "space")} to stand beside line ${inner.line}, by ${outer.indent} to stand beside line ${outer.line}.`,
  };
}

function wordTooDeep(source: SourceText, line: Line, above: Column): Pick<Complaint, "what" | "fix"> {
  let last = line;
  for (
    let next = lineFrom(source, line.number + 1);
    next !== undefined && next.indent >= line.indent;
    next = lineFrom(source, next.number + 1)
  )
    last = next;
  const those = last === line ? "it" : `lines ${line.number}–${last.number}`;
  const indent =
    above.indent === 0 ? `Begin ${those} at the margin` : `Indent ${those} by ${count(above.indent, "space")}`;
  const isPlain = !/["'\]}]$/.test(lineAbove(source, line.number)!.content);
  const orText = isPlain ? ` If it goes on with the text of line ${above.line}, put that text in quotes.` : "";
  return {
    what: `this line is indented deeper than line ${above.line}, which has a value already`,
    fix: `${indent}, as line ${above.line}.${orText}`,
  };
}

/** The depth is one that is there, but the line is of the other kind than what stands there. */
function wordNeighbour(span: Span, line: Line, { line: number, isElement }: Column): Complaint | undefined {
  const dash = /^-\S/.test(line.content);
  if (isElement && dash)
    return {
      span,
      what: "a dash without a space after it begins no element of a list",
      fix: `Write "- ${line.content.slice(1)}".`,
    };
  if (isElement && !line.content.startsWith("-"))
    return {
      span,
      what: `this line stands among the elements of a list, as line ${number} is, but does not begin with "- "`,
      fix: 'Begin it with "- " if it is an element; otherwise indent it as the key that it belongs to.',
    };
  if (!isElement && /^-( |$)/.test(line.content))
    return {
      span,
      what: `an element of a list stands among keys, as line ${number} is`,
      fix: "Indent it under the key whose list it belongs to, which has no other value.",
    };
  return undefined;
}
