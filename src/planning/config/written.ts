// What somebody wrote who does not write YAML every day, and how it is written. Unaware of places and schemas.

import type { Json } from "../../model/json.ts";
import { quote } from "./words.ts";

/** How to write a line that should be `key: value`; undefined where nothing tells what was meant. */
export function fixKeyLine(content: string): string | undefined {
  const [, key, sign = "", value = ""] = /^([\w.-]+)(\s*=\s*|[:：]\s*)(\S.*)$/su.exec(content) ?? [];
  if (key !== undefined && sign.includes("=")) return `Write it with a colon and a space: "${key}: ${value}".`;
  if (key !== undefined && sign === ":") return `Put a space after the colon: "${key}: ${value}".`;
  if (key !== undefined && !/^: /.test(sign))
    return `Type the colon and the space anew, they are others than they look: "${key}: ${value}".`;
  if (/^-[^\s-]/.test(content)) return `Put a space after the dash: "- ${content.slice(1)}".`;
  if (/^(\/\/|\/\*|--|;)/.test(content)) return "Begin a comment with #.";
  return undefined;
}

/** A character that nobody sees, or sees as a space, at an end of the text, by its name; undefined where there is none. */
export function unseenAtEnd(text: string): string | undefined {
  const [character] = /^[\s\u200b\u2060\ufeff]|[\s\u200b\u2060\ufeff]$/u.exec(text) ?? [];
  if (character === undefined || character === " ") return undefined;
  const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  return character === "\u00a0" ? `a no-break space (U+${code})` : `an invisible character (U+${code})`;
}

/** How to write a value of the kind that is wanted; undefined where nothing tells what was meant. */
export function fixType(expected: string, value: Json | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value === null)
    return `Write a value after the colon, or delete the key to have its default.${expected === "string" ? " A text that begins with # needs quotes." : ""}`;
  switch (expected) {
    case "boolean":
      return fixBoolean(value);
    case "number":
    case "int":
      return fixNumber(value);
    case "string":
      return typeof value === "object" ? undefined : `Put it in quotes: "${value}".`;
    case "array":
      return fixList(value);
    case "object":
    case "record":
      return fixMap(value);
    default:
      return undefined;
  }
}

function fixBoolean(value: Json): string | undefined {
  if (value === 1 || value === 0) return `Write ${value === 1}.`;
  if (typeof value !== "string") return undefined;
  const meant = /^(y|yes|on|true)$/i.test(value) ? true : /^(n|no|off|false)$/i.test(value) ? false : undefined;
  if (meant === undefined) return undefined;
  return /^(true|false)$/i.test(value)
    ? `Write ${meant}, without quotes.`
    : `Write ${meant}, without quotes: in YAML 1.2 ${value} is text.`;
}

function fixNumber(value: Json): string | undefined {
  if (Array.isArray(value)) {
    const only = (value as readonly Json[])[0];
    return value.length === 1 && typeof only === "number" ? `Write ${only}, without brackets.` : undefined;
  }
  if (typeof value !== "string") return undefined;
  const digits = value.trim().replaceAll("_", "");
  if (digits !== "" && Number.isFinite(Number(digits)))
    return `Write ${digits}, without quotes${digits === value.trim() ? "" : " and underscores"}.`;
  if (/^[-+]?\d+,\d+$/.test(digits)) return `Write ${digits.replace(",", ".")}, with a point.`;
  if (/^(none|nil|n\/a|na|default|auto)$/i.test(digits)) return "Delete the key to have its default.";
  return undefined;
}

function fixList(value: Json): string | undefined {
  if (typeof value !== "object" || value === null) {
    if (typeof value === "string" && /^-\S/.test(value)) return 'Put a space after the dash of each element: "- a".';
    const parts = typeof value === "string" ? value.split(/,\s*/).filter((part) => part !== "") : [value];
    const elements = parts.map((part) => (typeof part === "string" ? quote(part) : String(part))).join(", ");
    // Several lines without dashes are one text to YAML.
    const orLines =
      typeof value === "string" && /\s/.test(value) ? ', or each element on a line of its own after "- "' : "";
    return `Write a list: [${elements}]${orLines}.`;
  }
  const keys = Object.entries(value);
  return keys.every(([, each]) => each === null)
    ? `Write a list in brackets: [${keys.map(([key]) => quote(key)).join(", ")}].`
    : 'Begin each element with "- ".';
}

function fixMap(value: Json): string | undefined {
  if (Array.isArray(value)) return 'Take away the "- ": a map is "key: value" lines.';
  const line = typeof value === "string" ? fixKeyLine(value) : undefined;
  return line ?? 'Write "key: value" lines below its key, indented by two spaces.';
}
