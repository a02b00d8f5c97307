// Lines of text for a screen: styled spans, their width in cells, clipping, folding. Unaware of what the text says.

import type { Palette, Style } from "./palette.ts";

export interface Span {
  readonly text: string;
  readonly style?: Style;
}

/** A line before it is painted, so that clipping never cuts a colour code. */
export type Line = readonly Span[];

export function span(text: string, style?: Style): Span {
  return style === undefined ? { text } : { text, style };
}

export function paint(line: Line, palette: Palette): string {
  return line.map(({ text, style }) => (style === undefined || text === "" ? text : palette[style](text))).join("");
}

/** Spans with `between` among them; empty ones are left out. */
export function joinSpans(spans: Line, between: string): Line {
  return spans
    .filter(({ text }) => text !== "")
    .flatMap((each, index) => (index === 0 ? [each] : [span(between), each]));
}

/**
 * Cells that the text takes on a terminal. Joined emoji count for each part: too wide is harmless, too narrow wraps a line.
 */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - widthOf(text))) + text;
}

/** The text in at most `width` cells; `…` stands for what is cut. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width < 1) return "";
  let kept = "";
  let used = 1;
  for (const character of text) {
    used += widthOfCharacter(character);
    if (used > width) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

export function clipLine(line: Line, width: number): Line {
  const clipped: Span[] = [];
  let left = width;
  for (const [index, { text, style }] of line.entries()) {
    const more = line.slice(index + 1).some((later) => later.text.trim() !== "");
    const taken = widthOf(text);
    if (taken < left || (taken === left && !more)) {
      clipped.push(span(text, style));
      left -= taken;
      continue;
    }
    // `more` with an exact fit still loses something, so the mark belongs here.
    clipped.push(span(taken > left ? clip(text, left) : clip(`${text} `, left), style));
    break;
  }
  return clipped;
}

/** Lines of at most `width` cells, broken at spaces; later ones begin with `indent`. A longer word (a path) stays whole. */
export function fold(text: string, width: number, indent = ""): readonly string[] {
  const lines: string[] = [];
  const lead = /^ */.exec(text)![0];
  let line = "";
  let start = lead;
  for (const word of text.slice(lead.length).split(" ")) {
    if (line !== "" && widthOf(`${start}${line} ${word}`) > width) {
      lines.push(start + line.trimEnd());
      [start, line] = [indent, word];
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(start + line);
  return lines;
}

/**
 * The text on one line with nothing in it that a terminal would obey: names, values and logs come from anywhere.
 */
export function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Lines of a log: colours and cursor movements of the recipe's own output are dropped, tabs become spaces. */
export function linesOfLog(text: string): readonly string[] {
  const plain = text.replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\^_])/g, "");
  return plain
    .replace(/\r?\n$/, "")
    .split(/\r?\n/)
    .map((line) => oneLine(line.slice(line.lastIndexOf("\r") + 1).replaceAll("\t", "  ")));
}

function widthOfCharacter(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x300) return code < 0x20 || (code >= 0x7f && code < 0xa0) ? 0 : 1;
  if (/\p{M}|\u200b|\u200d|\ufeff/u.test(character)) return 0;
  return isWide(code) || /\p{Emoji_Presentation}/u.test(character) ? 2 : 1;
}

/** East Asian wide and full-width blocks (Unicode Standard Annex 11). */
function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf && code !== 0x303f) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1f64f) ||
    (code >= 0x1f900 && code <= 0x1f9ff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}
