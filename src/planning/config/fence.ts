// A config copied from a chat, ``` fences and all. The message names the lines to delete; the rest is still checked.

import { inputFailure, type Failure } from "../../model/failure.ts";
import { placeOf, spanOf, type SourceText } from "./source-text.ts";

/** The failure, and the text with everything outside the fences blanked so that lines keep their places. */
export function findFences(source: SourceText): { readonly failure: Failure; readonly inside: string } | undefined {
  const lines = source.text!.split("\n");
  // No line of a config's map can begin with a backtick or, outside a text, with three tildes.
  const fences = lines.flatMap((line, index) => (/^(```|~~~)/.test(line) ? [index] : []));
  const [opening, closing = lines.length] = fences;
  if (opening === undefined) return undefined;
  const last = lines.at(-1) === "" ? lines.length - 2 : lines.length - 1;
  const outside = [range(0, opening), ...(closing <= last ? [range(closing, last)] : [])];
  const start = source.lineStarts[opening]!;
  return {
    failure: inputFailure(`the file is wrapped in ${lines[opening]!.slice(0, 3)} fences, as copied from a chat`, {
      where: placeOf(spanOf(source, start, start + lines[opening]!.trimEnd().length)),
      fix: `Delete ${outside.length === 1 && opening === 0 ? "line" : "lines"} ${outside.join(" and ")}.`,
    }),
    // By spaces, so that what is left keeps its offsets.
    inside: lines
      .map((line, index) => (index > opening && index < closing ? line : " ".repeat(line.length)))
      .join("\n"),
  };
}

function range(from: number, to: number): string {
  return from === to ? String(from + 1) : `${from + 1}–${to + 1}`;
}
