// Values of configs, items and commands as short text: as one would write them in YAML, cut where they are long.

import type { Json } from "../model/json.ts";
import { clip, oneLine, widthOf } from "./text.ts";

/** `7.4`, `opus`, `"7.4"` (the text), `{pH: 7, ions: [Na, Cl]}`; `absent` in words for undefined. */
export function formatValue(value: Json | undefined): string {
  if (value === undefined) return "(absent)";
  if (typeof value === "string") return formatText(value);
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map((each: Json) => formatValue(each)).join(", ")}]`;
  const fields = Object.entries(value).map(([key, each]) => `${formatText(key)}: ${formatValue(each)}`);
  return `{${fields.join(", ")}}`;
}

/** A command as a shell would take it. */
export function formatCommand(argv: readonly string[]): string {
  return argv
    .map((each) => (/^[\w@%+=:,./-]+$/.test(each) ? each : oneLine(`'${each.replaceAll("'", "'\\''")}'`)))
    .join(" ");
}

/**
 * Two long texts, each cut to `width` cells around the first place where they differ: cut from the left, both would look the same.
 */
export function cutPair(before: string, after: string, width: number): readonly [string, string] {
  if (widthOf(before) <= width && widthOf(after) <= width) return [before, after];
  const [left, right] = [Array.from(before), Array.from(after)];
  let same = 0;
  while (same < left.length && same < right.length && left[same] === right[same]) same += 1;
  const lead = Math.floor(width / 4);
  if (same <= Math.floor(width / 2)) return [clip(before, width), clip(after, width)];
  const from = same - lead;
  const cut = (characters: readonly string[]): string => clip(`…${characters.slice(from).join("").trimStart()}`, width);
  return [cut(left), cut(right)];
}

function formatText(text: string): string {
  // Words that YAML would read as something else are quoted, so that "7" and 7 differ on the screen as they do in the key.
  const isPlain = /^[\p{L}_./][\p{L}\p{N}_./@+-]*(?: [\p{L}\p{N}_./@+-]+)*$/u.test(text);
  const isOther = /^(?:true|false|null|yes|no|on|off|\.inf|\.nan|\.?\d.*)$/i.test(text);
  return isPlain && !isOther ? text : oneLine(JSON.stringify(text));
}
