/** Help in messages about a name that is not known. */
import { levenshtein } from "./science/levenshtein.ts";

/** `Did you mean "all"?`, or "" when nothing known is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? "" : `Did you mean ${shown(near)}?`;
}

export function nearest(word: string, known: readonly string[]): string | undefined {
  return known
    .map((name) => ({ name, distance: levenshtein(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.max(word.length, name.length) * 0.4)))
    .sort((a, b) => a.distance - b.distance)[0]?.name;
}

const MOST_NAMES = 40;
const MOST_CHARACTERS = 60;

/** `"all", "first-100"`, or a word for none; long lists are cut. */
export function listNames(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const first = names.slice(0, MOST_NAMES).map(shown).join(", ");
  return names.length > MOST_NAMES ? `${first} and ${names.length - MOST_NAMES} more` : first;
}

/** In double quotes, cut to a length that a message can bear. */
export function shown(text: string): string {
  return JSON.stringify(text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text);
}

/** `1 field`, `2 fields`. */
export function countOf(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

/** One text of several sentences, of which some may be empty. */
export function sentences(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}
