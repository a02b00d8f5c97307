// The parser's errors in our words. The codes and texts are those of `yaml` 2; an unknown one is passed on as it is.

import type { YAMLError } from "yaml";
import { inputFailure, type Failure } from "../../model/failure.ts";
import { lineAt, placeOf, spanOf, type SourceText } from "./source-text.ts";

interface Wording {
  readonly what: string;
  readonly fix?: string;
}

/**
 * One failure a line: what follows a first error on the same line is most often its echo. `quoted` says where the quoted text that
 * ends at an offset began: one that is not closed ends at the end of the file, and nobody looks for it there.
 */
export function syntaxFailures(
  source: SourceText,
  errors: readonly YAMLError[],
  quoted: ReadonlyMap<number, number>,
): Failure[] {
  const exhausted = errors.find((error) => error.code === "RESOURCE_EXHAUSTION");
  if (exhausted) return [toFailure(source, exhausted, quoted)];
  const byLine = new Map<number, Failure>();
  for (const error of errors) {
    const line = lineAt(source, error.pos[0]);
    if (!byLine.has(line)) byLine.set(line, toFailure(source, error, quoted));
  }
  return [...byLine.values()];
}

function toFailure(source: SourceText, error: YAMLError, quoted: ReadonlyMap<number, number>): Failure {
  const [start, end] = error.pos;
  const opening = error.message.startsWith("Missing closing") ? quoted.get(start) : undefined;
  const where = placeOf(opening === undefined ? spanOf(source, start, end) : spanOf(source, opening, opening + 1));
  return inputFailure("", { where, ...word(error, source.text!.slice(start, end)) });
}

function word(error: YAMLError, found: string): Wording {
  switch (error.code) {
    case "TAB_AS_INDENT":
      return { what: "a tab is used as indentation", fix: "YAML indents by spaces: replace the tab by two of them." };
    case "BAD_INDENT":
      return wordIndent(error.message);
    case "MISSING_CHAR":
      return wordMissing(error.message);
    case "MULTILINE_IMPLICIT_KEY":
      return { what: 'this line is not "key: value"', fix: "Put a colon and a space after the key." };
    case "BLOCK_AS_IMPLICIT_KEY":
      return {
        what: 'a second ": " in one line',
        fix: "Put the text in quotes if the colon belongs to it; begin an inner map on a line of its own.",
      };
    case "BAD_SCALAR_START":
      return { what: `a text that starts with ${JSON.stringify(found)} must be in quotes`, fix: "Put it in quotes." };
    case "NON_STRING_KEY":
      return { what: "a key must be a single word or text", fix: "Put it in quotes if it is text." };
    case "BAD_ALIAS":
      return {
        what: `${JSON.stringify(found)} begins an anchor or alias without a name`,
        fix: "Put it in quotes if it is text.",
      };
    case "BAD_DQ_ESCAPE":
      return {
        what: "YAML knows no such escape after a backslash",
        fix: "Use single quotes for text with backslashes, or double each backslash.",
      };
    case "RESOURCE_EXHAUSTION":
      return { what: "maps and lists are nested too deeply" };
    case "TAG_RESOLVE_FAILED":
      return { what: `the tag ${found.trim()} means nothing here`, fix: "Write the value without it." };
    default:
      return { what: error.message.charAt(0).toLowerCase() + error.message.slice(1) };
  }
}

function wordIndent(message: string): Wording {
  const closing = /end with a (.)$/.exec(message)?.[1];
  if (closing) {
    return {
      what: `the ${closing === "]" ? "list" : "map"} is not closed before this line`,
      fix: `Close it with ${JSON.stringify(closing)}, or indent what belongs to it.`,
    };
  }
  return {
    what: "this line is indented differently from those beside it",
    fix: "Give all keys of one map, and all elements of one list, the same indentation.",
  };
}

function wordMissing(message: string): Wording {
  const mark = /^Missing closing (["'])quote/.exec(message)?.[1];
  if (mark) return { what: `a text that began with ${mark} is not closed`, fix: `Close it with ${mark}.` };
  if (message.startsWith("Implicit map keys"))
    return { what: 'this line is not "key: value"', fix: "Put a colon and a space after the key." };
  return { what: message.charAt(0).toLowerCase() + message.slice(1) };
}
