// How failures read on a screen: where and what, the line with the place underlined, who needed it, what to do. Unaware of what failed.
//
//   configs/judge.yaml:7:3 unknown key "temprature" in judge
//     7 │   temprature: 0.7
//       │   ^^^^^^^^^^
//     needed by target "pairwise"
//     Did you mean "temperature"?

import pc from "picocolors";
import type { Failure, Place } from "../model/failure.ts";
import type { Palette } from "./palette.ts";
import { oneLine, widthOf } from "./text.ts";

const maxSourceUnits = 100;

export function renderFailure(failure: Failure, options: { readonly color: boolean }): string[] {
  const palette = pc.createColors(options.color);
  return [
    headline(failure, palette),
    ...(failure.where ? sourceLines(failure.where, palette) : []),
    ...(failure.neededBy === undefined ? [] : [`  needed by ${oneLine(failure.neededBy)}`]),
    ...(failure.fix === undefined ? [] : [`  ${oneLine(failure.fix)}`]),
    ...(failure.details ?? []).map((detail) => palette.dim(`    ${oneLine(detail)}`)),
  ];
}

/** Each failure with an empty line between, in the order in which they came. */
export function renderFailures(failures: readonly Failure[], options: { readonly color: boolean }): string[] {
  return failures.flatMap((failure, index) => [...(index > 0 ? [""] : []), ...renderFailure(failure, options)]);
}

/** The whole failure as one sentence, for logs and records. */
export function failureLine(failure: Failure): string {
  const where = failure.where ? `${placeText(failure.where)} ` : "";
  const neededBy = failure.neededBy === undefined ? "" : `, needed by ${failure.neededBy}`;
  const fix = failure.fix === undefined ? "" : `. ${failure.fix}`;
  return oneLine(`${where}${failure.what}${neededBy}${fix}`);
}

function headline({ where, what }: Failure, palette: Palette): string {
  return `${where ? `${palette.bold(oneLine(placeText(where)))} ` : ""}${palette.red(oneLine(what))}`;
}

function placeText({ file, line, column }: Place): string {
  // `configs/judge.yaml:7:3` stands apart by itself; a bare name needs its colon.
  return line === undefined ? `${file}:` : [file, line, column].filter((part) => part !== undefined).join(":");
}

function sourceLines({ line, column = 1, length = 1, text }: Place, palette: Palette): string[] {
  if (line === undefined || text === undefined || text.trim() === "") return [];
  // Of a very long line only the surroundings of the place are shown.
  const from = column - 1 + length > maxSourceUnits ? Math.max(0, column - 1 - 40) : 0;
  const shown = text.slice(from, from + maxSourceUnits);
  const cut = [from > 0 ? "…" : "", from + maxSourceUnits < text.length ? "…" : ""] as const;
  const start = column - 1 - from;
  const before = " ".repeat(widthOf(cut[0] + visible(shown.slice(0, start))));
  const marks = "^".repeat(Math.max(1, widthOf(visible(shown.slice(start, start + length)))));
  const number = String(line);
  return [
    `  ${palette.dim(`${number} │`)} ${cut[0]}${visible(shown)}${cut[1]}`,
    `  ${palette.dim(`${" ".repeat(number.length)} │`)} ${before}${palette.red(marks)}`,
  ];
}

/** Tabs are shown, as they are often what is wrong; nothing else may move the underline. */
function visible(text: string): string {
  return oneLine(text.replaceAll("\t", "→"));
}
