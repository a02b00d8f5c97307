// The parser's errors in our words. The codes and texts are those of `yaml` 2; an unknown one is passed on as it is. The parser says
// where it could not go on; a person looks for the line that is wrong, so the place is often moved to there.

import type { YAMLError } from "yaml";
import { inputFailure, type Failure } from "../../model/failure.ts";
import { wordIndentation, type Complaint } from "./indentation.ts";
import { lineAbove, lineFrom, type Line } from "./lines.ts";
import { lineAt, placeOf, spanOf, type SourceText, type Span } from "./source-text.ts";
import { fixKeyLine } from "./written.ts";

type Wording = Omit<Complaint, "span">;

/**
 * One failure a line: what follows a first error on the same line is most often its echo. `openings` says where the quoted text, or the
 * list or map in brackets, that ends at an offset began: one that is not closed ends far below, and nobody looks for it there.
 */
export function syntaxFailures(
  source: SourceText,
  errors: readonly YAMLError[],
  openings: ReadonlyMap<number, number>,
): Failure[] {
  const exhausted = errors.find((error) => error.code === "RESOURCE_EXHAUSTION");
  const byLine = new Map<number, Failure>();
  for (const error of exhausted ? [exhausted] : errors) {
    const { span, ...wording } = complaintOf(source, error, openings);
    const line = lineAt(source, span.start);
    if (!byLine.has(line)) byLine.set(line, inputFailure("", { where: placeOf(span), ...wording }));
    // Its other lines are its echo.
    if (wording.what === conflict.what) break;
  }
  return [...byLine.values()];
}

const conflict: Wording = {
  what: "a conflict that git could not merge is left in the file",
  fix: "Keep one of the two sides, and delete the lines that start with <<<<<<<, ======= and >>>>>>>.",
};

function complaintOf(source: SourceText, error: YAMLError, openings: ReadonlyMap<number, number>): Complaint {
  const [start, end] = error.pos;
  const span = spanOf(source, start, end);
  const line = lineFrom(source, lineAt(source, start));
  const found = source.text!.slice(start, end);
  if (line !== undefined && /^(<{7}|={7}|>{7})( |$)/.test(line.content))
    return { span: spanOfLine(source, line), ...conflict };
  switch (error.code) {
    case "TAB_AS_INDENT":
      return {
        span,
        what: "a tab is used as indentation",
        fix: "YAML indents by spaces: replace the tab by two of them.",
      };
    case "BAD_INDENT":
    case "MISSING_CHAR":
      return complaintOfMissing(source, error, span, line, openings);
    case "MULTILINE_IMPLICIT_KEY":
      // In the middle of a line a value begins, which the parser takes for a key as there is a colon in a line below.
      return line !== undefined && start > line.start && !/^-\s/.test(line.content)
        ? complaintOfNesting(source, error, span, line)
        : complaintOfKeyLine(source, span, line);
    case "BLOCK_AS_IMPLICIT_KEY":
      return complaintOfNesting(source, error, span, line);
    case "BLOCK_IN_FLOW":
      return {
        span,
        what: "a comma is missing in here",
        fix: "Put a comma between the keys of a map in braces, and between the elements of a list in brackets.",
      };
    case "UNEXPECTED_TOKEN":
      return { span, ...wordUnexpected(source, error.message, span, line) };
    default:
      return { span, ...word(error, found, source.text![start - 1]) };
  }
}

