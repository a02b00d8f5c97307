// How messages speak of values. Unaware of schemas and of files.

import type { Json } from "../../model/json.ts";
import { suggest } from "../../util/suggest.ts";

/** What was found, so that it can follow "it is": `the text "hot"`, `0.5`, `a list`. */
export function describe(value: Json | undefined): string {
  if (value === undefined) return "missing";
  if (value === null) return "empty (null)";
  if (typeof value === "string") return `the text ${quote(value)}`;
  if (typeof value !== "object") return String(value);
  return Array.isArray(value) ? "a list" : "a map";
}

/** In double quotes, escaped, and cut to a readable length. */
export function quote(text: string): string {
  const characters = Array.from(text.slice(0, 120));
  return JSON.stringify(characters.length > 60 || text.length > 120 ? `${characters.slice(0, 60).join("")}…` : text);
}

/** `a`, `a or b`, `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  if (words.length <= 1) return words[0] ?? "";
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)!}`;
}

/** `Did you mean "temperature"?`, or what there is to choose from, or undefined. */
export function didYouMean(
  word: string,
  known: Iterable<string>,
  otherwise?: (known: readonly string[]) => string,
): string | undefined {
  const names = [...known];
  const near = suggest(word, names);
  if (near !== undefined) return `Did you mean ${quote(near)}?`;
  return names.length > 0 ? otherwise?.(names) : undefined;
}

/** Names for a sentence; long lists are cut. */
export function listNames(names: readonly string[]): string {
  return names.length <= 12 ? names.join(", ") : `${names.slice(0, 12).join(", ")} and ${names.length - 12} more`;
}

/** `1 element`, `2 elements`. */
export function count(amount: number | bigint, noun: string): string {
  return `${amount} ${noun}${Number(amount) === 1 ? "" : "s"}`;
}