/** Something is not closed, not begun, or not where it can be. */
function complaintOfMissing(
  source: SourceText,
  error: YAMLError,
  span: Span,
  line: Line | undefined,
  openings: ReadonlyMap<number, number>,
): Complaint {
  const mark = /^Missing closing (["'])quote/.exec(error.message)?.[1];
  const closing = mark ?? /end with a (.)$/.exec(error.message)?.[1];
  if (closing !== undefined) {
    const begins = openings.get(span.start);
    const from = begins === undefined ? span : spanOf(source, begins, begins + 1);
    return { span: from, ...wordUnclosed(source, closing, from, source.text![span.start]) };
  }
  if (error.message.startsWith("Implicit map keys")) return complaintOfKeyLine(source, span, line);
  if (error.message.startsWith("Missing ,"))
    return {
      span,
      what: "a comma is missing before this",
      fix: "Put a comma between the elements of a list, and between keys.",
    };
  const indented = error.code === "BAD_INDENT" || error.message.startsWith("Sequence item");
  const complaint = indented && line !== undefined ? wordIndentation(source, line) : undefined;
  if (complaint !== undefined) return complaint;
  if (error.code !== "BAD_INDENT") return { span, what: lowerFirst(error.message) };
  return {
    span: line === undefined ? span : spanOfLine(source, line),
    what: "this line is indented differently from those beside it",
    fix: "Give all keys of one map, and all elements of one list, the same indentation.",
  };
}

function wordUnclosed(source: SourceText, closing: string, from: Span, end: string | undefined): Wording {
  if (closing === '"' || closing === "'")
    return { what: `a text that began with ${closing} is not closed`, fix: `Close it with ${closing}.` };
  const kind = closing === "]" ? "list" : "map";
  if (end === "]" || end === "}")
    return { what: `the ${kind} that begins here ends with "${end}"`, fix: `Close it with "${closing}".` };
  const lineEnd = source.lineStarts[lineAt(source, from.start)] ?? source.text!.length;
  const comment = /\s(#\S*)/.exec(source.text!.slice(from.start, lineEnd))?.[1];
  const orComment =
    comment === undefined ? "" : ` What follows ${comment.slice(0, 1)} is a comment: put it in quotes if it is text.`;
  return { what: `the ${kind} that begins here is not closed`, fix: `Close it with "${closing}".${orComment}` };
}

/** A line that should be `key: value` and is not. */
function complaintOfKeyLine(source: SourceText, span: Span, line: Line | undefined): Complaint {
  const what = 'this line is not "key: value"';
  const above = line === undefined ? undefined : lineAbove(source, line.number);
  if (above !== undefined && /: *[|>][-+\d]*$/.test(above.content))
    return {
      span,
      what: `this line is not "key: value", nor indented as the text that line ${above.number} begins`,
      fix: `Indent all lines of the text by ${above.indent + 2} spaces.`,
    };
  return { span, what, fix: fixKeyLine(line?.content ?? "") ?? "Put a colon and a space after the key." };
}

/** A map or list that begins where only a plain value can stand. */
function complaintOfNesting(source: SourceText, error: YAMLError, span: Span, line: Line | undefined): Complaint {
  if (line === undefined || error.message.startsWith("A block sequence"))
    return (line && wordIndentation(source, line)) ?? { span, what: lowerFirst(error.message) };
  const rest = source.text!.slice(span.start, line.start + line.content.length);
  const below = lineFrom(source, line.number + 1);
  // The value is read as going on in the line below, up to the colon there.
  if (!/:(\s|$)/.test(rest) && !rest.startsWith("? ")) {
    const wrong = below !== undefined && below.indent > line.indent ? below : line;
    const complaint = wordIndentation(source, wrong);
    if (complaint !== undefined) return complaint;
  }
  if (rest.startsWith("? "))
    return { span, what: 'a text that starts with "? " must be in quotes', fix: "Put it in quotes." };
  return {
    span: spanOf(source, span.start, span.start + rest.length),
    what: 'a second ": " in one line',
    fix: "Put the text in quotes if the colon belongs to it; begin an inner map on a line of its own.",
  };
}

function wordUnexpected(source: SourceText, message: string, span: Span, line: Line | undefined): Wording {
  const bracket = /^Unexpected flow-(?:seq|map)-end token.*"(.)"$/.exec(message)?.[1];
  if (bracket !== undefined)
    return { what: `a "${bracket}" closes what was not opened`, fix: "Delete it, or put the text in quotes." };
  if (message.startsWith("Not a YAML token"))
    return {
      what: "a text that begins with | or > starts on the next line",
      fix: "Move this to the next line, indented; or put the whole text in quotes.",
    };
  if (!message.endsWith("at node end") || line === undefined)
    return { what: lowerFirst(message), fix: "Put the value in quotes if it is text." };
  const before = source.text!.slice(source.lineStarts[line.number - 1], span.start).trim();
  if (before === "") {
    const { what, fix } = wordIndentation(source, line) ?? {
      what: "this line does not belong to what stands above it",
      fix: 'A config is a map of "key: value" lines.',
    };
    return { what, ...(fix !== undefined && { fix }) };
  }
  const last = before.at(-1)!;
  if (last === '"' || last === "'")
    return {
      what: `the text ended at the ${last} before this`,
      fix: `Put the whole value in ${last === '"' ? "single quotes" : "double quotes"}, or ${last === "'" ? "double each ' that belongs to it: ''" : 'write each " that belongs to it as \\"'}.`,
    };
  return {
    what: `the value ended before this`,
    fix: `A value that starts with ${/[*[{]/.exec(before)?.[0] ?? "such a character"} must be in quotes if it is text: put the whole value in quotes.`,
  };
}

function word(error: YAMLError, found: string, before: string | undefined): Wording {
  switch (error.code) {
    case "BAD_ALIAS":
    case "BAD_SCALAR_START":
      return { what: `a text that starts with ${JSON.stringify(found)} must be in quotes`, fix: "Put it in quotes." };
    case "NON_STRING_KEY":
      return before === "{" && found.startsWith("{")
        ? { what: "{{ … }} is not filled in here", fix: "Write the value itself; put it in quotes if it is text." }
        : { what: "a key must be a single word or text", fix: "Put it in quotes if it is text." };
    case "BAD_DQ_ESCAPE":
      return {
        what: "YAML knows no such escape after a backslash",
        fix: "Use single quotes for text with backslashes, or double each backslash.",
      };
    case "RESOURCE_EXHAUSTION":
      return { what: "maps and lists are nested too deeply" };
    case "TAG_RESOLVE_FAILED":
      return {
        what: `the tag ${found.trim()} means nothing here`,
        fix: "Write the value without it, or put it in quotes if it is text.",
      };
    default:
      return { what: lowerFirst(error.message) };
  }
}

function spanOfLine(source: SourceText, line: Line): Span {
  return spanOf(source, line.start, line.start + line.content.length);
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
